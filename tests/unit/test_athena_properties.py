"""Arithmetic, dates and texts of any value, against the same computed by Python: by whole numbers and fractions,
`datetime`, `str` and `bytes`. Seeded, so that every run tries the same."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.local.athena.errors import QueryFailure
from tests import athena

seeded = settings(derandomize=True, max_examples=25, deadline=None, database=None)
BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
OVERFLOW, ZERO = "!NUMERIC_VALUE_OUT_OF_RANGE", "!DIVISION_BY_ZERO"


def answers(expressions: Iterable[str]) -> list[str | None]:
    """The answers in one query; where one fails, each by itself, a failure as its name."""
    wanted = list(expressions)
    try:
        return athena.rows(f"SELECT {', '.join(wanted)}")[0]
    except QueryFailure:
        return [_alone(expression) for expression in wanted]


def _alone(expression: str) -> str | None:
    try:
        return athena.answer(expression)
    except QueryFailure as failure:
        return f"!{failure.code}"


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def half_up(value: Fraction, scale: int) -> Decimal:
    """Rounded to so many digits, halves away from zero."""
    shifted = abs(value) * 10**scale
    digits = (2 * shifted.numerator + shifted.denominator) // (2 * shifted.denominator)
    return Decimal(digits if value >= 0 else -digits).scaleb(-scale)


def plain(value: Decimal) -> str:
    shown = format(value, "f")
    return shown.lstrip("-") if not value else shown


# whole numbers

whole = st.sampled_from(sorted(BITS)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.one_of(
            st.integers(-(1 << BITS[name] - 1), (1 << BITS[name] - 1) - 1),
            st.integers(-9, 9),
            st.sampled_from([-(1 << BITS[name] - 1), (1 << BITS[name] - 1) - 1]),
        ),
    )
)


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": truncated,
    "%": lambda a, b: a - b * truncated(a, b),
}


@seeded
@given(whole, whole)
def test_arithmetic_of_whole_numbers(left: tuple[str, int], right: tuple[str, int]) -> None:
    (a_type, a), (b_type, b) = left, right
    kind = max(a_type, b_type, key=BITS.__getitem__)
    expected = []
    for operation in OPERATIONS.values():
        try:
            value = operation(a, b)
        except ZeroDivisionError:
            expected.append(ZERO)
            continue
        fits = -(1 << BITS[kind] - 1) <= value < 1 << BITS[kind] - 1
        expected.append(str(value) if fits else OVERFLOW)
    operands = f"CAST('{a}' AS {a_type})", f"CAST('{b}' AS {b_type})"
    assert answers(f"{operands[0]} {symbol} {operands[1]}" for symbol in OPERATIONS) == expected
    assert answers([f"typeof({operands[0]} + {operands[1]})"]) == [OVERFLOW if expected[0] == OVERFLOW else kind]


@seeded
@given(whole)
def test_signs_of_whole_numbers(value: tuple[str, int]) -> None:
    kind, a = value
    smallest = a == -(1 << BITS[kind] - 1)
    operand = f"CAST('{a}' AS {kind})"
    expected = [OVERFLOW if smallest else str(-a), OVERFLOW if smallest else str(abs(a)), str((a > 0) - (a < 0))]
    assert answers([f"-{operand}", f"abs({operand})", f"sign({operand})"]) == expected


@seeded
@given(whole, st.integers(0, 70))
def test_shifts_of_whole_numbers(value: tuple[str, int], by: int) -> None:
    kind, a = value
    bits = BITS[kind]
    unsigned = a % (1 << bits)
    left = (unsigned << by) % (1 << bits)
    signed = left - (1 << bits) if left >= 1 << bits - 1 else left
    logical = a if by == 0 else unsigned >> by
    names = ("bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic")
    operand = f"CAST('{a}' AS {kind})"
    assert answers(f"{name}({operand}, {by})" for name in names) == [str(signed), str(logical), str(a >> by)]


# decimals: https://trino.io/docs/current/functions/decimal.html#binary-arithmetic-decimal-operators

decimals = st.tuples(st.integers(1, 14), st.integers(0, 8)).flatmap(
    lambda size: st.tuples(
        st.integers(-(10 ** max(size)) + 1, 10 ** max(size) - 1), st.just(max(size)), st.just(min(size))
    )
)


def shown(digits: int, precision: int, scale: int) -> str:
    return f"CAST('{plain(Decimal(digits).scaleb(-scale))}' AS decimal({precision},{scale}))"


@seeded
@given(decimals, decimals)
def test_arithmetic_of_decimals(left: tuple[int, int, int], right: tuple[int, int, int]) -> None:
    (a, xp, xs), (b, yp, ys) = left, right
    x, y = Fraction(a, 10**xs), Fraction(b, 10**ys)
    scale = max(xs, ys)
    quotient = (ZERO, ZERO) if not b else (x / y, x - y * truncated((x / y).numerator, (x / y).denominator))
    results = {
        "+": (min(38, 1 + scale + max(xp - xs, yp - ys)), scale, x + y),
        "-": (min(38, 1 + scale + max(xp - xs, yp - ys)), scale, x - y),
        "*": (min(38, xp + yp), xs + ys, x * y),
        "/": (min(38, xp + ys + max(0, ys - xs)), scale, quotient[0]),
        "%": (max(1, min(xp - xs, yp - ys) + scale), scale, quotient[1]),
    }
    operands = shown(*left), shown(*right)
    expected = []
    for precision, digits, value in results.values():
        rounded = value if isinstance(value, str) else half_up(value, digits)
        fits = isinstance(rounded, str) or abs(rounded) < Decimal(10) ** (precision - digits)
        expected.append(rounded if isinstance(rounded, str) else plain(rounded) if fits else OVERFLOW)
    assert answers(f"{operands[0]} {symbol} {operands[1]}" for symbol in results) == expected
    types = [
        found if found.startswith("!") else f"decimal({precision},{digits})"
        for (precision, digits, _), found in zip(results.values(), expected, strict=True)
    ]
    assert answers(f"typeof({operands[0]} {symbol} {operands[1]})" for symbol in results) == types
    assert answers([f"{operands[0]} < {operands[1]}"]) == [str(x < y).lower()]


@seeded
@given(decimals, st.integers(0, 8))
def test_rounding_of_decimals(value: tuple[int, int, int], digits: int) -> None:
    a, _, scale = value
    x = Fraction(a, 10**scale)
    operand = shown(*value)
    kept = min(digits, scale)
    cut = Fraction(truncated(a, 10 ** (scale - kept)), 10**kept)
    expected = [
        plain(half_up(x, 0)),
        plain(half_up(half_to(x, kept), scale)),
        str(-(-x.numerator // x.denominator)),
        str(x.numerator // x.denominator),
        str(truncated(a, 10**scale)),
        plain(half_up(cut, scale)),
        str(int(half_up(x, 0))),
        plain(half_up(x, digits)),
    ]
    assert (
        answers(
            [
                f"round({operand})",
                f"round({operand}, {digits})",
                f"ceil({operand})",
                f"floor({operand})",
                f"truncate({operand})",
                f"truncate({operand}, {kept})",
                f"CAST({operand} AS bigint)",
                f"CAST({operand} AS decimal(38,{digits}))",
            ]
        )
        == expected
    )


def half_to(value: Fraction, digits: int) -> Fraction:
    return Fraction(half_up(value, digits))


floats = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e38, 1e38)


@seeded
@given(st.lists(st.tuples(floats, st.integers(0, 37)), min_size=10, max_size=30))
def test_doubles_as_decimals(values: list[tuple[float, int]]) -> None:
    """By the shortest digits that give the double back, as BigDecimal.valueOf does (DecimalConversions in Trino's
    source), and not by those of its binary value."""
    with localcontext(prec=400):
        rounded = [(half_up(Fraction(repr(value)), scale), scale) for value, scale in values]
        expected = [plain(value) if abs(value) < Decimal(10) ** (38 - scale) else None for value, scale in rounded]
    assert answers(f"TRY_CAST(DOUBLE '{value!r}' AS decimal(38,{scale}))" for value, scale in values) == expected


# dates

days = st.dates(datetime.date(1900, 1, 1), datetime.date(2199, 12, 31))
moments = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def later_month(day: datetime.date, months: int) -> datetime.date:
    """The same day of another month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def months_between(start: datetime.date, stop: datetime.date) -> int:
    """As many whole months as can be added to the start without passing the stop."""
    if stop < start:
        return -months_between(stop, start)
    count = (stop.year - start.year) * 12 + stop.month - start.month
    return count - (later_month(start, count) > stop)


@seeded
@given(days, days, st.integers(-3000, 3000))
def test_arithmetic_of_dates(one: datetime.date, other: datetime.date, count: int) -> None:
    a, b = f"date '{one}'", f"date '{other}'"
    months = months_between(one, other)
    expected = [
        (one + datetime.timedelta(count // 10), f"{a} + INTERVAL '{count // 10}' DAY"),
        (one - datetime.timedelta(count // 10), f"{a} - INTERVAL '{count // 10}' DAY"),
        (later_month(one, count // 10), f"{a} + INTERVAL '{count // 10}' MONTH"),
        (later_month(one, 12 * (count // 100)), f"{a} + INTERVAL '{count // 100}' YEAR"),
        (one + datetime.timedelta(count), f"date_add('day', {count}, {a})"),
        (one + datetime.timedelta(7 * count), f"date_add('week', {count}, {a})"),
        (later_month(one, count), f"date_add('month', {count}, {a})"),
        (later_month(one, 3 * count), f"date_add('quarter', {count}, {a})"),
        ((other - one).days, f"date_diff('day', {a}, {b})"),
        (truncated((other - one).days, 7), f"date_diff('week', {a}, {b})"),
        (months, f"date_diff('month', {a}, {b})"),
        (truncated(months, 12), f"date_diff('year', {a}, {b})"),
    ]
    assert answers(expression for _, expression in expected) == [str(value) for value, _ in expected]


@seeded
@given(days)
def test_fields_of_dates(day: datetime.date) -> None:
    year, week, weekday = day.isocalendar()
    quarter = (day.month - 1) // 3
    expected = {
        "year({0})": day.year,
        "quarter({0})": quarter + 1,
        "month({0})": day.month,
        "day({0})": day.day,
        "day_of_week({0})": weekday,
        "day_of_year({0})": day.timetuple().tm_yday,
        "week({0})": week,
        "year_of_week({0})": year,
        "last_day_of_month({0})": day.replace(day=calendar.monthrange(day.year, day.month)[1]),
        "date_trunc('week', {0})": day - datetime.timedelta(weekday - 1),
        "date_trunc('month', {0})": day.replace(day=1),
        "date_trunc('quarter', {0})": day.replace(month=3 * quarter + 1, day=1),
        "date_trunc('year', {0})": day.replace(month=1, day=1),
        "date_format({0}, '%Y-%m-%d %j %W')": day.strftime("%Y-%m-%d %j %A"),
        "CAST(CAST({0} AS varchar) AS date)": day,
    }
    assert answers(one.format(f"date '{day}'") for one in expected) == [str(value) for value in expected.values()]


@seeded
@given(moments, moments, st.integers(-100000, 100000))
def test_arithmetic_of_timestamps(one: datetime.datetime, other: datetime.datetime, count: int) -> None:
    a, b = (f"timestamp '{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}'" for moment in (one, other))
    units = {"millisecond": 1, "second": 1000, "minute": 60000, "hour": 3600000, "day": 86400000}
    apart = (other - one) // datetime.timedelta(milliseconds=1)
    expected: dict[str, object] = {}
    for unit, size in units.items():
        expected[f"date_diff('{unit}', {a}, {b})"] = truncated(apart, size)
        shifted = one + datetime.timedelta(milliseconds=size * (count // 10))
        expected[f"date_add('{unit}', {count // 10}, {a})"] = _written(shifted)
    expected[f"date_trunc('hour', {a})"] = _written(one.replace(minute=0, second=0, microsecond=0))
    expected[f"{a} + INTERVAL '{count}' SECOND"] = _written(one + datetime.timedelta(seconds=count))
    expected[f"CAST({a} AS varchar)"] = _written(one)
    expected[f"to_iso8601({a})"] = _written(one).replace(" ", "T")
    expected[f"date_format({a}, '%H:%i:%s.%f')"] = f"{one:%H:%M:%S.%f}"
    expected[f"millisecond({a})"] = one.microsecond // 1000
    expected[f"CAST({a} AS timestamp(0))"] = _written(_to_seconds(one))
    expected[f"{a} < {b}"] = str(one < other).lower()
    assert answers(expected) == [str(value) for value in expected.values()]


def _to_seconds(moment: datetime.datetime) -> datetime.datetime:
    """Rounded to whole seconds, halves to the later."""
    return moment.replace(microsecond=0) + datetime.timedelta(seconds=moment.microsecond >= 500_000)


def _written(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


# texts

letters = st.text(alphabet="ab,-é😀 '", max_size=8)


def part_from(value: str, start: int) -> str:
    if start == 0 or abs(start) > len(value):
        return ""
    return value[start - 1 :] if start > 0 else value[start:]


def padded(value: str, size: int, pad: str, left: bool) -> str:
    filling = (pad * size)[: max(0, size - len(value))]
    return value[:size] if len(value) >= size else filling + value if left else value + filling


def nth(value: str, search: str, number: int) -> int:
    found = [i + 1 for i in range(len(value)) if value.startswith(search, i)]
    return found[number - 1] if number <= len(found) else 0


@seeded
@given(letters, letters.filter(bool), letters, st.integers(-9, 9), st.integers(0, 9))
def test_texts(value: str, search: str, other: str, start: int, size: int) -> None:
    v, s, o = text(value), text(search), text(other)
    parts = value.split(search)
    table = {letter: (other[i] if i < len(other) else "") for i, letter in reversed(list(enumerate(search)))}
    expected: dict[str, str | None] = {
        f"length({v})": str(len(value)),
        f"substr({v}, {start})": part_from(value, start),
        f"substr({v}, {start}, {size})": part_from(value, start)[:size],
        f"reverse({v})": value[::-1],
        f"lpad({v}, {size}, {s})": padded(value, size, search, left=True),
        f"rpad({v}, {size}, {s})": padded(value, size, search, left=False),
        f"split_part({v}, {s}, {size + 1})": parts[size] if size < len(parts) else None,
        f"cardinality(split({v}, {s}))": str(len(parts)),
        f"array_join(split({v}, {s}), '|')": "|".join(parts),
        f"strpos({v}, {s})": str(value.find(search) + 1),
        f"strpos({v}, {s}, 2)": str(nth(value, search, 2)),
        f"position({s} IN {v})": str(value.find(search) + 1),
        f"replace({v}, {s}, {o})": value.replace(search, other),
        f"replace({v}, {s})": value.replace(search, ""),
        f"translate({v}, {s}, {o})": "".join(table.get(letter, letter) for letter in value),
        f"{v} || {o}": value + other,
        f"starts_with({v}, {s})": str(value.startswith(search)).lower(),
        f"{v} < {o}": str(value < other).lower(),
        f"trim({v})": value.strip(" "),
    }
    assert answers(expected) == list(expected.values())


@seeded
@given(st.binary(max_size=8), st.integers(-9, 9), st.integers(0, 9))
def test_bytes(value: bytes, start: int, size: int) -> None:
    b = f"X'{value.hex()}'"
    rest = b"" if start == 0 or abs(start) > len(value) else value[start - 1 :] if start > 0 else value[start:]
    expected = {
        f"to_hex({b})": value.hex().upper(),
        f"to_hex(substr({b}, {start}))": rest.hex().upper(),
        f"to_hex(substr({b}, {start}, {size}))": rest[:size].hex().upper(),
        f"to_hex(reverse({b}))": value[::-1].hex().upper(),
        f"length({b})": str(len(value)),
    }
    assert answers(expected) == list(expected.values())


@pytest.mark.parametrize("radix", [2, 10, 16, 36])
def test_numbers_in_a_base_come_back(radix: int) -> None:
    numbers = [0, 1, -1, 255, -4096, 9223372036854775807]
    assert answers(f"from_base(to_base({n}, {radix}), {radix})" for n in numbers) == [str(n) for n in numbers]
