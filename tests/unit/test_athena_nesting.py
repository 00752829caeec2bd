"""Values that meet inside of lambdas, groups, comparisons and subqueries, where one rule stands in another.

https://trino.io/docs/current/functions/lambda.html, /functions/comparison.html and /functions/json.html
"""

from __future__ import annotations

import re

import pytest

from salespipe.local.athena.engine import MACROS, Engine
from salespipe.local.athena.errors import QueryFailure
from tests.athena import answer, engine, rows


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("transform(ARRAY[1], x -> transform(ARRAY[10], x -> transform(ARRAY[100], y -> x + y)))", "[[[110]]]"),
        (
            "map_filter(MAP(ARRAY[1,2], ARRAY[10,20]), "
            "(k, v) -> any_match(ARRAY[k], k -> any_match(ARRAY[v], q -> q = 20 AND k = 2)))",
            "{2=20}",
        ),
        ("reduce(ARRAY[1], 0, (s, x) -> reduce(ARRAY[2], 0, (t, y) -> t + y * x, t -> t), s -> s)", "2"),
        ("json_extract('{\"a\":123456789.5}', '$.a') = JSON '123456789.5'", "true"),
        ("json_extract_scalar((SELECT max(x) FROM (VALUES '{\"a\":1.50}') t(x)), '$.a')", "1.50"),
        ("(SELECT array_agg(x) FROM (VALUES 1) t(x)) = ARRAY[1]", "true"),
        ("""json_extract_scalar('{"a":1,"b":0.12345678901234567890123}', '$.a')""", "1"),
        ("""json_extract_scalar('{"items":[{"qty":1.0},{"qty":1}]}', '$.items[0].qty')""", "1.0"),
    ],
)
def test_what_stands_in_something_of_its_kind(expression: str, expected: str) -> None:
    assert answer(expression) == expected


def test_json_is_grouped_by_its_place_and_by_itself() -> None:
    table = "(VALUES '{\"a\":123456789.5}', '{\"a\":123456789.5}') t(x)"
    for by in ("1", "json_extract(x, '$.a')"):
        found = rows(f"SELECT json_extract(x, '$.a'), count(*) FROM {table} GROUP BY {by}")
        assert found == [["1.234567895E8", "2"]]


def test_nothing_is_known_of_nan_beside_null() -> None:
    """Three-valued logic comes first: with NULL every comparison is NULL; otherwise NaN is only different."""
    numbers = {"1": 1.0, "NaN": float("nan"), "NULL": None}
    sql = {"1": "1e0", "NaN": "nan()", "NULL": "CAST(NULL AS double)"}
    table = ", ".join(f"('{x}', '{y}', {sql[x]}, {sql[y]})" for x in sql for y in sql)
    shown = ", ".join(f"a {symbol} b" for symbol in ("=", "<>", "<", "<=", ">", ">="))
    for x, y, *found in rows(f"SELECT x, y, {shown} FROM (VALUES {table}) t(x, y, a, b)"):
        a, b = numbers[str(x)], numbers[str(y)]
        if a is None or b is None:
            assert found == [None] * 6, (x, y)
        else:
            wanted = [a == b, a != b, a < b, a <= b, a > b, a >= b]
            assert found == [str(value).lower() for value in wanted], (x, y)


def test_every_macro_can_be_made() -> None:
    """A statement makes just those that it names, so that none but its user would find a broken one."""
    own: Engine = engine()
    with own.session() as session:
        for name in MACROS:
            own.define(name)
        made = {
            str(name) for (name,) in session.rows("SELECT function_name FROM duckdb_functions() WHERE NOT internal")
        }
    assert set(MACROS) <= made


def test_a_window_is_over_what_may_fail_and_fails_if_it_does() -> None:
    """The engine itself takes nothing there that can raise an error."""
    table = """(VALUES ('{"a":1,"d":"2026-01-31"}', '3'), ('{"a":1,"d":"2026-01-30"}', '2')) t(x, n)"""
    part, day = "json_extract_scalar(x, '$.a')", "CAST(json_extract_scalar(x, '$.d') AS date)"
    found = rows(f"SELECT n, row_number() OVER (PARTITION BY {part} ORDER BY {day}), sum(CAST(n AS integer)) "
                 f"OVER (PARTITION BY CAST({part} AS bigint), DATE '2026-01-01' ORDER BY CAST(n AS integer) DESC) "
                 f"FROM {table} ORDER BY n")  # fmt: skip
    assert found == [["2", "1", "5"], ["3", "2", "3"]]
    with pytest.raises(QueryFailure, match=r"INVALID_CAST_ARGUMENT: Cannot cast '2026-01-3[01]' to BIGINT"):
        rows(f"SELECT row_number() OVER (ORDER BY CAST(json_extract_scalar(x, '$.d') AS bigint)) FROM {table}")


def test_a_window_over_a_random_value_is_refused_with_a_way_out() -> None:
    with pytest.raises(QueryFailure, match=r"NOT_SUPPORTED: .* of a window over a random value .* in a subquery"):
        rows("SELECT row_number() OVER (ORDER BY random()) FROM (VALUES 1, 2) t(x)")
    numbered = "SELECT row_number() OVER (ORDER BY r) AS n FROM (SELECT random() AS r FROM (VALUES 1, 2) t(x))"
    assert rows(f"SELECT n FROM ({numbered}) ORDER BY n") == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("TRY_CAST(ARRAY['1', 'x'] AS array(integer))", None),
        ("TRY_CAST(ARRAY['1', NULL] AS array(integer))", "[1, null]"),
        ("TRY_CAST(MAP(ARRAY['1'], ARRAY['x']) AS map(integer, integer))", None),
        ("TRY_CAST(ROW('1', 'x') AS ROW(integer, integer))", None),
        ("TRY_CAST(JSON '[[1], [\"x\"]]' AS array(array(integer)))", None),
        ("TRY_CAST(JSON '{\"a\":[1,2]}' AS map(varchar, array(integer)))", "{a=[1, 2]}"),
        ("TRY(CAST(ARRAY['x'] AS array(integer)))", None),
        ("TRY(CASE WHEN 1 / 0 = 1 THEN 1 ELSE 2 END)", None),
        ("TRY(transform(ARRAY[1, 0], x -> 1 / x))", None),
        ("TRY(coalesce(ARRAY[1, 2][3], 4))", None),
        ("TRY(TRY(1 / 0) IS NULL)", "true"),
        ("filter(ARRAY['1', 'x'], x -> TRY(CAST(x AS integer)) IS NOT NULL)", "[1]"),
    ],
)
def test_what_fails_inside_of_try_fails_as_a_whole(expression: str, expected: str | None) -> None:
    """(TryFunction and TryCastFunction in Trino's source.)"""
    assert answer(expression) == expected


def test_try_does_not_hide_what_is_not_supported_or_fails_outside() -> None:
    deep = """'{"a":[[[[[[1.5]]]]]]}', '[1]', '{"a"'"""
    assert rows(f"SELECT TRY(json_parse(x)) FROM (VALUES {deep}) t(x) WHERE length(x) < 5") == [["[1]"], [None]]
    for tried in ("TRY(json_parse(x))", "TRY_CAST(ARRAY[ROW(1, NULL) < ROW(1, length(x))] AS array(varchar))"):
        with pytest.raises(QueryFailure, match="NOT_SUPPORTED: "):
            rows(f"SELECT {tried} FROM (VALUES {deep}) t(x)")
    with pytest.raises(QueryFailure, match="DIVISION_BY_ZERO"):
        answer("TRY_CAST(ARRAY[1 / 0] AS array(varchar))")
    with pytest.raises(QueryFailure, match="NOT_SUPPORTED: TRY of a random value"):
        answer("TRY(random() < 2)")


MAPS = "(VALUES MAP(ARRAY[1, 2], ARRAY[3, 4]), MAP(ARRAY[2, 1], ARRAY[4, 3])) t(m)"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (f"SELECT m, count(*) FROM {MAPS} GROUP BY m", "GROUP BY map(integer,integer)"),
        (f"SELECT ARRAY[m], count(*) FROM {MAPS} GROUP BY 1", "GROUP BY array(map(integer,integer))"),
        (f"SELECT DISTINCT m FROM {MAPS}", "SELECT DISTINCT of map(integer,integer)"),
        (f"SELECT m FROM {MAPS} UNION SELECT m FROM {MAPS}", "UNION of map(integer,integer)"),
        (f"SELECT m FROM {MAPS} EXCEPT SELECT m FROM {MAPS}", "EXCEPT of map(integer,integer)"),
        (f"SELECT count(DISTINCT m) FROM {MAPS}", "DISTINCT inside count of map(integer,integer)"),
        (f"SELECT approx_distinct(ROW(1, m)) FROM {MAPS}", "approx_distinct of row(integer, map(integer,integer))"),
        (f"SELECT histogram(m) FROM {MAPS}", "histogram of map(integer,integer)"),
        (f"SELECT count(*) OVER (PARTITION BY m) FROM {MAPS}", "PARTITION BY map(integer,integer)"),
    ],
)
def test_maps_are_not_told_apart_by_the_order_of_their_keys(query: str, named: str) -> None:
    """In Trino these two are the same, in the engine they are not (TestMapOperators)."""
    with pytest.raises(QueryFailure, match=re.escape(named)):
        rows(query)


def test_maps_are_unnested_with_the_numbers_of_their_entries() -> None:
    unnested = "UNNEST(MAP(ARRAY[1, 2], ARRAY['a', 'b']), ARRAY[ROW(3, 'c')])"
    expected = [["1", "1", "a", "3", "c", "1"], ["1", "2", "b", None, None, "2"]]
    assert rows(f"SELECT * FROM (VALUES 1) t(x) LEFT JOIN {unnested} WITH ORDINALITY ON TRUE") == expected


def test_lambdas_stand_in_aggregates_that_make_maps_and_maps_in_lambdas() -> None:
    table = "(VALUES ('a', 1), ('a', 2), ('b', 3)) t(k, v)"
    made = (
        "map_agg(v, transform(ARRAY[v], x -> x * 2)), multimap_agg(v, json_parse('[1]')), "
        "map_union(MAP(ARRAY[v], ARRAY[k]))"
    )
    expected = [["a", "{1=[2], 2=[4]}", "{1=[[1]], 2=[[1]]}", "{1=a, 2=a}"], ["b", "{3=[6]}", "{3=[[1]]}", "{3=b}"]]
    assert rows(f"SELECT k, {made} FROM {table} GROUP BY k ORDER BY k") == expected
    kept = "map_filter(map_agg(v, filter(ARRAY[v, NULL], x -> x > 0)), (k, w) -> cardinality(w) = 1 AND k <> 3)"
    assert rows(f"SELECT CASE WHEN count(*) > 1 THEN {kept} END FROM {table}") == [["{1=[1], 2=[2]}"]]


def test_an_array_is_unnested_in_its_order_by_left_join_too() -> None:
    table = "(VALUES (1, ARRAY[1, 2, 3]), (2, NULL), (3, ARRAY[]), (4, ARRAY[4, NULL])) t(id, a)"
    found = rows(f"SELECT id, x, n FROM {table} LEFT JOIN UNNEST(a) WITH ORDINALITY u(x, n) ON TRUE")
    expected = [("1", "1", "1"), ("1", "2", "2"), ("1", "3", "3"), ("2", None, None), ("3", None, None)]
    assert found == [*map(list, expected), ["4", "4", "1"], ["4", None, "2"]]
    rows_of = "CAST(NULL AS array(ROW(p integer, q varchar)))"
    assert rows(f"SELECT * FROM (VALUES 1) t(a) LEFT JOIN UNNEST({rows_of}, MAP(ARRAY[a], ARRAY['v'])) ON TRUE") == [
        ["1", None, None, "1", "v"]
    ]


@pytest.mark.parametrize(
    "call",
    [
        "ngrams({a}, 2)", "ngrams(ARRAY[1], {n})", "trim_array({a}, -1)", "element_at({a}, 0)", "split('a', {s})",
        "split({s}, 'a', 1)", "split('a', 'b', {n})", "split_part({s}, 'a', 0)", "split_to_map({s}, ',', '=')",
        "split_to_map('a', {s}, '=')", "split_to_multimap('a', ',', {s})", "lpad({s}, -1, 'a')", "rpad({s}, -1, 'a')",
        "strpos({s}, 'a', 0)", "from_utf8(X'61', {s})", "array_join({a}, ',')", "array_join(ARRAY[1], {s})",
        "zip(ARRAY[1], {a})", "zip_with(ARRAY[1], {a}, (x, y) -> 1)", "reduce({a}, 0, (s, x) -> 1, s -> s)",
        "any_match({a}, x -> true)", "map_filter({m}, (k, v) -> true)", "transform_keys({m}, (k, v) -> 1)",
        "map_zip_with(MAP(ARRAY[1], ARRAY[2]), {m}, (k, v, w) -> 1)", "map_entries({m})", "map_from_entries({e})",
        "multimap_from_entries({e})", "combinations({a}, 2)", "flatten(ARRAY[ARRAY[1]])[{n}]",
    ],
)  # fmt: skip
def test_of_a_null_argument_there_is_no_answer_and_no_error(call: str) -> None:
    """A function without @SqlNullable on its parameters is not called (ParametricScalarImplementation in Trino's)."""
    nulls = {"a": "array(integer)", "n": "bigint", "s": "varchar", "m": "map(integer, integer)",
             "e": "array(ROW(integer, integer))"}  # fmt: skip
    given = {name: f"CAST(NULL AS {kind})" for name, kind in nulls.items()}
    assert answer(call.format(**given)) is None
    columns = ", ".join(f"{value} AS {name}" for name, value in given.items())
    names = {name: name for name in nulls}
    assert rows(f"SELECT {call.format(**names)} FROM (SELECT {columns}) t") == [[None]]


@pytest.mark.parametrize(
    "call",
    [
        "transform(NULL, x -> 1)", "filter(NULL, x -> true)", "reduce(NULL, 0, (s, x) -> s, s -> s)",
        "ARRAY[1, 2][NULL]", "map_filter(NULL, (k, v) -> true)", "transform_values(NULL, (k, v) -> 1)",
        "array_join(NULL, ',')", "map_entries(NULL)",
    ],
)  # fmt: skip
def test_null_may_be_an_array_or_a_map(call: str) -> None:
    assert answer(call) is None


@pytest.mark.parametrize(
    ("aggregate", "said"),
    [
        ("max(x, 0)", "INVALID_FUNCTION_ARGUMENT: line 1:8: second argument of max_n must be positive"),
        ("max_by(x, x, 0)", "INVALID_FUNCTION_ARGUMENT: .* third argument of max_by must be a positive integer"),
        (
            "min(x, 10001)",
            "INVALID_FUNCTION_ARGUMENT: .* second argument of min_n must be less than or equal to 10000; found 10001",
        ),
        ("approx_percentile(x, -0.5)", "INVALID_FUNCTION_ARGUMENT: .* Percentile must be between 0 and 1"),
        ("approx_percentile(x, ARRAY[0.5, 1.5])", "INVALID_FUNCTION_ARGUMENT: .* Percentile must be between 0 and 1"),
    ],
)
def test_an_aggregate_says_which_number_does_not_do(aggregate: str, said: str) -> None:
    with pytest.raises(QueryFailure, match=said):
        rows(f"SELECT {aggregate} FROM (VALUES 1, 2) t(x)")


def test_spans_of_time_are_summed() -> None:
    spans = "(VALUES (1, INTERVAL '1' DAY), (2, INTERVAL '3' HOUR)) t(n, x)"
    assert rows(f"SELECT sum(x), avg(x), max(x) FROM {spans}") == [
        ["1 03:00:00.000", "0 13:30:00.000", "1 00:00:00.000"]
    ]
    assert rows(f"SELECT sum(x) OVER (ORDER BY n) FROM {spans} ORDER BY n") == [["1 00:00:00.000"], ["1 03:00:00.000"]]
