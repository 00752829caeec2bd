"""Operators, with the types Trino gives their results.

https://trino.io/docs/current/functions/comparison.html, /logical.html; the arithmetic itself is in arithmetic.py and
moments.py. What differs in the engine: a number compared with a text is converted where Trino refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.arithmetic import numbers
from salespipe.local.athena.casts import converted
from salespipe.local.athena.equality import NESTED, comparable, equal, has_map, may_be_nan, unordered, without_nulls
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.failing import conjunction, may_fail
from salespipe.local.athena.json_text import once, shown
from salespipe.local.athena.moments import moment
from salespipe.local.athena.scope import Typed, row_of
from salespipe.local.athena.sortable import number, orderable, sortable
from salespipe.local.athena.types import (
    BOOLEAN,
    DAY_INTERVAL,
    MONTH_INTERVAL,
    NUMERIC,
    TEXT,
    UNKNOWN,
    Type,
    common,
    text,
)

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

MACROS = (
    "trino_padded(s, other) AS rpad(s, CAST(greatest(length(s), length(other)) AS INTEGER), ' ')",
    "trino_subscript(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL "
    "WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') "
    "WHEN i < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i) "
    "WHEN i > len(a) THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to "
    "array length: ' "
    "|| i || ' > ' || len(a)) ELSE a[i] END",
    "trino_like_pattern(p, e) AS CASE WHEN contains(replace(replace(replace(p, e || e, ''), e || '%', ''), e || '_', "
    "''), e) THEN error('INVALID_FUNCTION_ARGUMENT: Escape character must be followed by ''%'', ''_'' or the escape "
    "character itself') ELSE p END",
    "trino_map_subscript(m, k) AS CASE WHEN m IS NULL OR k IS NULL THEN NULL WHEN map_contains(m, k) THEN m[k] "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(k AS VARCHAR)) END",
    "trino_map_subscript_number(m, k) AS CASE WHEN m IS NOT NULL AND isnan(k) "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Key not present in map: NaN') ELSE trino_map_subscript(m, k) END",
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
    result = moment(left, symbol, right, at)
    if result is None:
        raise mismatch(left.type, symbol, right.type, at)
    return result


def _known(value: Typed, other: Typed) -> Typed:
    """NULL takes the type of what it meets."""
    return converted(value, other.type) if value.type == UNKNOWN and other.type.name in NUMERIC else value


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
    if met is None or (symbol in _ORDERING and not orderable(met)):
        raise mismatch(left.type, symbol, right.type, at)
    if met.name == "char":  # the blanks at the end of either say nothing
        if symbol in _ORDERING:  # but what is less than a blank comes before them
            return f"(trino_padded({left.sql}, {right.sql}) {symbol} trino_padded({right.sql}, {left.sql}))"
        return f"(rtrim({left.sql}, ' ') {symbol} rtrim({right.sql}, ' '))"
    a, b = shown(converted(left, met)).sql, shown(converted(right, met)).sql
    if met.name in ("double", "real"):
        return unordered(a, symbol, b, left=may_be_nan(left), right=may_be_nan(right))
    if met.name in NESTED and symbol in ("=", "<>"):
        return equal(a, b, met) if symbol == "=" else f"(NOT {equal(a, b, met)})"
    if met.name in NESTED and symbol in _ORDERING:
        return f"({sortable(Typed(a, met))} {symbol} {sortable(Typed(b, met))})"
    if met.name in NESTED:
        return f"({comparable(a, met)} {symbol} {comparable(b, met)})"
    return f"({a} {symbol} {b})"


def comparison(expressions: Expressions, node: exp.Binary) -> Typed:
    symbol = _COMPARISON[type(node).__name__]
    return Typed(compare(expressions, node.this, node.expression, symbol, node), BOOLEAN)


def _quantified(expressions: Expressions, left: exp.Expr, right: exp.Expr, symbol: str, node: exp.Expr) -> str:
    word = "ANY" if isinstance(right, exp.Any) else "ALL"
    query = right.this.this if isinstance(right.this, exp.Subquery) else right.this
    value, met, sql = _against_query(expressions, left, query, expressions.at(node), symbol)
    if met.name in ("double", "real") and (symbol, word) not in (("=", "ANY"), ("<>", "ALL")):
        if symbol == "<>":
            return f"(NOT {_with_extremes(value, '=', 'ALL', sql)})"
        return _with_extremes(value, symbol, word, sql)
    return f"({_sought(value, met)} {symbol} {word} ({sql}))"


def _sought(value: str, type_: Type) -> str:
    """A value of IN with a subquery. Trino finds a NaN where that stays a search, and not where it becomes a join."""
    refused = "error('NOT_SUPPORTED: NaN as the value of IN with a subquery is not supported by the local Athena')"
    return f"CASE WHEN isnan({value}) THEN {refused} ELSE {value} END" if may_be_nan(Typed(value, type_)) else value


def _with_extremes(value: str, symbol: str, word: str, sql: str) -> str:
    """A quantified comparison of numbers that may be NaN, by the least and the greatest of the subquery, of which
    neither is NaN unless there is nothing else. (TransformQuantifiedComparisonApplyToCorrelatedJoin in Trino's source.)
    """
    known = number("q")
    found = (
        f"(SELECT struct_pack(least := min(q), most := coalesce(max({known}), max(q)), rows := count(*), "
        f"known := count(q)) FROM ({sql}) found(q))"
    )

    def decided(both: str) -> str:
        least, most, rows, some = (f"({both}.found)['{part}']" for part in ("least", "most", "rows", "known"))
        first = least if (symbol in ("<", "<=")) == (word == "ALL") else most
        holds = unordered(f"{both}.v", symbol, first, left=True, right=True)
        if symbol == "=":
            holds = f"({unordered(least, '=', most, left=True, right=True)} AND {holds})"
        none, joined = ("true", "AND") if word == "ALL" else ("false", "OR")
        left_open = f"CASE WHEN {rows} = {some} THEN {none} END"
        return f"CASE WHEN {rows} = 0 THEN {none} ELSE ({holds} {joined} {left_open}) END"

    return once(f"struct_pack(v := {value}, found := {found})", decided)


def _against_query(
    expressions: Expressions, left: exp.Expr, query: exp.Expr, at: tuple[int, int], symbol: str
) -> tuple[str, Type, str]:
    """The value, the type in which it meets those of the subquery, and the subquery with its values in that type."""
    expressions.no_lambda(query)
    value = expressions.value(left)
    output = expressions.translation.query(query, expressions.scope)
    expressions.translation.tables.needed.fields(output.fields)
    found = Typed("c0", output.fields[0].type)
    if len(output.fields) != 1:
        if value.type.name != "row":
            raise NotSupported("a comparison with a subquery of several columns", at)
        found = row_of([Typed(f"c{index}", field.type) for index, field in enumerate(output.fields)])
    met = common(value.type, found.type)
    if met is None:
        pair = f"{value.type} vs {found.type}"
        message = f"Value expression and result of subquery must be of the same type: {pair}"
        raise QueryFailure("TYPE_MISMATCH", message, at)
    one, column = converted(value, met).sql, converted(found, met).sql
    if met.name in NESTED:
        if symbol not in ("IN", "=") or has_map(met):
            raise NotSupported(f"a comparison of {met} with a subquery", at)
        one, column = without_nulls(one, met), without_nulls(column, met)
    return one, met, f"SELECT {column} FROM ({output.sql})"


def between(expressions: Expressions, node: exp.Between) -> Typed:
    value = expressions.value(node.this)
    low, high = expressions.value(node.args["low"]), expressions.value(node.args["high"])
    at = expressions.at(node)
    met = common(value.type, low.type)
    if met is None or common(met, high.type) is None:
        raise QueryFailure("TYPE_MISMATCH", f"Cannot check if {value.type} is BETWEEN {low.type} and {high.type}", at)
    return Typed(f"({compared(value, low, '>=', at)} AND {compared(value, high, '<=', at)})", BOOLEAN)


def in_list(expressions: Expressions, node: exp.In) -> Typed:
    at = expressions.at(node)
    query = node.args.get("query")
    if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Values):
        query = node.expressions[0]
    if query is not None:
        inner = query.this if isinstance(query, exp.Subquery) else query
        value, met, sql = _against_query(expressions, node.this, inner, at, "IN")
        return Typed(f"({_sought(value, met)} IN ({sql}))", BOOLEAN)
    if not node.expressions:
        raise NotSupported("this form of IN", at)
    sqls, met = expressions.together([node.this, *node.expressions], "IN value and list items")
    if met.name in NESTED or any(may_be_nan(Typed(sql, met)) for sql in sqls[1:]):
        return Typed(f"({' OR '.join(equal(sqls[0], sql, met) for sql in sqls[1:])})", BOOLEAN)
    if met.name in ("double", "real"):
        either = [may_be_nan(Typed(sql, met)) for sql in sqls]
        if either[0] and any(either[1:]):
            same = [unordered(sqls[0], "=", sql, left=True, right=nan) for sql, nan in zip(sqls, either, strict=True)]
            return Typed(f"({' OR '.join(same[1:])})", BOOLEAN)
    return Typed(f"({sqls[0]} IN ({', '.join(sqls[1:])}))", BOOLEAN)


def is_null(expressions: Expressions, node: exp.Is) -> Typed:
    if not isinstance(node.expression, exp.Null):
        raise NotSupported("IS other than IS [NOT] NULL and IS [NOT] DISTINCT FROM", expressions.at(node))
    return Typed(f"({expressions.value(node.this).sql} IS {_not(node)}NULL)", BOOLEAN)


def _not(node: exp.Expr) -> str:
    """The parser has two ways to say NOT: a node of its own, and, for LIKE, a mark on the node."""
    return "NOT " if node.args.get("negate") else ""


def like(expressions: Expressions, node: exp.Expr) -> Typed:
    escaped = node.expression if isinstance(node, exp.Escape) else None
    if escaped is not None:
        node = node.this
    left, right = expressions.value(node.this), expressions.value(node.expression)
    for side, what in ((left, "Left side of"), (right, "Pattern for")):
        if side.type.name not in TEXT and side.type != UNKNOWN:
            raise QueryFailure(
                "TYPE_MISMATCH",
                f"{what} LIKE expression must evaluate to a varchar (actual: {side.type})",
                expressions.at(node),
            )
    if escaped is None:
        return Typed(f"({left.sql} {_not(node)}LIKE {right.sql})", BOOLEAN)
    if not isinstance(escaped, exp.Literal):
        raise NotSupported("an ESCAPE that is not a constant", expressions.at(node))
    if len(str(escaped.this)) != 1:
        message = "Escape string must be a single character"
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", message, expressions.at(node))
    sign = text(str(escaped.this))
    return Typed(f"({left.sql} {_not(node)}LIKE trino_like_pattern({right.sql}, {sign}) ESCAPE {sign})", BOOLEAN)


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


_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}
_COMPARISON = {
    "EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=",
    "NullSafeEQ": "IS NOT DISTINCT FROM", "NullSafeNEQ": "IS DISTINCT FROM",
}  # fmt: skip
_ORDERING = ("<", "<=", ">", ">=")
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
}
