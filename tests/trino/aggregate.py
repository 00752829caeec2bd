"""Examples of https://trino.io/docs/current/functions/aggregate.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/aggregate.html"
_IRIS = "(VALUES ('setosa', 1.4), ('setosa', 1.3), ('virginica', 6.0), ('versicolor', 4.7)) iris(species, petal)"
_CITIES = (
    "(VALUES ('India', 'Bangalore', 13700000), ('India', 'Chennai', 12200000), ('India', 'Ranchi', 1547000), "
    "('Austria', 'Vienna', 1897000), ('Poland', 'Warsaw', 1765000)) t(country, city, population)"
)


def _of(call: str, values: str, answer: str | None) -> tuple[str, list[list[str | None]]]:
    return f"SELECT {call} FROM (VALUES {values}) t(x)", [[answer]]


EXAMPLES: Examples = [
    ("SELECT array_agg(x ORDER BY y DESC) FROM (VALUES (1, 1), (2, 3), (3, 2)) t(x, y)", [["[2, 3, 1]"]]),
    ("SELECT array_agg(x ORDER BY x, y) FROM (VALUES (2, 1), (1, 3), (1, 2)) t(x, y)", [["[1, 1, 2]"]]),
    ("SELECT array_agg(x) FILTER (WHERE x IS NOT NULL) FROM (VALUES 1, NULL) t(x)", [["[1]"]]),
    (
        f"SELECT species, count(*) AS count FROM {_IRIS} GROUP BY species",
        [["setosa", "2"], ["versicolor", "1"], ["virginica", "1"]],
    ),
    (
        f"SELECT species, count(*) AS count FROM {_IRIS} WHERE petal > 4 GROUP BY species",
        [["versicolor", "1"], ["virginica", "1"]],
    ),
    (
        f"SELECT species, count(*) FILTER (where petal > 4) AS count FROM {_IRIS} GROUP BY species",
        [["setosa", "0"], ["versicolor", "1"], ["virginica", "1"]],
    ),
    _of("sum(x)", "CAST(NULL AS integer)", None),
    _of("avg(x)", "1, NULL, 2", "1.5"),
    _of("count(x)", "1, NULL, 2", "2"),
    _of("count(*)", "1, NULL, 2", "3"),
    _of("any_value(x)", "NULL, 5", "5"),
    _of("arbitrary(x)", "NULL, 5", "5"),
    _of("avg(x)", "INTERVAL '1' DAY, INTERVAL '2' DAY", "1 12:00:00.000"),
    _of("bool_and(x)", "true, false", "false"),
    _of("bool_or(x)", "true, false", "true"),
    _of("every(x)", "true, NULL", "true"),
    _of("count_if(x)", "true, false, NULL", "1"),
    _of("geometric_mean(x)", "2e0, 8e0", "4.0"),
    ("SELECT listagg(value, ',') WITHIN GROUP (ORDER BY value) csv_value FROM (VALUES 'a', 'c', 'b') t(value)",
     [["a,b,c"]]),
    ("SELECT listagg(value, ',' ON OVERFLOW ERROR) WITHIN GROUP (ORDER BY value) csv_value FROM "
     "(VALUES 'a', 'b', 'c') t(value)", [["a,b,c"]]),
    ("SELECT listagg(value, ',' ON OVERFLOW TRUNCATE '.....' WITH COUNT) WITHIN GROUP (ORDER BY value) FROM "
     "(VALUES 'a', 'b', 'c') t(value)", [["a,b,c"]]),
    ("SELECT id, listagg(value, ',') WITHIN GROUP (ORDER BY o) csv_value FROM (VALUES (100, 1, 'a'), (200, 3, 'c'), "
     "(200, 2, 'b')) t(id, o, value) GROUP BY id ORDER BY id", [["100", "a"], ["200", "b,c"]]),
    (f"SELECT country, listagg(city, ',') WITHIN GROUP (ORDER BY population DESC) FILTER "
     f"(WHERE population >= 10000000) megacities FROM {_CITIES} GROUP BY country ORDER BY country",
     [["Austria", None], ["India", "Bangalore,Chennai"], ["Poland", None]]),
    _of("max(x)", "1, 3, 2", "3"),
    _of("max(x, 2)", "1, 3, 2", "[3, 2]"),
    _of("min(x)", "2, 1, 3", "1"),
    _of("min(x, 2)", "2, 1, 3", "[1, 2]"),
    ("SELECT max_by(x, y) FROM (VALUES ('a', 1), ('b', 2)) t(x, y)", [["b"]]),
    ("SELECT max_by(x, y, 2) FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) t(x, y)", [["[c, b]"]]),
    ("SELECT min_by(x, y) FROM (VALUES ('a', 1), ('b', 2)) t(x, y)", [["a"]]),
    ("SELECT min_by(x, y, 2) FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) t(x, y)", [["[a, b]"]]),
    _of("bitwise_and_agg(x)", "12, 10", "8"),
    _of("bitwise_or_agg(x)", "12, 10", "14"),
    _of("bitwise_xor_agg(x)", "12, 10", "6"),
    _of("histogram(x)['a']", "'a', 'b', 'a'", "2"),
    ("SELECT map_agg(x, y)[2] FROM (VALUES (1, 'a'), (2, 'b')) t(x, y)", [["b"]]),
    ("SELECT cardinality(map_union(x)) FROM (VALUES MAP(ARRAY[1], ARRAY[2]), MAP(ARRAY[3], ARRAY[4])) t(x)", [["2"]]),
    ("SELECT array_sort(multimap_agg(x, y)[1]) FROM (VALUES (1, 'a'), (2, 'b'), (1, 'c')) t(x, y)", [["[a, c]"]]),
    _of("approx_distinct(x)", "1, 2, 2", "2"),
    _of("approx_distinct(x)", "CAST(NULL AS integer)", "0"),
    _of("approx_distinct(x, 0.01)", "1, 2, 2", "2"),
    _of("approx_percentile(x, 0.5)", "1, 2, 3", "2"),
    _of("approx_percentile(x, ARRAY[0.0, 1.0])", "1, 2, 3", "[1, 3]"),
    ("SELECT corr(y, x) FROM (VALUES (1e0, 2e0), (2e0, 4e0), (3e0, 6e0)) t(x, y)", [["1.0"]]),
    ("SELECT covar_pop(y, x) FROM (VALUES (1e0, 2e0), (3e0, 6e0)) t(x, y)", [["2.0"]]),
    ("SELECT covar_samp(y, x) FROM (VALUES (1e0, 2e0), (3e0, 6e0)) t(x, y)", [["4.0"]]),
    ("SELECT regr_slope(y, x), regr_intercept(y, x) FROM (VALUES (0e0, 1e0), (1e0, 3e0)) t(x, y)", [["2.0", "1.0"]]),
    _of("stddev_pop(x)", "2e0, 4e0", "1.0"),
    _of("var_samp(x)", "1e0, 3e0", "2.0"),
    _of("var_pop(x)", "1e0, 3e0", "1.0"),
]  # fmt: skip
