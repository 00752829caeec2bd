"""Function calls: the overload for the arguments at hand, the modifiers inside the brackets, and the calls that have
words of their own (`EXTRACT(day FROM x)`), which are handed to the rule of the same name.

A function without a rule is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.casts import check_zones
from salespipe.local.athena.equality import check_alike
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.json_text import parsed
from salespipe.local.athena.rules import registry
from salespipe.local.athena.rules.known import KNOWN
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import JSON, TIMESTAMP_TZ, Type, text

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

# Aggregates with a builder that reads DISTINCT, or for which it makes no difference.
_DISTINCT = ("count", "sum", "avg", "min", "max")


@dataclass(frozen=True)
class Arguments:
    """A function call: its name, place, argument trees, and the means to translate them."""

    name: str
    at: tuple[int, int]
    trees: list[exp.Expr]
    expressions: Expressions
    over: str = ""
    distinct: bool = False
    order: str = ""

    def value(self, index: int) -> Typed:
        """Argument `index` (from 0), translated."""
        return self.expressions.value(self.trees[index])

    def values(self) -> list[Typed]:
        """All arguments, translated."""
        return [self.expressions.value(tree) for tree in self.trees]

    def literal(self, index: int) -> str:
        """The text of a string or number literal that must stand there. Refuses anything else."""
        tree = self.trees[index]
        if not isinstance(tree, exp.Literal):
            raise NotSupported(f"{self.name} with an argument {index + 1} that is not a constant", self.at)
        return str(tree.this)

    def expect(self, *counts: int) -> None:
        """Raises FUNCTION_NOT_FOUND unless the number of arguments is one of `counts`."""
        if len(self.trees) not in counts:
            raise self.unfit()

    def unfit(self) -> QueryFailure:
        """The error for arguments of the wrong number or types."""
        given = ", ".join(
            "function" if isinstance(t, exp.Lambda) else str(self.value(i).type) for i, t in enumerate(self.trees)
        )
        return QueryFailure("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {self.name}", self.at)

    def function(self, index: int, *parameters: Type) -> Typed:
        """A lambda argument for parameters of these types; the result's type is that of its body."""
        return self.expressions.function(self.trees[index], parameters)


def call(
    expressions: Expressions, node: exp.Expr, name: str, trees: list[exp.Expr], over: str = "", window: bool = False
) -> Typed:
    """A function by name; `over` is the FILTER and OVER that follow it."""
    at = expressions.at(node)
    functions = registry.FUNCTIONS.get(name)
    if functions is None:
        if name in KNOWN:
            raise NotSupported(f"function {name}", at)
        raise QueryFailure("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", at)
    kind = functions[0].kind
    if kind == "window" and not window:
        raise QueryFailure("SYNTAX_ERROR", f"Window function {name} requires an OVER clause", at)
    if kind == "scalar" and over:
        raise QueryFailure(
            "FUNCTION_NOT_AGGREGATE",
            f"Filter is only valid for aggregation functions and OVER for window functions: {name}",
            at,
        )
    trees, distinct, order = _modifiers(expressions, trees, kind, at)
    if window and order:
        raise QueryFailure("NOT_SUPPORTED", "Window function with ORDER BY is not supported", at)
    if window and distinct:
        message = f"DISTINCT in window function parameters not yet supported: {name}"
        raise QueryFailure("NOT_SUPPORTED", message, at)
    arguments = Arguments(name, at, trees, expressions, over, distinct, order)
    for value in arguments.values() if distinct or name in ("approx_distinct", "histogram") else ():
        check_alike(value.type, f"DISTINCT inside {name} of" if distinct else f"{name} of", at)
    builder = next((function.build for function in functions if function.build), None)
    templates = [function for function in functions if function.signature]
    if templates and not any(isinstance(tree, exp.Lambda) for tree in trees):
        chosen = registry.choose(functions, arguments.values(), at)
        if chosen is not None:
            return _template(arguments, *chosen)
    if builder is None:
        raise arguments.unfit()
    if order or (distinct and name not in _DISTINCT):
        raise NotSupported(f"DISTINCT or ORDER BY inside {name}", at)
    return builder(arguments)


def _template(call: Arguments, function: registry.Function, values: list[Typed], result: Type) -> Typed:
    check_zones(values, result, call.at)
    zones = [value.type.zone for value in values if value.type.name == TIMESTAMP_TZ.name]
    if zones and result.name == TIMESTAMP_TZ.name:
        result = Type(result.name, numbers=result.numbers, zone=zones[0])
    sqls = [value.sql for value in values]
    if (call.distinct or call.order) and "{distinct}" not in str(function.sql):
        raise NotSupported(f"DISTINCT or ORDER BY inside {call.name}", call.at)
    distinct = "DISTINCT " if call.distinct else ""
    sql = str(function.sql).format(*sqls, args=", ".join(sqls), over=call.over, distinct=distinct, order=call.order)
    return Typed(sql, result)


def _modifiers(
    expressions: Expressions, trees: list[exp.Expr], kind: str, at: tuple[int, int]
) -> tuple[list[exp.Expr], bool, str]:
    order, distinct = "", False
    if trees and isinstance(trees[-1], exp.Order):
        order = " " + expressions.ordering(trees[-1].expressions)
        trees = [*trees[:-1], trees[-1].this]
    if trees and isinstance(trees[0], exp.Distinct):
        distinct = True
        trees = [*trees[0].expressions, *trees[1:]]
    if (order or distinct) and kind != "aggregate":
        raise QueryFailure("SYNTAX_ERROR", "DISTINCT and ORDER BY are only valid in aggregation functions", at)
    return trees, distinct, order


def anonymous(expressions: Expressions, node: exp.Anonymous) -> Typed:
    return call(expressions, node, node.name.lower(), list(node.expressions))


def extract(expressions: Expressions, node: exp.Extract) -> Typed:
    field = node.this.name.lower()
    if field in ("millisecond", "week_of_year", "year_of_week_of_year"):  # functions, and no fields
        raise QueryFailure("SYNTAX_ERROR", f"Invalid EXTRACT field: {field.upper()}", expressions.at(node))
    return call(expressions, node, f"extract_{field}", [node.expression])


def position(expressions: Expressions, node: exp.StrPosition) -> Typed:
    return call(expressions, node, "strpos", [node.this, node.args["substr"]])


def substring(expressions: Expressions, node: exp.Substring) -> Typed:
    trees = [node.this, node.args.get("start"), node.args.get("length")]
    return call(expressions, node, "substring", [tree for tree in trees if tree is not None])


def trim(expressions: Expressions, node: exp.Trim) -> Typed:
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
    return call(expressions, node, name, [tree for tree in (node.this, node.expression) if tree is not None])


def parse_json(expressions: Expressions, node: exp.ParseJSON) -> Typed:
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        with suppress(ValueError):  # the engine says what is wrong with it
            return Typed(f"CAST({text(parsed(str(node.this.this)))} AS JSON)", JSON)
    return call(expressions, node, "json_parse", [node.this])


HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    "Anonymous": anonymous,
    "Extract": extract,
    "StrPosition": position,
    "Substring": substring,
    "Trim": trim,
    "ParseJSON": parse_json,
}
