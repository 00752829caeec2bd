"""Maps: https://trino.io/docs/current/functions/map.html"""

from __future__ import annotations

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.json_text import once
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import keys
from salespipe.local.athena.types import BOOLEAN, UNKNOWN, Type, array, map_of, quoted, row_fields

PAGE = "functions/map.html"
_GIVEN = "{0} IS NOT NULL AND {1} IS NOT NULL AND {2} IS NOT NULL"

macros(
    # Entries by their keys, with their places: what is equal stands together, as to look each up in all takes too long.
    "trino_by_key(l) AS list_sort(list_transform(l, lambda p, i: struct_pack(k := p.k, i := i)))",
    "trino_starts(s) AS list_filter(range(1, len(s) + 1), lambda j: j = 1 OR (s[j - 1]).k IS DISTINCT FROM (s[j]).k)",
    # of equal keys the first stays (KeyValuePairs.add in Trino's source)
    "trino_firsts(l) AS list_transform([trino_by_key(l)], lambda s: list_transform(list_sort(list_transform("
    "trino_starts(s), lambda j: (s[j]).i)), lambda i: l[i]))[1]",
    "trino_map_of_entries(l) AS map_from_entries(CASE WHEN len(list_distinct(list_transform(l, lambda p: p.k))) = "
    "len(l) THEN l ELSE trino_firsts(l) END)",
    "trino_union_of_entries(l) AS list_transform([list_transform(l, lambda p: struct_pack(k := p.key, v := p.value))], "
    "lambda u: trino_map_of_entries(u))[1]",
    "trino_map(k, v) AS CASE WHEN len(k) <> len(v) THEN error('INVALID_FUNCTION_ARGUMENT: Key and value "
    "arrays must be the same length') "
    "WHEN len(list_filter(k, lambda e: e IS NULL)) > 0 THEN error('INVALID_FUNCTION_ARGUMENT: map key cannot be null') "
    "WHEN len(list_distinct(k)) < len(k) THEN error('INVALID_FUNCTION_ARGUMENT: Duplicate map keys are not allowed') "
    "ELSE map(k, v) END",
    # every value of a key, in the order in which they stand
    "trino_multimap(l) AS CASE WHEN len(list_filter(l, lambda p: p.k IS NULL)) > 0 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: map key cannot be null') WHEN l IS NOT NULL "
    "THEN list_transform([trino_by_key(l)], lambda s: list_transform([trino_starts(s)], lambda b: list_transform("
    "[list_sort(list_transform(b, lambda j, n: struct_pack(i := (s[j]).i, a := j, z := coalesce(b[n + 1], "
    "len(s) + 1))))], lambda g: map(list_transform(g, lambda p: (l[p.i]).k), list_transform(g, lambda p: "
    "list_transform(range(p.a, p.z), lambda j: (l[(s[j]).i]).v))))[1])[1])[1] END",
    "trino_pairs(s, e, k) AS CASE WHEN e = '' THEN error('INVALID_FUNCTION_ARGUMENT: entryDelimiter is empty') "
    "WHEN k = '' THEN error('INVALID_FUNCTION_ARGUMENT: keyValueDelimiter is empty') WHEN e = k THEN "
    "error('INVALID_FUNCTION_ARGUMENT: entryDelimiter and keyValueDelimiter must not be the same') "
    "ELSE list_transform([string_split(s, e)], lambda parts: list_transform(list_filter(parts, "
    "lambda p, i: p <> '' OR i < len(parts)), lambda p: CASE WHEN len(string_split(p, k)) <> 2 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Key-value delimiter must appear exactly once in each entry. Bad input: ' "
    "|| p) ELSE struct_pack(k := split_part(p, k, 1), v := split_part(p, k, 2)) END))[1] END",
    "trino_split_to_map(s, e, k) AS list_transform([trino_pairs(s, e, k)], lambda l: "
    "trino_map(list_transform(l, lambda p: p.k), list_transform(l, lambda p: p.v)))[1]",
    "trino_split_to_multimap(s, e, k) AS list_transform([trino_pairs(s, e, k)], lambda l: trino_multimap(l))[1]",
)

define(
    PAGE,
    "scalar",
    ("map_keys(map(K,V)) -> array(K)", "map_keys({0})"),
    ("map_values(map(K,V)) -> array(V)", "map_values({0})"),
    (
        "split_to_map(varchar, varchar, varchar) -> map(varchar,varchar)",
        f"CASE WHEN {_GIVEN} THEN trino_split_to_map({{0}}, {{1}}, {{2}}) END",
    ),
    (
        "split_to_multimap(varchar, varchar, varchar) -> map(varchar,array(varchar))",
        f"CASE WHEN {_GIVEN} THEN trino_split_to_multimap({{0}}, {{1}}, {{2}}) END",
    ),
    ("map() -> map(unknown,unknown)", "CAST(map([], []) AS MAP(INTEGER, INTEGER))"),
)


@built(PAGE, "scalar", "map")
def of_arrays(call: Arguments) -> Typed:
    """A map of as many keys as values. Equal keys fail."""
    call.expect(2)
    parts = [converted(value, array(UNKNOWN)) if value.type == UNKNOWN else value for value in call.values()]
    if any(part.type.name != "array" for part in parts):
        raise call.unfit()
    key, item = (part.type.args[0] for part in parts)
    return Typed(f"trino_map({keys(parts[0].sql, key)}, {parts[1].sql})", map_of(key, item))


@built(PAGE, "scalar", "map_concat")
def map_concat(call: Arguments) -> Typed:
    """Of equal keys the last stays; NULL among the maps gives NULL."""
    if len(call.trees) < 2:
        raise call.unfit()
    sqls, type_ = call.expressions.together(call.trees, "All MAP_CONCAT arguments")
    if type_.name != "map":
        raise call.unfit()
    missing = " OR ".join(f"{sql} IS NULL" for sql in sqls)
    return Typed(f"CASE WHEN {missing} THEN NULL ELSE map_concat({', '.join(sqls)}) END", type_)


@built(PAGE, "scalar", "map_entries")
def map_entries(call: Arguments) -> Typed:
    """An array of rows of key and value."""
    call.expect(1)
    value = _map(call)
    row = Type("row", value.type.args, fields=(None, None))
    pairs = f"list_transform(map_entries({value.sql}), lambda p: struct_pack(field0 := p.key, field1 := p.value))"
    return Typed(pairs, array(row))


@built(PAGE, "scalar", "map_from_entries", "multimap_from_entries")
def from_entries(call: Arguments) -> Typed:
    """A map of rows of two; equal keys fail, or in a multimap have all their values."""
    call.expect(1)
    value = call.value(0)
    row = value.type.args[0] if value.type.name == "array" else value.type
    if row.name != "row" or len(row.args) != 2:
        raise call.unfit()
    key, item = (quoted(name) for name, _ in row_fields(row))
    missing = "error('INVALID_FUNCTION_ARGUMENT: map entry cannot be null')"
    entry = f"CASE WHEN r IS NULL THEN {missing} ELSE struct_pack(k := r.{key}, v := r.{item}) END"
    entries = f"list_transform({value.sql}, lambda r: {entry})"
    if call.name == "multimap_from_entries":
        return Typed(once(entries, lambda found: f"trino_multimap({found})"), map_of(row.args[0], array(row.args[1])))
    found, items = (f"list_transform({entries}, lambda r: r.{part})" for part in "kv")
    return Typed(f"trino_map({keys(found, row.args[0])}, {items})", map_of(*row.args))


@built(PAGE, "scalar", "map_zip_with")
def map_zip_with(call: Arguments) -> Typed:
    """A lambda of (key, value, value) over the keys of both; where one map has none, its value is NULL."""
    call.expect(3)
    left, right = call.value(0), call.value(1)
    if left.type.name != "map" or right.type.name != "map" or left.type.args[0] != right.type.args[0]:
        raise call.unfit()
    body = call.function(2, left.type.args[0], left.type.args[1], right.type.args[1])
    names, _, sql = body.sql.removeprefix("lambda ").partition(": ")
    key, one, other = names.split(", ")
    new = f"list_filter(map_keys({right.sql}), lambda k: NOT trino_in(map_keys({left.sql}), k))"
    every = f"(map_keys({left.sql}) || {new})"
    inner = (
        f"list_transform([({left.sql})[{key}]], lambda {one}: "
        f"list_transform([({right.sql})[{key}]], lambda {other}: {sql})[1])[1]"
    )
    missing = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    return Typed(
        f"CASE WHEN {missing} THEN NULL ELSE map({every}, list_transform({every}, lambda {key}: {inner})) END",
        map_of(left.type.args[0], body.type),
    )


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
    new = keys(f"list_transform(map_entries({value.sql}), {_over_entries(body)})", body.type)
    return Typed(f"CASE WHEN {value.sql} IS NULL THEN NULL ELSE trino_map({new}, map_values({value.sql})) END",
                 map_of(body.type, value.type.args[1]))  # fmt: skip


@built(PAGE, "scalar", "row")
def row(call: Arguments) -> Typed:
    """https://trino.io/docs/current/language/types.html#row"""
    return call.expressions.row(call.trees)


def _map(call: Arguments) -> Typed:
    value = call.value(0)
    if value.type == UNKNOWN:
        value = converted(value, map_of(UNKNOWN, UNKNOWN))
    if value.type.name != "map":
        raise call.unfit()
    return value


def _over_entries(body: Typed) -> str:
    """A lambda of (key, value) as one of the engine's entries."""
    names, _, sql = body.sql.removeprefix("lambda ").partition(": ")
    key, value = names.split(", ")
    inner = f"list_transform([p.key], lambda {key}: list_transform([p.value], lambda {value}: {sql})[1])[1]"
    return f"lambda p: {inner}"
