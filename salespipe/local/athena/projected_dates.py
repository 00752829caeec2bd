"""Dates of partition projection: a range with NOW, an interval, and a format of Java's DateTimeFormatter.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html#partition-projection-date-type
Bounds have the precision of the format: NOW of `yyyy/MM/dd/HH` is the hour that has begun, in UTC.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_NOW = re.compile(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?\s*)?", re.IGNORECASE)
_PARTS = re.compile(r"'((?:[^']|'')*)'|(y+|u+|M+|d+|H+|m+|s+|S+)|([A-Za-z])|([^A-Za-z'])")
_FIELDS = {
    "y": "year", "u": "year", "M": "month", "d": "day", "H": "hour", "m": "minute", "s": "second", "S": "fraction",
}  # fmt: skip
_UNITS = {
    "WEEKS": timedelta(weeks=1),
    "DAYS": timedelta(days=1),
    "HOURS": timedelta(hours=1),
    "MINUTES": timedelta(minutes=1),
    "SECONDS": timedelta(seconds=1),
    "MILLISECONDS": timedelta(milliseconds=1),
}
_MONTHS = {"MONTHS": 1, "YEARS": 12}


class Format:
    """A pattern of numbers and literals. Raises ValueError for letters that are not known here."""

    def __init__(self, pattern: str) -> None:
        self._parts: list[tuple[str, int, str]] = []
        expression = ""
        for quoted, letters, other, literal in _PARTS.findall(pattern):
            if other:
                raise ValueError(f"the letter {other} of the format {pattern} is not supported by the local Athena")
            if letters and (letters[0] == "M" and len(letters) > 2):
                raise ValueError(f"{letters} of the format {pattern} is not supported by the local Athena")
            if not letters:
                text = literal or quoted.replace("''", "'") or "'"
                self._parts.append(("", 0, text))
                expression += re.escape(text)
                continue
            name, width = _FIELDS[letters[0]], len(letters)
            self._parts.append((name, width, ""))
            digits = "{1,2}" if width == 1 and name != "year" else "+" if width == 1 else f"{{{width}}}"
            expression += rf"(?P<{name}>\d{digits})" if f"(?P<{name}>" not in expression else rf"(?P={name})"
        self._expression = re.compile(expression)
        self.fields = {name for name, _, _ in self._parts if name}

    def shown(self, value: datetime) -> str:
        """A moment as text."""
        parts = []
        for name, width, text in self._parts:
            if not name:
                parts.append(text)
            elif name == "fraction":
                parts.append(f"{value.microsecond:06}000"[:width])
            elif name == "year" and width == 2:
                parts.append(f"{value.year % 100:02}")
            else:
                parts.append(str(getattr(value, name)).zfill(width))
        return "".join(parts)

    def read(self, text: str) -> datetime | None:
        """The moment a text stands for, parts that are not in the format at their least; None if it is none."""
        match = self._expression.fullmatch(text)
        if match is None:
            return None
        found = {name: int(value) for name, value in match.groupdict().items() if name != "fraction"}
        year = found.get("year", 1970)
        fraction = match.groupdict().get("fraction") or "0"
        try:
            return datetime(
                year + 2000 if year < 100 else year,
                found.get("month", 1),
                found.get("day", 1),
                found.get("hour", 0),
                found.get("minute", 0),
                found.get("second", 0),
                int(fraction[:6].ljust(6, "0")),
                UTC,
            )
        except ValueError:
            return None


@dataclass(frozen=True)
class DateRange:
    """Every `step` (months, or a span of time) from `low` to `high`."""

    format: Format
    low: datetime
    high: datetime
    months: int
    span: timedelta

    @classmethod
    def of(cls, pattern: str, low: str, high: str, interval: str, unit: str, now: datetime) -> DateRange:
        """From a table's properties. Raises ValueError with what is wrong."""
        format_ = Format(pattern)
        if not interval and not unit:
            interval, unit = "1", _own_unit(format_)
        if not interval.isdigit() or int(interval) < 1:
            raise ValueError("interval must be a positive integer")
        unit = unit if unit.endswith("S") else unit + "S"
        if unit not in _UNITS and unit not in _MONTHS:
            raise ValueError("interval.unit is missing or unknown")
        count = int(interval)
        months, span = (count * _MONTHS[unit], timedelta(0)) if unit in _MONTHS else (0, count * _UNITS[unit])
        first, last = _bound(format_, low, now), _bound(format_, high, now)
        if first > last:
            raise ValueError(f"the range {low},{high} is empty")
        return cls(format_, first, last, months, span)

    @property
    def count(self) -> int:
        """How many values there are, about."""
        if self.months:
            return _months_between(self.low, self.high) // self.months + 1
        return (self.high - self.low) // self.span + 1

    def values(self) -> Iterable[str]:
        """Each value once."""
        texts: dict[str, None] = {}
        for number in range(self.count):
            value = _later(self.low, number * self.months) + number * self.span
            if value <= self.high:
                texts[self.format.shown(value)] = None
        return texts

    def member(self, text: str) -> str | None:
        """The value that `text` means, or None; the conditions of the query still decide whether it is that."""
        value = self.format.read(text)
        if value is None or not self.low <= value <= self.high:
            return None
        if self.months:
            on_step = _months_between(self.low, value) % self.months == 0
        else:
            on_step = (value - self.low) % self.span == timedelta(0) or self.format.shown(value) in self.values()
        return self.format.shown(value) if on_step else None


def _own_unit(format_: Format) -> str:
    """The unit of a format that ends at the day or the month."""
    if format_.fields == {"year", "month", "day"}:
        return "DAYS"
    if format_.fields == {"year", "month"}:
        return "MONTHS"
    raise ValueError("interval and interval.unit are required unless the format ends at a day or a month")


def _bound(format_: Format, text: str, now: datetime) -> datetime:
    relative = _NOW.fullmatch(text)
    if relative is None:
        value = format_.read(text)
        if value is None:
            raise ValueError(f"'{text}' does not have the format of the column")
        return value
    sign, count, unit = relative.groups()
    moved = now
    if count:
        number = int(count) * (-1 if sign == "-" else 1)
        name = f"{unit.upper()}S"
        moved = _later(now, number * _MONTHS[name]) if name in _MONTHS else now + number * _UNITS[name]
    truncated = format_.read(format_.shown(moved))
    assert truncated is not None  # it was written in the format itself
    return truncated


def _later(value: datetime, months: int) -> datetime:
    """Some months later, at the last day of a month that is shorter."""
    if not months:
        return value
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    return value.replace(year=year, month=month + 1, day=min(value.day, calendar.monthrange(year, month + 1)[1]))


def _months_between(start: datetime, end: datetime) -> int:
    return (end.year - start.year) * 12 + end.month - start.month
