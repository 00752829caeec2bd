"""Casts from text: what each type reads, and Trino's words for what it does not.

https://trino.io/docs/current/functions/conversion.html. The engine would read `' 12 '` and `12.7` as integers.
"""

from __future__ import annotations

from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import Type, duckdb_type, text

_BOOLEANS_TRUE = "('t', 'true', '1')"
_BOOLEANS_FALSE = "('f', 'false', '0')"
_NUMBER = r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*"
_DOUBLE = r"\s*[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[dDfF]?|NaN|Infinity)\s*"
_DATE = r"\s*[+-]?\d{4,}-\d{1,2}-\d{1,2}\s*"
_TIMESTAMP = r"\s*\d{4,}-\d{1,2}-\d{1,2}([ T]\d{1,2}(:\d{1,2}(:\d{1,2}(\.\d{1,12})?)?)?)?"
_JAVA_NAMES = {"integer": "INT"}


class Fallback:
    """What a failing cast gives: NULL for TRY_CAST, Trino's error otherwise."""

    def __init__(self, attempt: bool) -> None:
        self.attempt = attempt
        self.verb = "TRY_CAST" if attempt else "CAST"

    def error(self, message: str) -> str:
        return "NULL" if self.attempt else f"error('INVALID_CAST_ARGUMENT: ' || {message})"


def _when(value: str, pattern: str, then: str, otherwise: str) -> str:
    return (
        f"CASE WHEN {value} IS NULL THEN NULL WHEN regexp_full_match({value}, {text(pattern)}) "
        f"THEN {then} ELSE {otherwise} END"
    )


def text_integer(value: Typed, target: Type, fallback: Fallback) -> str:
    name = _JAVA_NAMES.get(target.name, target.name.upper())
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to {name}'")
    tried = f"TRY_CAST({value.sql} AS {duckdb_type(target)})"
    return _when(value.sql, r"[+-]?\d+", f"coalesce({tried}, {error})", error)


def text_double(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to {target.name.upper()}'")
    plain = f"regexp_replace(trim({value.sql}), '[dDfF]$', '')"  # Java reads 1.5d
    return _when(value.sql, _DOUBLE, f"CAST({plain} AS {duckdb_type(target)})", error)


def text_decimal(value: Typed, target: Type, fallback: Fallback) -> str:
    kind = f"DECIMAL({target.precision}, {target.scale})"
    error = fallback.error(f"'Cannot cast VARCHAR ''' || {value.sql} || ''' to {kind}. Value is not a number.'")
    large = fallback.error(f"'Cannot cast VARCHAR ''' || {value.sql} || ''' to {kind}. Value too large.'")
    tried = f"TRY_CAST(trim({value.sql}) AS {duckdb_type(target)})"
    return _when(value.sql, _NUMBER, f"coalesce({tried}, {large})", error)


def text_boolean(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Cannot cast ''' || {value.sql} || ''' to BOOLEAN'")
    return (
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN lower({value.sql}) IN {_BOOLEANS_TRUE} THEN true "
        f"WHEN lower({value.sql}) IN {_BOOLEANS_FALSE} THEN false ELSE {error} END"
    )


def text_date(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to date: ' || {value.sql}")
    return _when(value.sql, _DATE, f"coalesce(TRY_CAST(trim({value.sql}) AS DATE), {error})", error)


def text_timestamp(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to timestamp: ' || {value.sql}")
    tried = _read(f"trim({value.sql})", target)
    return _when(value.sql, _TIMESTAMP + r"\s*", f"coalesce({tried}, {error})", error)


def text_timestamp_tz(value: Typed, target: Type, fallback: Fallback) -> str:
    # The zone belongs to the type here, so only texts in that zone can be read.
    error = fallback.error(f"'Value cannot be cast to timestamp with time zone: ' || {value.sql}")
    plain = f"regexp_replace(trim({value.sql}), '\\s*(UTC|Z|[+]00:00)$', '')"
    tried = f"timezone('UTC', {_read(plain, target)})"
    other = "error('NOT_SUPPORTED: a time zone other than UTC inside a value is not supported by the local Athena')"
    return (
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN regexp_full_match({plain}, {text(_TIMESTAMP)}) "
        f"THEN coalesce({tried}, {error}) WHEN regexp_matches({value.sql}, {text('^' + _TIMESTAMP)}) THEN "
        f"{other} ELSE {error} END"
    )


def _read(sql: str, target: Type) -> str:
    """A text as a TIMESTAMP of the type's digits, or NULL. The engine cuts off what is behind the sixth."""
    seventh = f"to_microseconds(CAST(regexp_matches({sql}, '[.][0-9]{{6}}[5-9]') AS INTEGER))"
    read = f"TRY_CAST({sql} AS TIMESTAMP)"
    return f"({read} + {seventh})" if target.numbers[0] == 6 else to_digits(read, target)


def text_time(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Value cannot be cast to time: ' || {value.sql}")
    digits = target.numbers[0]
    if digits > 3:
        raise NotSupported(f"a cast to {target}")
    finer = "error('NOT_SUPPORTED: a time finer than its type is not supported by the local Athena')"
    return (
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN regexp_full_match({value.sql}, '.*[.][0-9]{{{digits + 1},}}')"
        f" THEN {finer} "
        f"ELSE coalesce(TRY_CAST({value.sql} AS TIME), {error}) END"
    )


def to_digits(sql: str, target: Type) -> str:
    """Round to the type's digits of a second."""
    digits = target.numbers[0]
    if digits > 6:
        raise NotSupported(f"a precision above 6, {target},")
    unit = 10 ** (6 - digits)
    return sql if unit == 1 else f"trino_rounded_timestamp({sql}, {unit})"


def fewer_digits(sql: str, source: Type, target: Type) -> str:
    """Round where the target, if it has a time of day, has fewer digits of a second."""
    fewer = source.numbers[:1] > target.numbers[:1] and target.name.startswith("timestamp")
    return to_digits(sql, target) if fewer else sql


def text_uuid(value: Typed, target: Type, fallback: Fallback) -> str:
    error = fallback.error(f"'Cannot cast value to UUID: ' || {value.sql}")
    return _when(value.sql, r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", f"CAST({value.sql} AS UUID)", error)


def decimal_text(sql: str, type_: Type) -> str:
    """The engine leaves the 0 before the point away where the type has no digit there."""
    shown = f"CAST({sql} AS VARCHAR)"
    return shown if type_.precision > type_.scale else f"replace(replace('#' || {shown}, '#-.', '-0.'), '#.', '0.')"
