"""Whether two values are equal, with the NULLs inside of arrays, rows and maps, and with NaN.

https://trino.io/docs/current/functions/comparison.html; TestArrayOperators, TestRowOperators and TestMapOperators in
Trino's source. A difference anywhere decides; where there is none, a NULL leaves it open, and
`ARRAY[1, NULL] = ARRAY[1, NULL]` is NULL. In the engine these are equal, and two maps differ when their keys come in
another order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import Type, quoted, row_fields

MACROS = (
    "trino_all_true(l) AS CASE WHEN list_contains(l, false) THEN false "
    "WHEN len(list_filter(l, lambda e: e IS NULL)) > 0 THEN NULL ELSE true END",
)
NESTED = ("array", "row", "map")
FLOATING = ("double", "real")
_SUBQUERY = re.compile(r"\bSELECT\b")


def equal(a: str, b: str, type_: Type, depth: int = 0) -> str:
    """The engine's condition for `a = b`, both of one type."""
    if type_.name in NESTED and _SUBQUERY.search(a + b):  # none may stand in a lambda
        bound = equal("pair.a", "pair.b", type_, depth)
        return f"list_transform([struct_pack(a := {a}, b := {b})], lambda pair: {bound})[1]"
    if type_.name == "char":
        return f"(rtrim({a}, ' ') = rtrim({b}, ' '))"
    if type_.name not in NESTED:
        return unordered(a, "=", b, left=True, right=True) if type_.name in FLOATING else f"({a} = {b})"
    if type_.name == "row":
        fields = row_fields(type_)
        parts = [equal(f"({a}).{quoted(name)}", f"({b}).{quoted(name)}", part, depth) for name, part in fields]
        same = " AND ".join(parts)
    elif type_.name == "array":
        at = f"i{depth}"
        each = equal(f"({a})[{at}]", f"({b})[{at}]", type_.args[0], depth + 1)
        parts_equal = f"trino_all_true(list_transform(range(1, len({a}) + 1), lambda {at}: {each}))"
        same = f"CASE WHEN len({a}) <> len({b}) THEN false ELSE {parts_equal} END"
    else:
        key = f"k{depth}"
        each = equal(f"({a})[{key}]", f"({b})[{key}]", type_.args[1], depth + 1)
        missing = f"len(list_filter(map_keys({a}), lambda {key}: NOT list_contains(map_keys({b}), {key}))) > 0"
        values_equal = f"trino_all_true(list_transform(map_keys({a}), lambda {key}: {each}))"
        differ = f"cardinality({a}) <> cardinality({b})"
        same = f"CASE WHEN {differ} THEN false WHEN {missing} THEN false ELSE {values_equal} END"
    return f"CASE WHEN {a} IS NOT NULL AND {b} IS NOT NULL THEN ({same}) END"


def without_nulls(sql: str, type_: Type) -> str:
    """A value for a search among others, refused where a NULL inside of it would leave open what it equals."""
    refused = "error('NOT_SUPPORTED: NULL inside a value of IN with a subquery is not supported by the local Athena')"
    return f"CASE WHEN {undecided(sql, type_, nan=False)} THEN {refused} ELSE {sql} END"


def undecided(sql: str, type_: Type, depth: int = 0, *, nan: bool = True) -> str:
    """Whether a value has a NULL inside, or a NaN: it leaves open what the value equals, and its place in an order."""

    def missing(part: str, kind: Type, depth: int) -> str:
        inside = undecided(part, kind, depth, nan=nan)
        if nan and kind.name in FLOATING:
            inside = f"isnan({part})"
        return f"({part} IS NULL OR {inside})" if inside != "false" else f"({part} IS NULL)"

    if type_.name == "row":
        parts = [missing(f"({sql}).{quoted(name)}", kind, depth) for name, kind in row_fields(type_)]
        return f"({sql} IS NOT NULL AND ({' OR '.join(parts)}))"
    if type_.name == "array":
        item = f"inner{depth}"
        return f"(len(list_filter({sql}, lambda {item}: {missing(item, type_.args[0], depth + 1)})) > 0)"
    return "false"


def has_map(type_: Type) -> bool:
    """Whether a value of the type is or has a map, of which the engine compares the order of the keys, too."""
    return has_any(type_, ("map",))


def has_any(type_: Type, names: Sequence[str]) -> bool:
    """Whether a value of the type is or has one of a type of these names."""
    return type_.name in names or any(has_any(arg, names) for arg in type_.args)


def check_alike(type_: Type, what: str, at: tuple[int, int]) -> None:
    """Refuse to have the engine tell values apart of a type in which it does so in its own way."""
    if has_map(type_):
        raise NotSupported(f"{what} {type_}", at)


def comparable(sql: str, type_: Type, depth: int = 0) -> str:
    """The value in a form in which the engine's IS NOT DISTINCT FROM is Trino's: a map as its entries in order."""
    if not has_map(type_):
        return sql
    part = f"part{depth}"
    if type_.name == "array":
        return f"list_transform({sql}, lambda {part}: {comparable(part, type_.args[0], depth + 1)})"
    if type_.name == "map":
        value = comparable(f"{part}.value", type_.args[1], depth + 1)
        entry = f"struct_pack(k := {comparable(f'{part}.key', type_.args[0], depth + 1)}, v := {value})"
        return f"list_sort(list_transform(map_entries({sql}), lambda {part}: {entry}))"
    fields = [
        f"{quoted(name)} := {comparable(f'({sql}).{quoted(name)}', inner, depth)}" for name, inner in row_fields(type_)
    ]
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"


def may_be_nan(value: Typed) -> bool:
    """Of a constant it is known."""
    return value.type.name in FLOATING and not re.fullmatch(r"CAST\([0-9.eE+-]+ AS DOUBLE\)", value.sql)


def unordered(a: str, symbol: str, b: str, *, left: bool, right: bool) -> str:
    """NaN equals nothing and is neither more nor less; in the engine it equals itself and is more than all else.

    https://trino.io/docs/current/language/types.html#double; `left` and `right`: whether that side may be NaN.
    """
    if (symbol in (">", ">=") and left) or (symbol == "=" and left and right):
        return f"({a} {symbol} {b} AND NOT (isnan({a}) AND {b} IS NOT NULL))"
    if symbol in ("<", "<=") and right:
        return f"({a} {symbol} {b} AND NOT (isnan({b}) AND {a} IS NOT NULL))"
    if symbol == "<>" and left and right:
        return f"({a} {symbol} {b} OR (isnan({a}) AND {b} IS NOT NULL))"
    return f"({a} {symbol} {b})"
