"""Conversions: what Trino converts by itself, and CAST and TRY_CAST with Trino's rounding, text and refusals.

https://trino.io/docs/current/functions/conversion.html. The engine's own casts differ: it rounds halves of doubles to
even, reads `' 12 '` and `12.7` as integers, and writes 37.7 where Trino writes 3.77E1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from salespipe.local.athena import casts_text, sortable
from salespipe.local.athena.as_text import text_of
from salespipe.local.athena.casts_json import from_json, to_json
from salespipe.local.athena.casts_text import Fallback, fewer_digits
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.failing import tried
from salespipe.local.athena.json_text import once
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time, zone_literal
from salespipe.local.athena.types import (
    INTEGERS,
    REAL,
    TEMPORAL,
    TEXT,
    TIMESTAMP_TZ,
    UNKNOWN,
    Type,
    common,
    duckdb_type,
    map_of,
    quoted,
    row_fields,
)

MACROS = (
    # Halves go to the later; before 1970, too.
    """trino_rounded_timestamp(t, unit) AS time_bucket(to_microseconds(unit), make_timestamp(epoch_us(t) + unit // 2),
        TIMESTAMP '1970-01-01')""",
)


def converted(value: Typed, target: Type) -> Typed:
    """The value as Trino converts it by itself, e.g. an integer where a double is wanted."""
    if value.type == target:
        return value
    if value.type == UNKNOWN:
        return Typed(f"CAST({value.sql} AS {duckdb_type(target)})", target)
    if value.type.name in TEXT and target.name == "varchar":
        return Typed(value.sql, target)
    if value.type.name == target.name == "array" and duckdb_type(value.type) == duckdb_type(target):
        return Typed(value.sql, _zoned(target, value.type))
    if value.type.name == target.name and value.type.name in ("array", "map"):
        parts = zip(value.type.args, target.args, strict=True)
        if all(converted(Typed("e", before), after).sql == "e" for before, after in parts):
            return Typed(value.sql, target)
    return cast(value, target)


def converted_or_none(value: Typed, target: Type) -> Typed | None:
    """The value converted where Trino would do so unasked, else None."""
    return converted(value, target) if common(value.type, target) == target else None


def keyed(value: Typed, key: Typed) -> tuple[str, str] | None:
    """A map and a key in the type in which the key meets those of the map, or None."""
    met = common(value.type.args[0], key.type)
    if met is None:
        return None
    return converted(value, map_of(met, value.type.args[1])).sql, sortable.key(converted(key, met))


def check_zones(values: Sequence[Typed], result: Type, at: tuple[int, int]) -> None:
    """Refuse to bring values of different time zones into one column; one without a zone is taken as UTC."""
    zones = {value.type.zone for value in values if value.type.name in TEMPORAL}
    if result.name == TIMESTAMP_TZ.name and len(zones) > 1:
        raise NotSupported(f"a column with values of several time zones ({', '.join(sorted(zones))})", at)


def cast(value: Typed, target: Type, *, attempt: bool = False, at: tuple[int, int] | None = None) -> Typed:
    """CAST, or TRY_CAST with `attempt`. Raises TYPE_MISMATCH for a pair that Trino refuses to cast."""
    source = value.type
    if source == target:
        return value
    if source == UNKNOWN:
        return Typed(f"CAST({value.sql} AS {duckdb_type(target)})", target)
    target = _zoned(target, source)
    maker = _CASTS.get((_family(source), _family(target)))
    if maker is None:
        raise QueryFailure("TYPE_MISMATCH", f"Cannot cast {source} to {target}", at)
    if attempt and (source.args or target.args):  # what fails anywhere inside fails as a whole
        return Typed(
            once(value.sql, lambda v: f"TRY({tried(maker(Typed(v, source), target, Fallback(False)))})"), target
        )
    return Typed(maker(value, target, Fallback(attempt)), target)


def _zoned(target: Type, source: Type) -> Type:
    """The target with the zones that the instants in the source have."""
    if target.name == TIMESTAMP_TZ.name:
        return replace(target, zone=source.zone)
    if source.name != target.name or len(source.args) != len(target.args):
        return target
    return replace(target, args=tuple(map(_zoned, target.args, source.args)))


def _family(type_: Type) -> str:
    if type_.name in INTEGERS:
        return "integer"
    if type_.name in ("real", "double"):
        return "double"
    return "text" if type_.name in TEXT else type_.name


def _plain(value: Typed, target: Type, fallback: Fallback) -> str:
    return f"{fallback.verb}({value.sql} AS {duckdb_type(target)})"


def _double_decimal(value: Typed, target: Type, fallback: Fallback) -> str:
    """By its shortest digits, as Java's BigDecimal.valueOf does: 1.005 is 1.01, though it is less in binary."""
    kind = f"DECIMAL({target.precision}, {target.scale})"
    digits = f"trino_real_digits({value.sql})" if value.type == REAL else f"CAST({value.sql} AS VARCHAR)"
    shown = f"trino_java_double(CAST({digits} AS DOUBLE))"
    error = fallback.error(f"'Cannot cast {value.type.name.upper()} ''' || {shown} || ''' to {kind}'")
    tried = f"TRY_CAST({digits} AS {duckdb_type(target)})"
    return f"CASE WHEN {value.sql} IS NOT NULL THEN coalesce({tried}, {error}) END"


def _rounded(value: Typed, target: Type, fallback: Fallback) -> str:
    return f"{fallback.verb}(round({value.sql}) AS {duckdb_type(target)})"


def _timestamp_timestamp(value: Typed, target: Type, fallback: Fallback) -> str:
    return fewer_digits(value.sql, value.type, target)


def _to_text(sql: str, target: Type, fallback: Fallback) -> str:
    """Text into `varchar(n)` (cut) or `char(n)` (cut and padded)."""
    if not target.numbers:
        return sql
    cut = f"substring({sql}, 1, {target.numbers[0]})"
    return f"rpad({sql}, {target.numbers[0]}, ' ')" if target.name == "char" else cut


def _any_text(value: Typed, target: Type, fallback: Fallback) -> str:
    """Of anything but a text, one that is too long is no answer."""
    shown = text_of(value)
    if value.type.name in TEXT or not target.numbers:
        return _to_text(shown, target, fallback)
    error = fallback.error(f"'Value ' || {shown} || ' cannot be represented as {target}'")
    fit = f"CASE WHEN length({shown}) > {target.numbers[0]} THEN {error} ELSE {shown} END"
    return _to_text(fit, target, fallback)


def _date_timestamp(value: Typed, target: Type, fallback: Fallback) -> str:
    return f"CAST({value.sql} AS TIMESTAMP)"


def _to_zone(value: Typed, target: Type, fallback: Fallback) -> str:
    return zone_literal(fewer_digits(f"CAST({value.sql} AS TIMESTAMP)", value.type, target), "UTC")


def _zone_zone(value: Typed, target: Type, fallback: Fallback) -> str:
    cut = fewer_digits(value.sql, value.type, target)
    return value.sql if cut == value.sql else zone_literal(cut, "UTC")


def _from_zone(value: Typed, target: Type, fallback: Fallback) -> str:
    wall = local_time(value)
    return f"CAST({fewer_digits(wall, value.type, target)} AS {duckdb_type(target)})"


def _to_time(value: Typed, target: Type, fallback: Fallback) -> str:
    if target.numbers[0] < value.type.numbers[0]:
        raise NotSupported(f"a cast from {value.type} to {target}")
    return _plain(value, target, fallback) if value.type.name == "timestamp" else _from_zone(value, target, fallback)


def _array(value: Typed, target: Type, fallback: Fallback) -> str:
    inner = cast(Typed("e", value.type.args[0]), target.args[0])
    if inner.sql == "e":
        return value.sql
    return f"list_transform({value.sql}, lambda e: {inner.sql})"


def _map(value: Typed, target: Type, fallback: Fallback) -> str:
    key = _array(
        Typed(f"map_keys({value.sql})", Type("array", value.type.args[:1])), Type("array", target.args[:1]), fallback
    )
    item = _array(
        Typed(f"map_values({value.sql})", Type("array", value.type.args[1:])), Type("array", target.args[1:]), fallback
    )
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE map({key}, {item}) END"


def _row(value: Typed, target: Type, fallback: Fallback) -> str:
    if len(value.type.args) != len(target.args):
        raise QueryFailure("TYPE_MISMATCH", f"Cannot cast {value.type} to {target}")
    pairs = zip(row_fields(value.type), row_fields(target), strict=True)
    parts = [
        f"{quoted(new)} := {cast(Typed(f'({value.sql}).{quoted(old)}', before), after).sql}"
        for (old, before), (new, after) in pairs
    ]
    return f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"


def _to_json(value: Typed, target: Type, fallback: Fallback) -> str:
    return to_json(value)


def _from_json(value: Typed, target: Type, fallback: Fallback) -> str:
    def inner(part: Typed, into: Type) -> str:
        return cast(part, into, attempt=fallback.attempt).sql

    return from_json(value.sql, target, inner, fallback.error)


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
    ("double", "decimal"): _double_decimal,
    ("double", "integer"): _rounded,
    ("decimal", "integer"): _rounded,
    ("decimal", "decimal"): _plain,
    ("decimal", "double"): _plain,
    ("text", "integer"): casts_text.text_integer,
    ("text", "double"): casts_text.text_double,
    ("text", "decimal"): casts_text.text_decimal,
    ("text", "boolean"): casts_text.text_boolean,
    ("text", "date"): casts_text.text_date,
    ("text", "timestamp"): casts_text.text_timestamp,
    ("text", "timestamp with time zone"): casts_text.text_timestamp_tz,
    ("text", "time"): casts_text.text_time,
    ("date", "timestamp"): _date_timestamp,
    ("timestamp", "date"): _plain,
    ("timestamp", "time"): _to_time,
    ("timestamp", "timestamp"): _timestamp_timestamp,
    ("date", "timestamp with time zone"): _to_zone,
    ("timestamp", "timestamp with time zone"): _to_zone,
    ("timestamp with time zone", "timestamp with time zone"): _zone_zone,
    ("timestamp with time zone", "timestamp"): _from_zone,
    ("timestamp with time zone", "date"): _from_zone,
    ("timestamp with time zone", "time"): _to_time,
    ("array", "array"): _array,
    ("map", "map"): _map,
    ("row", "row"): _row,
    ("text", "uuid"): casts_text.text_uuid,
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
    **{
        (source, "json"): _to_json
        for source in ("integer", "double", "decimal", "boolean", "text", "date", "timestamp", "array", "map", "row")
    },
    **{
        ("json", target): _from_json
        for target in ("text", "integer", "double", "decimal", "boolean", "array", "map", "row")
    },
}
