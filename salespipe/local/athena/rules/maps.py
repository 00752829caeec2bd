"""Maps: https://trino.io/docs/current/functions/map.html"""

from __future__ import annotations

from salespipe.local.athena.expressions import Arguments
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BOOLEAN, UNKNOWN, Type, array, map_of

PAGE = "functions/map.html"

macros(
    # of equal keys the last stays
    "trino_map_of_entries(l) AS map_from_entries(list_filter(l, lambda p, i: len(list_filter(l[i + 1:], "
    "lambda o: o.k = p.k)) = 0))",
    "trino_map(k, v) AS CASE WHEN len(k) <> len(v) THEN error('INVALID_FUNCTION_ARGUMENT: Key and value "
    "arrays must be the same length') "
    "WHEN len(list_filter(k, lambda e: e IS NULL)) > 0 THEN error('INVALID_FUNCTION_ARGUMENT: map key cannot be null') "
    "WHEN len(list_distinct(k)) < len(k) THEN error('INVALID_FUNCTION_ARGUMENT: Duplicate map keys are not allowed') "
    "ELSE map(k, v) END",
    "trino_split_to_map(s, e, k) AS trino_map(list_transform(string_split(s, e), lambda p: split_part(p, k, 1)), "
    "list_transform(string_split(s, e), lambda p: split_part(p, k, 2)))",
)

define(
    PAGE,
    "scalar",
    ("map(array(K), array(V)) -> map(K,V)", "trino_map({0}, {1})"),
    ("map_keys(map(K,V)) -> array(K)", "map_keys({0})"),
    ("map_values(map(K,V)) -> array(V)", "map_values({0})"),
    ("split_to_map(varchar, varchar, varchar) -> map(varchar,varchar)", "trino_split_to_map({0}, {1}, {2})"),
    ("map_concat(map(K,V), map(K,V)...) -> map(K,V)", "map_concat({args})"),
)


@built(PAGE, "scalar", "map_entries")
def map_entries(call: Arguments) -> Typed:
    """An array of rows of key and value."""
    call.expect(1)
    value = call.value(0)
    if value.type.name != "map":
        raise call.unfit()
    row = Type("row", value.type.args, fields=(None, None))
    pairs = f"list_transform(map_entries({value.sql}), lambda p: struct_pack(field0 := p.key, field1 := p.value))"
    return Typed(pairs, array(row))


@built(PAGE, "scalar", "map_filter")
def map_filter(call: Arguments) -> Typed:
    call.expect(2)
    value = _map(call)
    body = call.function(1, *value.type.args)
    if body.type != BOOLEAN:
        raise call.unfit()
    return Typed(f"map_from_entries(list_filter(map_entries({value.sql}), {_over_entries(body)}))", value.type)


@built(PAGE, "scalar", "transform_values")
def transform_values(call: Arguments) -> Typed:
    call.expect(2)
    value = _map(call)
    body = call.function(1, *value.type.args)
    values = f"list_transform(map_entries({value.sql}), {_over_entries(body)})"
    return Typed(f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE map(map_keys({value.sql}), {values}) END",
                 map_of(value.type.args[0], body.type))  # fmt: skip


@built(PAGE, "scalar", "transform_keys")
def transform_keys(call: Arguments) -> Typed:
    """Keys that become equal or NULL fail."""
    call.expect(2)
    value = _map(call)
    body = call.function(1, *value.type.args)
    keys = f"list_transform(map_entries({value.sql}), {_over_entries(body)})"
    return Typed(f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE trino_map({keys}, map_values({value.sql})) END",
                 map_of(body.type, value.type.args[1]))  # fmt: skip


@built(PAGE, "scalar", "row")
def row(call: Arguments) -> Typed:
    """https://trino.io/docs/current/language/types.html#row"""
    return call.expressions.row(call.trees)


def _map(call: Arguments) -> Typed:
    value = call.value(0)
    if value.type.name != "map" or UNKNOWN in value.type.args:
        raise call.unfit()
    return value


def _over_entries(body: Typed) -> str:
    """A lambda of (key, value) as one of the engine's entries."""
    names, _, sql = body.sql.removeprefix("lambda ").partition(": ")
    key, value = names.split(", ")
    inner = f"list_transform([p.key], lambda {key}: list_transform([p.value], lambda {value}: {sql})[1])[1]"
    return f"lambda p: {inner}"
