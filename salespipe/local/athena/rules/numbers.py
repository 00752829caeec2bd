"""Numbers: https://trino.io/docs/current/functions/math.html

Rounding is half away from zero. Decimals keep exact types: round(decimal(p,s), n) is a decimal(p+1,s).
"""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena import arithmetic
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, DOUBLE, INTEGERS, NUMERIC, Type, decimal, duckdb_type

PAGE = "functions/math.html"

macros(
    "trino_sqrt(x) AS CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt(x) END",
    # the engine takes a power of 1/3, which misses whole roots by a digit
    "trino_cbrt(x) AS CASE WHEN power(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END",
    "trino_ln(x) AS CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) WHEN x = 0 THEN CAST('-Infinity' AS DOUBLE) "
    "ELSE ln(x) END",
    "trino_width_bucket(x, lo, hi, n) AS CASE WHEN n <= 0 THEN error('INVALID_FUNCTION_ARGUMENT: bucketCount "
    "must be greater than 0') "
    "WHEN isnan(x) THEN error('INVALID_FUNCTION_ARGUMENT: operand must not be NaN') "
    "WHEN NOT isfinite(lo) THEN error('INVALID_FUNCTION_ARGUMENT: first bound must be finite') "
    "WHEN NOT isfinite(hi) THEN error('INVALID_FUNCTION_ARGUMENT: second bound must be finite') "
    "WHEN lo = hi THEN error('INVALID_FUNCTION_ARGUMENT: bounds cannot equal each other') "
    "WHEN lo < hi AND x < lo OR lo > hi AND x > lo THEN 0 WHEN lo < hi AND x >= hi OR lo > hi AND x <= hi THEN n + 1 "
    "ELSE CAST(floor(n * (x - lo) / (hi - lo)) AS BIGINT) + 1 END",
    "trino_width_bins(x, bins) AS CASE WHEN len(bins) = 0 THEN error('INVALID_FUNCTION_ARGUMENT: Bins cannot be an "
    "empty array') WHEN isnan(x) THEN error('INVALID_FUNCTION_ARGUMENT: Operand cannot be NaN') "
    "WHEN x IS NULL OR bins IS NULL THEN NULL WHEN len(list_filter(bins, lambda b: NOT isfinite(b))) > 0 "
    "THEN error('NOT_SUPPORTED: width_bucket with bins that are not finite is not supported by the local Athena') "
    "WHEN trino_has_null(bins) OR bins <> list_sort(bins) "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Bin values are not sorted in ascending order') "
    "ELSE CAST(len(list_filter(bins, lambda b: b <= x)) AS BIGINT) END",
    "trino_random(low, high, n) AS CASE WHEN n = 1 AND high <= 0 THEN error('INVALID_FUNCTION_ARGUMENT: bound must be "
    "positive') WHEN low >= high THEN error('INVALID_FUNCTION_ARGUMENT: start value must be less than stop value') "
    "ELSE CAST(floor(low + random() * (high - low)) AS BIGINT) END",
    "trino_radix(r) AS CASE WHEN r NOT BETWEEN 2 AND 36 THEN error('INVALID_FUNCTION_ARGUMENT: Radix must be "
    "between 2 and 36') ELSE r END",
    "trino_to_base(x, r) AS CASE WHEN x < 0 THEN '-' || lower(to_base(-x, CAST(trino_radix(r) AS INTEGER))) "
    "ELSE lower(to_base(x, CAST(trino_radix(r) AS INTEGER))) END",
    "trino_digits(s, r) AS list_transform(string_split(lower(s), ''), "
    "lambda c: CAST(strpos(left('0123456789abcdefghijklmnopqrstuvwxyz', r), c) - 1 AS BIGINT))",
    "trino_from_digits(s, r, sign, whole) AS CASE WHEN s = '' OR list_min(trino_digits(s, r)) < 0 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Not a valid base-' || r || ' number: ' || whole) "
    "ELSE list_reduce(trino_digits(s, r), lambda a, d: a * r + sign * d, CAST(0 AS BIGINT)) END",
    "trino_from_base(s, r) AS CASE WHEN s IS NULL OR r IS NULL THEN NULL WHEN s[1] IN ('-', '+') "
    "THEN trino_from_digits(s[2:], trino_radix(r), CASE WHEN s[1] = '-' THEN -1 ELSE 1 END, s) "
    "ELSE trino_from_digits(s, trino_radix(r), 1, s) END",
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
    ("width_bucket(double, array(double)) -> bigint", "trino_width_bins({0}, {1})"),
    ("to_base(bigint, bigint) -> varchar", "trino_to_base({0}, {1})"),
    ("from_base(varchar, bigint) -> bigint", "trino_from_base({0}, {1})"),
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
    if value.type.name in ("double", "real"):  # NaN and -0 stay what they are
        x = value.sql
        return Typed(
            f"CASE WHEN isnan({x}) OR {x} = 0 THEN {x} ELSE CAST(sign({x}) AS {duckdb_type(type_)}) END", type_
        )
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
        if not isinstance(call.trees[1], (exp.Literal, exp.Neg)):
            raise NotSupported("round of a decimal to digits that are not a constant", call.at)
        type_ = decimal(min(38, value.type.precision + 1), value.type.scale)
        wide = f"CAST({value.sql} AS {duckdb_type(type_)})"
        return Typed(f"CAST(round({wide}, {digits.sql}) AS {duckdb_type(type_)})", type_)
    rounded = f"CAST(round({value.sql}, {digits.sql}) AS {duckdb_type(value.type)})"
    if value.type.name in INTEGERS and not isinstance(call.trees[1], exp.Literal):
        large = f"{value.sql} IS NOT NULL AND {digits.sql} < -18"
        error = f"error('NUMERIC_VALUE_OUT_OF_RANGE: numerical overflow: ' || {value.sql})"
        return Typed(f"CASE WHEN {large} THEN {error} ELSE {rounded} END", value.type)
    return Typed(rounded, value.type)


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
        return Typed(arithmetic.from_whole(f"{arithmetic.whole(value)} // {unit} * {unit}", value.type), value.type)
    if value.type.name == "decimal":
        type_ = decimal(max(1, value.type.precision - value.type.scale), 0)
        unit = 10**value.type.scale
        return Typed(arithmetic.from_whole(f"{arithmetic.whole(value)} // {unit}", type_), type_)
    return Typed(f"CAST(trunc({converted(value, DOUBLE).sql}) AS {duckdb_type(value.type)})", value.type)


@built(PAGE, "scalar", "mod")
def modulus(call: Arguments) -> Typed:
    """`mod(n, m)` is `n % m`."""
    call.expect(2)
    left, right = call.value(0), call.value(1)
    if left.type.name not in NUMERIC or right.type.name not in NUMERIC:
        raise call.unfit()
    return arithmetic.numbers(left, "%", right)


@built(PAGE, "scalar", "rand", "random")
def random_below(call: Arguments) -> Typed:
    """`random()`, or a whole number below n, or from m to below n."""
    call.expect(0, 1, 2)
    if not call.trees:
        return Typed("random()", DOUBLE)
    bounds = [converted(value, BIGINT).sql for value in call.values()]
    low, high = ("0", bounds[0]) if len(bounds) == 1 else bounds
    return Typed(f"trino_random({low}, {high}, {len(bounds)})", BIGINT)
