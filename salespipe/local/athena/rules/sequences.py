"""sequence and repeat: https://trino.io/docs/current/functions/array.html

Both make at most 10,000 elements, and a step that leads away from the stop fails.
"""

from __future__ import annotations

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import (
    BIGINT,
    DATE,
    DAY_INTERVAL,
    INTEGERS,
    MONTH_INTERVAL,
    array,
    common,
    duckdb_type,
)

PAGE = "functions/array.html"

macros(
    "trino_repeats(n) AS CASE WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: count argument of repeat function "
    "must be greater than or equal to 0') WHEN n > 10000 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: count argument of repeat function "
    "must be less than or equal to 10000') ELSE n END",
    # (SequenceFunction in Trino's source); the start belongs to every sequence that goes the right way
    "trino_no_sequence(n) AS CASE WHEN n = 0 THEN error('INVALID_FUNCTION_ARGUMENT: sequence stop value should be "
    "greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal "
    "to start') "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries') END",
    "trino_series(l) AS CASE WHEN len(l) BETWEEN 1 AND 10000 THEN l WHEN l IS NOT NULL "
    "THEN trino_no_sequence(len(l)) END",
    "trino_numbers(a, b, s) AS CASE WHEN a IS NULL OR b IS NULL OR s IS NULL THEN NULL WHEN s = 0 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: interval must not be zero') WHEN (s > 0) <> (b >= a) AND a <> b "
    "THEN trino_no_sequence(0) WHEN (CAST(b AS HUGEINT) - a) // s >= 10000 THEN trino_no_sequence(1) "
    "ELSE generate_series(a, b, s) END",
    "trino_whole_days(i) AS CASE WHEN epoch_us(i) % 86400000000 = 0 THEN i ELSE error('INVALID_FUNCTION_ARGUMENT: "
    "sequence step must be a day interval if start and end values are dates') END",
)

define(
    PAGE,
    "scalar",
    ("repeat(T, bigint) -> array(T)", "list_transform(range(trino_repeats({1})), lambda i: {0})"),
)


@built(PAGE, "scalar", "sequence")
def sequence(call: Arguments) -> Typed:
    """Whole numbers or dates from start to stop, both included; without a step towards the stop by one (day)."""
    call.expect(2, 3)
    start, stop = call.value(0), call.value(1)
    if start.type.name in INTEGERS and stop.type.name in INTEGERS:
        a, b = converted(start, BIGINT).sql, converted(stop, BIGINT).sql
        step = (
            converted(call.value(2), BIGINT).sql if len(call.trees) == 3 else f"CASE WHEN {b} >= {a} THEN 1 ELSE -1 END"
        )
        return Typed(f"trino_numbers({a}, {b}, {step})", array(BIGINT))
    met = common(start.type, stop.type)
    if met is None or met.name not in ("date", "timestamp") or (met != DATE and len(call.trees) == 2):
        raise call.unfit()
    a, b = converted(start, met).sql, converted(stop, met).sql
    if len(call.trees) == 2:
        step = f"CASE WHEN {b} >= {a} THEN to_days(1) ELSE to_days(-1) END"
    else:
        by = call.value(2)
        if by.type not in (DAY_INTERVAL, MONTH_INTERVAL):
            raise call.unfit()
        step = by.sql
    if met == DATE:
        step = f"trino_whole_days({step})"
    return Typed(f"CAST(trino_series(generate_series({a}, {b}, {step})) AS {duckdb_type(met)}[])", array(met))
