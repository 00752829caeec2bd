"""Conversions: what Trino converts by itself, and CAST and TRY_CAST with Trino's rounding, text and refusals.

https://trino.io/docs/current/functions/conversion.html. The engine's own casts differ: it rounds halves of doubles to
even, reads `' 12 '` and `12.7` as integers, and writes 37.7 where Trino writes 3.77E1.
"""

from __future__ import annotations

from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time, zone_literal
from salespipe.local.athena.types import (
    INTEGERS,
    TEXT,
    UNKNOWN,
    VARCHAR,
    Type,
    duckdb_type,
    quoted,
    row_fields,
    text,
)

MACROS = (
    # 3.77E1: one digit before the point, at least one behind it, from the shortest digits that give the value back.
    """trino_scientific(t) AS (
        SELECT CASE WHEN digits = '' THEN sign || '0.0E0'
               ELSE sign || digits[1] || '.' || CASE WHEN length(digits) > 1 THEN digits[2:] ELSE '0' END
                    || 'E' || CAST(point - 1 AS VARCHAR) END
        FROM (SELECT sign, rtrim(ltrim(whole || fraction, '0'), '0') AS digits,
                     length(whole) - (length(whole || fraction) - length(ltrim(whole || fraction, '0'))) + power
                         AS point
              FROM (SELECT CASE WHEN t[1] = '-' THEN '-' ELSE '' END AS sign,
                           split_part(split_part(ltrim(t, '-'), 'e', 1), '.', 1) AS whole,
                           split_part(split_part(ltrim(t, '-'), 'e', 1), '.', 2) AS fraction,
                           coalesce(TRY_CAST(nullif(split_part(t, 'e', 2), '') AS INTEGER), 0) AS power)))""",
    """trino_double_text(x) AS CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) AND x > 0 THEN 'Infinity'
        WHEN isinf(x) THEN '-Infinity' ELSE trino_scientific(CAST(x AS VARCHAR)) END""",
    """trino_milliseconds(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.')
        || lpad(CAST((epoch_us(t) // 1000) % 1000 AS VARCHAR), 3, '0')""",
)

_BOOLEANS_TRUE = "('t', 'true', '1')"
_BOOLEANS_FALSE = "('f', 'false', '0')"
_NUMBER = r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*"
_DOUBLE = r"\s*[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[dDfF]?|NaN|Infinity)\s*"
_DATE = r"\s*[+-]?\d{4,}-\d{1,2}-\d{1,2}\s*"
_TIMESTAMP = r"\s*\d{4,}-\d{1,2}-\d{1,2}([ T]\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d{1,12})?)?)?)?"
_JAVA_NAMES = {"integer": "INT"}


def converted(value: Typed, target: Type) -> Typed:
    """The value as Trino converts it by itself, e.g. an integer where a double is wanted."""
    if value.type == target:
        return value
    if value.type == UNKNOWN:
        return Typed(f"CAST({value.sql} AS {duckdb_type(target)})", target)
    if value.type.name in TEXT and target.name == "varchar":
        return Typed(value.sql, target)
    if value.type.name == target.name == "array" and duckdb_type(value.type) == duckdb_type(target):
        return Typed(value.sql, target)
    return cast(value, target)


def cast(value: Typed, target: Type, *, attempt: bool = False, at: tuple[int, int] | None = None) -> Typed:
    """CAST, or TRY_CAST with `attempt`. Raises TYPE_MISMATCH for a pair that Trino refuses to cast."""
    source = value.type
    if source == target:
        return Typed(value.sql, target)
    if source == UNKNOWN:
        return Typed(f"CAST({value.sql} AS {duckdb_type(target)})", target)
    maker = _CASTS.get((_family(source), _family(target)))
    if maker is None:
        raise QueryFailure("TYPE_MISMATCH", f"Cannot cast {source} to {target}", at)
    return Typed(maker(value, target, _Fallback(attempt)), target)


class _Fallback:
    """What a failing cast gives: NULL for TRY_CAST, Trino's error otherwise."""

    def __init__(self, attempt: bool) -> None:
        self.attempt = attempt
        self.verb = "TRY_CAST" if attempt else "CAST"

    def error(self, message: str) -> str:
        return "NULL" if self.attempt else f"error('INVALID_CAST_ARGUMENT: ' || {message})"


def _family(type_: Type) -> str:
    if type_.name in INTEGERS:
        return "integer"
    if type_.name in ("real", "double"):
        return "double"
    return "text" if type_.name in TEXT else type_.name


def _plain(value: Typed, target: Type, fallback: _Fallback) -> str:
    return f"{fallback.verb}({value.sql} AS {duckdb_type(target)})"


def _rounded(value: Typed, target: Type, fallback: _Fallback) -> str:
    return f"{fallback.verb}(round({value.sql}) AS {duckdb_type(target)})"


def _when(value: str, pattern: str, then: str, otherwise: str) -> str:
    return (
        f"CASE WHEN {value} IS NULL THEN NULL WHEN regexp_full_match({value}, {text(pattern)}) "
        f"THEN {then} ELSE {otherwise} END"
    )


def _text_integer(value: Typed, target: Type, fallback: _Fallback) -> str:
    name = _JAVA_NAMES.get(target.name, target.name.upper())
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to {name}'")
    tried = f"TRY_CAST({value.sql} AS {duckdb_type(target)})"
    return _when(value.sql, r"[+-]?\d+", f"coalesce({tried}, {error})", error)


def _text_double(value: Typed, target: Type, fallback: _Fallback) -> str:
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to {target.name.upper()}'")
    plain = f"regexp_replace(trim({value.sql}), '[dDfF]$', '')"  # Java reads 1.5d
    return _when(value.sql, _DOUBLE, f"CAST({plain} AS {duckdb_type(target)})", error)


def _text_decimal(value: Typed, target: Type, fallback: _Fallback) -> str:
    kind = f"DECIMAL({target.precision}, {target.scale})"
    error = fallback.error(f"'Cannot cast VARCHAR ''' || {value.sql} || ''' to {kind}. Value is not a number.'")
    large = fallback.error(f"'Cannot cast VARCHAR ''' || {value.sql} || ''' to {kind}. Value too large.'")
    tried = f"TRY_CAST(trim({value.sql}) AS {duckdb_type(target)})"
    return _when(value.sql, _NUMBER, f"coalesce({tried}, {large})", error)


def _text_boolean(value: Typed, target: Type, fallback: _Fallback) -> str:
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to BOOLEAN'")
    return (
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN lower({value.sql}) IN {_BOOLEANS_TRUE} THEN true "
        f"WHEN lower({value.sql}) IN {_BOOLEANS_FALSE} THEN false ELSE {error} END"
    )


def _text_date(value: Typed, target: Type, fallback: _Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to date: ' || {value.sql}")
    return _when(value.sql, _DATE, f"coalesce(TRY_CAST(trim({value.sql}) AS DATE), {error})", error)


def _text_timestamp(value: Typed, target: Type, fallback: _Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to timestamp: ' || {value.sql}")
    tried = f"TRY_CAST(trim({value.sql}) AS TIMESTAMP)"
    return _when(value.sql, _TIMESTAMP + r"\s*", f"coalesce({_to_digits(tried, target)}, {error})", error)


def _text_timestamp_tz(value: Typed, target: Type, fallback: _Fallback) -> str:
    # The zone belongs to the type here, so only texts in that zone can be read.
    error = fallback.error(f"'Value cannot be cast to timestamp with time zone: ' || {value.sql}")
    plain = f"regexp_replace(trim({value.sql}), '\\s*(UTC|Z|[+]00:00)$', '')"
    tried = f"timezone('UTC', TRY_CAST({plain} AS TIMESTAMP))"
    other = "error('NOT_SUPPORTED: a time zone other than UTC inside a value is not supported by the local Athena')"
    return (
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN regexp_full_match({plain}, {text(_TIMESTAMP)}) "
        f"THEN coalesce({tried}, {error}) WHEN regexp_matches({value.sql}, {text('^' + _TIMESTAMP)}) THEN "
        f"{other} ELSE {error} END"
    )


def _text_time(value: Typed, target: Type, fallback: _Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to time: ' || {value.sql}")
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE coalesce(TRY_CAST({value.sql} AS TIME), {error}) END"


def _to_digits(sql: str, target: Type) -> str:
    """Round to the type's digits of a second."""
    digits = target.numbers[0]
    if digits > 6:
        raise NotSupported(f"a precision above 6, {target},")
    unit = 10 ** (6 - digits)
    return sql if unit == 1 else f"make_timestamp(((epoch_us({sql}) + {unit // 2}) // {unit}) * {unit})"


def _timestamp_timestamp(value: Typed, target: Type, fallback: _Fallback) -> str:
    return value.sql if target.numbers[0] >= value.type.numbers[0] else _to_digits(value.sql, target)


def _to_text(sql: str, target: Type, fallback: _Fallback) -> str:
    """Text into `varchar(n)` (cut) or `char(n)` (cut and padded)."""
    if not target.numbers:
        return sql
    cut = f"substring({sql}, 1, {target.numbers[0]})"
    return f"rpad({sql}, {target.numbers[0]}, ' ')" if target.name == "char" else cut


def text_of(value: Typed) -> str:
    """A value as CAST(… AS varchar) writes it."""
    sql, name = value.sql, value.type.name
    if name in TEXT:
        return sql
    if name in (*INTEGERS, "decimal", "boolean", "date", "json", "uuid"):
        return f"CAST({sql} AS VARCHAR)"
    if name in ("double", "real"):
        return f"trino_double_text({sql})"
    if name == "timestamp":
        return timestamp_text(sql, value.type)
    if name == "timestamp with time zone":
        return f"({timestamp_text(local_time(value), value.type)} || {text(' ' + value.type.zone)})"
    raise NotSupported(f"a cast from {value.type} to varchar")


def timestamp_text(sql: str, type_: Type) -> str:
    """A TIMESTAMP with as many digits of a second as its type has."""
    digits = type_.numbers[0]
    if digits == 3:
        return f"trino_milliseconds({sql})"
    if digits == 0:
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S')"
    return f"substring(strftime({sql}, '%Y-%m-%d %H:%M:%S.%f'), 1, {20 + digits})"


def _any_text(value: Typed, target: Type, fallback: _Fallback) -> str:
    return _to_text(text_of(value), target, fallback)


def _date_timestamp(value: Typed, target: Type, fallback: _Fallback) -> str:
    return f"CAST({value.sql} AS TIMESTAMP)"


def _to_zone(value: Typed, target: Type, fallback: _Fallback) -> str:
    return zone_literal(f"CAST({value.sql} AS TIMESTAMP)", target.zone)


def _from_zone(value: Typed, target: Type, fallback: _Fallback) -> str:
    return f"CAST({local_time(value)} AS {duckdb_type(target)})"


def _array(value: Typed, target: Type, fallback: _Fallback) -> str:
    inner = cast(Typed("e", value.type.args[0]), target.args[0], attempt=fallback.attempt)
    if inner.sql == "e":
        return value.sql
    return f"list_transform({value.sql}, lambda e: {inner.sql})"


def _map(value: Typed, target: Type, fallback: _Fallback) -> str:
    key = _array(
        Typed(f"map_keys({value.sql})", Type("array", value.type.args[:1])), Type("array", target.args[:1]), fallback
    )
    item = _array(
        Typed(f"map_values({value.sql})", Type("array", value.type.args[1:])), Type("array", target.args[1:]), fallback
    )
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE map({key}, {item}) END"


def _row(value: Typed, target: Type, fallback: _Fallback) -> str:
    if len(value.type.args) != len(target.args):
        raise QueryFailure("TYPE_MISMATCH", f"Cannot cast {value.type} to {target}")
    pairs = zip(row_fields(value.type), row_fields(target), strict=True)
    parts = [
        f"{quoted(new)} := {cast(Typed(f'({value.sql}).{quoted(old)}', before), after, attempt=fallback.attempt).sql}"
        for (old, before), (new, after) in pairs
    ]
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"


def _to_json(value: Typed, target: Type, fallback: _Fallback) -> str:
    return f"to_json({value.sql})"


def _json_scalar(value: Typed, target: Type, fallback: _Fallback) -> str:
    scalar = Typed(f"json_extract_string({value.sql}, '$')", VARCHAR)
    if target.name in TEXT:
        return _to_text(scalar.sql, target, fallback)
    return cast(scalar, target, attempt=fallback.attempt).sql


_CASTS = {
    ("integer", "integer"): _plain,
    ("integer", "double"): _plain,
    ("integer", "decimal"): _plain,
    ("integer", "boolean"): _plain,
    ("boolean", "integer"): _plain,
    ("boolean", "double"): _plain,
    ("boolean", "decimal"): _plain,
    ("double", "boolean"): _plain,
    ("decimal", "boolean"): _plain,
    ("double", "double"): _plain,
    ("double", "decimal"): _plain,
    ("double", "integer"): _rounded,
    ("decimal", "integer"): _rounded,
    ("decimal", "decimal"): _plain,
    ("decimal", "double"): _plain,
    ("text", "integer"): _text_integer,
    ("text", "double"): _text_double,
    ("text", "decimal"): _text_decimal,
    ("text", "boolean"): _text_boolean,
    ("text", "date"): _text_date,
    ("text", "timestamp"): _text_timestamp,
    ("text", "timestamp with time zone"): _text_timestamp_tz,
    ("text", "time"): _text_time,
    ("date", "timestamp"): _date_timestamp,
    ("timestamp", "date"): _plain,
    ("timestamp", "time"): _plain,
    ("timestamp", "timestamp"): _timestamp_timestamp,
    ("date", "timestamp with time zone"): _to_zone,
    ("timestamp", "timestamp with time zone"): _to_zone,
    ("timestamp with time zone", "timestamp with time zone"): lambda value, target, fallback: value.sql,
    ("timestamp with time zone", "timestamp"): _from_zone,
    ("timestamp with time zone", "date"): _from_zone,
    ("timestamp with time zone", "time"): _from_zone,
    ("array", "array"): _array,
    ("map", "map"): _map,
    ("row", "row"): _row,
    ("text", "json"): _to_json,
    **{
        (source, "text"): _any_text
        for source in (
            "integer",
            "double",
            "decimal",
            "boolean",
            "text",
            "date",
            "timestamp",
            "timestamp with time zone",
            "uuid",
        )
    },
    **{(source, "json"): _to_json for source in ("integer", "double", "boolean", "array", "map")},
    **{("json", target): _json_scalar for target in ("text", "integer", "double", "decimal", "boolean")},
}
