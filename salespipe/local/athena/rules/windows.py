"""Window functions: https://trino.io/docs/current/functions/window.html"""

from __future__ import annotations

from salespipe.local.athena.rules.registry import define, macros

PAGE = "functions/window.html"

# A negative offset would make the engine's lag a lead.
macros(
    "trino_offset(n, least) AS CASE WHEN n < least THEN error('INVALID_FUNCTION_ARGUMENT: Offset must be at least ' "
    "|| least) ELSE n END",
    "trino_frame(n, least) AS CASE WHEN n IS NULL OR n < least THEN error('INVALID_WINDOW_FRAME: Window frame offset "
    "value must not be negative or null') ELSE n END",
)

define(
    PAGE,
    "window",
    ("row_number() -> bigint", "row_number(){over}"),
    ("rank() -> bigint", "rank(){over}"),
    ("dense_rank() -> bigint", "dense_rank(){over}"),
    ("percent_rank() -> double", "percent_rank(){over}"),
    ("cume_dist() -> double", "cume_dist(){over}"),
    ("ntile(bigint) -> bigint", "ntile({0}){over}"),
    ("lag(T) -> T", "lag({0}){over}"),
    ("lag(T, bigint) -> T", "lag({0}, trino_offset({1}, 0)){over}"),
    ("lag(T, bigint, T) -> T", "lag({0}, trino_offset({1}, 0), {2}){over}"),
    ("lead(T) -> T", "lead({0}){over}"),
    ("lead(T, bigint) -> T", "lead({0}, trino_offset({1}, 0)){over}"),
    ("lead(T, bigint, T) -> T", "lead({0}, trino_offset({1}, 0), {2}){over}"),
    ("first_value(T) -> T", "first_value({0}){over}"),
    ("last_value(T) -> T", "last_value({0}){over}"),
    ("nth_value(T, bigint) -> T", "nth_value({0}, trino_offset({1}, 1)){over}"),
)
