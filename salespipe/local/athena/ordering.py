"""The end of a query: ORDER BY, LIMIT and OFFSET.

https://trino.io/docs/current/sql/select.html#order-by-clause
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.expressions import Expressions, Item
from salespipe.local.athena.scope import Field, Scope, Typed

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation


def tail(translation: Translation, node: exp.Expr, order_item: Callable[[exp.Expr], Item]) -> list[str]:
    """ORDER BY, LIMIT and OFFSET, as far as they are there."""
    parts = []
    order = node.args.get("order")
    if order is not None:
        items = [order_item(item.this) for item in order.expressions]
        parts.append(Expressions(translation, Scope([])).ordering(order.expressions, items))
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if isinstance(limit, exp.Fetch):
        if limit.args.get("limit_options") is not None and "TIES" in limit.sql().upper():
            raise NotSupported("FETCH FIRST … WITH TIES", translation.place(node))
        parts.append(f"LIMIT {_count(translation, limit.args.get('count') or exp.Literal.number(1))}")
    elif limit is not None and str(limit.expression.name).upper() != "ALL":
        parts.append(f"LIMIT {_count(translation, limit.expression)}")
    if offset is not None:
        parts.append(f"OFFSET {_count(translation, offset.expression)}")
    return parts


def select_order(node: exp.Select, item: exp.Expr, inside: Expressions, items: list[Field]) -> Item:
    """An item of ORDER BY of a SELECT: a position, a name of an output column, or an expression of its relations."""
    value, place = _selected_or_not(item, inside, items)
    if node.args.get("distinct") and place is None:
        message = "For SELECT DISTINCT, ORDER BY expressions must appear in select list"
        raise QueryFailure("EXPRESSION_NOT_IN_DISTINCT", message, inside.at(node))
    return value, place


def _selected_or_not(item: exp.Expr, inside: Expressions, items: list[Field]) -> Item:
    position = ordinal(inside.translation, item, len(items), "ORDER BY")
    if position is not None:
        return Typed(items[position].sql, items[position].type), position
    if isinstance(item, exp.Column) and not item.table:
        named = [i for i, field in enumerate(items) if (field.name or "").lower() == item.name.lower()]
        if len({items[i].sql for i in named}) > 1:
            raise QueryFailure("AMBIGUOUS_NAME", f"'{item.name}' is ambiguous", inside.translation.place(item))
        if named:
            return Typed(items[named[0]].sql, items[named[0]].type), named[0]
    outputs = [Field(f.name, f.sql, f.type) for f in items if f.name]
    own = {(g.sql, (g.name or "").lower()) for g in inside.scope.fields}
    shadowing = [f for f in outputs if (f.sql, (f.name or "").lower()) not in own]
    scope = inside.scope
    if any(
        isinstance(c, exp.Column) and not c.table and any((f.name or "").lower() == c.name.lower() for f in shadowing)
        for c in item.walk()
    ):
        names = {(f.name or "").lower() for f in shadowing}
        others = [f for f in scope.fields if (f.name or "").lower() not in names]
        scope = replace(scope, fields=[*shadowing, *others], parent=scope)
    value = Expressions(inside.translation, scope, inside.windows).value(item)
    same = [i for i, field in enumerate(items) if field.sql == value.sql]
    return value, same[0] if same else None


def output_order(translation: Translation, item: exp.Expr, fields: list[Field]) -> Item:
    """An item of ORDER BY of any other query: its output columns are all that it sees."""
    position = ordinal(translation, item, len(fields), "ORDER BY")
    if position is not None:
        return Typed(f"c{position}", fields[position].type), position
    scope = Scope([replace(field, sql=f"c{index}", qualifier=()) for index, field in enumerate(fields)])
    return Expressions(translation, scope).value(item), None


def ordinal(translation: Translation, item: exp.Expr, count: int, clause: str) -> int | None:
    """The position from 0 that a whole number stands for; None for any other expression."""
    if not isinstance(item, exp.Literal) or item.is_string:
        return None
    position = int(item.this) if str(item.this).isdigit() else 0
    if not 1 <= position <= count:
        raise QueryFailure(
            "INVALID_COLUMN_REFERENCE",
            f"{clause} position {item.this} is not in select list",
            translation.place(item),
        )
    return position - 1


def _count(translation: Translation, node: exp.Expr) -> int:
    if isinstance(node, exp.Literal) and str(node.this).isdigit():
        return int(node.this)
    raise NotSupported("a LIMIT or OFFSET that is not a whole number", translation.place(node))
