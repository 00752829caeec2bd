"""Arithmetic of numbers with the types Trino gives its results.

https://trino.io/docs/current/functions/math.html, /decimal.html. Integers stay integers and division cuts off; a
decimal has the precision and scale of Trino's table, halves are rounded away from zero. In the engine 7/2 is 3.5 and a
decimal divided is a double.
"""

from __future__ import annotations

from collections.abc import Callable

from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import INTEGERS, Type, common, decimal, duckdb_type

MACROS = (
    # Quotients of whole numbers, halves away from zero; the engine itself fails on a zero.
    "trino_quotient(n, d) AS CASE WHEN (n < 0) <> (d < 0) THEN -((2 * abs(n) + abs(d)) // (2 * abs(d))) "
    "ELSE (2 * abs(n) + abs(d)) // (2 * abs(d)) END",
)


def numbers(left: Typed, symbol: str, right: Typed) -> Typed:
    """Arithmetic of numbers: integers stay integers, decimals have exact scales, division by zero fails."""
    met = common(left.type, right.type)
    if met is None:
        raise ValueError(f"{left.type} {symbol} {right.type}")
    if met.name != "decimal":
        a, b = converted(left, met).sql, converted(right, met).sql
        if symbol == "/" and met.name in INTEGERS:
            return Typed(f"CAST({a} // {b} AS {duckdb_type(met)})", met)
        return Typed(f"CAST({a} {symbol} {b} AS {duckdb_type(met)})", met)
    return _DECIMAL[symbol](left, right)


def _decimal_sum(symbol: str) -> Callable[[Typed, Typed], Typed]:
    def add(left: Typed, right: Typed) -> Typed:
        a, b = left.type, right.type
        scale = max(a.scale, b.scale)
        type_ = decimal(min(38, 1 + scale + max(a.precision - a.scale, b.precision - b.scale)), scale)
        kind = duckdb_type(type_)
        return Typed(f"CAST(CAST({left.sql} AS {kind}) {symbol} CAST({right.sql} AS {kind}) AS {kind})", type_)

    return add


def _decimal_product(left: Typed, right: Typed) -> Typed:
    a, b = left.type, right.type
    if a.scale + b.scale > 38:
        raise QueryFailure("TYPE_MISMATCH", f"DECIMAL scale must be in range [0, precision (38)]: {a.scale + b.scale}")
    type_ = decimal(min(38, a.precision + b.precision), a.scale + b.scale)
    wide = f"CAST({left.sql} AS DECIMAL(38,{a.scale}))"
    return Typed(f"CAST({wide} * CAST({right.sql} AS DECIMAL({b.precision},{b.scale})) AS {duckdb_type(type_)})", type_)


def whole(value: Typed, shift: int = 0) -> str:
    """A decimal or integer times 10^(its scale + shift), as a whole number of 128 bits."""
    scale = value.type.scale
    if scale == 0:
        digits = f"CAST({value.sql} AS HUGEINT)"
    else:
        digits = f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)"
    return f"({digits} * CAST({10**shift} AS HUGEINT))" if shift else digits


def from_whole(sql: str, type_: Type) -> str:
    """The decimal whose digits are a whole number."""
    plain = f"CAST({sql} AS DECIMAL(38,0))"
    if type_.scale:
        plain = f"{plain} * CAST('{'0.'.ljust(type_.scale + 1, '0')}1' AS DECIMAL({type_.scale},{type_.scale}))"
    return f"CAST({plain} AS {duckdb_type(type_)})"


def quotient(left: Typed, right: Typed, type_: Type) -> str:
    """left / right with the digits of `type_`, halves away from zero."""
    shift = type_.scale - left.type.scale + right.type.scale
    above, below = whole(left, max(0, shift)), whole(right, max(0, -shift))
    return from_whole(f"trino_quotient({above}, {below})", type_)


def _decimal_quotient(left: Typed, right: Typed) -> Typed:
    a, b = left.type, right.type
    scale = max(a.scale, b.scale)
    type_ = decimal(min(38, a.precision + b.scale + max(0, b.scale - a.scale)), scale)
    return Typed(quotient(left, right, type_), type_)


def _decimal_remainder(left: Typed, right: Typed) -> Typed:
    a, b = left.type, right.type
    scale = max(a.scale, b.scale)
    type_ = decimal(max(1, min(b.precision - b.scale, a.precision - a.scale) + scale), scale)
    above, below = whole(left, scale - a.scale), whole(right, scale - b.scale)
    return Typed(from_whole(f"({above} % {below})", type_), type_)


_DECIMAL = {
    "+": _decimal_sum("+"),
    "-": _decimal_sum("-"),
    "*": _decimal_product,
    "/": _decimal_quotient,
    "%": _decimal_remainder,
}
