"""Which elements an array has: https://trino.io/docs/current/functions/array.html

contains, array_position and array_remove compare as `=` does: NaN equals nothing, and of an element with NULL inside it
may be unknown whether it is the one, which fails. The others compare as IS NOT DISTINCT FROM does. (ArrayContains,
ArrayPositionFunction, ArrayRemoveFunction, ArraysOverlapFunction, ArrayIntersectFunction and ArrayExceptFunction in
Trino's source.)
"""

from __future__ import annotations

from collections.abc import Callable

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.equality import FLOATING, NESTED, check_alike, equal
from salespipe.local.athena.json_text import once
from salespipe.local.athena.rules.registry import built, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import orderable, sortable
from salespipe.local.athena.types import BIGINT, BOOLEAN, UNKNOWN, Type, array, common

PAGE = "functions/array.html"
_OPEN = "does not support arrays with elements that are null or contain null')"

macros(
    "trino_contains(a, e) AS CASE WHEN e IS NULL OR a IS NULL THEN NULL WHEN list_contains(a, e) THEN true "
    "WHEN trino_has_null(a) THEN NULL ELSE false END",
    "trino_position(a, e) AS CASE WHEN a IS NOT NULL AND e IS NOT NULL THEN coalesce(list_position(a, e), 0) END",
    "trino_removed(a, e) AS CASE WHEN e IS NOT NULL THEN list_filter(a, lambda o: o IS NULL OR o <> e) END",
    # `same` says of each element whether it is the one: 1, 0, 2 if that is open, NULL for NULL
    "trino_contains_same(same) AS CASE list_filter(same, lambda s: s > 0)[1] WHEN 1 THEN true "
    f"WHEN 2 THEN error('NOT_SUPPORTED: contains {_OPEN} ELSE CASE WHEN NOT trino_has_null(same) THEN false END END",
    "trino_position_same(same) AS CASE WHEN list_filter(same, lambda s: s > 0)[1] = 2 "
    f"THEN error('NOT_SUPPORTED: array_position {_OPEN} ELSE coalesce(list_position(same, 1), 0) END",
    "trino_removed_same(a, same) AS CASE WHEN list_contains(same, 2) "
    f"THEN error('NOT_SUPPORTED: array_remove {_OPEN} ELSE list_filter(a, lambda o, i: coalesce(same[i], 0) = 0) END",
    "trino_overlap(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(a, b) THEN true "
    "WHEN (trino_has_null(a) AND len(b) > 0) OR (trino_has_null(b) AND len(a) > 0) THEN NULL ELSE false END",
    "trino_distinct(a) AS list_transform([list_transform(a, lambda e: struct_pack(k := e))], lambda l: "
    "list_transform(trino_firsts(l), lambda p: p.k))[1]",
    "trino_in(a, e) AS len(list_filter(a, lambda o: o IS NOT DISTINCT FROM e)) > 0",
    "trino_union(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN trino_distinct(a || b) END",
    # in the order of the longer one
    "trino_intersect(a, b) AS CASE WHEN len(a) >= len(b) THEN list_filter(trino_distinct(a), lambda e: trino_in(b, e)) "
    "WHEN len(a) < len(b) THEN list_filter(trino_distinct(b), lambda e: trino_in(a, e)) END",
    # without nothing, it stays as it is
    "trino_except(a, b) AS CASE WHEN len(b) = 0 THEN a WHEN b IS NOT NULL "
    "THEN list_filter(trino_distinct(a), lambda e: NOT trino_in(b, e)) END",
)


@built(PAGE, "scalar", "contains")
def contains(call: Arguments) -> Typed:
    """NULL where a NULL leaves it open."""
    plain, same = "trino_contains({a}, {e})", "trino_contains_same({same})"
    return Typed(_sought(call, plain, lambda a, found: same.format(same=found)), BOOLEAN)


@built(PAGE, "scalar", "array_position")
def position(call: Arguments) -> Typed:
    """The place of the first, from 1; 0 where there is none."""
    plain, same = "CAST(trino_position({a}, {e}) AS BIGINT)", "CAST(trino_position_same({same}) AS BIGINT)"
    return Typed(_sought(call, plain, lambda a, found: same.format(same=found)), BIGINT)


@built(PAGE, "scalar", "array_remove")
def remove(call: Arguments) -> Typed:
    """Without all that equal the value; NULLs stay."""
    sql = _sought(
        call,
        "trino_removed({a}, {e})",
        lambda a, same: once(same, lambda found: f"trino_removed_same({a}, {found})"),
    )
    return Typed(sql, array(_element(call)))


def _element(call: Arguments) -> Type:
    """The type in which the elements and the value meet."""
    call.expect(2)
    value, sought = call.value(0), call.value(1)
    element = value.type.args[0] if value.type.name == "array" else UNKNOWN
    met = common(element, sought.type)
    if met is None or value.type.name not in ("array", "unknown"):
        raise call.unfit()
    return met


def _sought(call: Arguments, plain: str, same: Callable[[str, str], str]) -> str:
    met = _element(call)
    a, e = converted(call.value(0), array(met)).sql, converted(call.value(1), met).sql
    if met.name not in (*NESTED, *FLOATING, "char"):
        return plain.format(a=a, e=e)

    def each(many: str, one: str) -> str:
        found = f"CASE WHEN sought IS NOT NULL THEN coalesce(CAST({equal('sought', one, met)} AS INTEGER), 2) END"
        answer = same(many, f"list_transform({many}, lambda sought: {found})")
        return f"CASE WHEN {many} IS NOT NULL AND {one} IS NOT NULL THEN {answer} END"

    return once(f"struct_pack(a := {a}, e := {e})", lambda both: each(f"{both}.a", f"{both}.e"))


@built(PAGE, "scalar", "arrays_overlap")
def overlap(call: Arguments) -> Typed:
    """Whether they have an element in common; NULL where a NULL leaves it open."""
    left, right, met = _both(call)
    if not orderable(met):
        raise call.unfit()
    element = sortable(Typed("e", met))
    if element != "e":
        left, right = (f"list_transform({sql}, lambda e: {element})" for sql in (left, right))
    return Typed(f"trino_overlap({left}, {right})", BOOLEAN)


@built(PAGE, "scalar", "array_union", "array_intersect", "array_except")
def sets(call: Arguments) -> Typed:
    """Each element once."""
    left, right, met = _both(call)
    check_alike(met, f"{call.name} of", call.at)
    return Typed(f"trino_{call.name.removeprefix('array_')}({left}, {right})", array(met))


@built(PAGE, "scalar", "array_distinct")
def distinct(call: Arguments) -> Typed:
    """Each element once, the first of those that are the same."""
    call.expect(1)
    value = call.value(0)
    if value.type == UNKNOWN:
        value = converted(value, array(UNKNOWN))
    if value.type.name != "array":
        raise call.unfit()
    check_alike(value.type.args[0], "array_distinct of", call.at)
    return Typed(f"trino_distinct({value.sql})", value.type)


def _both(call: Arguments) -> tuple[str, str, Type]:
    """Two arrays of one type of elements."""
    call.expect(2)
    left, right = call.value(0), call.value(1)
    met = common(left.type, right.type)
    if met == UNKNOWN:
        met = array(UNKNOWN)
    if met is None or met.name != "array":
        raise call.unfit()
    return converted(left, met).sql, converted(right, met).sql, met.args[0]
