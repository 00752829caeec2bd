"""Queries as a whole, over VALUES: https://trino.io/docs/current/sql/select.html"""

from __future__ import annotations

import pytest

from salespipe.local.athena.errors import QueryFailure, SyntaxFailure
from salespipe.local.athena.failing import conjunction, tried
from tests import athena

GIVEN = [
    ("SELECT x FROM (VALUES 3, 1, NULL, 2) t(x) ORDER BY x", [["1"], ["2"], ["3"], [None]]),
    ("SELECT x FROM (VALUES 3, 1, NULL, 2) t(x) ORDER BY x DESC OFFSET 1 LIMIT 2", [["2"], ["1"]]),
    ("SELECT x y, -x x FROM (VALUES 1, 2) t(x) ORDER BY x", [["2", "-2"], ["1", "-1"]]),
    ("SELECT x + 1 AS y FROM (VALUES 1, 2) t(x) ORDER BY y * -1", [["3"], ["2"]]),
    ("SELECT x AS y FROM (VALUES 1, 2) t(x) ORDER BY -y", [["2"], ["1"]]),
    ("SELECT a * -2 AS a FROM (VALUES -1, 0, 2) t(a) ORDER BY a + t.a", [["-4"], ["0"], ["2"]]),
    ("SELECT sum(x) total FROM (VALUES 1, 2) t(x) ORDER BY total", [["3"]]),
    ("VALUES (1, 'a'), (2, NULL)", [["1", "a"], ["2", None]]),
    ("SELECT 1 UNION SELECT 1.5 ORDER BY 1", [["1.0"], ["1.5"]]),
    ("(SELECT 1 a) UNION ALL (SELECT 2) ORDER BY a DESC LIMIT 1", [["2"]]),
    ("SELECT 1 EXCEPT SELECT 2", [["1"]]),
    ("SELECT x FROM (VALUES 1, 2) t(x) INTERSECT SELECT 2", [["2"]]),
    ("WITH a AS (SELECT 1 x), b(y) AS (SELECT x + 1 FROM a) SELECT x, y FROM a, b", [["1", "2"]]),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t", [["15"]]),
    ("SELECT x, (SELECT max(y) FROM (VALUES (1, 5), (2, 6)) u(k, y) WHERE u.k = t.x) FROM (VALUES 1, 3) t(x) "
    "ORDER BY 1",
     [["1", "5"], ["3", None]]),
    ("SELECT x FROM (VALUES 1, 2) t(x) WHERE EXISTS (SELECT 1 FROM (VALUES 2) u(y) WHERE y = x)", [["2"]]),
    ("SELECT x FROM (VALUES 1, 2) t(x) WHERE x NOT IN (SELECT y FROM (VALUES 2, NULL) u(y))", []),
    ("SELECT * FROM (VALUES 1, 2) t(x) CROSS JOIN LATERAL (SELECT x + 1 AS y) ORDER BY 1", [["1", "2"], ["2", "3"]]),
    ("SELECT * FROM (VALUES (1, 'a')) t(x, y) JOIN (VALUES (1, 'b')) u(x, z) USING (x)", [["1", "a", "b"]]),
    ("SELECT * FROM (VALUES 1) t(x) FULL JOIN (VALUES 2) u(x) USING (x) ORDER BY x", [["1"], ["2"]]),
    ("SELECT a.x, b.x FROM (VALUES 1, 2) a(x) LEFT JOIN (VALUES 2) b(x) ON a.x = b.x ORDER BY 1",
     [["1", None], ["2", "2"]]),
    ("SELECT i, e, n FROM (VALUES (1, ARRAY['a', 'b'])) t(i, l) CROSS JOIN UNNEST(l) WITH ORDINALITY AS u(e, n)",
     [["1", "a", "1"], ["1", "b", "2"]]),
    ("SELECT e, k, v FROM UNNEST(ARRAY[1, 2], map(ARRAY['a'], ARRAY[5])) AS u(e, k, v)",
     [["1", "a", "5"], ["2", None, None]]),
    ("SELECT * FROM UNNEST(ARRAY[row(1, 'a'), row(2, 'b')]) AS t(x, y)", [["1", "a"], ["2", "b"]]),
    ("SELECT t.x, y FROM (VALUES 1) t(x) LEFT JOIN UNNEST(CAST(ARRAY[] AS array(integer))) u(y) ON true",
     [["1", None]]),
    ("SELECT a, grouping(a), count(*) FROM (VALUES 1, 2, 2) t(a) GROUP BY ROLLUP(a) ORDER BY 2, 1",
     [["1", "0", "1"], ["2", "0", "2"], [None, "1", "3"]]),
    ("SELECT a, count(*) FROM (VALUES (1, 2), (1, 3)) t(a, b) GROUP BY GROUPING SETS ((a), ()) ORDER BY 1",
     [["1", "2"], [None, "2"]]),
    ("SELECT b, sum(b) OVER (ORDER BY b ROWS UNBOUNDED PRECEDING), lag(b) OVER w FROM (VALUES 1, 2) t(b) "
     "WINDOW w AS (ORDER BY b) ORDER BY 1", [["1", "1", None], ["2", "3", "1"]]),
    ("SELECT sum(x) FILTER (WHERE x > 1) OVER (ORDER BY x) FROM (VALUES 1, 2) t(x) ORDER BY 1", [["2"], [None]]),
    ("SELECT last_value(x) IGNORE NULLS OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) "
     "FROM (VALUES (1, 5), (2, NULL)) t(i, x)", [["5"], ["5"]]),
    ("SELECT count(*), count(x), count(DISTINCT x), approx_distinct(x) FROM (VALUES 1, 1, NULL) t(x)",
     [["3", "2", "1", "1"]]),
    ("SELECT sum(x), avg(x), min(x), max(x) FROM (VALUES 1, 2) t(x)", [["3", "1.5", "1", "2"]]),
    # NaN comes last for all of them: AbstractTestEngineOnlyQueries.testMinMaxFloatingPointNaN in Trino's source
    ("SELECT min(x), max(x), max(x, 2), max_by(i, x), min_by(i, x), max_by(i, x, 2) "
     "FROM (VALUES (1, nan()), (2, 5.5e0), (3, 3.3e0), (4, NULL)) t(i, x)",
     [["3.3", "5.5", "[5.5, 3.3]", "2", "3", "[2, 3]"]]),
    ("SELECT max(x), max(x, 2) FROM (VALUES REAL 'NaN', NULL) t(x)", [["NaN", "[NaN]"]]),
    # what is not finite is NULL: DoubleCorrelationAggregation and DoubleRegressionAggregation in Trino's source
    ("SELECT corr(x, y), regr_slope(y, x), regr_intercept(y, x), corr(y, y) FROM (VALUES (1, 2), (1, 3)) t(x, y)",
     [[None, None, None, "1.0"]]),
    ("SELECT CAST(k AS integer), sum(x), sum(sum(x)) OVER (PARTITION BY CAST(k AS integer)) "
     "FROM (VALUES ('1', 2), ('1', 3), ('2', 4)) t(k, x) GROUP BY CAST(k AS integer) HAVING CAST(k AS integer) > 0 "
     "ORDER BY CAST(k AS integer)", [["1", "5", "5"], ["2", "4", "4"]]),
    ("SELECT k, v, n FROM UNNEST(MAP(ARRAY['a'], ARRAY[5])) WITH ORDINALITY AS t(k, v, n)", [["a", "5", "1"]]),
    ("SELECT (1, 'a') IN (SELECT 1, 'a'), (1, 2) NOT IN (VALUES (1, 3), (2, 2)), ARRAY[1] IN (SELECT ARRAY[2 - 1]), "
     "ARRAY[1] IN (SELECT NULL), ROW(1) = ANY (SELECT ROW(1e0)), (1, 2) IN (SELECT 1, 2 WHERE false)",
     [["true", "true", "true", None, "true", "false"]]),
    ("SELECT x FROM (VALUES (1, 2), (2, 3)) t(x, y) WHERE (x, y) IN (SELECT 2, 3)", [["2"]]),
    ("SELECT count(*) OVER (PARTITION BY TRY(from_iso8601_timestamp(x))) FROM (VALUES 'a', 'b') t(x)", [["2"], ["2"]]),
    ("SELECT 1 IN (VALUES 1, 2), 3 NOT IN (VALUES 1, NULL)", [["true", None]]),
    ("SELECT count_if(x > 1) FROM (VALUES 1) t(x) WHERE x > 1", [["0"]]),
    ("SELECT sum(x), avg(x) FROM (VALUES DECIMAL '0.10', DECIMAL '0.25', DECIMAL '0.20') t(x)", [["0.55", "0.18"]]),
    ("SELECT avg(x), sum(x) FROM (SELECT CAST(1 AS decimal(10,2)) x WHERE false)", [[None, None]]),
    ("SELECT array_agg(b ORDER BY b DESC), max_by(b, a), map_agg(a, b) FROM (VALUES (1, 2), (2, 3)) t(a, b)",
     [["[3, 2]", "3", "{1=2, 2=3}"]]),
    ("SELECT listagg(b, ',') WITHIN GROUP (ORDER BY b DESC) FROM (VALUES 'x', 'y') t(b)", [["y,x"]]),
    ("SELECT orderid, v FROM (SELECT *, row_number() OVER (PARTITION BY orderid ORDER BY length(s) DESC, s DESC) rn "
     "FROM (VALUES ('o', '9', 'old'), ('o', '10', 'new')) t(orderid, s, v)) WHERE rn = 1", [["o", "new"]]),
    ("SELECT CASE WHEN x = 0 THEN NULL ELSE 10 / x END FROM (VALUES 0, 5) t(x) ORDER BY 1", [["2"], [None]]),
    ("SELECT x FROM (VALUES 0, 5) t(x) WHERE x <> 0 AND 10 / x = 2", [["5"]]),
    ("SELECT cast(x AS integer) + 1, count(*) FROM (VALUES '1', '1') t(x) GROUP BY cast(x AS integer)", [["2", "2"]]),
    ("SELECT a.b.c FROM (VALUES row(CAST(row(row(7)) AS row(b row(c integer))))) t(a)", [["7"]]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), GIVEN, ids=[sql for sql, _ in GIVEN])
def test_rows(sql: str, expected: list[list[str | None]]) -> None:
    assert athena.rows(sql) == expected


REFUSED = [
    ("SELECT c FROM (VALUES 1) t(x)", "COLUMN_NOT_FOUND: line 1:8: Column 'c' cannot be resolved"),
    ("SELECT 1 AS x, x + 1", "COLUMN_NOT_FOUND: line 1:16: Column 'x' cannot be resolved"),
    ("SELECT 1 AS x WHERE x = 1", "COLUMN_NOT_FOUND: line 1:21: Column 'x' cannot be resolved"),
    ("SELECT x\nFROM (VALUES 1) t(x)\nWHERE  y = 1", "COLUMN_NOT_FOUND: line 3:8: Column 'y' cannot be resolved"),
    ("SELECT x FROM (VALUES 1) a(x), (VALUES 1) b(x)", "AMBIGUOUS_NAME: line 1:8: Column 'x' is ambiguous"),
    ("SELECT x, count(*) FROM (VALUES 1) t(x)",
     "EXPRESSION_NOT_AGGREGATE: line 1:8: 'x' must be an aggregate expression"),
    ("SELECT sum(x) FROM (VALUES 'a') t(x)",
     "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar(1)) for function sum"),
    ("SELECT (SELECT 1 UNION ALL SELECT 2)", "SUBQUERY_MULTIPLE_ROWS"),
    ("SELECT 1 UNION SELECT 'a'",
     "TYPE_MISMATCH: line 1:8: column 1 in UNION query has incompatible types: integer, varchar(1)"),
    ("SELECT 1 UNION SELECT 1, 2", "TYPE_MISMATCH: line 1:8: UNION query has different number of fields: 1, 2"),
    ("SELECT x FROM (VALUES 1) t(x) WHERE x", "TYPE_MISMATCH: line 1:37: WHERE clause must evaluate to a boolean"),
    ("SELECT 1 ORDER BY 2", "INVALID_COLUMN_REFERENCE: line 1:19: ORDER BY position 2 is not in select list"),
    ("SELECT row_number()", "SYNTAX_ERROR: line 1:8: Window function row_number requires an OVER clause"),
    ("SELECT *", "COLUMN_NOT_FOUND: line 1:8: SELECT * not allowed in queries without FROM clause"),
    ("SELECT * FROM (VALUES 1) t(x) TABLESAMPLE BERNOULLI (10)", "NOT_SUPPORTED"),
    ("SELECT * FROM (VALUES 1, 2) t(x) LIMIT 1 + 1", "NOT_SUPPORTED"),
    ("SELECT at_timezone(now(), 'Europe/Berlin') UNION ALL SELECT now()", "NOT_SUPPORTED"),
    ("SELECT CAST(1.5 AS number)", "TYPE_NOT_FOUND: line 1:8: Unknown type: "),
    ("SELECT CAST(ARRAY[1] AS array(int8))", "TYPE_NOT_FOUND: line 1:8: Unknown type: "),
    ("SELECT MAP(ARRAY[1], ARRAY[2]) IN (SELECT MAP(ARRAY[1], ARRAY[2]))", "NOT_SUPPORTED: line 1:"),
    ("SELECT (1, NULL) IN (SELECT 1, 2)", "NOT_SUPPORTED: NULL inside a value of IN"),
    ("SELECT 1 IN (SELECT 1, 2)", "NOT_SUPPORTED: line 1:8: a comparison with a subquery of several columns"),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n * 1.5 FROM t WHERE n < 3) SELECT n FROM t",
     "TYPE_MISMATCH: line 1:32: recursion step relation output type (decimal(12,1)) is not coercible"),
    ("WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
     "MISSING_COLUMN_ALIASES"),
    ("WITH a AS (VALUES 1), A AS (VALUES 2) SELECT * FROM a", "DUPLICATE_NAMED_QUERY"),
    ("SELECT DISTINCT x FROM (VALUES (1, 2)) t(x, y) ORDER BY y", "EXPRESSION_NOT_IN_DISTINCT"),
    ("SELECT DISTINCT x AS a FROM (VALUES (1, 2)) t(x, y) ORDER BY a + 1", "EXPRESSION_NOT_IN_DISTINCT"),
    ("SELECT * FROM (VALUES 1) t(x) FULL JOIN LATERAL (VALUES 2) u(y) ON true", "NOT_SUPPORTED: line 1:57: FULL JOIN"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_what_fails_says_what_and_where(sql: str, expected: str) -> None:
    with pytest.raises(QueryFailure) as failure:
        athena.rows(sql)
    assert str(failure.value).startswith(expected)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 +", "line 1:11: mismatched input '<EOF>'"),
        ("SELECT * FROM", "line 1:14: mismatched input '<EOF>'"),
        ("SELECT a FROM t WHERE b = 1 c", "line 1:29: mismatched input 'c'"),
        ("SELECT *\nFROM t wherex = 1", "line 2:15: mismatched input '='"),
    ],
)
def test_a_syntax_error_names_the_word_that_does_not_fit(sql: str, expected: str) -> None:
    with pytest.raises(SyntaxFailure) as failure:
        athena.rows(sql)
    assert str(failure.value).startswith(expected)


def test_columns_have_trinos_names_and_types() -> None:
    found = athena.fields("SELECT 1, x AS \"Name\", x, sum(y), 7 / 2 FROM (VALUES ('a', 1.5)) t(x, y) GROUP BY x")
    assert [(field.name, str(field.type)) for field in found] == [
        (None, "integer"),
        ("Name", "varchar(1)"),
        ("x", "varchar(1)"),
        (None, "decimal(38,1)"),
        (None, "integer"),
    ]


def test_a_recursion_goes_as_deep_as_it_needs() -> None:
    """In Trino ten steps are the most: https://trino.io/docs/current/sql/select.html#with-recursive-clause"""
    sql = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 50) SELECT count(*) FROM t"
    assert athena.rows(sql) == [["50"]]


def test_a_correlated_subquery_with_a_limit_runs() -> None:
    """Trino refuses it: TestSubqueries in its source."""
    sql = "SELECT (SELECT y FROM (VALUES 1, 2) u(y) WHERE y > x ORDER BY y LIMIT 1) FROM (VALUES 0, 1) t(x) ORDER BY 1"
    assert athena.rows(sql) == [["1"], ["2"]]


def test_a_literal_with_a_point_is_a_decimal() -> None:
    found = athena.fields("SELECT 1.5, 1.5E0, DECIMAL '1.5', 0.1 + 0.2")
    assert [str(field.type) for field in found] == ["decimal(2,1)", "double", "decimal(2,1)", "decimal(2,1)"]
    assert athena.answer("0.1 + 0.2 = 0.3") == "true"


def test_a_condition_that_may_fail_waits_for_those_before_it_but_a_join_stays_a_join() -> None:
    assert conjunction(["(t1.b <> 0)", "(t1.a // t1.b > 1)"]) == (
        "((t1.b <> 0) AND CASE WHEN NOT ((t1.b <> 0)) THEN false ELSE (t1.a // t1.b > 1) END)"
    )
    joined = "(CAST(t1.a AS INTEGER) = CAST(t2.b AS INTEGER))"
    assert conjunction(["(t1.c > 5)", joined]) == f"((t1.c > 5) AND {joined})"


def test_an_error_inside_try_is_one_that_try_sees_and_a_refusal_is_not() -> None:
    sql = "CASE WHEN x = 'error(' THEN error('a' || f(')')) ELSE trino_substr(x, error('NOT_SUPPORTED: it')) END"
    assert tried(sql) == (
        "CASE WHEN x = 'error(' THEN trino_raised('a' || f(')')) "
        "ELSE tried_trino_substr(x, trino_refused('NOT_SUPPORTED: it')) END"
    )
