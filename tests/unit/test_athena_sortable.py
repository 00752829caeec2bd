"""The order of values, with NaN and with NULL inside of arrays and rows.

https://trino.io/docs/current/functions/comparison.html, /sql/select.html#order-by-clause; what the pages leave open is
from TypeOperators, MaxAggregationFunction, MinAggregationFunction, ArrayMaxFunction and ArrayMinFunction in Trino's
source, and from TestArrayOperators, TestRowOperators and TestMinMaxByAggregation.
"""

from __future__ import annotations

import pytest

from salespipe.local.athena.errors import QueryFailure
from tests.athena import answer, rows

NUMBERS = "(VALUES (1, nan()), (2, 1e0), (3, 2e0), (4, CAST(NULL AS double))) t(n, x)"
PAIRS = "(VALUES (1, ROW(2, 'b'), ARRAY[2]), (2, ROW(1, 'a'), ARRAY[2, 1]), (3, ROW(1, 'b'), ARRAY[])) t(n, r, a)"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("array_max(ARRAY[nan(), 2e0, 3e0])", "3.0"),
        ("array_max(ARRAY[REAL '1', CAST(nan() AS real)])", "1.0"),
        ("array_max(ARRAY[nan()])", "NaN"),
        ("array_max(ARRAY[nan(), NULL])", None),
        ("array_min(ARRAY[nan(), 2e0, 3e0])", "2.0"),
        ("array_sort(ARRAY[nan(), 1e0, NULL])", "[1.0, NaN, null]"),
        ("array_max(ARRAY[ROW(2, 'a'), ROW(2, 'b')])", "{field0=2, field1=b}"),
        ("array_sort(ARRAY[ARRAY[2], NULL, ARRAY[1, 2]])", "[[1, 2], [2], null]"),
        ("greatest(ARRAY[1], ARRAY[1, 0])", "[1, 0]"),
        ("ROW(1, ARRAY[2]) > ROW(1, ARRAY[1])", "true"),
        ("CAST(NULL AS array(integer)) < ARRAY[1]", None),
        ("MAP(ARRAY[1, 2], ARRAY[3, 4]) IS DISTINCT FROM MAP(ARRAY[2, 1], ARRAY[4, 3])", "false"),
        ("ROW(1, MAP(ARRAY[1], ARRAY[NULL])) IS DISTINCT FROM ROW(1, MAP(ARRAY[1], ARRAY[2]))", "true"),
        ("MAP(ARRAY[1], ARRAY[2]) IS DISTINCT FROM NULL", "true"),
        ("JSON '{\"a\":1}' IS DISTINCT FROM json_extract('{\"b\":{\"a\":1}}', '$.b')", "false"),
    ],
)
def test_order_and_difference(expression: str, expected: str | None) -> None:
    assert answer(expression) == expected


def test_nan_is_greatest_and_least_only_of_itself() -> None:
    shown = "max(x), min(x), max(x, 2), min(x, 4), max_by(n, x), min_by(n, x), max_by(n, x, 2)"
    assert rows(f"SELECT {shown} FROM {NUMBERS}") == [
        ["2.0", "1.0", "[2.0, 1.0]", "[1.0, 2.0, NaN]", "3", "2", "[3, 2]"]
    ]
    assert rows(f"SELECT max(x), min(x), max_by(n, x) FROM {NUMBERS} WHERE n = 1") == [["NaN", "NaN", "1"]]
    assert rows(f"SELECT max(x), min(x), max_by(n, x) FROM {NUMBERS} WHERE n = 4") == [[None, None, None]]
    running = f"SELECT max(x) OVER (ORDER BY n), max(x) FILTER (WHERE n < 3) OVER () FROM {NUMBERS} ORDER BY n"
    assert rows(running) == [["NaN", "1.0"], ["1.0", "1.0"], ["2.0", "1.0"], ["2.0", "1.0"]]


@pytest.mark.parametrize(
    ("order", "expected"),
    [("", "2314"), ("DESC", "1324"), ("NULLS FIRST", "4123"), ("DESC NULLS FIRST", "4321")],
)
def test_nan_is_next_to_null_or_above_all(order: str, expected: str) -> None:
    queries = (
        f"SELECT n, x FROM {NUMBERS} ORDER BY x {order}",
        f"SELECT n, x AS y FROM {NUMBERS} ORDER BY 2 {order}",
        f"SELECT DISTINCT n, x FROM {NUMBERS} ORDER BY x {order}",
        f"SELECT n, x + 1 AS y FROM {NUMBERS} GROUP BY n, x + 1 ORDER BY y {order}",
        f"SELECT n, x FROM {NUMBERS} UNION SELECT n, x FROM {NUMBERS} ORDER BY x {order}",
        f"(SELECT n, x AS y FROM {NUMBERS}) ORDER BY y {order}",
        f"SELECT n, row_number() OVER (ORDER BY x {order}) FROM {NUMBERS} ORDER BY 2",
    )
    for query in queries:
        assert "".join(str(row[0]) for row in rows(query)) == expected, query
    assert answer(f"array_join(array_agg(n ORDER BY x {order}), '') FROM {NUMBERS}") == expected


def test_arrays_and_rows_are_put_in_order() -> None:
    for by, expected in (("r", "231"), ("a", "312"), ("r DESC", "132")):
        assert "".join(str(row[0]) for row in rows(f"SELECT n, r, a FROM {PAIRS} ORDER BY {by}")) == expected
    shown = "max(r), min(a), max_by(n, r), min_by(n, a), max(a, 2)"
    assert rows(f"SELECT {shown} FROM {PAIRS}") == [["{field0=2, field1=b}", "[]", "1", "3", "[[2, 1], [2]]"]]


def test_a_random_number_is_sorted_by_the_value_that_is_shown() -> None:
    found = [float(str(x)) for (x,) in rows("SELECT random() AS r FROM UNNEST(sequence(1, 50)) ORDER BY r")]
    assert found == sorted(found)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ROW(1, NULL) < ROW(1, 2)",
        "SELECT ARRAY[1, CAST(NULL AS integer)] >= ARRAY[1, 2]",
        "SELECT ROW(1e0) < ROW(nan())",
        "SELECT ROW(1, CAST(NULL AS integer)) BETWEEN ROW(1, 2) AND ROW(1, 3)",
        "SELECT array_max(ARRAY[ROW(nan()), ROW(1e0)])",
        "SELECT array_min(ARRAY[ARRAY[1, NULL], ARRAY[1]])",
        "SELECT array_sort(ARRAY[ARRAY[ROW(1, NULL)], ARRAY[ROW(1, 2)]])",
        "SELECT greatest(ROW(nan()), ROW(1e0))",
        "SELECT x FROM (VALUES ARRAY[2, NULL], ARRAY[2, 3]) t(x) ORDER BY x",
        "SELECT x AS y, count(*) FROM (VALUES ARRAY[2, NULL], ARRAY[2, 3]) t(x) GROUP BY 1 ORDER BY y",
        "SELECT max(x) FROM (VALUES ARRAY[2, NULL], ARRAY[2, 3]) t(x)",
        "SELECT min_by(1, x) FROM (VALUES ARRAY[nan()], ARRAY[2e0]) t(x)",
        "SELECT rank() OVER (ORDER BY x) FROM (VALUES ARRAY[2, NULL], ARRAY[2, 3]) t(x)",
        "SELECT array_agg(x ORDER BY x) FROM (VALUES ARRAY[2, NULL], ARRAY[2, 3]) t(x)",
    ],
)
def test_what_the_engine_would_order_otherwise_is_refused(query: str) -> None:
    with pytest.raises(QueryFailure, match=r"NOT_SUPPORTED: the order of .* with NULL or NaN inside is not supported"):
        rows(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT ROW(1, MAP()) > ROW(1, MAP())", r"TYPE_MISMATCH: line 1:8: Cannot apply operator: row\(integer, map"),
        ("SELECT x FROM (VALUES JSON '1') t(x) ORDER BY x",
         "TYPE_MISMATCH: line 1:47: Type json is not orderable, and therefore cannot be used in ORDER BY: x"),
        ("SELECT x FROM (VALUES ARRAY[JSON '1']) t(x) ORDER BY 1", r"Type array\(json\) is not orderable"),
        ("SELECT greatest(MAP(), MAP())", "FUNCTION_NOT_FOUND"),
        ("SELECT max(x) FROM (VALUES ARRAY[MAP()]) t(x)", "FUNCTION_NOT_FOUND"),
    ],
)  # fmt: skip
def test_what_has_no_order_is_refused_as_in_trino(query: str, said: str) -> None:
    with pytest.raises(QueryFailure, match=said):
        rows(query)
