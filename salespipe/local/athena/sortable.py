"""Which values have an order, and where the engine's differs from Trino's.

A NULL inside of an array or row has no place in Trino's order, which fails when it meets one, and in the engine it is
the greatest (ArrayType.comparisonOperator and RowType.chainComparison in Trino's source; later releases answer NULL). A
NaN inside is least or greatest there as the function goes, in the engine always the greatest. So an array or row with
either inside is refused where it is met.

A NaN by itself comes last, and first with NULLS FIRST (TypeOperators.getOrderingOperator).
"""

from __future__ import annotations

from salespipe.local.athena.equality import FLOATING, undecided
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.json_text import once
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import Type, text

_UNORDERED = ("map", "json", "function")


def orderable(type_: Type) -> bool:
    """Whether Trino orders values of the type."""
    return type_.name not in _UNORDERED and all(orderable(arg) for arg in type_.args)


def check_orderable(value: Typed, at: tuple[int, int], shown: str) -> None:
    """Raises TYPE_MISMATCH for an item of ORDER BY that has no order. (ExpressionAnalyzer in Trino's source.)"""
    if not orderable(value.type):
        message = f"Type {value.type} is not orderable, and therefore cannot be used in ORDER BY: {shown}"
        raise QueryFailure("TYPE_MISMATCH", message, at)


def sortable(value: Typed) -> str:
    """The value where it is put in order, which fails for one that Trino and the engine order differently."""
    return _decided(value, "the order of")


def key(value: Typed) -> str:
    """The value as the key of a map, which fails where a NULL or NaN inside leaves open what it equals.

    (MapConstructor and SingleMapBlock.checkNotIndeterminate in Trino's source.)
    """
    return _decided(value, "a map key of")


def _decided(value: Typed, what: str) -> str:
    if value.type.name not in ("array", "row"):
        return value.sql
    refused = text(f"NOT_SUPPORTED: {what} {value.type} with NULL or NaN inside is not supported by the local Athena")
    return once(value.sql, lambda v: f"CASE WHEN {undecided(v, value.type)} THEN error({refused}) ELSE {v} END")


def keys(sql: str, type_: Type) -> str:
    """The same of an array of keys."""
    each = key(Typed("e", type_))
    return sql if each == "e" else f"list_transform({sql}, lambda e: {each})"


def order_item(value: Typed, place: int | None, *, descending: bool, nulls_first: bool) -> str:
    """An item of the engine's ORDER BY: by the place of an output column, where that is what is to be sorted."""
    item = sortable(value)
    if place is not None and item == value.sql:
        item = str(place + 1)
    shown = f"{item} {'DESC' if descending else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
    if nulls_first and value.type.name in FLOATING:
        return f"isnan({value.sql}) {'ASC' if descending else 'DESC'} NULLS FIRST, {shown}"
    return shown


def number(sql: str) -> str:
    """A floating-point number, NULL for NaN."""
    return f"CASE WHEN NOT isnan({sql}) THEN {sql} END"
