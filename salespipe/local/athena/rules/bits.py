"""Bits of whole numbers in two's complement: https://trino.io/docs/current/functions/bitwise.html

A shift keeps the type of its value: what is moved out of its bits on the left is lost, and by all of them or more
nothing is left. Shifts are computed in 128 bits, where they cannot overflow.
"""

from __future__ import annotations

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, INTEGERS, duckdb_type

PAGE = "functions/bitwise.html"
_WIDTH = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}

macros(
    "trino_power_of_two(n) AS CAST(power(2, n) AS HUGEINT)",
    "trino_unsigned(x, w) AS CASE WHEN x < 0 THEN CAST(x AS HUGEINT) + trino_power_of_two(w) "
    "ELSE CAST(x AS HUGEINT) END",
    "trino_signed(u, w) AS CASE WHEN u >= trino_power_of_two(w - 1) THEN u - trino_power_of_two(w) ELSE u END",
    "trino_shift(n) AS CASE WHEN n < 0 THEN error('NOT_SUPPORTED: a shift by a negative number is not supported by "
    "the local Athena') ELSE n END",
    "trino_bitwise_left_shift(x, n, w) AS CASE WHEN trino_shift(n) >= w THEN 0 "
    "ELSE trino_signed((trino_unsigned(x, w) * trino_power_of_two(n)) % trino_power_of_two(w), w) END",
    "trino_bitwise_right_shift(x, n, w) AS CASE WHEN trino_shift(n) >= w THEN 0 WHEN n = 0 THEN CAST(x AS HUGEINT) "
    "ELSE trino_unsigned(x, w) // trino_power_of_two(n) END",
    "trino_bitwise_right_shift_arithmetic(x, n, w) AS CASE WHEN trino_shift(n) >= w THEN CASE WHEN x < 0 THEN -1 "
    "ELSE 0 END WHEN x >= 0 THEN CAST(x AS HUGEINT) // trino_power_of_two(n) "
    "ELSE -1 - ((-1 - CAST(x AS HUGEINT)) // trino_power_of_two(n)) END",
)

define(
    PAGE,
    "scalar",
    ("bitwise_and(bigint, bigint) -> bigint", "({0} & {1})"),
    ("bitwise_or(bigint, bigint) -> bigint", "({0} | {1})"),
    ("bitwise_xor(bigint, bigint) -> bigint", "xor({0}, {1})"),
    ("bitwise_not(bigint) -> bigint", "(~{0})"),
)


@built(PAGE, "scalar", "bit_count")
def bit_count(call: Arguments) -> Typed:
    """Ones in the two's complement of so many bits, a constant from 2 to 64."""
    call.expect(2)
    bits = int(call.literal(1))
    if not 2 <= bits <= 64:
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", "Bits specified in bit_count must be between 2 and 64", call.at)
    value = call.value(0)
    if value.type.name not in INTEGERS:
        raise call.unfit()
    x = converted(value, BIGINT).sql
    ones = f"CAST(bit_count({x}) AS BIGINT)"
    if bits == 64:
        return Typed(ones, BIGINT)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    failed = (
        "error('INVALID_FUNCTION_ARGUMENT: Number must be representable with the bits specified. ' "
        f"|| {x} || ' cannot be represented with {bits} bits')"
    )
    masked = f"CAST(bit_count({x} & CAST({(1 << bits) - 1} AS BIGINT)) AS BIGINT)"
    return Typed(f"CASE WHEN {x} NOT BETWEEN {low} AND {high} THEN {failed} ELSE {masked} END", BIGINT)


@built(PAGE, "scalar", "bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic")
def shifted(call: Arguments) -> Typed:
    """The value moved by so many bits, in its own type."""
    call.expect(2)
    value, by = call.value(0), call.value(1)
    if value.type.name not in INTEGERS or by.type.name not in INTEGERS:
        raise call.unfit()
    width = _WIDTH[value.type.name]
    kind = duckdb_type(value.type)
    return Typed(f"CAST(trino_{call.name}({value.sql}, {by.sql}, {width}) AS {kind})", value.type)
