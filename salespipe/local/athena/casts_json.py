"""Casts to and from JSON: https://trino.io/docs/current/functions/json.html#cast-to-json

The engine's own `to_json` writes 1.1 for a decimal 1.10 and keeps the order of a map's keys; its casts from JSON take
what does not fit for NULL. Here every value is written and read by its type.
"""

from __future__ import annotations

from collections.abc import Callable

from salespipe.local.athena.casts_text import decimal_text
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.json_text import once
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGERS,
    TEXT,
    VARCHAR,
    Type,
    duckdb_type,
    quoted,
    row_fields,
    text,
)

Cast = Callable[[Typed, Type], str]

# A number of more than the 17 digits that a double may have, zeros in front aside; the engine would read it as one.
_LONG = "|".join(rf"[0-9]{{{whole}}}[.][0-9]{{{18 - whole}}}" for whole in range(18)) + "|[0-9]{20}"
MACROS = (
    r"trino_json_digits(j) AS regexp_replace(trino_json_bare(CAST(j AS VARCHAR)), '(^|[^0-9.])0[.]0*', '\1.', 'g')",
    f"trino_json_beyond(j) AS CASE WHEN regexp_matches(CAST(j AS VARCHAR), '[0-9.]{{19}}') "
    f"THEN regexp_matches(trino_json_digits(j), '{_LONG}') ELSE false END",
    "trino_json_exact(j) AS CASE WHEN trino_json_beyond(j) THEN error('NOT_SUPPORTED: a cast to decimal of JSON with "
    "a number of more than 17 digits is not supported by the local Athena') ELSE j END",
    # a member whatever the case of its name
    "trino_json_member(j, n) AS CASE WHEN len(list_filter(json_keys(j), lambda k: lower(k) = n)) > 1 "
    "THEN error('INVALID_CAST_ARGUMENT: Cannot cast to row. Duplicate field: ' || n) ELSE json_extract(j, '$.*')["
    "list_position(list_transform(json_keys(j), lambda k: lower(k)), n)] END",
    "trino_no_text(j) AS error('INVALID_CAST_ARGUMENT: Cannot cast ''' || CAST(j AS VARCHAR) || ''' to varchar')",
    "trino_json_text(j) AS CASE json_type(j) WHEN 'NULL' THEN NULL WHEN 'OBJECT' THEN trino_no_text(j) "
    "WHEN 'ARRAY' THEN trino_no_text(j) WHEN 'DOUBLE' THEN "
    "CASE WHEN regexp_full_match(CAST(j AS VARCHAR), '-?[0-9]+') THEN CAST(j AS VARCHAR) "
    "ELSE trino_double_text(TRY_CAST(json_extract_string(j, '$') AS DOUBLE)) END ELSE json_extract_string(j, '$') END",
)


def to_json(value: Typed) -> str:
    """The engine's JSON of a value. Raises TYPE_MISMATCH for a type that Trino does not cast to JSON."""
    return f"CAST({json_text(value)} AS JSON)"


def json_text(value: Typed) -> str:
    """A value as JSON text; NULL of NULL."""
    sql, type_ = value.sql, value.type
    if type_.name == "json":
        return f"CAST({sql} AS VARCHAR)"
    if type_.name in TEXT:
        return f"CAST(to_json({sql}) AS VARCHAR)"
    if type_.name == "decimal":
        return decimal_text(sql, type_)
    if type_.name in (*INTEGERS, "boolean", "unknown"):
        return f"CAST({sql} AS VARCHAR)"
    if type_.name == "double":
        return f"trino_json_double({sql})"
    if type_.name == "date":
        return f"('\"' || trino_date_text({sql}) || '\"')"
    if type_.name == "array":
        return f"trino_json_list({_each(sql, type_.args[0])})"
    if type_.name == "map" and type_.args[0].name in TEXT:
        return f"trino_json_members(map_keys({sql}), {_each(f'map_values({sql})', type_.args[1])})"
    if type_.name == "row" and all(type_.fields):
        return _row_text(sql, type_)
    if type_.name in ("row", "map", "timestamp", "real"):
        raise NotSupported(f"a cast from {type_} to json")
    raise QueryFailure("TYPE_MISMATCH", f"Cannot cast {type_} to json")


def _each(sql: str, element: Type) -> str:
    return f"list_transform({sql}, lambda e: {json_text(Typed('e', element))})"


def _row_text(sql: str, row: Type) -> str:
    parts = []
    for name, type_ in row_fields(row):
        key = text(f'"{name}":')
        parts.append(f"{key} || coalesce({json_text(Typed(f'({sql}).{quoted(name)}', type_))}, 'null')")
    inside = " || ',' || ".join(parts)
    return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {inside} || '}}' END"


def _number(sql: str, target: Type, cast: Cast, failed: str) -> str:
    """A number or boolean from a number, a boolean, or a text of it; what has a fraction is rounded to a whole number.

    (JsonUtil.currentTokenAsBigint and its kin in Trino's source.)
    """
    written = f"json_extract_string({sql}, '$')"
    plain = cast(Typed(written, VARCHAR), target)
    truth = cast(Typed(f"({written} = 'true')", BOOLEAN), target)
    double = cast(Typed(f"CAST({written} AS DOUBLE)", DOUBLE), target) if target.name != "decimal" else plain
    whole = f"({cast(Typed(written, VARCHAR), BIGINT)} <> 0)" if target == BOOLEAN else plain
    return (
        f"CASE json_type({sql}) WHEN 'OBJECT' THEN {failed} WHEN 'ARRAY' THEN {failed} WHEN 'BOOLEAN' THEN {truth} "
        f"WHEN 'DOUBLE' THEN {double} WHEN 'VARCHAR' THEN {plain} ELSE {whole} END"
    )


def _within(shown: str, target: Type) -> str:
    """A text of no more than the type's length: of a longer one some releases of Trino give all, others fail."""
    refused = text(f"NOT_SUPPORTED: a cast from JSON to {target} of a longer text is not supported by the local Athena")
    return f"CASE WHEN length({shown}) > {target.numbers[0]} THEN error({refused}) ELSE {shown} END"


def from_json(sql: str, target: Type, cast: Cast, error: Callable[[str], str]) -> str:
    """A JSON value as `target`; `cast` casts a text, `error` is what a value that does not fit gives."""
    exact = f"trino_json_exact({sql})" if _has_decimal(target) else sql
    return _part(exact, target, cast, error)


def _has_decimal(type_: Type) -> bool:
    return type_.name == "decimal" or any(map(_has_decimal, type_.args))


def _part(sql: str, target: Type, cast: Cast, error: Callable[[str], str]) -> str:
    return once(sql, lambda value: _from_json(value, target, cast, error))


def _from_json(sql: str, target: Type, cast: Cast, error: Callable[[str], str]) -> str:
    failed = error(f"'Cannot cast to {target}. Expected a JSON value of that form, but got ' || CAST({sql} AS VARCHAR)")
    null = f"json_type({sql}) IS NULL OR json_type({sql}) = 'NULL'"
    if target.name == "json":
        return sql
    if target.name == "char":
        raise QueryFailure("TYPE_MISMATCH", f"Cannot cast json to {target}")
    if target.name == "varchar" and target.numbers:
        return once(f"trino_json_text({sql})", lambda shown: _within(shown, target))
    if target.name == "varchar":
        return f"trino_json_text({sql})"
    if target.name in (*INTEGERS, "double", "real", "decimal", "boolean"):
        return _number(sql, target, cast, failed)
    if target.name == "array":
        items = f"list_transform(json_extract({sql}, '$[*]'), lambda e: {_part('e', target.args[0], cast, error)})"
        return f"CASE WHEN {null} THEN NULL WHEN json_type({sql}) = 'ARRAY' THEN {items} ELSE {failed} END"
    if target.name == "map" and target.args[0].name in TEXT:
        items = f"list_transform(json_extract({sql}, '$.*'), lambda e: {_part('e', target.args[1], cast, error)})"
        made = f"trino_map(json_keys({sql}), {items})"
        return f"CASE WHEN {null} THEN NULL WHEN json_type({sql}) = 'OBJECT' THEN {made} ELSE {failed} END"
    if target.name == "row":
        named, placed = [], []
        for index, (name, type_) in enumerate(row_fields(target)):
            member = _part(f"trino_json_member({sql}, {text(name.lower())})", type_, cast, error)
            named.append(f"{quoted(name)} := CAST({member} AS {duckdb_type(type_)})")
            place = _part(f"json_extract({sql}, '$[{index}]')", type_, cast, error)
            placed.append(f"{quoted(name)} := CAST({place} AS {duckdb_type(type_)})")
        return (
            f"CASE WHEN {null} THEN NULL WHEN json_type({sql}) = 'OBJECT' THEN struct_pack({', '.join(named)}) "
            f"WHEN json_array_length({sql}) = {len(placed)} THEN struct_pack({', '.join(placed)}) ELSE {failed} END"
        )
    raise NotSupported(f"a cast from json to {target}")
