"""Values out of the text in which Athena gives them, by the type of their column; no digit is lost.

A text that Python's own type cannot hold (a year above 9999, nanoseconds, a zone that is not known here) stays the
text it is. https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Convert = Callable[[str], object]

_MICROSECONDS = 6


def converter(kind: str) -> Convert:
    """What makes a value of a text; `kind` is a type as in ColumnInfo, e.g. `bigint`, `decimal`."""
    return _BY_TYPE.get(kind, str)


def _boolean(text: str) -> bool:
    return text == "true"


def _date(text: str) -> object:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _timestamp(text: str) -> object:
    if len(text.partition(".")[2]) > _MICROSECONDS:  # which Python would cut off
        return text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _zoned(text: str) -> object:
    wall, _, zone = text.rpartition(" ")
    found, known = _timestamp(wall), _zone(zone)
    return found.replace(tzinfo=known) if isinstance(found, datetime) and known is not None else text


def _zone(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        if name[:1] in ("+", "-"):
            return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return None


def _time(text: str) -> object:
    if len(text.partition(".")[2]) > _MICROSECONDS:
        return text
    try:
        return time.fromisoformat(text)
    except ValueError:
        return text


def _binary(text: str) -> object:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_float=_number)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> float | Decimal:
    """A float where that is the very number, else all its digits."""
    exact, near = Decimal(text), float(text)
    return near if Decimal(repr(near)) == exact else exact


_BY_TYPE: dict[str, Convert] = {
    "boolean": _boolean,
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp with time zone": _zoned,
    "time": _time,
    "varbinary": _binary,
    "json": _json,
}
