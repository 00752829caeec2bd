"""The Glue type of a JSON value, and the type that holds two others.

A type is plain JSON so that it can be stored as it is: a scalar's name (`"int"`), a one-element list for an array
(`["int"]`), a mapping for a struct (`{"city": "string"}`). The empty text stands for a null: nothing known yet.
Widening: int < bigint < double; whatever does not agree otherwise becomes string; timestamps in JSON stay string.
Rules: https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html and tables as crawlers wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

HiveType: TypeAlias = "str | list[HiveType] | dict[str, HiveType]"

UNKNOWN = ""
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
_BIGINT_MIN, _BIGINT_MAX = -(2**63), 2**63 - 1
_NUMBERS = ("int", "bigint", "double")


def infer(value: object) -> HiveType:
    """The type of one parsed JSON value; whole numbers by their size, an array by all of its elements."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        if INT_MIN <= value <= INT_MAX:
            return "int"
        return "bigint" if _BIGINT_MIN <= value <= _BIGINT_MAX else "double"
    if isinstance(value, str):
        return "string"
    if isinstance(value, float):
        return "double"
    if isinstance(value, Mapping):
        return {str(name): infer(inner) for name, inner in value.items()}
    if isinstance(value, list):
        element: HiveType = UNKNOWN
        for inner in value:
            element = widen(element, infer(inner))
        return [element]
    return UNKNOWN


def widen(one: HiveType, other: HiveType) -> HiveType:
    """The narrowest type that holds both; the same whichever comes first, but for the order of struct fields."""
    if one == other or other == UNKNOWN:
        return one
    if one == UNKNOWN:
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        merged = dict(one)
        for name, inner in other.items():
            merged[name] = widen(merged.get(name, UNKNOWN), inner)
        return merged
    if isinstance(one, list) and isinstance(other, list):
        return [widen(one[0], other[0])]
    if isinstance(one, str) and isinstance(other, str) and one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return "string"


def hive_text(kind: HiveType) -> str:
    """The type as the catalog writes it, e.g. `array<struct<sku:string,n:int>>`; what was only ever null is string."""
    if isinstance(kind, dict):
        if not kind:
            return "string"
        return "struct<" + ",".join(f"{name}:{hive_text(inner)}" for name, inner in kind.items()) + ">"
    if isinstance(kind, list):
        return f"array<{hive_text(kind[0])}>"
    return kind or "string"
