"""One Trino expression to the engine's SQL with its type, from the leaves up. What is not here is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena import operators
from salespipe.local.athena.casts import cast, converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.literals import HANDLERS as LITERALS
from salespipe.local.athena.rules import registry
from salespipe.local.athena.scope import Scope, Typed, dereference
from salespipe.local.athena.times import zone_name
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    INTEGERS,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    Type,
    array,
    common,
    parse_type,
    quoted,
)

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation


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


class Expressions:
    """Translates the expressions of one scope."""

    def __init__(self, translation: Translation, scope: Scope, windows: dict[str, exp.Window] | None = None) -> None:
        self.translation = translation
        self.scope = scope
        self._windows = windows or {}

    def at(self, node: exp.Expr) -> tuple[int, int]:
        """Line and column of a node."""
        return self.translation.place(node)

    def value(self, node: exp.Expr) -> Typed:
        """Translate one expression."""
        name = type(node).__name__
        if name in LITERALS:
            return LITERALS[name](self, node)
        if name in operators.HANDLERS:
            return operators.HANDLERS[name](self, node)
        handler = _HANDLERS.get(name)
        if handler is None:
            raise NotSupported(f"{node.key.upper()}", self.at(node))
        return handler(self, node)

    def boolean(self, node: exp.Expr, what: str = "Logical expression term") -> str:
        """Translate a condition."""
        value = converted_or_none(self.value(node), BOOLEAN)
        if value is None:
            actual = self.value(node).type
            raise QueryFailure(
                "TYPE_MISMATCH", f"{what} must evaluate to a boolean: actual type {actual}", self.at(node)
            )
        return value.sql

    def together(self, nodes: Sequence[exp.Expr], what: str) -> tuple[list[str], Type]:
        """Translate expressions that share one type, as the branches of CASE do."""
        values = [self.value(node) for node in nodes]
        met = values[0].type
        for node, value in zip(nodes, values, strict=True):
            both = common(met, value.type)
            if both is None:
                raise QueryFailure(
                    "TYPE_MISMATCH",
                    f"{what} must be the same type or coercible to a common type. "
                    f"Cannot find common type between {met} and {value.type}",
                    self.at(node),
                )
            met = both
        check_zones(values, met, self.at(nodes[0]))
        return [converted(value, met).sql for value in values], met

    # names

    def column(self, node: exp.Column) -> Typed:
        if isinstance(node.this, exp.Star):
            raise QueryFailure("SYNTAX_ERROR", "'*' is only allowed in the SELECT list and in count(*)", self.at(node))
        return self.scope.column([part.name for part in node.parts], self.at(node))

    def identifier(self, node: exp.Identifier) -> Typed:
        return self.scope.column([node.name], self.at(node))

    def dot(self, node: exp.Dot) -> Typed:
        if not isinstance(node.expression, exp.Identifier):
            raise NotSupported("this form of a dotted name", self.at(node))
        return dereference(self.value(node.this), [node.expression.name.lower()], self.at(node))

    # CASE and its kin: https://trino.io/docs/current/functions/conditional.html

    def case(self, node: exp.Case) -> Typed:
        branches = node.args["ifs"]
        results = [branch.args["true"] for branch in branches]
        other = node.args.get("default")
        sqls, type_ = self.together([*results, other] if other is not None else results, "All CASE results")
        if node.this is not None:
            conditions = [operators.compare(self, node.this, branch.this, "=", node) for branch in branches]
        else:
            conditions = [self.boolean(branch.this, "CASE WHEN clause") for branch in branches]
        parts = [f"WHEN {condition} THEN {sql}" for condition, sql in zip(conditions, sqls, strict=False)]
        tail = f" ELSE {sqls[-1]}" if other is not None else ""
        return Typed(f"CASE {' '.join(parts)}{tail} END", type_)

    def cast_node(self, node: exp.Cast) -> Typed:
        value = self.value(node.this)
        target = self.type_of(node.args["to"], node)
        literal = isinstance(node.this, exp.Literal)
        if target.name == "decimal" and literal and node.this.is_string and not node.args["to"].expressions:
            return LITERALS["decimal"](self, node.this)
        return cast(value, target, attempt=isinstance(node, exp.TryCast), at=self.at(node))

    def type_of(self, node: exp.DataType, at: exp.Expr) -> Type:
        """The type that a CAST names."""
        spelling = node.sql(dialect="trino")
        try:
            return parse_type(spelling)
        except ValueError:
            raise QueryFailure("TYPE_NOT_FOUND", f"Unknown type: {spelling}", self.at(at)) from None

    def at_time_zone(self, node: exp.AtTimeZone) -> Typed:
        value = self.value(node.this)
        if not isinstance(node.args["zone"], exp.Literal):
            raise NotSupported("AT TIME ZONE with a zone that is not a constant", self.at(node))
        return operators.in_zone(value, zone_name(str(node.args["zone"].this)), self.at(node))

    # subqueries

    def subquery(self, node: exp.Subquery) -> Typed:
        output = self.translation.query(node.this, self.scope)
        if len(output.fields) != 1:
            raise QueryFailure(
                "SYNTAX_ERROR",
                f"Multiple columns returned by subquery are not yet supported. Found {len(output.fields)}",
                self.at(node),
            )
        return Typed(f"({output.sql})", output.fields[0].type)

    def exists(self, node: exp.Exists) -> Typed:
        return Typed(f"EXISTS ({self.translation.query(node.this, self.scope).sql})", BOOLEAN)

    def array(self, node: exp.Array) -> Typed:
        if not node.expressions:
            return Typed("CAST([] AS INTEGER[])", array(UNKNOWN))
        sqls, type_ = self.together(node.expressions, "All ARRAY elements")
        return Typed(f"[{', '.join(sqls)}]", array(type_))

    def row_constructor(self, node: exp.Tuple) -> Typed:
        return self.row(node.expressions)

    def row(self, nodes: Sequence[exp.Expr]) -> Typed:
        """An anonymous row."""
        values = [self.value(node) for node in nodes]
        parts = ", ".join(f"{quoted(f'field{index}')} := {value.sql}" for index, value in enumerate(values))
        types = tuple(value.type for value in values)
        return Typed(f"struct_pack({parts})", Type("row", types, fields=(None,) * len(types)))

    # functions

    def anonymous(self, node: exp.Anonymous) -> Typed:
        return self.call(node, node.name.lower(), list(node.expressions))

    def call(self, node: exp.Expr, name: str, trees: list[exp.Expr], over: str = "", window: bool = False) -> Typed:
        """A function by name; `over` is the FILTER and OVER that follow it."""
        at = self.at(node)
        functions = registry.FUNCTIONS.get(name)
        if functions is None:
            raise NotSupported(f"function {name}", at)
        kind = functions[0].kind
        if kind == "window" and not window:
            raise QueryFailure("SYNTAX_ERROR", f"Window function {name} requires an OVER clause", at)
        if kind == "scalar" and over:
            raise QueryFailure(
                "FUNCTION_NOT_AGGREGATE",
                f"Filter is only valid for aggregation functions and OVER for window functions: {name}",
                at,
            )
        trees, distinct, order = self._modifiers(trees, kind, at)
        arguments = Arguments(name, at, trees, self, over, distinct, order)
        builder = next((function.build for function in functions if function.build), None)
        templates = [function for function in functions if function.signature]
        if templates and not any(isinstance(tree, exp.Lambda) for tree in trees):
            chosen = registry.choose(functions, arguments.values(), at)
            if chosen is not None:
                return self._template(arguments, *chosen)
        if builder is None:
            raise arguments.unfit()
        return builder(arguments)

    def _template(self, call: Arguments, function: registry.Function, values: list[Typed], result: Type) -> Typed:
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

    def _modifiers(self, trees: list[exp.Expr], kind: str, at: tuple[int, int]) -> tuple[list[exp.Expr], bool, str]:
        order, distinct = "", False
        if trees and isinstance(trees[-1], exp.Order):
            order = " " + self.ordering(trees[-1].expressions)
            trees = [*trees[:-1], trees[-1].this]
        if trees and isinstance(trees[0], exp.Distinct):
            distinct = True
            trees = [*trees[0].expressions, *trees[1:]]
        if (order or distinct) and kind != "aggregate":
            raise QueryFailure("SYNTAX_ERROR", "DISTINCT and ORDER BY are only valid in aggregation functions", at)
        return trees, distinct, order

    def function(self, node: exp.Expr, parameters: Sequence[Type]) -> Typed:
        """A lambda with parameters of these types."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(parameters):
            raise QueryFailure(
                "TYPE_MISMATCH", f"A lambda with {len(parameters)} parameters is expected here", self.at(node)
            )
        names = [self.translation.fresh("l") for _ in parameters]
        scope = self.scope.within(
            {
                parameter.name.lower(): Typed(name, type_)
                for parameter, name, type_ in zip(node.expressions, names, parameters, strict=True)
            }
        )
        body = Expressions(self.translation, scope, self._windows).value(node.this)
        return Typed(f"lambda {', '.join(names)}: {body.sql}", body.type)

    # aggregates and windows: https://trino.io/docs/current/functions/window.html

    def filter(self, node: exp.Filter) -> Typed:
        return self._aggregate(node.this, f" FILTER (WHERE {self.boolean(node.expression.this)})", False)

    def window(self, node: exp.Window) -> Typed:
        called, before = node.this, ""
        if isinstance(called, exp.Filter):
            before = f" FILTER (WHERE {self.boolean(called.expression.this)})"
            called = called.this
        return self._aggregate(called, f"{before} OVER ({self._frame(node)})", True)

    def _aggregate(self, called: exp.Expr, over: str, window: bool) -> Typed:
        if isinstance(called, (exp.IgnoreNulls, exp.RespectNulls)):
            ignore = isinstance(called, exp.IgnoreNulls)
            inner = called.this
            if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in _NULL_TREATMENT:
                raise NotSupported("IGNORE NULLS here", self.at(called))
            plain = self.call(inner, inner.name.lower(), list(inner.expressions), "{over}", window)
            head = plain.sql.removesuffix("){over}")
            return Typed(f"{head}{' IGNORE NULLS' if ignore else ''}){over}", plain.type)
        if isinstance(called, exp.Anonymous):
            return self.call(called, called.name.lower(), list(called.expressions), over, window)
        raise NotSupported(f"{called.key.upper()} with FILTER or OVER", self.at(called))

    def _frame(self, node: exp.Window) -> str:
        partition = list(node.args.get("partition_by") or [])
        order, spec = node.args.get("order"), node.args.get("spec")
        base = node.args.get("alias")
        if base is not None:
            named = self._windows.get(base.name.lower())
            if named is None:
                raise QueryFailure("INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {base.name}", self.at(node))
            inherited = self._frame(named)
            own = [part for part in (order and self.ordering(order.expressions), spec and self._spec(spec)) if part]
            return " ".join([inherited, *own])
        parts = []
        if partition:
            parts.append("PARTITION BY " + ", ".join(self.value(item).sql for item in partition))
        if order is not None:
            parts.append(self.ordering(order.expressions))
        if spec is not None:
            parts.append(self._spec(spec))
        return " ".join(parts)

    def _spec(self, spec: exp.WindowSpec) -> str:
        if spec.args.get("exclude"):
            raise NotSupported("EXCLUDE in a window frame", self.at(spec))
        start, end = self._bound(spec, "start"), self._bound(spec, "end")
        return f"{str(spec.args['kind']).upper()} BETWEEN {start} AND {end or 'CURRENT ROW'}"

    def _bound(self, spec: exp.WindowSpec, which: str) -> str:
        bound, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
        if bound is None:
            return ""
        shown = bound.upper() if isinstance(bound, str) else self.value(bound).sql
        return f"{shown} {side}".strip()

    def ordering(self, items: Sequence[exp.Expr], sqls: Sequence[str] | None = None) -> str:
        """ORDER BY …; NULLs come last whichever the direction, unless NULLS FIRST says otherwise."""
        parts = []
        for index, item in enumerate(items):
            if not isinstance(item, exp.Ordered):
                raise NotSupported("this ORDER BY", self.at(item))
            sql = sqls[index] if sqls is not None else self.value(item.this).sql
            parts.append(
                f"{sql} {'DESC' if item.args.get('desc') else 'ASC'} NULLS "
                f"{'FIRST' if item.args.get('nulls_first') else 'LAST'}"
            )
        return "ORDER BY " + ", ".join(parts)

    def listagg(self, node: exp.GroupConcat) -> Typed:
        """https://trino.io/docs/current/functions/aggregate.html#listagg"""
        inner, order = node.this, ""
        if isinstance(inner, exp.Order):
            order = " " + self.ordering(inner.expressions)
            inner = inner.this
        distinct = isinstance(inner, exp.Distinct)
        if distinct:
            inner = inner.expressions[0]
        if node.args.get("on_overflow"):
            raise NotSupported("ON OVERFLOW", self.at(node))
        value = converted(self.value(inner), VARCHAR)
        separator = self.value(node.args["separator"]).sql if node.args.get("separator") else "''"
        return Typed(f"string_agg({'DISTINCT ' if distinct else ''}{value.sql}, {separator}{order})", VARCHAR)

    # special call syntax, handed to the rule of the same name

    def extract(self, node: exp.Extract) -> Typed:
        return self.call(node, f"extract_{node.this.name.lower()}", [node.expression])

    def position(self, node: exp.StrPosition) -> Typed:
        return self.call(node, "strpos", [node.this, node.args["substr"]])

    def substring(self, node: exp.Substring) -> Typed:
        trees = [node.this, node.args.get("start"), node.args.get("length")]
        return self.call(node, "substring", [tree for tree in trees if tree is not None])

    def trim(self, node: exp.Trim) -> Typed:
        position = str(node.args.get("position") or "BOTH").upper()
        name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
        return self.call(node, name, [tree for tree in (node.this, node.expression) if tree is not None])

    def parse_json(self, node: exp.ParseJSON) -> Typed:
        return self.call(node, "json_parse", [node.this])

    def paren(self, node: exp.Paren) -> Typed:
        value = self.value(node.this)
        return Typed(f"({value.sql})", value.type)

    def hex_string(self, node: exp.HexString) -> Typed:
        return Typed(f"from_hex('{node.this}')", VARBINARY)

    def bracket(self, node: exp.Bracket) -> Typed:
        """https://trino.io/docs/current/functions/array.html#subscript-operator"""
        base = self.value(node.this)
        if len(node.expressions) != 1:
            raise NotSupported("this subscript", self.at(node))
        index = self.value(node.expressions[0])
        if base.type.name == "array" and index.type.name in INTEGERS:
            return Typed(f"trino_subscript({base.sql}, {converted(index, BIGINT).sql})", base.type.args[0])
        if base.type.name == "map":
            key = converted_or_none(index, base.type.args[0])
            if key is not None:
                return Typed(f"trino_map_subscript({base.sql}, {key.sql})", base.type.args[1])
        if base.type.name == "row" and isinstance(node.expressions[0], exp.Literal):
            from salespipe.local.athena.types import row_fields

            position = int(node.expressions[0].this) - 1
            if 0 <= position < len(base.type.args):
                name, type_ = row_fields(base.type)[position]
                return Typed(f"({base.sql}).{quoted(name)}", type_)
        raise QueryFailure("TYPE_MISMATCH", f"Cannot use {index.type} for subscript of {base.type}", self.at(node))


def converted_or_none(value: Typed, target: Type) -> Typed | None:
    """The value converted where Trino would do so unasked, else None."""
    return converted(value, target) if common(value.type, target) == target else None


def check_zones(values: Sequence[Typed], result: Type, at: tuple[int, int]) -> None:
    """Refuse to bring values of different time zones into one column."""
    zones = {value.type.zone for value in values if value.type.name == TIMESTAMP_TZ.name}
    if result.name == TIMESTAMP_TZ.name and len(zones) > 1:
        raise NotSupported(f"a column with values of several time zones ({', '.join(sorted(zones))})", at)


_NULL_TREATMENT = ("lag", "lead", "first_value", "last_value", "nth_value")

_HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    "Column": Expressions.column,
    "Identifier": Expressions.identifier,
    "Dot": Expressions.dot,
    "Case": Expressions.case,
    "Cast": Expressions.cast_node,
    "TryCast": Expressions.cast_node,
    "AtTimeZone": Expressions.at_time_zone,
    "Subquery": Expressions.subquery,
    "Exists": Expressions.exists,
    "Array": Expressions.array,
    "Tuple": Expressions.row_constructor,
    "Anonymous": Expressions.anonymous,
    "Filter": Expressions.filter,
    "Window": Expressions.window,
    "GroupConcat": Expressions.listagg,
    "Extract": Expressions.extract,
    "StrPosition": Expressions.position,
    "Substring": Expressions.substring,
    "Trim": Expressions.trim,
    "ParseJSON": Expressions.parse_json,
    "Paren": Expressions.paren,
    "HexString": Expressions.hex_string,
    "Bracket": Expressions.bracket,
}
