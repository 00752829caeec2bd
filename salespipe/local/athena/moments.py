"""Arithmetic of dates, times and intervals, and AT TIME ZONE.

https://trino.io/docs/current/functions/datetime.html#date-and-time-operators. A date plus a day is a date, in the
engine a timestamp.
"""

from __future__ import annotations

from dataclasses import replace

from salespipe.local.athena.casts import cast, converted
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time, moved
from salespipe.local.athena.types import (
    DATE,
    DAY_INTERVAL,
    INTEGERS,
    MONTH_INTERVAL,
    TIMESTAMP,
    Type,
    common,
    duckdb_type,
)


def moment(left: Typed, symbol: str, right: Typed, at: tuple[int, int]) -> Typed | None:
    """Dates, times and intervals: https://trino.io/docs/current/functions/datetime.html#date-and-time-operators"""
    intervals = (DAY_INTERVAL, MONTH_INTERVAL)
    if symbol == "+" and left.type in intervals and right.type not in intervals:
        left, right = right, left
    if symbol in ("+", "-") and right.type in intervals:
        if left.type == right.type:
            return Typed(f"({left.sql} {symbol} {right.sql})", left.type)
        return _shifted(left, symbol, right, at)
    if symbol == "-" and left.type == right.type == DATE:
        return Typed(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAY_INTERVAL)
    both = common(left.type, right.type)
    if symbol == "-" and both is not None and both.name in ("timestamp", "timestamp with time zone"):
        a, b = converted(left, both), converted(right, both)
        return Typed(f"to_microseconds(epoch_us({a.sql}) - epoch_us({b.sql}))", DAY_INTERVAL)
    if symbol == "*" and right.type in intervals:
        left, right = right, left
    if symbol == "*" and left.type in intervals and right.type.name in INTEGERS:
        return Typed(f"({left.sql} * CAST({right.sql} AS BIGINT))", left.type)
    return None


def _shifted(left: Typed, symbol: str, right: Typed, at: tuple[int, int]) -> Typed | None:
    name = left.type.name
    if name == "date":
        if right.type == DAY_INTERVAL:
            whole_days = (
                f"CASE WHEN epoch_us({left.sql} {symbol} {right.sql}) % 86400000000 = 0 THEN "
                f"CAST({left.sql} {symbol} {right.sql} AS DATE) WHEN {left.sql} IS NULL OR {right.sql} IS NULL "
                "THEN NULL "
                "ELSE error('INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date') END"
            )
            return Typed(whole_days, DATE)
        return Typed(f"CAST({left.sql} {symbol} {right.sql} AS DATE)", DATE)
    if name in ("timestamp", "time"):
        type_ = _with_milliseconds(left.type) if right.type == DAY_INTERVAL else left.type
        return Typed(f"CAST({left.sql} {symbol} {right.sql} AS {duckdb_type(type_)})", type_)
    if name == "timestamp with time zone":
        if right.type == DAY_INTERVAL:
            return Typed(f"({left.sql} {symbol} {right.sql})", _with_milliseconds(left.type))
        return Typed(moved(left, f"({local_time(left)} {symbol} {right.sql})"), left.type)
    return None


def _with_milliseconds(type_: Type) -> Type:
    """An interval has three digits of a second, and its sum with a time no fewer."""
    return replace(type_, numbers=(max(3, type_.numbers[0]),))


def in_zone(value: Typed, zone: str, at: tuple[int, int]) -> Typed:
    """AT TIME ZONE: the same instant shown in another zone; a timestamp without zone is taken as UTC first."""
    if value.type.name == "timestamp with time zone":
        return Typed(value.sql, Type(value.type.name, numbers=value.type.numbers, zone=zone))
    if value.type.name == TIMESTAMP.name:
        instant = cast(value, Type("timestamp with time zone", numbers=value.type.numbers))
        return Typed(instant.sql, Type("timestamp with time zone", numbers=value.type.numbers, zone=zone))
    raise QueryFailure(
        "TYPE_MISMATCH",
        f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
        at,
    )
