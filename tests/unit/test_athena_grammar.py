"""What sqlglot would read over and Trino's grammar refuses, with the place of the word that does not fit."""

from __future__ import annotations

import pytest

from salespipe.local.athena.errors import QueryFailure, SyntaxFailure
from tests import athena

TABLE = "(VALUES (1, 2)) t(a, b)"
REFUSED = [
    ("SELECT 1 NULL", 10, "NULL"),
    ("SELECT 1 AS order", 13, "order"),
    ("SELECT 1 end", 10, "end"),
    ("SELECT 1 AS größe", 13, "größe"),
    ("SELECT 1 AS 'x'", 13, "'x'"),
    ("SELECT a FROM (VALUES 1) table(a)", 26, "table"),
    ("SELECT * FROM VALUES 1, 2", 15, "VALUES"),
    (f"SELECT count(DISTINCT *) FROM {TABLE}", 23, "*"),
    ("SELECT * FROM 'orders'", 15, "'orders'"),
    ("SELECT 1,", 10, "<EOF>"),
    (f"SELECT a, FROM {TABLE}", 11, "FROM"),
    (f"SELECT , a FROM {TABLE}", 8, ","),
    ("SELECT 1 IN (1, 2, )", 20, ")"),
    ("SELECT 1 IN ()", 14, ")"),
    ("SELECT ARRAY[1, , 2]", 17, ","),
    ("SELECT ARRAY[1, ]", 17, "]"),
    ("SELECT concat('a', , 'b')", 20, ","),
    ("SELECT * FROM (VALUES 1, ) t(a)", 26, ")"),
    ("SELECT ()", 9, ")"),
    ("SELECT 1 +", 11, "<EOF>"),
    ("SELECT 1 AS", 12, "<EOF>"),
    ("SELECT AS 1", 8, "AS"),
    ("SELECT NULL IS", 15, "<EOF>"),
    ("SELECT CAST(1 AS bigint", 24, "<EOF>"),
    ("SELECT (1]", 10, "]"),
    ("SELECT 1)", 9, ")"),
    ("SELECT 2 BETWEEN 1 3", 20, "3"),
    ("SELECT CASE WHEN true 1 END", 25, "END"),
    ("SELECT CASE true THEN 1 END", 18, "THEN"),
    ("SELECT - NOT true", 10, "NOT"),
    (f"SELECT a FROM {TABLE} WHERE a NOT NULL", 51, "NULL"),
    ("SELECT extract(MONTH, DATE '2026-01-01')", 21, ","),
    ("SELECT CAST(now() AS timestamp())", 32, ")"),
    (f"SELECT sum(a) OVER (ORDER BY a ROWS 1 PRECEDING AND CURRENT ROW) FROM {TABLE}", 49, "AND"),
    ("SELECT INTERVAL 2 DAY", 17, "2"),
    ("SELECT INTERVAL '2' DAYS", 21, "DAYS"),
    ("SELECT INTERVAL '2'", 20, "<EOF>"),
    (f"SELECT a FROM {TABLE} LIMIT 5 OFFSET 2", 47, "OFFSET"),
    (f"SELECT a FROM {TABLE} FETCH ROW ONLY", 45, "ROW"),
    ("SELECT * FROM (VALUES 1) a(x) JOIN (VALUES 1) b(y)", 51, "<EOF>"),
    ("SELECT * FROM (VALUES 1) a(x) LEFT JOIN (VALUES 1) b(y) WHERE x = y", 57, "WHERE"),
    ("SELECT * FROM (VALUES 1) (x)", 27, "x"),
    ("SELECT * FROM (VALUES 1) t(x integer)", 28, "x"),
    ("WITH t(a) (VALUES 1) SELECT * FROM t", 12, "VALUES"),
]
TAKEN = [
    f'SELECT 1 AS "order", "a" AS "größe" FROM {TABLE}',
    "SELECT 1 AS year, 2 AS first, 3 AS date, 4 AS row, 5 AS count",
    "SELECT a.x FROM (VALUES 1) a(x) JOIN (VALUES 1) b(y) JOIN (VALUES 1) c(z) ON y = z ON x = y",
    "SELECT x FROM (VALUES 1) a(x) CROSS JOIN (VALUES 1) b(y) JOIN (VALUES 1) c(x) USING (x)",
    f"SELECT a, count(*) FROM {TABLE} GROUP BY GROUPING SETS ((), (a))",
    "SELECT row_number() OVER (), now() IS NOT NULL, NOT NULL, ARRAY[], MAP()",
    "SELECT CASE WHEN CASE 1 WHEN 1 THEN true END THEN 1 ELSE 2 END",
    "SELECT sum(x) OVER w FROM (VALUES 1) t(x) WINDOW w AS ()",
    "SELECT limit, offset FROM (VALUES (1, 2)) t(limit, offset)",
    "SELECT first row, 2 FROM (VALUES 1) t(first)",
    "SELECT 1 FROM (VALUES (1, 1)) t(groups, row) WHERE groups = row AND true",
    f"SELECT a, count(*) FROM {TABLE} GROUP BY a, ()",
    "SELECT TRY(concat('NOT_SUPPORTED: x', 'y'))",
    "SELECT 1 OFFSET 0 LIMIT 5",
    "SELECT 1 FETCH FIRST ROW ONLY",
    "SELECT 2 BETWEEN 1 AND 3 AND 1 BETWEEN 0 AND 2",
    "SELECT INTERVAL '2' DAY, INTERVAL '1-2' YEAR TO MONTH, interval FROM (VALUES 1) t(interval)",
    "SELECT .5, 5., -(-1), trim('a'), trim(BOTH 'a' FROM 'aba')",
    "SELECT '(', '[,', ',)' -- ) ,",
]


@pytest.mark.parametrize(("sql", "column", "word"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_does_not_fit_is_refused_in_its_place(sql: str, column: int, word: str) -> None:
    with pytest.raises(SyntaxFailure) as failure:
        athena.rows(sql)
    assert str(failure.value) == f"line 1:{column}: mismatched input '{word}'"


@pytest.mark.parametrize("sql", TAKEN)
def test_what_fits_is_taken(sql: str) -> None:
    assert athena.rows(sql)


def test_backquotes_are_told_what_to_use_instead() -> None:
    with pytest.raises(SyntaxFailure, match="line 1:8: backquoted identifiers are not supported; use double quotes"):
        athena.rows("SELECT `a` FROM (VALUES 1) t(a)")


GROUPED = "FROM (VALUES (1, 10), (1, 20), (2, 30)) t(k, v)"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            f"SELECT k {GROUPED} GROUP BY sum(v)",
            "EXPRESSION_NOT_SCALAR: line 1:67: GROUP BY clause cannot contain aggregations, window functions or "
            "grouping operations: [sum(v)]",
        ),
        (f"SELECT sum(v) {GROUPED} GROUP BY 1", "EXPRESSION_NOT_SCALAR: line 1:8: GROUP BY clause cannot contain"),
        (
            f"SELECT sum(sum(v)) {GROUPED}",
            "NESTED_AGGREGATION: line 1:8: Cannot nest aggregations inside aggregation 'sum': [sum(v)]",
        ),
        (f"SELECT sum(count(*) OVER ()) {GROUPED}", "NESTED_WINDOW: line 1:8: Cannot nest window functions inside"),
        (f"SELECT k {GROUPED} ORDER BY count(*)", "EXPRESSION_NOT_AGGREGATE: line 1:8: 'k' must be an aggregate"),
        (f"SELECT k {GROUPED} GROUP BY k ORDER BY v", "EXPRESSION_NOT_AGGREGATE: line 1:78: 'v' must be an aggregate"),
        (f"SELECT k {GROUPED} GROUP BY k HAVING v > 1", "EXPRESSION_NOT_AGGREGATE: line 1:76: 'v' must be an"),
        (
            f"SELECT k AS v, sum(v) AS total {GROUPED} GROUP BY k ORDER BY sum(v) DESC",
            "COLUMN_NOT_FOUND: line 1:104: Invalid reference to output projection attribute from ORDER BY aggregation",
        ),
        ("SELECT 1 FROM (VALUES 1) a(x) NATURAL JOIN (VALUES 1) b(x)", "NOT_SUPPORTED: line 1:52: NATURAL"),
        (f"SELECT approx_percentile(v, 1.5) {GROUPED}", "INVALID_FUNCTION_ARGUMENT: line 1:8: Percentile must be"),
        (f"SELECT approx_percentile(v, ARRAY[-0.5]) {GROUPED}", "INVALID_FUNCTION_ARGUMENT: line 1:8: Percentile must"),
        ("SELECT CAST(300 AS tinyint)", "NUMERIC_VALUE_OUT_OF_RANGE: Out of range for tinyint: 300"),
        ("SELECT CAST(DECIMAL '300.6' AS tinyint)", "INVALID_CAST_ARGUMENT: Cannot cast '301' to TINYINT"),
    ],
)
def test_what_cannot_be_computed_is_told_in_athenas_words(sql: str, said: str) -> None:
    with pytest.raises(QueryFailure) as failure:
        athena.rows(sql)
    assert str(failure.value).startswith(said)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"SELECT k, count(*) AS n {GROUPED} GROUP BY k ORDER BY n + k DESC, sum(v), k", [["1", "2"], ["2", "1"]]),
        (f"SELECT k AS v {GROUPED} GROUP BY k ORDER BY v", [["1"], ["2"]]),
        (f"SELECT k {GROUPED} GROUP BY k HAVING count(*) > 1 AND k = 1 ORDER BY (SELECT 1), k + 1", [["1"]]),
        (f"SELECT count(*) {GROUPED} HAVING sum(v) > 1 ORDER BY max(k)", [["3"]]),
        (f"SELECT sum(sum(v)) OVER () {GROUPED} GROUP BY k", [["60"], ["60"]]),
        (f"SELECT typeof(sum(v)) {GROUPED}", [["bigint"]]),
        (f"SELECT count(*) FROM (SELECT typeof(count(*)) {GROUPED})", [["1"]]),
    ],
)
def test_what_is_grouped_is_ordered_and_chosen_by_what_there_is(sql: str, rows: list[list[str]]) -> None:
    assert athena.rows(sql) == rows
