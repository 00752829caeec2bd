r"""Trino's text of a JSON value, in the engine's SQL.

Trino's json_parse reads a text into maps and writes them again: members in the order of their names at every depth, of
equal names the last, numbers with a fraction as Java's doubles (`1.50` is `1.5`, `1e10` is `1.0E10`). Its json_extract
copies what it finds in a text member by member, with the same numbers; json_extract_scalar gives a number as it was
written. (JsonTypeUtil.jsonParse, JsonExtract.JsonValueJsonExtractor and ScalarValueJsonExtractor in Trino's source.)

The engine keeps the order of the text and writes every number in its own way. Its macros cannot call themselves, so
there is one for each depth up to DEPTH; a value that is nested deeper is refused, and so are a whole number of more
than 19 digits, which Trino keeps and the engine does not, and one that is beyond all doubles.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from salespipe.local.athena.render import double
from salespipe.local.athena.scope import Typed

DEPTH = 5
_NAME = re.compile(r'[\w."]+')
_BOUND = re.compile(r"\bjson(\d+)\b")


def once(sql: str, body: Callable[[str], str]) -> str:
    """What `body` makes of a value that it mentions more than once, bound to a name: the engine's macros are texts, and
    a value that is one would be planned, and may be computed, anew for each mention."""
    if _NAME.fullmatch(sql):
        return body(sql)
    name = f"json{1 + max((int(bound) for bound in _BOUND.findall(sql)), default=-1)}"
    return f"list_transform([{sql}], lambda {name}: {body(name)})[1]"


def parsed(text: str) -> str:
    """Trino's text of a JSON value that is known before the query runs, at any depth. Raises ValueError for none."""
    return _written(json.loads(text, parse_float=_double, parse_int=_Number, parse_constant=_none))


class _Number(str):
    """A number as it is shown."""


def _none(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _double(text: str) -> _Number:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is no double")
    return _Number(double(value))


def _written(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda entry: entry[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_written(name)}:{_written(item)}" for name, item in ordered) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def shown(value: Typed) -> Typed:
    """A JSON value where its text matters."""
    found = value.type.name == "json" and value.sql.startswith("json_extract(")
    return Typed(once(value.sql, lambda j: f"trino_json_copy({j})"), value.type) if found else value


_STRING = r'"(?:[^"\\]|\\.)*"'
_BEYOND = "error('NOT_SUPPORTED: JSON nested deeper than {} levels is not supported by the local Athena')"


def _levels(name: str, built: str) -> list[str]:
    """The macros `name_0`, … for each depth. What is built of the parts is bound once, or it would double each time."""
    nested = "json_type(j) IN ('OBJECT', 'ARRAY')"
    found = [f"{name}_0(j) AS CASE WHEN {nested} AND CAST(j AS VARCHAR) NOT IN ('{{}}', '[]') "
             f"THEN {_BEYOND.format(DEPTH)} ELSE trino_json_leaf(j) END"]  # fmt: skip
    for level in range(1, DEPTH + 1):
        parts = f"list_transform(trino_json_parts(j), lambda e: {name}_{level - 1}(e))"
        found.append(f"{name}_{level}(j) AS CASE WHEN {nested} THEN list_transform([{parts}], "
                     f"lambda t: {built})[1] ELSE trino_json_leaf(j) END")  # fmt: skip
    return found


MACROS = (
    # Java's Double.toString: plain digits from 0.001 up to ten million, 1.0E10 beyond
    "trino_java_double(x) AS CASE WHEN isnan(x) OR isinf(x) THEN trino_double_text(x) WHEN x = 0 "
    "THEN CAST(x AS VARCHAR) WHEN abs(x) >= 0.001 AND abs(x) < 10000000 THEN CAST(x AS VARCHAR) "
    "ELSE trino_scientific(CAST(x AS VARCHAR)) END",
    "trino_json_double(x) AS CASE WHEN isnan(x) OR isinf(x) THEN '\"' || trino_double_text(x) || '\"' "
    "ELSE trino_java_double(x) END",
    "trino_json_leaf(j) AS CASE json_type(j) WHEN 'DOUBLE' "
    "THEN list_transform([CAST(json_extract_string(j, '$') AS DOUBLE)], lambda x: CASE WHEN isinf(x) "
    "THEN error('NOT_SUPPORTED: a number beyond all doubles in JSON is not supported by the local Athena') "
    "ELSE trino_java_double(x) END)[1] "
    "ELSE CAST(j AS VARCHAR) END",
    "trino_json_parts(j) AS CASE json_type(j) WHEN 'ARRAY' THEN json_extract(j, '$[*]') "
    "ELSE json_extract(j, '$.*') END",
    "trino_json_list(texts) AS '[' || array_to_string(list_transform(texts, lambda t: coalesce(t, 'null')), ',') "
    "|| ']'",
    "trino_json_placed(keys, texts, places) AS '{' || array_to_string(list_transform(places, lambda i: "
    "CAST(to_json(keys[i]) AS VARCHAR) || ':' || coalesce(texts[i], 'null')), ',') || '}'",
    # members in the order of their names; of equal names the last
    "trino_json_members(keys, texts) AS trino_json_placed(keys, texts, list_filter(list_grade_up(keys), lambda i: "
    "NOT coalesce(list_contains(keys[i + 1:], keys[i]), false)))",
    *_levels("trino_json_sorted", "CASE json_type(j) WHEN 'ARRAY' THEN trino_json_list(t) "
             "ELSE trino_json_members(json_keys(j), t) END"),
    *_levels("trino_json_copied", "CASE json_type(j) WHEN 'ARRAY' THEN trino_json_list(t) "
             "ELSE trino_json_placed(json_keys(j), t, range(1, len(json_keys(j)) + 1)) END"),
    f"trino_json_bare(s) AS regexp_replace(s, '{_STRING}', '\"\"', 'g')",
    # the engine takes NaN and Infinity for JSON
    "trino_json_valid(s) AS CASE WHEN NOT json_valid(s) THEN false WHEN regexp_matches(s, '(?i)nan|inf') "
    "THEN NOT regexp_matches(trino_json_bare(s), '(?i)nan|inf') ELSE true END",
    "trino_json_checked(s) AS CASE WHEN regexp_matches(s, '[0-9]{20}') "
    "AND regexp_matches(trino_json_bare(s), '(^|[^0-9.])[0-9]{20,}([^0-9.eE]|$)') "
    "THEN error('NOT_SUPPORTED: a whole number of more than 19 digits in JSON is not supported by the local Athena') "
    "ELSE json(s) END",
    "trino_json_or_null(s) AS CASE WHEN trino_json_valid(s) THEN trino_json_checked(s) END",
    # most texts are in order already, and to see that costs less than to write them again
    "trino_json_in_order(s) AS CASE WHEN regexp_matches(s, '.[{]|[0-9][.eE]') THEN false WHEN contains(s, '{') "
    "THEN list_sort(list_distinct(json_keys(s))) = json_keys(s) ELSE true END",
    "trino_json_parse(s) AS CASE WHEN s IS NULL THEN NULL WHEN NOT trino_json_valid(s) "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: ''' || s || '''') "
    "WHEN trino_json_in_order(s) THEN trino_json_checked(s) "
    f"ELSE CAST(trino_json_sorted_{DEPTH}(trino_json_checked(s)) AS JSON) END",
    # What json_extract found, where it is shown: to do so where it is found would cost every query with one a while.
    # Any other JSON has its numbers as they are shown already, a decimal among them with all its digits.
    "trino_json_copy(j) AS CASE WHEN regexp_matches(CAST(j AS VARCHAR), '[0-9]{8}[.]|[.]000|[0-9][eE]|Infinity') "
    f"THEN CAST(trino_json_copied_{DEPTH}(j) AS JSON) ELSE j END",
)  # fmt: skip
