"""Numbers: https://trino.io/docs/current/functions/math.html, /bitwise.html

Rounding is half away from zero. Decimals keep exact types: round(decimal(p,s), n) is a decimal(p+1,s).
"""

from __future__ import annotations

from salespipe.local.athena import operators
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.expressions import Arguments
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, DOUBLE, INTEGERS, NUMERIC, Type, decimal, duckdb_type

PAGE = "functions/math.html"
BITS = "functions/bitwise.html"

macros(
    "trino_sqrt(x) AS CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt(x) END",
    # the engine takes a power of 1/3, which misses whole roots by a digit
    "trino_cbrt(x) AS CASE WHEN power(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END",
    "trino_ln(x) AS CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) WHEN x = 0 THEN CAST('-Infinity' AS DOUBLE) "
    "ELSE ln(x) END",
    "trino_width_bucket(x, lo, hi, n) AS CASE WHEN n <= 0 THEN error('INVALID_FUNCTION_ARGUMENT: bucketCount "
    "must be greater than 0') "
    "WHEN lo = hi THEN error('INVALID_FUNCTION_ARGUMENT: bounds cannot equal each other') "
    "WHEN lo < hi AND x < lo OR lo > hi AND x > lo THEN 0 WHEN lo < hi AND x >= hi OR lo > hi AND x <= hi THEN n + 1 "
    "ELSE CAST(floor(n * (x - lo) / (hi - lo)) AS BIGINT) + 1 END",
    "trino_from_base(s, r) AS CASE WHEN s IS NULL THEN NULL ELSE "
    "coalesce(list_reduce(list_transform(string_split(lower(s), ''), "
    "lambda c: CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT)), lambda a, d: a * r + d), 0) END",
)

define(
    PAGE,
    "scalar",
    ("cbrt(double) -> double", "trino_cbrt({0})"),
    ("exp(double) -> double", "exp({0})"),
    ("ln(double) -> double", "trino_ln({0})"),
    ("log2(double) -> double", "(trino_ln({0}) / ln(CAST(2 AS DOUBLE)))"),
    ("log10(double) -> double", "CASE WHEN {0} > 0 THEN log10({0}) ELSE trino_ln({0}) END"),
    ("log(double, double) -> double", "(trino_ln({1}) / trino_ln({0}))"),
    ("sqrt(double) -> double", "trino_sqrt({0})"),
    ("power(double, double) -> double", "power({0}, {1})"),
    ("pow(double, double) -> double", "power({0}, {1})"),
    ("degrees(double) -> double", "degrees({0})"),
    ("radians(double) -> double", "radians({0})"),
    ("sin(double) -> double", "sin({0})"),
    ("cos(double) -> double", "cos({0})"),
    ("tan(double) -> double", "tan({0})"),
    ("asin(double) -> double", "asin({0})"),
    ("acos(double) -> double", "acos({0})"),
    ("atan(double) -> double", "atan({0})"),
    ("atan2(double, double) -> double", "atan2({0}, {1})"),
    ("sinh(double) -> double", "sinh({0})"),
    ("cosh(double) -> double", "cosh({0})"),
    ("tanh(double) -> double", "tanh({0})"),
    ("pi() -> double", "pi()"),
    ("e() -> double", "exp(CAST(1 AS DOUBLE))"),
    ("nan() -> double", "CAST('NaN' AS DOUBLE)"),
    ("infinity() -> double", "CAST('Infinity' AS DOUBLE)"),
    ("is_nan(double) -> boolean", "isnan({0})"),
    ("is_finite(double) -> boolean", "isfinite({0})"),
    ("is_infinite(double) -> boolean", "isinf({0})"),
    ("width_bucket(double, double, double, bigint) -> bigint", "trino_width_bucket({0}, {1}, {2}, {3})"),
    ("to_base(bigint, bigint) -> varchar", "lower(to_base({0}, CAST({1} AS INTEGER)))"),
    ("from_base(varchar, bigint) -> bigint", "trino_from_base({0}, {1})"),
)
define(
    BITS,
    "scalar",
    ("bitwise_and(bigint, bigint) -> bigint", "({0} & {1})"),
    ("bitwise_or(bigint, bigint) -> bigint", "({0} | {1})"),
    ("bitwise_xor(bigint, bigint) -> bigint", "xor({0}, {1})"),
    ("bitwise_not(bigint) -> bigint", "(~{0})"),
)


def _number(call: Arguments) -> Typed:
    value = call.value(0)
    if value.type.name not in NUMERIC:
        raise call.unfit()
    return value


def _whole_type(type_: Type) -> Type:
    return decimal(min(38, max(1, type_.precision - type_.scale + min(1, type_.scale))), 0)


@built(PAGE, "scalar", "abs")
def absolute(call: Arguments) -> Typed:
    call.expect(1)
    value = _number(call)
    return Typed(f"abs({value.sql})", value.type)


@built(PAGE, "scalar", "sign")
def sign(call: Arguments) -> Typed:
    """-1, 0 or 1 in the argument's type; of a decimal as decimal(1,0)."""
    call.expect(1)
    value = _number(call)
    type_ = decimal(1, 0) if value.type.name == "decimal" else value.type
    return Typed(f"CAST(sign({value.sql}) AS {duckdb_type(type_)})", type_)


@built(PAGE, "scalar", "ceil", "ceiling", "floor")
def to_whole(call: Arguments) -> Typed:
    call.expect(1)
    value = _number(call)
    if value.type.name in INTEGERS:
        return value
    type_ = _whole_type(value.type) if value.type.name == "decimal" else value.type
    return Typed(f"CAST({call.name.replace('ceiling', 'ceil')}({value.sql}) AS {duckdb_type(type_)})", type_)


@built(PAGE, "scalar", "round")
def round_(call: Arguments) -> Typed:
    """`round(x)` and `round(x, digits)`."""
    call.expect(1, 2)
    value = _number(call)
    if len(call.trees) == 1:
        type_ = _whole_type(value.type) if value.type.name == "decimal" else value.type
        return Typed(f"CAST(round({value.sql}) AS {duckdb_type(type_)})", type_)
    digits = call.value(1)
    if digits.type.name not in INTEGERS:
        raise call.unfit()
    if value.type.name == "decimal":
        type_ = decimal(min(38, value.type.precision + 1), value.type.scale)
        wide = f"CAST({value.sql} AS {duckdb_type(type_)})"
        return Typed(f"CAST(round({wide}, {digits.sql}) AS {duckdb_type(type_)})", type_)
    return Typed(f"CAST(round({value.sql}, {digits.sql}) AS {duckdb_type(value.type)})", value.type)


@built(PAGE, "scalar", "truncate")
def truncate(call: Arguments) -> Typed:
    """Cut off digits, towards zero."""
    call.expect(1, 2)
    value = _number(call)
    if len(call.trees) == 2:
        if value.type.name != "decimal":
            raise NotSupported(f"truncate({value.type}, n)", call.at)
        digits = int(call.literal(1))
        if not 0 <= digits <= value.type.scale:
            raise NotSupported("truncate to these digits", call.at)
        unit = 10 ** (value.type.scale - digits)
        return Typed(operators.from_whole(f"{operators.whole(value)} // {unit} * {unit}", value.type), value.type)
    if value.type.name == "decimal":
        type_ = decimal(max(1, value.type.precision - value.type.scale), 0)
        unit = 10**value.type.scale
        return Typed(operators.from_whole(f"{operators.whole(value)} // {unit}", type_), type_)
    return Typed(f"CAST(trunc({converted(value, DOUBLE).sql}) AS {duckdb_type(value.type)})", value.type)


@built(PAGE, "scalar", "mod")
def modulus(call: Arguments) -> Typed:
    """`mod(n, m)` is `n % m`."""
    call.expect(2)
    left, right = call.value(0), call.value(1)
    if left.type.name not in NUMERIC or right.type.name not in NUMERIC:
        raise call.unfit()
    return operators.numbers(left, "%", right)


@built(PAGE, "scalar", "rand", "random")
def random_below(call: Arguments) -> Typed:
    """`random()`, or a whole number below n, or from m to below n."""
    call.expect(0, 1, 2)
    if not call.trees:
        return Typed("random()", DOUBLE)
    bounds = [converted(value, BIGINT).sql for value in call.values()]
    low, high = ("0", bounds[0]) if len(bounds) == 1 else bounds
    return Typed(f"CAST(floor({low} + random() * ({high} - {low})) AS BIGINT)", BIGINT)


@built(BITS, "scalar", "bit_count")
def bit_count(call: Arguments) -> Typed:
    """Ones in the two's complement of so many bits; 64 only."""
    call.expect(2)
    if call.literal(1) != "64":
        raise NotSupported("bit_count of other than 64 bits", call.at)
    return Typed(f"CAST(bit_count({converted(call.value(0), BIGINT).sql}) AS BIGINT)", BIGINT)


@built(BITS, "scalar", "bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic")
def shifted(call: Arguments) -> Typed:
    """Shifts of bigints by a constant."""
    call.expect(2)
    value, by = call.value(0), int(call.literal(1))
    if value.type.name not in ("integer", "bigint") or not 0 <= by < 32:
        raise NotSupported(f"{call.name} of {value.type} by {by}", call.at)
    if call.name == "bitwise_right_shift":
        raise NotSupported("bitwise_right_shift", call.at)
    sql = converted(value, BIGINT).sql
    if value.type != BIGINT:
        raise NotSupported(f"{call.name} of {value.type}; cast it to bigint", call.at)
    moved = f"CAST(CAST({sql} AS HUGEINT) * {1 << by} AS BIGINT)" if "left" in call.name else f"({sql} >> {by})"
    return Typed(moved, BIGINT)
