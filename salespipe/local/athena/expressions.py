"""One Trino expression to the engine's SQL with its type, from the leaves up. What is not here is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena import calls, concatenation, moments, operators, windows
from salespipe.local.athena.casts import cast, check_zones, converted, converted_or_none, keyed
from salespipe.local.athena.equality import FLOATING
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.literals import HANDLERS as LITERALS
from salespipe.local.athena.literals import typed_literal
from salespipe.local.athena.scope import Scope, Typed, dereference, row_of
from salespipe.local.athena.sortable import check_orderable, order_item
from salespipe.local.athena.times import zone_name
from salespipe.local.athena.type_names import parse_type
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    INTEGERS,
    UNKNOWN,
    Type,
    array,
    common,
    finest,
    inside,
    quoted,
    row_fields,
)

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation


Item = tuple[Typed, int | None]
"""What ORDER BY sorts by: a value, and its place among the output columns if it is one."""


class Expressions:
    """Translates the expressions of one scope."""

    def __init__(self, translation: Translation, scope: Scope, windows: dict[str, exp.Window] | None = None) -> None:
        self.translation = translation
        self.scope = scope
        self.windows = windows or {}

    def at(self, node: exp.Expr) -> tuple[int, int]:
        """Line and column of a node."""
        return self.translation.place(node)

    def value(self, node: exp.Expr) -> Typed:
        """Translate one expression."""
        handler = _HANDLERS.get(type(node).__name__)
        if handler is None:
            raise NotSupported(f"{node.key.upper()}", self.at(node))
        return handler(self, node)

    def boolean(self, node: exp.Expr, what: str = "Logical expression term") -> str:
        """Translate a condition."""
        value = converted_or_none(self.value(node), BOOLEAN)
        if value is None:
            actual = self.value(node).type
            shown = f": actual type {actual}" if what in _CLAUSES else f" (actual: {actual})"
            raise QueryFailure("TYPE_MISMATCH", f"{what} must evaluate to a boolean{shown}", self.at(node))
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
                    f"Cannot find common type between {met} and {value.type}, all types (without duplicates): "
                    f"[{', '.join(dict.fromkeys(str(value.type) for value in values))}]",
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
        target = self.type_of(node.args["to"], node)
        # A literal, `DECIMAL '1.50'`; sqlglot gives a CAST in brackets more parts.
        if isinstance(node.this, exp.Literal) and node.this.is_string and "safe" not in node.args:
            return typed_literal(self, node.this, target, bare=not node.args["to"].expressions)
        return cast(self.value(node.this), target, attempt=isinstance(node, exp.TryCast), at=self.at(node))

    def type_of(self, node: exp.DataType, at: exp.Expr) -> Type:
        """The type that a CAST names."""
        spelling = node.sql(dialect="trino")
        if re.sub(r"\(\d+\)", "", spelling.lower()) in _OTHER_TYPES:
            raise NotSupported(f"the type {spelling.lower()}", self.at(at))
        try:
            if any(part.this == exp.DataType.Type.USERDEFINED for part in node.find_all(exp.DataType)):
                raise ValueError(spelling)
            found = parse_type(spelling)
        except ValueError:
            raise QueryFailure("TYPE_NOT_FOUND", f"Unknown type: {spelling}", self.at(at)) from None
        beyond = next((part for part in inside(found) if part.name == "decimal" and not _is_decimal(part)), None)
        if beyond is not None:
            digits, scale = beyond.numbers
            said = f"scale must be in range [0, precision ({digits})]: {scale}"
            if not 1 <= digits <= 38:
                said = f"precision must be in range [1, 38]: {digits}"
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"DECIMAL {said}", self.at(at))
        if finest(found) > 6:
            raise NotSupported(f"more than 6 digits of a second, {found},", self.at(at))
        return found

    def at_time_zone(self, node: exp.AtTimeZone) -> Typed:
        value = self.value(node.this)
        if not isinstance(node.args["zone"], exp.Literal):
            raise NotSupported("AT TIME ZONE with a zone that is not a constant", self.at(node))
        return moments.in_zone(value, zone_name(str(node.args["zone"].this)), self.at(node))

    # subqueries

    def subquery(self, node: exp.Subquery) -> Typed:
        self.no_lambda(node)
        output = self.translation.query(node.this, self.scope)
        self.translation.tables.needed.fields(output.fields)
        if len(output.fields) != 1:
            raise NotSupported("a subquery of several columns where one value stands", self.at(node))
        return Typed(f"({output.sql})", output.fields[0].type)

    def no_lambda(self, node: exp.Expr) -> None:
        """Refuse a subquery inside a lambda, as Trino does."""
        if self.scope.lambdas:
            raise QueryFailure("NOT_SUPPORTED", "Lambda expression cannot contain subqueries", self.at(node))

    def exists(self, node: exp.Exists) -> Typed:
        self.no_lambda(node)
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
        return row_of([self.value(node) for node in nodes])

    def function(self, node: exp.Expr, parameters: Sequence[Type]) -> Typed:
        """A lambda with parameters of these types."""
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(parameters):
            raise QueryFailure(
                "TYPE_MISMATCH", f"A lambda with {len(parameters)} parameters is expected here", self.at(node)
            )
        # the same names for the same text, so that a lambda in GROUP BY and in SELECT is the same expression
        names = [f"l{self.scope.depth}p{index}" for index in range(len(parameters))]
        scope = self.scope.within(
            {
                parameter.name.lower(): Typed(name, type_)
                for parameter, name, type_ in zip(node.expressions, names, parameters, strict=True)
            }
        )
        body = Expressions(self.translation, scope, self.windows).value(node.this)
        return Typed(f"lambda {', '.join(names)}: {body.sql}", body.type)

    def ordering(self, items: Sequence[exp.Expr], found: Sequence[Item] | None = None) -> str:
        """ORDER BY …; NULLs come last whichever the direction, unless NULLS FIRST says otherwise."""
        parts = []
        for index, item in enumerate(items):
            if not isinstance(item, exp.Ordered):
                raise NotSupported("this ORDER BY", self.at(item))
            value, place = found[index] if found is not None else (self.value(item.this), None)
            check_orderable(value, self.at(item), item.this.sql(dialect="trino"))
            descending, nulls_first = bool(item.args.get("desc")), bool(item.args.get("nulls_first"))
            parts.append(order_item(value, place, descending=descending, nulls_first=nulls_first))
        return "ORDER BY " + ", ".join(parts)

    def paren(self, node: exp.Paren) -> Typed:
        value = self.value(node.this)
        return Typed(f"({value.sql})", value.type)

    def bracket(self, node: exp.Bracket) -> Typed:
        """https://trino.io/docs/current/functions/array.html#subscript-operator"""
        base = self.value(node.this)
        if len(node.expressions) != 1:
            raise NotSupported("this subscript", self.at(node))
        index = self.value(node.expressions[0])
        if base.type.name == "array" and index.type.name in (*INTEGERS, "unknown"):
            return Typed(f"trino_subscript({base.sql}, {converted(index, BIGINT).sql})", base.type.args[0])
        if base.type.name == "map":
            found = keyed(base, index)
            if found is not None:
                kind = "_number" if index.type.name in FLOATING else ""
                return Typed(f"trino_map_subscript{kind}({found[0]}, {found[1]})", base.type.args[1])
        if base.type.name == "row" and isinstance(node.expressions[0], exp.Literal) and index.type == INTEGER:
            position = int(node.expressions[0].this) - 1
            if 0 <= position < len(base.type.args):
                name, type_ = row_fields(base.type)[position]
                return Typed(f"({base.sql}).{quoted(name)}", type_)
        raise QueryFailure("TYPE_MISMATCH", f"Cannot use {index.type} for subscript of {base.type}", self.at(node))


def _is_decimal(type_: Type) -> bool:
    return 1 <= type_.precision <= 38 and 0 <= type_.scale <= type_.precision


_CLAUSES = ("WHERE clause", "HAVING clause", "JOIN ON clause")
# Trino's types that have no counterpart here.
_OTHER_TYPES = (
    "ipaddress", "hyperloglog", "p4hyperloglog", "setdigest", "qdigest", "tdigest", "geometry", "time with time zone",
    "timetz",
)  # fmt: skip

_HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    **LITERALS,
    **operators.HANDLERS,
    **concatenation.HANDLERS,
    **calls.HANDLERS,
    **windows.HANDLERS,
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
    "Paren": Expressions.paren,
    "Bracket": Expressions.bracket,
}
