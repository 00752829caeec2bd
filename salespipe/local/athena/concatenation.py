"""`||` of texts, of bytes and of arrays: https://trino.io/docs/current/functions/string.html and /array.html"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.operators import mismatch
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import MAX_CHAR, TEXT, UNKNOWN, VARCHAR, Type, array, common

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions


def concatenation(expressions: Expressions, node: exp.Binary) -> Typed:
    """`||` of texts and of arrays; NULL on either side gives NULL."""
    return concatenated(expressions.value(node.this), expressions.value(node.expression), expressions.at(node))


def concatenated(left: Typed, right: Typed, at: tuple[int, int]) -> Typed:
    """The same of values. Raises TYPE_MISMATCH for what is not put together."""
    met = common(left.type, right.type)
    if met is not None and met.name == "char":
        return _characters(left, right, at)
    if met is not None and met.name in (*TEXT, "unknown"):
        return Typed(f"({converted(left, VARCHAR).sql} || {converted(right, VARCHAR).sql})", VARCHAR)
    if met is not None and met.name == "array" and _is_either(left.type, right.type):
        raise NotSupported(f"|| of {left.type} and {right.type}, which may be an element or many,", at)
    if met is not None and met.name in ("varbinary", "array"):
        return Typed(f"({converted(left, met).sql} || {converted(right, met).sql})", met)
    for first, second, before in ((left, right, False), (right, left, True)):
        if first.type.name == "array" and second.type.name != "array":
            element = common(first.type.args[0], second.type)
            if element is not None:
                many, one = converted(first, array(element)).sql, f"[{converted(second, element).sql}]"
                joined = f"{one} || {many}" if before else f"{many} || {one}"
                return Typed(f"CASE WHEN {second.sql} IS NOT NULL THEN {joined} END", array(element))
    raise mismatch(left.type, "||", right.type, at)


def _is_either(left: Type, right: Type) -> bool:
    """Whether one is an array of arrays and the other may be one, or one of its elements."""
    nested = any(side.args[0].name == "array" for side in (left, right) if side.args)
    return nested and array(UNKNOWN) in (left, right)


def _characters(left: Typed, right: Typed, at: tuple[int, int]) -> Typed:
    """A char of both lengths, the first one padded to its own (StringFunctions.concat in Trino's source)."""
    lengths = [side.type.numbers[0] if side.type.numbers else MAX_CHAR for side in (left, right)]
    if sum(lengths) > MAX_CHAR:
        raise NotSupported(f"|| of {left.type} and {right.type}", at)
    a, b = (converted(side, Type("char", numbers=(n,))).sql for side, n in zip((left, right), lengths, strict=True))
    return Typed(f"({a} || {b})", Type("char", numbers=(sum(lengths),)))


HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {"DPipe": concatenation}
