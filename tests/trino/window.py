"""Examples of https://trino.io/docs/current/functions/window.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/window.html"
_ORDERS = "(VALUES (1, 'a', 5.0), (2, 'a', 7.0), (3, 'a', 7.0), (4, 'b', 1.0)) orders(orderkey, clerk, totalprice)"
_SIX = "(VALUES 1, 2, 3, 4, 5, 6) t(x)"
EXAMPLES: Examples = [
    (
        f"SELECT orderkey, rank() OVER (PARTITION BY clerk ORDER BY totalprice DESC) AS rnk FROM {_ORDERS}",
        [["1", "3"], ["2", "1"], ["3", "1"], ["4", "1"]],
    ),
    (
        f"SELECT orderkey, sum(totalprice) OVER (PARTITION BY clerk ORDER BY orderkey) AS rolling_sum FROM {_ORDERS}",
        [["1", "5.0"], ["2", "12.0"], ["3", "19.0"], ["4", "1.0"]],
    ),
    (
        f"SELECT orderkey, dense_rank() OVER (PARTITION BY clerk ORDER BY totalprice DESC) FROM {_ORDERS}",
        [["1", "2"], ["2", "1"], ["3", "1"], ["4", "1"]],
    ),
    (
        f"SELECT orderkey, cume_dist() OVER (PARTITION BY clerk ORDER BY totalprice) FROM {_ORDERS} WHERE clerk = 'a'",
        [["1", "0.3333333333333333"], ["2", "1.0"], ["3", "1.0"]],
    ),
    (
        f"SELECT x, ntile(4) OVER (ORDER BY x) FROM {_SIX}",
        [["1", "1"], ["2", "1"], ["3", "2"], ["4", "2"], ["5", "3"], ["6", "4"]],
    ),
    (
        "SELECT x, percent_rank() OVER (ORDER BY x) FROM (VALUES 1, 2, 3) t(x)",
        [["1", "0.0"], ["2", "0.5"], ["3", "1.0"]],
    ),
    (
        f"SELECT orderkey, row_number() OVER (PARTITION BY clerk ORDER BY orderkey) FROM {_ORDERS}",
        [["1", "1"], ["2", "2"], ["3", "3"], ["4", "1"]],
    ),
    (
        "SELECT x, first_value(x) OVER (ORDER BY x), last_value(x) OVER (ORDER BY x) FROM (VALUES 1, 2) t(x)",
        [["1", "1", "1"], ["2", "1", "2"]],
    ),
    (
        "SELECT x, nth_value(x, 2) OVER (ORDER BY x) FROM (VALUES 5, 6, 7) t(x)",
        [["5", None], ["6", "6"], ["7", "6"]],
    ),
    ("SELECT nth_value(x, 0) OVER (ORDER BY x) FROM (VALUES 5) t(x)", "!INVALID_FUNCTION_ARGUMENT"),
    (
        "SELECT x, lead(x) OVER (ORDER BY x), lead(x, 2, 0) OVER (ORDER BY x) FROM (VALUES 5, 6, 7) t(x)",
        [["5", "6", "7"], ["6", "7", "0"], ["7", None, "0"]],
    ),
    (
        "SELECT x, lag(x) OVER (ORDER BY x), lag(x, 0) OVER (ORDER BY x) FROM (VALUES 5, 6) t(x)",
        [["5", None, "5"], ["6", "5", "6"]],
    ),
    (
        "SELECT k, lag(x) IGNORE NULLS OVER (ORDER BY k) FROM (VALUES (1, 5), (2, NULL), (3, 6)) t(k, x)",
        [["1", None], ["2", "5"], ["3", "5"]],
    ),
    (
        "SELECT k, first_value(x) IGNORE NULLS OVER (ORDER BY k) FROM (VALUES (1, NULL), (2, 5)) t(k, x)",
        [["1", None], ["2", "5"]],
    ),
    ("SELECT row_number() FROM (VALUES 1) t(x)", "!SYNTAX_ERROR"),
]
