"""Time zones. A `timestamp with time zone` is an instant; its zone is part of the translated type, so values of one
column share a zone. Where a statement would mix zones in one column, it is refused.

https://trino.io/docs/current/language/types.html#timestamp-p-with-time-zone
"""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import text

MACROS = (
    # Of a time that clocks show twice Java takes the first and the engine the second. The offset of three hours ago is
    # that of the first, and outside of such hours leads nowhere or to the same instant.
    "trino_first_instant(t, z) AS timezone('UTC', t - (timezone(z, timezone(z, t) - to_hours(3)) "
    "- timezone('UTC', timezone(z, t) - to_hours(3))))",
    "trino_instant(t, z) AS CASE WHEN timezone(z, trino_first_instant(t, z)) = t THEN trino_first_instant(t, z) "
    "ELSE timezone(z, t) END",
    "trino_moved_instant(i, t, z) AS CASE WHEN timezone(z, i + (t - timezone(z, i))) = t "
    "THEN i + (t - timezone(z, i)) ELSE trino_instant(t, z) END",
)
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})")


def zone_name(zone: str) -> str:
    """The zone as Trino shows it. Raises INVALID_FUNCTION_ARGUMENT for one that does not exist."""
    offset = _OFFSET.fullmatch(zone)
    if offset:
        shown = f"{offset[1]}{int(offset[2]):02}:{offset[3]}"
        return "UTC" if shown in ("+00:00", "-00:00") else shown
    if zone in ("Z", "UTC", "GMT", "UT"):
        return "UTC"
    if zone not in available_timezones():
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"'{zone}' is not a valid time zone")
    return zone


def local_time(value: Typed) -> str:
    """The wall-clock TIMESTAMP of an instant in its zone."""
    offset = _OFFSET.fullmatch(value.type.zone)
    if offset:
        return f"(timezone('UTC', {value.sql}) + {_interval(offset)})"
    return f"timezone({text(value.type.zone)}, {value.sql})"


def zone_literal(timestamp: str, zone: str) -> str:
    """The instant at which clocks in `zone` show `timestamp`."""
    offset = _OFFSET.fullmatch(zone)
    if offset:
        return f"timezone('UTC', {timestamp} - {_interval(offset)})"
    return f"timezone('UTC', {timestamp})" if zone == "UTC" else f"trino_instant({timestamp}, {text(zone)})"


def moved(value: Typed, timestamp: str) -> str:
    """An instant whose clocks are set to `timestamp`: with the offset it had, if that is one there (Joda-Time's
    `convertLocalToUTC`)."""
    zone = value.type.zone
    if zone == "UTC" or _OFFSET.fullmatch(zone):
        return zone_literal(timestamp, zone)
    return f"trino_moved_instant({value.sql}, {timestamp}, {text(zone)})"


def _interval(offset: re.Match[str]) -> str:
    minutes = int(offset[2]) * 60 + int(offset[3])
    return f"to_minutes({'-' if offset[1] == '-' else ''}{minutes})"
