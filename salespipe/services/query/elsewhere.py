"""What other engines call by another name: the words that people bring along, and what Athena has for them.

The names are those of PostgreSQL, MySQL, SQL Server, Oracle, Snowflake, BigQuery, Hive, SQLite and DuckDB; what stands
for them is in https://trino.io/docs/current/functions.html and https://trino.io/docs/current/appendix/from-hive.html.
"""

from __future__ import annotations

_MEANT = {
    "approx_percentile(x, 0.5)": "median",
    "approx_percentile(x, p)": "percentile percentile_cont percentile_disc percentile_approx quantile quantile_cont",
    "listagg(x, ',') WITHIN GROUP (ORDER BY x)": "string_agg group_concat wm_concat",
    "array_agg(x)": "collect_list",
    "array_agg(DISTINCT x)": "collect_set",
    "count_if(condition)": "countif",
    "bool_or(x)": "logical_or boolor_agg",
    "bool_and(x)": "logical_and booland_agg",
    "max_by(x, y)": "arg_max argmax",
    "min_by(x, y)": "arg_min argmin",
    "stddev(x)": "stdev stdevp",
    "variance(x)": "var varp",
    "coalesce(x, y)": "ifnull nvl isnull zeroifnull",
    "if(condition, x, y)": "iif",
    "date_format(x, '%Y-%m-%d')": "strftime to_char format_date time_format",
    "date_parse(x, '%Y-%m-%d')": "to_date str_to_date parse_date strptime to_timestamp",
    "date_diff('day', x, y)": "datediff timestampdiff",
    "date_add('day', n, x)": "dateadd adddate subdate date_sub timestampadd add_months",
    "extract(month FROM x)": "datepart date_part datename monthname",
    "date_trunc('month', x)": "trunc datetrunc time_bucket",
    "last_day_of_month(x)": "last_day eomonth",
    "approx_most_frequent(1, x, 100)": "mode",
    "now()": "getdate getutcdate",
    "current_date": "curdate today",
    "to_unixtime(x)": "unix_timestamp epoch",
    "strpos(x, 'part')": "charindex instr locate position",
    "split_part(x, ',', 1)": "substring_index",
    "split(x, ',')": "string_to_array",
    "array_join(x, ',')": "array_to_string",
    "length(x)": "len strlen char_length character_length",
    "lower(x)": "lcase",
    "upper(x)": "ucase",
    "substr(x, 1, n)": "left mid",
    "substr(x, -n)": "right",
    "chr(n)": "char",
    "codepoint(x)": "ascii unicode",
    "regexp_like(x, 'pattern')": "regexp_matches regexp_match rlike",
    "regexp_extract(x, 'pattern')": "regexp_substr",
    "json_extract_scalar(x, '$.name')": "get_json_object json_extract_path_text json_extract_string",
    "json_parse(x)": "parse_json",
    "cardinality(x)": "size array_length array_size array_count",
    "UNNEST in FROM": "explode",
    "sequence(1, n) with UNNEST in FROM": "generate_series",
    "x / nullif(y, 0)": "safe_divide div0",
    "TRY_CAST(x AS double)": "try_convert try_parse try_to_number to_number to_double safe_cast convert",
    "uuid()": "newid gen_random_uuid uuid_generate_v4 generate_uuid",
}
_FUNCTIONS = {name: meant for meant, names in _MEANT.items() for name in names.split()}
_CONSTANTS = {"sysdate": "current_timestamp", "systimestamp": "current_timestamp", "today": "current_date"}
_WORDS = {"top": "LIMIT n, at the end"}


def function_meant(name: str) -> str:
    """A hint for what is written with brackets; like the others empty for a name that is not known here."""
    return _told(name, _FUNCTIONS)


def constant_meant(name: str) -> str:
    """A hint for what is written as a column is."""
    return _told(name, _CONSTANTS)


def word_meant(name: str) -> str:
    """A hint for a word of the grammar."""
    return _told(name, _WORDS)


def _told(name: str, known: dict[str, str]) -> str:
    found = known.get(name.lower())
    return f"{name} is of other engines; in Athena: {found}" if found else ""
