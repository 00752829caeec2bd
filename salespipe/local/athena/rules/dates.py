"""Dates and times: https://trino.io/docs/current/functions/datetime.html

A date that is shifted or cut stays a date; weeks begin on Monday and Monday is 1; differences count whole units.
"""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from salespipe.local.athena import literals, moments
from salespipe.local.athena.as_text import timestamp_text
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import cast, converted, converted_or_none
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time, moved, zone_literal, zone_name
from salespipe.local.athena.types import (
    BIGINT,
    DATE,
    DOUBLE,
    TIMESTAMP_TZ,
    VARCHAR,
    Type,
    common,
    text,
)

PAGE = "functions/datetime.html"
_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_TIME_UNITS = ("millisecond", "second", "minute", "hour")
_MICROSECONDS = {"millisecond": 1000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}
_SHIFTS = {
    "millisecond": "to_milliseconds({0})", "second": "to_seconds({0})", "minute": "to_minutes({0})",
    "hour": "to_hours({0})",
    "day": "to_days(CAST({0} AS INTEGER))", "week": "to_days(CAST({0} * 7 AS INTEGER))",
    "month": "to_months(CAST({0} AS INTEGER))", "quarter": "to_months(CAST({0} * 3 AS INTEGER))",
    "year": "to_years(CAST({0} AS INTEGER))",
}  # fmt: skip
_ISO = r"\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?)?"

macros(
    "trino_iso_timestamp(s) AS CASE WHEN s IS NULL THEN NULL "
    f"WHEN regexp_full_match(s, '{_ISO}(Z|[+-]00:?00)?') THEN timezone('UTC', date_trunc('millisecond', "
    "coalesce(TRY_CAST(replace(replace(regexp_replace(CASE WHEN length(s) = 13 THEN s || ':00' ELSE s END, "
    "'(Z|[+-]00:?00)$', ''), 'T', ' '), ',', '.') AS TIMESTAMP), "
    "error('INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || s || '\"')))) "
    f"WHEN regexp_full_match(s, '{_ISO}[+-]\\d{{2}}(:?\\d{{2}})?') "
    "THEN error('NOT_SUPPORTED: a time zone other than UTC inside a value is not supported by the local Athena') "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || s || '\"') END",
    "trino_malformed(s) AS error('INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || s || '\"')",
    "trino_part(s, a, b) AS TRY_CAST(s[a:b] AS INTEGER)",
    "trino_first_week(s) AS date_trunc('week', make_date(trino_part(s, 1, 4), 1, 4))",
    "trino_iso_week(s) AS CASE WHEN extract(isoyear FROM trino_first_week(s) + to_days(7 * trino_part(s, 7, 8) - 7)) "
    "= trino_part(s, 1, 4) THEN CAST(trino_first_week(s) + to_days(7 * trino_part(s, 7, 8) - 8 "
    "+ coalesce(trino_part(s, 10, 10), 1)) AS DATE) ELSE trino_malformed(s) END",
    "trino_iso_day(s) AS CASE WHEN extract(year FROM make_date(trino_part(s, 1, 4), 1, 1) "
    "+ to_days(trino_part(s, 6, 8) - 1)) = trino_part(s, 1, 4) "
    "THEN CAST(make_date(trino_part(s, 1, 4), 1, 1) + to_days(trino_part(s, 6, 8) - 1) AS DATE) "
    "ELSE trino_malformed(s) END",
    "trino_iso_date(s) AS CASE WHEN s IS NULL THEN NULL WHEN regexp_full_match(s, '\\d{4}-\\d{2}-\\d{2}') "
    "THEN coalesce(TRY_CAST(s AS DATE), trino_malformed(s)) "
    "WHEN regexp_full_match(s, '\\d{4}-W\\d{2}(-[1-7])?') THEN trino_iso_week(s) "
    "WHEN regexp_full_match(s, '\\d{4}-\\d{3}') THEN trino_iso_day(s) ELSE trino_malformed(s) END",
    "trino_unit(u) AS CASE u WHEN 'ns' THEN 0.001 WHEN 'us' THEN 1 WHEN 'ms' THEN 1000 WHEN 's' THEN 1000000 "
    "WHEN 'm' THEN 60000000 WHEN 'h' THEN 3600000000 WHEN 'd' THEN 86400000000 END",
    "trino_duration(s) AS CASE WHEN s IS NULL THEN NULL "
    "WHEN regexp_full_match(s, '\\s*\\d+(\\.\\d+)?\\s*(ns|us|ms|s|m|h|d)\\s*') "
    "THEN to_milliseconds(CAST(round(CAST(regexp_extract(s, '[0-9.]+') AS DOUBLE) "
    "* trino_unit(regexp_extract(s, '[a-z]+')) / 1000) AS BIGINT)) "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: duration is not a valid data duration string: ' || s) END",
    "trino_counted(n, one) AS CASE WHEN n = 1 THEN '1 ' || one WHEN n > 1 THEN n || ' ' || one || 's' END",
    "trino_readable(n) AS CASE WHEN n IS NULL THEN NULL WHEN n < 0 OR n > 1000000000000000 "
    "THEN error('NOT_SUPPORTED: human_readable_seconds of such a number is not supported by the local Athena') "
    "WHEN n = 0 THEN '0 seconds' ELSE array_to_string(list_filter([trino_counted(n // 604800, 'week'), "
    "trino_counted(n // 86400 % 7, 'day'), trino_counted(n // 3600 % 24, 'hour'), "
    "trino_counted(n // 60 % 60, 'minute'), trino_counted(n % 60, 'second')], lambda t: t IS NOT NULL), ', ') END",
)

define(
    PAGE,
    "scalar",
    ("from_iso8601_date(varchar) -> date", "trino_iso_date({0})"),
    ("parse_duration(varchar) -> interval day to second", "trino_duration({0})"),
    ("human_readable_seconds(double) -> varchar", "trino_readable(CAST(round({0}) AS BIGINT))"),
    ("current_timezone() -> varchar", "'UTC'"),
    ("to_milliseconds(interval day to second) -> bigint", "CAST(round(epoch({0}) * 1000) AS BIGINT)"),
)


def moment_of(call: Arguments, index: int) -> Typed:
    value = call.value(index)
    if value.type.name not in ("date", "timestamp", "timestamp with time zone"):
        raise call.unfit()
    return value


def wall(value: Typed) -> str:
    """What clocks in the value's zone show."""
    return local_time(value) if value.type.name == TIMESTAMP_TZ.name else value.sql


def _unit(call: Arguments, type_: Type) -> str:
    unit = call.literal(0).lower()
    if unit not in (*_DATE_UNITS, *_TIME_UNITS):
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid Timestamp field", call.at)
    if type_ == DATE and unit in _TIME_UNITS:
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field", call.at)
    return unit


@built(PAGE, "scalar", "from_iso8601_timestamp")
def from_iso8601_timestamp(call: Arguments) -> Typed:
    """An instant; an offset is kept where the text is a constant, and otherwise has to be UTC."""
    call.expect(1)
    tree = call.trees[0]
    written = re.fullmatch(rf"({_ISO})([+-]\d\d(?::?\d\d)?)", str(tree.this)) if isinstance(tree, exp.Literal) else None
    if written:
        offset = written[written.lastindex or 0]
        zone = zone_name(f"{offset}:00" if len(offset) == 3 else offset)
        wall = local_time(Typed(f"trino_iso_timestamp({text(written[1])})", TIMESTAMP_TZ))
        return Typed(zone_literal(wall, zone), Type(TIMESTAMP_TZ.name, numbers=(3,), zone=zone))
    value = converted_or_none(call.value(0), VARCHAR)
    if value is None:
        raise call.unfit()
    return Typed(f"trino_iso_timestamp({value.sql})", TIMESTAMP_TZ)


@built(PAGE, "scalar", "current_timestamp", "localtimestamp")
def precise_now(call: Arguments) -> Typed:
    """The instant the query began with so many digits of a second."""
    call.expect(1)
    digits = int(call.literal(0))
    if digits > 6:
        raise NotSupported(f"{call.name} with more than 6 digits", call.at)
    return literals.instant(call.expressions, digits, zoned=call.name == "current_timestamp")


@built(PAGE, "scalar", "now")
def now(call: Arguments) -> Typed:
    call.expect(0)
    return literals.current_timestamp(call.expressions, exp.Null())


@built(PAGE, "scalar", "date_trunc")
def date_trunc(call: Arguments) -> Typed:
    """Cut to a unit, in the value's own type and zone."""
    call.expect(2)
    value = moment_of(call, 1)
    unit = _unit(call, value.type)
    if value.type == DATE:
        return Typed(f"CAST(date_trunc('{unit}', {value.sql}) AS DATE)", DATE)
    cut = f"date_trunc('{unit}', {wall(value)})"
    if value.type.name != TIMESTAMP_TZ.name:
        return Typed(cut, value.type)
    if unit in _TIME_UNITS:
        return Typed(f"({value.sql} - ({wall(value)} - {cut}))", value.type)
    return Typed(moved(value, cut), value.type)


@built(PAGE, "scalar", "date_add")
def date_add(call: Arguments) -> Typed:
    """Shift by whole units; months end on the last day where the day does not exist."""
    call.expect(3)
    value = moment_of(call, 2)
    unit = _unit(call, value.type)
    amount = converted(call.value(1), BIGINT).sql
    shift = _SHIFTS[unit].format(amount)
    cut = unit == "millisecond" and value.type.numbers[0] < 3
    if value.type == DATE:
        return Typed(f"CAST({value.sql} + {shift} AS DATE)", DATE)
    if value.type.name == TIMESTAMP_TZ.name and unit not in _TIME_UNITS:
        return Typed(moved(value, f"({wall(value)} + {shift})"), value.type)
    if cut:
        return cast(Typed(f"({value.sql} + {shift})", replace(value.type, numbers=(3,))), value.type)
    return Typed(f"({value.sql} + {shift})", value.type)


@built(PAGE, "scalar", "date_diff")
def date_diff(call: Arguments) -> Typed:
    """Whole units from the first to the second."""
    call.expect(3)
    first, second = moment_of(call, 1), moment_of(call, 2)
    met = common(first.type, second.type) or first.type
    unit = _unit(call, met)
    met = replace(met, zone=first.type.zone)  # the calendar is that of the first
    one, other = converted(first, met), converted(second, met)
    if unit in _MICROSECONDS:  # what passed, where the engine's date_sub counts by the clock and errs before 1970
        return Typed(f"((epoch_us({other.sql}) - epoch_us({one.sql})) // {_MICROSECONDS[unit]})", BIGINT)
    a, b = wall(Typed(one.sql, met)), wall(Typed(other.sql, met))
    if unit in ("day", "week"):
        size = 86_400_000_000 * (7 if unit == "week" else 1)
        return Typed(f"((epoch_us(CAST({b} AS TIMESTAMP)) - epoch_us(CAST({a} AS TIMESTAMP))) // {size})", BIGINT)
    return Typed(f"date_sub('{unit}', {a}, {b})", BIGINT)


@built(PAGE, "scalar", "last_day_of_month")
def last_day_of_month(call: Arguments) -> Typed:
    call.expect(1)
    return Typed(f"last_day({wall(moment_of(call, 0))})", DATE)


@built(PAGE, "scalar", "date")
def date(call: Arguments) -> Typed:
    """`date(x)` is `CAST(x AS date)`."""
    call.expect(1)
    return cast(call.value(0), DATE, at=call.at)


@built(PAGE, "scalar", "from_unixtime")
def from_unixtime(call: Arguments) -> Typed:
    """Seconds since 1970 as an instant, rounded to milliseconds; shown in UTC or the zone given."""
    call.expect(1, 2, 3)
    seconds = converted(call.value(0), DOUBLE).sql
    zone = zone_name(call.literal(1)) if len(call.trees) == 2 else "UTC"
    if len(call.trees) == 3:
        hours, minutes = int(call.literal(1)), int(call.literal(2))
        zone = zone_name(f"+{hours:02}:{minutes:02}")
    instant = f"timezone('UTC', make_timestamp(CAST(round({seconds} * 1000) AS BIGINT) * 1000))"
    return Typed(instant, Type(TIMESTAMP_TZ.name, numbers=(3,), zone=zone))


@built(PAGE, "scalar", "to_unixtime")
def to_unixtime(call: Arguments) -> Typed:
    """Seconds since 1970, with fractions; a timestamp without zone is taken as UTC."""
    call.expect(1)
    value = call.value(0)
    if value.type.name not in ("timestamp", TIMESTAMP_TZ.name):
        raise call.unfit()
    return Typed(f"(CAST(epoch_us({value.sql}) AS DOUBLE) / 1000000)", DOUBLE)


@built(PAGE, "scalar", "at_timezone")
def at_timezone(call: Arguments) -> Typed:
    """The same instant in another zone."""
    call.expect(2)
    return moments.in_zone(call.value(0), zone_name(call.literal(1)), call.at)


@built(PAGE, "scalar", "with_timezone")
def with_timezone(call: Arguments) -> Typed:
    """The instant at which clocks in the zone show the timestamp."""
    call.expect(2)
    value, zone = call.value(0), zone_name(call.literal(1))
    if value.type.name != "timestamp":
        raise call.unfit()
    return Typed(zone_literal(value.sql, zone), Type(TIMESTAMP_TZ.name, numbers=value.type.numbers, zone=zone))


@built(PAGE, "scalar", "to_iso8601")
def to_iso8601(call: Arguments) -> Typed:
    """`2001-08-22T03:04:05.321Z`, without zone for a timestamp, without time for a date."""
    call.expect(1)
    value = moment_of(call, 0)
    if value.type == DATE:
        return Typed(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
    shown = f"replace({timestamp_text(wall(value), value.type)}, ' ', 'T')"
    if value.type.name == "timestamp":
        return Typed(shown, VARCHAR)
    zone = value.type.zone
    if zone != "UTC" and zone[0] not in "+-":
        raise NotSupported("to_iso8601 in a zone with summer time", call.at)
    return Typed(f"({shown} || {text('Z' if zone == 'UTC' else zone)})", VARCHAR)
