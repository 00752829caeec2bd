"""Texts of dates: date_format and date_parse with MySQL's letters, format_datetime and parse_datetime with Joda's.

https://trino.io/docs/current/functions/datetime.html#mysql-date-functions, #java-date-functions
Formats have to be constants. A letter that cannot be rendered exactly is refused.
"""

from __future__ import annotations

import re

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.casts_text import to_digits
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.rules.registry import built, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time
from salespipe.local.athena.types import TIMESTAMP, TIMESTAMP_TZ, VARCHAR, text

PAGE = "functions/datetime.html"

_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%g000", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_MYSQL_REFUSED = "DUuVwX"
_MYSQL_PARSED = {**_MYSQL, "f": "%f", "c": "%m", "e": "%d", "k": "%H", "l": "%I"}
_JODA = {
    "y": "%Y", "yy": "%y", "yyyy": "%Y", "Y": "%Y", "YY": "%y", "YYYY": "%Y", "x": "%G", "xxxx": "%G", "M": "%-m",
    "MM": "%m", "MMM": "%b", "MMMM": "%B", "d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j", "H": "%-H", "HH": "%H",
    "h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S", "SSS": "%g", "SSSSSS": "%g000", "a": "%p",
    "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A", "ww": "%V", "e": "%u",
}  # fmt: skip
_JODA_PARSED = {
    # two digits of a year mean one near to now
    **{run: code.replace("%-", "%") for run, code in _JODA.items() if run not in ("yy", "YY")},
    "SSS": "%g", "SSSSSS": "%f",
}  # fmt: skip
_JODA_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


macros(
    "trino_two_digits(t) AS CASE WHEN extract(year FROM t) = 1969 THEN t + to_years(100) ELSE t END",
    "trino_half_day(t) AS CASE WHEN extract(hour FROM t) = 12 THEN t - to_hours(12) ELSE t END",
)


def _mysql(pattern: str, codes: dict[str, str], at: tuple[int, int]) -> str:
    out, letters = "", iter(pattern)
    for letter in letters:
        if letter != "%":
            out += letter
            continue
        code = next(letters, "")
        if code in _MYSQL_REFUSED or not code:
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"%{code} not supported in date format string", at)
        out += codes.get(code, code)
    return out


def _joda(pattern: str, codes: dict[str, str], zone: str | None, at: tuple[int, int]) -> str:
    out, position = "", 0
    while position < len(pattern):
        match = _JODA_TOKEN.match(pattern, position)
        if match is None:
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Unterminated quote in pattern {pattern!r}", at)
        position = match.end()
        run = match.group()
        if match[1] is not None:
            out += (match[1].replace("''", "'") or "'").replace("%", "%%")
        elif match[2] is None:
            out += run.replace("%", "%%")
        elif run in codes:
            out += codes[run]
        elif match[2] in "Zz" and zone == "UTC":
            out += {"Z": "+0000", "ZZ": "+00:00"}.get(run, "UTC")
        else:
            raise NotSupported(f"the date pattern {run!r}", at)
    return out


def _shown(call: Arguments) -> str:
    value = call.value(0)
    if value.type.name == "date":
        return converted(value, TIMESTAMP).sql
    if value.type.name not in ("timestamp", TIMESTAMP_TZ.name):
        raise call.unfit()
    wall = local_time(value) if value.type.name == TIMESTAMP_TZ.name else value.sql
    return wall if value.type.numbers[0] <= 3 else to_digits(wall, TIMESTAMP)


@built(PAGE, "scalar", "date_format")
def date_format(call: Arguments) -> Typed:
    call.expect(2)
    return Typed(f"strftime({_shown(call)}, {text(_mysql(call.literal(1), _MYSQL, call.at))})", VARCHAR)


@built(PAGE, "scalar", "format_datetime")
def format_datetime(call: Arguments) -> Typed:
    call.expect(2)
    type_ = call.value(0).type
    pattern = _joda(call.literal(1), _JODA, type_.zone if type_.name == TIMESTAMP_TZ.name else "UTC", call.at)
    return Typed(f"strftime({_shown(call)}, {text(pattern)})", VARCHAR)


@built(PAGE, "scalar", "date_parse")
def date_parse(call: Arguments) -> Typed:
    """A timestamp; a text that does not fit the format fails."""
    call.expect(2)
    pattern = _mysql(call.literal(1), _MYSQL_PARSED, call.at)
    parsed = _clock_hour(_parsed(call, pattern), pattern)
    if "%y" in pattern.replace("%%", ""):  # two digits mean 1970 to 2069, in the engine 1969 to 2068
        parsed = f"trino_two_digits({parsed})"
    return Typed(parsed, TIMESTAMP)


@built(PAGE, "scalar", "parse_datetime")
def parse_datetime(call: Arguments) -> Typed:
    """An instant, of a text without zone taken as UTC."""
    call.expect(2)
    pattern = _joda(call.literal(1), _JODA_PARSED, None, call.at)
    return Typed(f"timezone('UTC', {_clock_hour(_parsed(call, pattern), pattern)})", TIMESTAMP_TZ)


def _clock_hour(parsed: str, pattern: str) -> str:
    """12 of a half day that is not named is midnight."""
    codes = set(re.findall("%-?.", pattern))
    return f"trino_half_day({parsed})" if "%I" in codes and "%p" not in codes else parsed


def _year(pattern: str) -> str:
    """The year of a text that has none: Joda's are 2000 with a month or day, and 1970 without."""
    codes = {code[-1] for code in re.findall("%-?.", pattern)}
    if codes & set("YyG"):
        return ""
    return "2000 " if codes & set("mbBdj") else "1970 "


def _parsed(call: Arguments, pattern: str) -> str:
    value = call.value(0)
    if value.type.name not in ("varchar", "char", "unknown"):
        raise call.unfit()
    sql = converted(value, VARCHAR).sql
    year = _year(pattern)
    dated, pattern = (f"({text(year)} || {sql})", f"%Y {pattern}") if year else (sql, pattern)
    failed = f"error('INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || {sql} || '\"')"
    blanks = len(re.findall(r"\s", pattern))  # the engine passes over any number
    fits = f"WHEN len(regexp_extract_all({dated}, '\\s')) <> {blanks} THEN {failed}"
    parsed = f"coalesce(try_strptime({dated}, {text(pattern)}), {failed})"
    return f"CASE WHEN {sql} IS NULL THEN NULL {fits} ELSE {parsed} END"
