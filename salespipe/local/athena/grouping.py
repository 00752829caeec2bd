"""GROUP BY, and what may stand beside it: in a grouped query every item is made of grouped expressions and aggregates,
or is refused with the column's name and place.

https://trino.io/docs/current/sql/select.html#group-by-clause. The engine would say it too, but of its own column names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlglot import exp

from salespipe.local.athena.equality import check_alike
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.json_text import shown
from salespipe.local.athena.ordering import ordinal
from salespipe.local.athena.rules.registry import FUNCTIONS
from salespipe.local.athena.scope import Field, Typed


def is_aggregated(node: exp.Select) -> bool:
    """Whether a query is grouped, by GROUP BY or by an aggregate among its items."""
    if node.args.get("group") or node.args.get("having"):
        return True
    order = node.args.get("order")
    return any(_has_aggregate(item) for item in [*node.expressions, *(order.expressions if order else [])])


def group_by(node: exp.Group, inside: Expressions, items: list[Field], into: list[str]) -> str:
    """GROUP BY; the grouped expressions are added to `into`."""
    select = node.parent.expressions if isinstance(node.parent, exp.Select) else []
    written = dict(enumerate(select)) if not any(item.is_star for item in select) else {}

    def sets(elements: Sequence[exp.Expr]) -> str:
        shown = []
        for element in elements:
            members = element.expressions if isinstance(element, exp.Tuple) else [element]
            shown.append("(" + ", ".join(grouped(member) for member in members) + ")")
        return ", ".join(shown)

    def grouped(item: exp.Expr) -> str:
        if isinstance(item, exp.Paren):
            return grouped(item.this)
        position = ordinal(inside.translation, item, len(items), "GROUP BY")
        no_aggregates(item if position is None else written.get(position, item), inside, "GROUP BY clause")
        value = Typed(items[position].sql, items[position].type) if position is not None else inside.value(item)
        check_alike(value.type, "GROUP BY", inside.at(item))
        into.append(value.sql)
        return into[-1]

    parts = []
    for item in [
        *node.expressions,
        *(node.args.get("grouping_sets") or []),
        *(node.args.get("cube") or []),
        *(node.args.get("rollup") or []),
    ]:
        if isinstance(item, (exp.Rollup, exp.Cube, exp.GroupingSets)):
            word = {"rollup": "ROLLUP", "cube": "CUBE", "groupingsets": "GROUPING SETS"}[item.key]
            parts.append(f"{word} ({sets(item.expressions)})")
        elif isinstance(item, exp.Tuple):
            parts.extend(grouped(member) for member in item.expressions)
        else:
            parts.append(grouped(item))
    if node.args.get("totals") or not parts:
        raise NotSupported("GROUP BY ALL", inside.translation.place(node))
    # the parser's sign for DISTINCT, which drops grouping sets that come twice
    if node.args.get("all") is False and any(part.startswith(("ROLLUP", "CUBE", "GROUPING")) for part in parts):
        raise NotSupported("GROUP BY DISTINCT", inside.translation.place(node))
    return "GROUP BY " + ", ".join(parts)


def no_aggregates(node: exp.Expr, inside: Expressions, clause: str) -> None:
    """Raises EXPRESSION_NOT_SCALAR for an aggregate or window function where Trino allows none.

    (Analyzer.verifyNoAggregateWindowOrGroupingFunctions in Trino's source.)
    """
    found = [part for part in _own_nodes(node) if isinstance(part, exp.Window) or _is_aggregate(part)]
    if found:
        shown = ", ".join(part.sql(dialect="trino", normalize_functions=False) for part in found)
        raise QueryFailure(
            "EXPRESSION_NOT_SCALAR",
            f"{clause} cannot contain aggregations, window functions or grouping operations: [{shown}]",
            inside.at(node),
        )


def _own_nodes(node: exp.Expr) -> list[exp.Expr]:
    """The parts of an expression, those of subqueries and of aggregates left out."""
    if isinstance(node, (exp.Query, exp.Subquery)):
        return []
    if isinstance(node, exp.Window) or _is_aggregate(node):
        return [node]
    return [node, *(part for inner in node.iter_expressions() for part in _own_nodes(inner))]


def check(
    items: Iterable[exp.Expr], grouped: Collection[str], inside: Expressions, named: Collection[str] = ()
) -> None:
    """Raises EXPRESSION_NOT_AGGREGATE for the first column that is neither; `grouped` are the engine's expressions.

    `named` are the items' names, in ORDER BY, where a name means the item first.
    """
    for item in items:
        _check(item.this if isinstance(item, (exp.Alias, exp.Ordered)) else item, grouped, inside, named)


def _check(node: exp.Expr, grouped: Collection[str], inside: Expressions, named: Collection[str]) -> None:
    if _is_aggregate(node):
        for part in node.walk():
            if isinstance(part, exp.Column) and not part.table and part.name.lower() in named:
                message = "Invalid reference to output projection attribute from ORDER BY aggregation"
                raise QueryFailure("COLUMN_NOT_FOUND", message, inside.at(part))
        return _not_nested(node, inside)
    if isinstance(node, (exp.Subquery, exp.Exists, exp.Any, exp.All, exp.Lambda, exp.Literal, exp.Star)):
        return None
    if any(isinstance(part, exp.Column) and not part.table and part.name.lower() in named for part in node.walk()):
        pass
    elif not isinstance(node, (exp.Window, exp.Ordered, exp.Order, exp.If, exp.Identifier, exp.WindowSpec, exp.Filter)):
        value = inside.value(node)
        sql = value.sql
        if sql in grouped or shown(value).sql in grouped:
            return None
        if isinstance(node, exp.Column) and any(sql == field.sql for field in inside.scope.fields):
            raise QueryFailure(
                "EXPRESSION_NOT_AGGREGATE",
                f"'{node.sql(dialect='trino')}' must be an aggregate expression or appear in GROUP BY clause",
                inside.at(node),
            )
    for part in _window_parts(node) if isinstance(node, exp.Window) else _parts(node):
        _check(part, grouped, inside, named)
    return None


def _not_nested(node: exp.Expr, inside: Expressions) -> None:
    """(AggregationAnalyzer in Trino's source.)"""
    found = [part for inner in node.iter_expressions() for part in _own_nodes(inner)]
    called = node.this if isinstance(node, exp.Filter) else node
    for kind, said, these in (
        ("NESTED_AGGREGATION", "aggregations", [part for part in found if _is_aggregate(part) and part is not called]),
        ("NESTED_WINDOW", "window functions", [part for part in found if isinstance(part, exp.Window)]),
    ):
        if these:
            shown = ", ".join(part.sql(dialect="trino", normalize_functions=False) for part in these)
            message = f"Cannot nest {said} inside aggregation '{called.name.lower()}': [{shown}]"
            raise QueryFailure(kind, message, inside.at(node))


def _parts(node: exp.Expr) -> list[exp.Expr]:
    return [part for part in node.iter_expressions() if not isinstance(part, (exp.DataType, exp.Var, exp.Interval))]


def _window_parts(node: exp.Window) -> list[exp.Expr]:
    """What a window function is computed of: its arguments, its filter, its partition and its order."""
    called, order = node.this, node.args.get("order")
    parts = [*(node.args.get("partition_by") or []), *([item.this for item in order.expressions] if order else [])]
    while isinstance(called, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        if isinstance(called, exp.Filter):
            parts.append(called.expression.this)
        called = called.this
    return [*called.iter_expressions(), *parts]


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, (exp.Filter, exp.GroupConcat)):
        return True
    functions = FUNCTIONS.get(node.name.lower(), []) if isinstance(node, exp.Anonymous) else []
    return any(function.kind == "aggregate" for function in functions) or (
        isinstance(node, exp.Anonymous) and node.name.lower() == "grouping"
    )


def _has_aggregate(node: exp.Expr) -> bool:
    """An aggregate of this query itself: not one of a window or a subquery."""
    if isinstance(node, (exp.Subquery, exp.Exists)):
        return False
    if isinstance(node, exp.Window):
        return any(_has_aggregate(part) for part in _window_parts(node))
    return _is_aggregate(node) or any(_has_aggregate(part) for part in node.iter_expressions())
