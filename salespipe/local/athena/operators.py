"""Operators, with the types Trino gives their results.

https://trino.io/docs/current/functions/math.html, /decimal.html, /comparison.html, /logical.html, /datetime.html
What differs in the engine: 7/2 is 3.5 there, a decimal divided is a double, a date plus a day a timestamp, and a number
compared with a text is converted where Trino refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.casts import cast, converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.failing import conjunction, may_fail
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time, zone_literal
from salespipe.local.athena.types import (
    BOOLEAN,
    DATE,
    DAY_INTERVAL,
    INTEGERS,
    MONTH_INTERVAL,
    NUMERIC,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    common,
    decimal,
    duckdb_type,
)

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

MACROS = (
    # Quotients of whole numbers, halves away from zero; the engine itself fails on a zero.
    "trino_quotient(n, d) AS CASE WHEN (n < 0) <> (d < 0) THEN -((2 * abs(n) + abs(d)) // (2 * abs(d))) "
    "ELSE (2 * abs(n) + abs(d)) // (2 * abs(d)) END",
    "trino_subscript(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL "
    "WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') "
    "WHEN i < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i) "
    "WHEN i > len(a) THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to "
    "array length: ' "
    "|| i || ' > ' || len(a)) ELSE a[i] END",
    "trino_map_subscript(m, k) AS CASE WHEN m IS NULL OR k IS NULL THEN NULL WHEN map_contains(m, k) THEN m[k] "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(k AS VARCHAR)) END",
)


def mismatch(left: Type, operator: str, right: Type, at: tuple[int, int]) -> QueryFailure:
    """Trino's refusal of an operator for two types."""
    return QueryFailure("TYPE_MISMATCH", f"Cannot apply operator: {left} {operator} {right}", at)


def arithmetic(expressions: Expressions, node: exp.Binary) -> Typed:
    symbol = _ARITHMETIC[type(node).__name__]
    left, right = expressions.value(node.this), expressions.value(node.expression)
    left, right = _known(left, right), _known(right, left)
    at = expressions.at(node)
    if left.type.name in NUMERIC and right.type.name in NUMERIC:
        return numbers(left, symbol, right)
    result = _moment(left, symbol, right, at)
    if result is None:
        raise mismatch(left.type, symbol, right.type, at)
    return result


def _known(value: Typed, other: Typed) -> Typed:
    """NULL takes the type of what it meets."""
    return converted(value, other.type) if value.type == UNKNOWN and other.type.name in NUMERIC else value


def numbers(left: Typed, symbol: str, right: Typed) -> Typed:
    """Arithmetic of numbers: integers stay integers, decimals have exact scales, division by zero fails."""
    met = common(left.type, right.type)
    if met is None:
        raise ValueError(f"{left.type} {symbol} {right.type}")
    if met.name != "decimal":
        a, b = converted(left, met).sql, converted(right, met).sql
        if symbol == "/" and met.name in INTEGERS:
            return Typed(f"CAST({a} // {b} AS {duckdb_type(met)})", met)
        if symbol == "%" and met.name not in INTEGERS:
            return Typed(f"fmod({a}, {b})", met)
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


def _moment(left: Typed, symbol: str, right: Typed, at: tuple[int, int]) -> Typed | None:
    """Dates, times and intervals: https://trino.io/docs/current/functions/datetime.html#date-and-time-operators"""
    intervals = (DAY_INTERVAL, MONTH_INTERVAL)
    if symbol == "+" and left.type in intervals and right.type not in intervals:
        left, right = right, left
    if symbol in ("+", "-") and right.type in intervals:
        if left.type == right.type:
            return Typed(f"({left.sql} {symbol} {right.sql})", left.type)
        return _shifted(left, symbol, right, at)
    if symbol == "-" and left.type == right.type == DATE:
        return Typed(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAY_INTERVAL)
    both = common(left.type, right.type)
    if symbol == "-" and both is not None and both.name in ("timestamp", "timestamp with time zone"):
        a, b = converted(left, both), converted(right, both)
        return Typed(f"to_microseconds(epoch_us({a.sql}) - epoch_us({b.sql}))", DAY_INTERVAL)
    if symbol == "*" and right.type in intervals:
        left, right = right, left
    if symbol == "*" and left.type in intervals and right.type.name in INTEGERS:
        return Typed(f"({left.sql} * CAST({right.sql} AS BIGINT))", left.type)
    return None


def _shifted(left: Typed, symbol: str, right: Typed, at: tuple[int, int]) -> Typed | None:
    name = left.type.name
    if name == "date":
        if right.type == DAY_INTERVAL:
            whole_days = (
                f"CASE WHEN epoch_us({left.sql} {symbol} {right.sql}) % 86400000000 = 0 THEN "
                f"CAST({left.sql} {symbol} {right.sql} AS DATE) WHEN {left.sql} IS NULL OR {right.sql} IS NULL "
                "THEN NULL "
                "ELSE error('INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date') END"
            )
            return Typed(whole_days, DATE)
        return Typed(f"CAST({left.sql} {symbol} {right.sql} AS DATE)", DATE)
    if name in ("timestamp", "time"):
        type_ = left.type if name == "time" else Type(name, numbers=(max(3, left.type.numbers[0]),))
        return Typed(f"CAST({left.sql} {symbol} {right.sql} AS {duckdb_type(type_)})", type_)
    if name == "timestamp with time zone":
        if right.type == DAY_INTERVAL:
            return Typed(f"({left.sql} {symbol} {right.sql})", left.type)
        return Typed(zone_literal(f"({local_time(left)} {symbol} {right.sql})", left.type.zone), left.type)
    return None


def negative(expressions: Expressions, node: exp.Neg) -> Typed:
    value = expressions.value(node.this)
    if value.type.name not in NUMERIC and value.type not in (DAY_INTERVAL, MONTH_INTERVAL):
        raise QueryFailure("TYPE_MISMATCH", f"Cannot negate {value.type}", expressions.at(node))
    return Typed(f"(- {value.sql})", value.type)


# comparison


def compare(expressions: Expressions, left: exp.Expr, right: exp.Expr, symbol: str, node: exp.Expr) -> str:
    """A comparison of two trees; the engine's symbol may differ from Trino's for IS DISTINCT FROM only."""
    if isinstance(right, (exp.Any, exp.All)):
        return _quantified(expressions, left, right, symbol, node)
    return compared(expressions.value(left), expressions.value(right), symbol, expressions.at(node))


def compared(left: Typed, right: Typed, symbol: str, at: tuple[int, int]) -> str:
    """A comparison in the type both sides meet in. Raises TYPE_MISMATCH where there is none."""
    met = common(left.type, right.type)
    if met is None or (met.name in ("map", "json") and symbol not in ("=", "<>")):
        raise mismatch(left.type, symbol, right.type, at)
    a, b = converted(left, met).sql, converted(right, met).sql
    return f"({a} {symbol} {b})"


def comparison(expressions: Expressions, node: exp.Binary) -> Typed:
    symbol = _COMPARISON[type(node).__name__]
    return Typed(compare(expressions, node.this, node.expression, symbol, node), BOOLEAN)


def _quantified(expressions: Expressions, left: exp.Expr, right: exp.Expr, symbol: str, node: exp.Expr) -> str:
    word = "ANY" if isinstance(right, exp.Any) else "ALL"
    query = right.this.this if isinstance(right.this, exp.Subquery) else right.this
    value, column, sql = _against_query(expressions, left, query, expressions.at(node), symbol)
    return f"({value} {symbol} {word} ({sql}))" if column else ""


def _against_query(
    expressions: Expressions, left: exp.Expr, query: exp.Expr, at: tuple[int, int], symbol: str
) -> tuple[str, str, str]:
    value = expressions.value(left)
    output = expressions.translation.query(query, expressions.scope)
    if len(output.fields) != 1:
        raise NotSupported("a comparison with a subquery of several columns", at)
    field = output.fields[0]
    met = common(value.type, field.type)
    if met is None:
        raise mismatch(value.type, symbol, field.type, at)
    column = converted(Typed("c0", field.type), met).sql
    return converted(value, met).sql, column, f"SELECT {column} FROM ({output.sql})"


def between(expressions: Expressions, node: exp.Between) -> Typed:
    value = expressions.value(node.this)
    low, high = expressions.value(node.args["low"]), expressions.value(node.args["high"])
    at = expressions.at(node)
    return Typed(f"({compared(value, low, '>=', at)} AND {compared(value, high, '<=', at)})", BOOLEAN)


def in_list(expressions: Expressions, node: exp.In) -> Typed:
    at = expressions.at(node)
    query = node.args.get("query")
    if query is not None:
        inner = query.this if isinstance(query, exp.Subquery) else query
        value, _, sql = _against_query(expressions, node.this, inner, at, "IN")
        return Typed(f"({value} IN ({sql}))", BOOLEAN)
    if not node.expressions:
        raise NotSupported("this form of IN", at)
    sqls, _ = expressions.together([node.this, *node.expressions], "IN value and list items")
    return Typed(f"({sqls[0]} IN ({', '.join(sqls[1:])}))", BOOLEAN)


def is_null(expressions: Expressions, node: exp.Is) -> Typed:
    if not isinstance(node.expression, exp.Null):
        raise NotSupported("IS other than IS [NOT] NULL and IS [NOT] DISTINCT FROM", expressions.at(node))
    return Typed(f"({expressions.value(node.this).sql} IS {_not(node)}NULL)", BOOLEAN)


def _not(node: exp.Expr) -> str:
    """The parser has two ways to say NOT: a node of its own, and, for LIKE, a mark on the node."""
    return "NOT " if node.args.get("negate") else ""


def like(expressions: Expressions, node: exp.Expr) -> Typed:
    escape = ""
    if isinstance(node, exp.Escape):
        escape = f" ESCAPE {expressions.value(node.expression).sql}"
        node = node.this
    left, right = expressions.value(node.this), expressions.value(node.expression)
    for side in (left, right):
        if side.type.name not in TEXT and side.type != UNKNOWN:
            raise QueryFailure(
                "TYPE_MISMATCH",
                f"Left side of LIKE expression must evaluate to a varchar (actual: {side.type})",
                expressions.at(node),
            )
    return Typed(f"({left.sql} {_not(node)}LIKE {right.sql}{escape})", BOOLEAN)


# logic and concatenation


def logical(expressions: Expressions, node: exp.Binary) -> Typed:
    if isinstance(node, exp.And):
        return Typed(conjunction([expressions.boolean(part) for part in conjuncts(node)]), BOOLEAN)
    left, right = expressions.boolean(node.this), expressions.boolean(node.expression)
    if may_fail(right):
        return Typed(f"CASE WHEN {left} THEN true ELSE ({left} OR {right}) END", BOOLEAN)
    return Typed(f"({left} OR {right})", BOOLEAN)


def conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """The conditions that AND joins, in the order they are written."""
    inner = node
    while isinstance(inner, exp.Paren):
        inner = inner.this
    return [*conjuncts(inner.this), *conjuncts(inner.expression)] if isinstance(inner, exp.And) else [node]


def negation(expressions: Expressions, node: exp.Not) -> Typed:
    return Typed(f"(NOT {expressions.boolean(node.this, 'Value of logical NOT expression')})", BOOLEAN)


def concatenation(expressions: Expressions, node: exp.Binary) -> Typed:
    """`||` of texts and of arrays; NULL on either side gives NULL."""
    return concatenated(expressions.value(node.this), expressions.value(node.expression), expressions.at(node))


def concatenated(left: Typed, right: Typed, at: tuple[int, int]) -> Typed:
    met = common(left.type, right.type)
    if met is not None and met.name in (*TEXT, "unknown"):
        return Typed(f"({converted(left, VARCHAR).sql} || {converted(right, VARCHAR).sql})", VARCHAR)
    if met is not None and met.name in ("varbinary", "array"):
        return Typed(f"({converted(left, met).sql} || {converted(right, met).sql})", met)
    for first, second, before in ((left, right, False), (right, left, True)):
        if first.type.name == "array" and second.type.name != "array":
            element = common(first.type.args[0], second.type)
            if element is not None:
                many, one = converted(first, array(element)).sql, f"[{converted(second, element).sql}]"
                return Typed(f"({one} || {many})" if before else f"({many} || {one})", array(element))
    raise mismatch(left.type, "||", right.type, at)


def in_zone(value: Typed, zone: str, at: tuple[int, int]) -> Typed:
    """AT TIME ZONE: the same instant shown in another zone; a timestamp without zone is taken as UTC first."""
    if value.type.name == "timestamp with time zone":
        return Typed(value.sql, Type(value.type.name, numbers=value.type.numbers, zone=zone))
    if value.type.name == TIMESTAMP.name:
        instant = cast(value, Type("timestamp with time zone", numbers=value.type.numbers))
        return Typed(instant.sql, Type("timestamp with time zone", numbers=value.type.numbers, zone=zone))
    raise QueryFailure(
        "TYPE_MISMATCH",
        f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
        at,
    )


_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}
_COMPARISON = {
    "EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=",
    "NullSafeEQ": "IS NOT DISTINCT FROM", "NullSafeNEQ": "IS DISTINCT FROM",
}  # fmt: skip
HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    **dict.fromkeys(_ARITHMETIC, arithmetic),
    **dict.fromkeys(_COMPARISON, comparison),
    "Neg": negative,
    "Between": between,
    "In": in_list,
    "Is": is_null,
    "Like": like,
    "Escape": like,
    "And": logical,
    "Or": logical,
    "Not": negation,
    "DPipe": concatenation,
}
