"""`format`: https://trino.io/docs/current/functions/conversion.html#format, with the letters of Java's Formatter.

The format has to be a constant. A letter or flag that is not rendered here exactly as Java does is refused. A NULL is
shown as `null`.
"""

from __future__ import annotations

import re

from salespipe.local.athena.as_text import text_of
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, DOUBLE, INTEGERS, TEXT, TIMESTAMP, VARCHAR, text

PAGE = "functions/conversion.html"
_PART = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([tT]?[a-zA-Z%])|([^%]+)", re.DOTALL)
_DATE_LETTERS = {
    "A": "%A", "a": "%a", "B": "%B", "b": "%b", "d": "%d", "e": "%-d", "F": "%Y-%m-%d", "H": "%H", "I": "%I", "j": "%j",
    "k": "%-H", "L": "%g", "l": "%-I", "M": "%M", "m": "%m", "S": "%S", "T": "%H:%M:%S", "Y": "%Y", "y": "%y",
}  # fmt: skip

macros(
    "trino_size_unit(u) AS CASE u WHEN 'B' THEN 1 WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576 WHEN 'GB' THEN 1073741824 "
    "WHEN 'TB' THEN 1099511627776 WHEN 'PB' THEN 1125899906842624 WHEN 'EB' THEN 1152921504606846976 END",
    "trino_data_size(s) AS CASE WHEN s IS NULL THEN NULL "
    "WHEN NOT regexp_full_match(s, '\\d{1,12}(\\.\\d{1,6})?\\s*(B|kB|MB|GB|TB|PB|EB)') "
    "THEN error('NOT_SUPPORTED: the data size ' || s || ' is not supported by the local Athena') "
    "ELSE (CAST(CAST(regexp_extract(s, '[0-9.]+') AS DECIMAL(18,6)) * 1000000 AS HUGEINT) "
    "* CAST(trino_size_unit(regexp_extract(s, '[a-zA-Z]+')) AS HUGEINT)) // 1000000 END",
    "trino_grouped(t) AS CASE WHEN contains(t, '.') THEN format('{:,}', CAST(split_part(t, '.', 1) AS HUGEINT)) || '.' "
    "|| split_part(t, '.', 2) ELSE format('{:,}', CAST(t AS HUGEINT)) END",
    # zeros go between the sign and the digits
    "trino_zeros(sign, t, n) AS sign || CASE WHEN length(sign) + length(t) >= n THEN t "
    "ELSE lpad(t, CAST(n - length(sign) AS INTEGER), '0') END",
    "trino_left(t, n) AS CASE WHEN length(t) >= n THEN t ELSE rpad(t, CAST(n AS INTEGER), ' ') END",
    "trino_right(t, n) AS CASE WHEN length(t) >= n THEN t ELSE lpad(t, CAST(n AS INTEGER), ' ') END",
)

define(PAGE, "scalar", ("parse_data_size(varchar) -> decimal", "CAST(trino_data_size({0}) AS DECIMAL(38,0))"))


@built(PAGE, "scalar", "format")
def format_(call: Arguments) -> Typed:
    if len(call.trees) < 2:
        raise call.unfit()
    first = call.value(0).type
    if first.name not in TEXT:
        message = f"Type of first argument to format() must be VARCHAR (actual: {first})"
        raise QueryFailure("TYPE_MISMATCH", message, call.at)
    written, position, following = call.literal(0), 0, 1
    parts: list[str] = []
    while position < len(written):
        match = _PART.match(written, position)
        if match is None:
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {written}", call.at)
        position = match.end()
        if match[6] is not None or match[5] in ("%", "n"):
            plain = match[6] if match[6] is not None else {"%": "%", "n": "\n"}[match[5]]
            parts.append(text(plain))
            continue
        index = int(match[1]) if match[1] else following
        following += 0 if match[1] else 1
        if not 1 <= index < len(call.trees):
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {written}", call.at)
        parts.append(_shown(call, call.value(index), match))
    return Typed(f"({' || '.join(parts) or text('')})", VARCHAR)


def _shown(call: Arguments, value: Typed, match: re.Match[str]) -> str:
    flags, width, digits, letter = match[2], int(match[3] or 0), match[4], match[5]
    kind, name = letter.lower(), value.type.name
    sql: str | None = None
    if kind == "s" and set(flags) <= {"-"}:
        sql = _plain(value)
        if sql is not None and digits is not None:
            sql = f"left({sql}, {int(digits)})"
    elif kind == "d" and name in INTEGERS and digits is None and set(flags) <= set("-0,"):
        sql = _number(value, f"CAST({converted(value, BIGINT).sql} AS VARCHAR)", flags, width)
    elif kind == "f" and name in ("decimal", "double") and set(flags) <= set("-0,"):
        sql = _number(value, _fixed(value, 6 if digits is None else int(digits)), flags, width)
    elif kind[0] == "t" and letter[1:] in _DATE_LETTERS and name in ("date", "timestamp") and set(flags) <= {"-"}:
        sql = f"strftime({converted(value, TIMESTAMP).sql}, {text(_DATE_LETTERS[letter[1:]])})"
    if sql is None:
        raise NotSupported(f"format's {match[0]!r} of {value.type}", call.at)
    if letter[0].isupper():
        sql = f"upper({sql})"
    sql = f"coalesce({sql}, 'null')"
    if not width or ("0" in flags and kind in "df"):
        return sql
    return f"trino_{'left' if '-' in flags else 'right'}({sql}, {width})"


def _plain(value: Typed) -> str | None:
    """Java's `toString`, where it is known to be the text that CAST gives."""
    if value.type.name in (*TEXT, *INTEGERS, "decimal", "boolean", "date"):
        return text_of(value)
    return f"trino_java_double({value.sql})" if value.type == DOUBLE else None


def _fixed(value: Typed, digits: int) -> str:
    """Halves away from zero, of a double from its shortest digits, as Java rounds."""
    source = value.sql if value.type.name == "decimal" else f"CAST({value.sql} AS VARCHAR)"
    return f"CAST(CAST({source} AS DECIMAL(38,{digits})) AS VARCHAR)"


def _number(value: Typed, sql: str, flags: str, width: int) -> str:
    """-0.001 with two digits is -0.00: the sign is that of the value."""
    sign = f"CASE WHEN CAST({value.sql} AS VARCHAR)[1] = '-' THEN '-' WHEN {value.sql} IS NOT NULL THEN '' END"
    plain = f"ltrim({sql}, '-')"
    if "," in flags:
        plain = f"trino_grouped({plain})"
    if "0" in flags and width:
        return f"trino_zeros({sign}, {plain}, {width})"
    return f"({sign} || {plain})"
