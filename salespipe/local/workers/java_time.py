"""The part of Java's DateTimeFormatter patterns that stands in S3 prefixes.

https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html, in the English locale.
"""

from __future__ import annotations

import re
from datetime import datetime

_TOKEN = re.compile(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_OTHER = "[]{}#"


class JavaTimeError(ValueError):
    """A letter, or a number of letters, that the formatter does not know."""


def java_format(pattern: str, at: datetime) -> str:
    """`at` (with its time zone) written by the pattern. Raises JavaTimeError."""
    made: list[str] = []
    position = 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None:
            raise JavaTimeError(pattern)
        text, quoted, letter = found[0], found[1], found[2]
        if text == "''":
            made.append("'")
        elif quoted is not None:
            made.append(quoted.replace("''", "'"))
        elif letter:
            made.append(_field(letter, len(text), at))
        elif any(character in _OTHER for character in text):
            raise JavaTimeError(text)
        else:
            made.append(text)
        position = found.end()
    return "".join(made)


def _field(letter: str, width: int, at: datetime) -> str:
    numbers = {
        "M": at.month,
        "L": at.month,
        "d": at.day,
        "D": at.timetuple().tm_yday,
        "H": at.hour,
        "k": at.hour or 24,
        "K": at.hour % 12,
        "h": at.hour % 12 or 12,
        "m": at.minute,
        "s": at.second,
        "A": ((at.hour * 60 + at.minute) * 60 + at.second) * 1000 + at.microsecond // 1000,
        "n": at.microsecond * 1000,
        "e": at.isoweekday() % 7 + 1,
        "w": at.isocalendar().week,
    }
    if letter in "yu":
        return f"{at.year % 100:02d}" if width == 2 else f"{at.year:0{width}d}"
    if letter == "Y":
        year = at.isocalendar().year
        return f"{year % 100:02d}" if width == 2 else f"{year:0{width}d}"
    if letter in "ML" and width >= 3:
        return {3: at.strftime("%b"), 4: at.strftime("%B"), 5: at.strftime("%B")[0]}[min(width, 5)]
    if letter == "E":
        return {4: at.strftime("%A"), 5: at.strftime("%A")[0]}.get(width, at.strftime("%a"))
    if letter == "S":
        return f"{at.microsecond:06d}".ljust(width, "0")[:width]
    if letter == "a":
        return "AM" if at.hour < 12 else "PM"
    if letter in "zVxXZO":
        return _zone(letter, width, at)
    if letter in numbers and (width <= 2 or letter in "DAn"):
        return f"{numbers[letter]:0{width}d}"
    raise JavaTimeError(letter * width)


def _zone(letter: str, width: int, at: datetime) -> str:
    offset = at.strftime("%z") or "+0000"
    if letter == "z":
        return at.tzname() or "UTC"
    if letter == "V":
        return str(at.tzinfo or "UTC")
    if letter == "O":
        return "GMT" if offset == "+0000" else f"GMT{offset[0]}{int(offset[1:3])}:{offset[3:]}"
    if letter == "X" and offset == "+0000":
        return "Z"
    if letter == "Z":
        return f"{offset[:3]}:{offset[3:]}" if width == 5 else offset
    if width == 1 and offset.endswith("00"):
        return offset[:3]
    return f"{offset[:3]}:{offset[3:]}" if width == 3 else offset
