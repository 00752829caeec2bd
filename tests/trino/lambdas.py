"""Examples of https://trino.io/docs/current/functions/lambda.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/lambda.html"
EXAMPLES: Examples = [
    ("transform(ARRAY[1], x -> x + 1)", "[2]"),
    ("reduce(ARRAY[1, 2], 0, (x, y) -> x + y, x -> x)", "3"),
    ("transform(ARRAY['ba', 'b'], x -> regexp_like(x, 'a+'))", "[true, false]"),
    ("transform(ARRAY[ARRAY[6, 2]], x -> x[1] / x[2])", "[3]"),
    ("transform(ARRAY[-2, 2], x -> IF(x > 0, x, -x))", "[2, 2]"),
    ("transform(ARRAY[1, NULL], x -> COALESCE(x, 0))", "[1, 0]"),
    ("transform(ARRAY[1, NULL], x -> CAST(x AS JSON))", "[1, null]"),
    ("transform(ARRAY[1], x -> x + TRY(1 / 0))", "[null]"),
    ("transform(ARRAY[1], x -> 2 + (SELECT 3))", "!NOT_SUPPORTED"),
    (
        "SELECT numbers, transform(numbers, n -> n * n) as squared_numbers FROM (VALUES (ARRAY[1, 2]), "
        "(ARRAY[3, 4]), (ARRAY[5, 6, 7])) AS t(numbers)",
        [["[1, 2]", "[1, 4]"], ["[3, 4]", "[9, 16]"], ["[5, 6, 7]", "[25, 36, 49]"]],
    ),
    (
        "SELECT transform(prices, n -> TRY_CAST(n AS VARCHAR) || '$') as price_tags FROM (VALUES (ARRAY[100, 200]), "
        "(ARRAY[30, 4])) AS t(prices)",
        [["[100$, 200$]"], ["[30$, 4$]"]],
    ),
    (
        "SELECT xvalues, a, b, transform(xvalues, x -> a * x + b) as linear_function_values FROM "
        "(VALUES (ARRAY[1, 2], 10, 5), (ARRAY[3, 4], 4, 2)) AS t(xvalues, a, b)",
        [["[1, 2]", "10", "5", "[15, 25]"], ["[3, 4]", "4", "2", "[14, 18]"]],
    ),
    (
        "SELECT numbers FROM (VALUES (ARRAY[1,NULL,3]), (ARRAY[10,20,30]), (ARRAY[100,200,300])) AS t(numbers) "
        "WHERE any_match(numbers, n ->  COALESCE(n, 0) > 100)",
        [["[100, 200, 300]"]],
    ),
    (
        r"regexp_replace('once upon a time ...', '^(\w)(\w*)(\s+.*)$',x -> upper(x[1]) || x[2] || x[3])",
        "Once upon a time ...",
    ),
    (
        "SELECT reduce_agg(value, 0, (a, b) -> a + b, (a, b) -> a + b) sum_values FROM "
        "(VALUES (1), (2), (3), (4), (5)) AS t(value)",
        [["15"]],
    ),
]
