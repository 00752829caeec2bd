"""Examples of https://trino.io/docs/current/functions/conditional.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/conditional.html"
_SHIPPING = (
    "(VALUES ('94131', 25, 100), ('P332a', 5, 72), ('94025', 0, 155), ('08544', 225, 490)) "
    "t(origin_zip, packages, total_cost)"
)
EXAMPLES: Examples = [
    ("CASE 1 WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END", "one"),
    ("CASE 3 WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END", "many"),
    ("CASE 3 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", None),
    ("CASE WHEN 1 = 2 THEN 'aaa' WHEN 2 = 2 THEN 'bbb' ELSE 'ccc' END", "bbb"),
    ("IF(200000 >= 150000, 'High Value', 'Low Value')", "High Value"),
    ("IF(100000 >= 150000, 'High Value', 'Low Value')", "Low Value"),
    ("IF(100000 >= 150000, 'High Value')", None),
    ("IF(true, 1, 1 / 0)", "1"),
    ("coalesce(NULL, 1, 1 / 0)", "1"),
    ("nullif(5, 5)", None),
    ("nullif(5, 6)", "5"),
    (f"SELECT CAST(origin_zip AS BIGINT) FROM {_SHIPPING}", "!INVALID_CAST_ARGUMENT: Cannot cast 'P332a' to BIGINT"),
    (f"SELECT TRY(CAST(origin_zip AS BIGINT)) FROM {_SHIPPING}", [["8544"], ["94025"], ["94131"], [None]]),
    (f"SELECT total_cost / packages AS per_package FROM {_SHIPPING}", "!DIVISION_BY_ZERO: Division by zero"),
    (
        f"SELECT COALESCE(TRY(total_cost / packages), 0) AS per_package FROM {_SHIPPING}",
        [["0"], ["14"], ["2"], ["4"]],
    ),
    ("try(cast('1e400' AS integer))", None),
    ("try(json_parse('{'))", None),
    ("try(127 + cast(1 AS tinyint))", "128"),
    ("try(cast(127 AS tinyint) + cast(1 AS tinyint))", None),
]
