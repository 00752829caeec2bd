"""Fields of dates, times and intervals: `year(x)`, `EXTRACT(year FROM x)` and the offset of a time zone.

https://trino.io/docs/current/functions/datetime.html#extraction-function
"""

from __future__ import annotations

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.rules.dates import moment_of, wall
from salespipe.local.athena.rules.registry import built
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, DATE, DAY_INTERVAL, MONTH_INTERVAL, TIMESTAMP_TZ

PAGE = "functions/datetime.html"
_FIELDS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "doy", "doy": "doy",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute", "second": "second",
    "millisecond": "millisecond",
}  # fmt: skip
# Of an interval: what its unit is divided by, and what of that is left.
_OF_MILLISECONDS = {
    "millisecond": (1, 1000), "second": (1000, 60), "minute": (60_000, 60), "hour": (3_600_000, 24),
    "day": (86_400_000, None),
}  # fmt: skip
_OF_MONTHS = {"month": (1, 12), "year": (12, None)}


def _field(name: str, call: Arguments) -> Typed:
    call.expect(1)
    value = call.value(0)
    if value.type in (DAY_INTERVAL, MONTH_INTERVAL):
        return _interval_field(name, call, value)
    if value.type.name == "time" and name in ("hour", "minute", "second", "millisecond"):
        source = value.sql
    else:
        source = wall(moment_of(call, 0))
        if value.type == DATE and name in ("hour", "minute", "second", "millisecond"):
            raise call.unfit()
    part = _FIELDS[name]
    if part == "millisecond":
        return Typed(f"(CAST(extract(millisecond FROM {source}) AS BIGINT) % 1000)", BIGINT)
    return Typed(f"CAST(extract({part} FROM {source}) AS BIGINT)", BIGINT)


def _interval_field(name: str, call: Arguments, value: Typed) -> Typed:
    days = value.type == DAY_INTERVAL
    divided = (_OF_MILLISECONDS if days else _OF_MONTHS).get("day" if name == "day_of_month" else name)
    if divided is None:
        raise call.unfit()
    whole = (
        f"CAST(round(epoch({value.sql}) * 1000) AS BIGINT)"
        if days
        else f"(extract(year FROM {value.sql}) * 12 + extract(month FROM {value.sql}))"
    )
    by, rest = divided
    return Typed(f"({whole} // {by}{f' % {rest}' if rest else ''})", BIGINT)


@built(PAGE, "scalar", *_FIELDS)
def field(call: Arguments) -> Typed:
    """`year(x)` and its kin."""
    return _field(call.name, call)


@built(PAGE, "scalar", *(f"extract_{name}" for name in _FIELDS))
def extract(call: Arguments) -> Typed:
    """`EXTRACT(year FROM x)`."""
    return _field(call.name.removeprefix("extract_"), call)


@built(PAGE, "scalar", "timezone_hour", "timezone_minute", "extract_timezone_hour", "extract_timezone_minute")
def zone_field(call: Arguments) -> Typed:
    """Offset from UTC."""
    call.expect(1)
    value = call.value(0)
    if value.type.name != TIMESTAMP_TZ.name:
        raise call.unfit()
    minutes = f"CAST((epoch_us({wall(value)}) - epoch_us({value.sql})) // 60000000 AS BIGINT)"
    return Typed(f"({minutes} // 60)" if call.name.endswith("hour") else f"({minutes} % 60)", BIGINT)
