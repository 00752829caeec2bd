"""Which columns of a query are columns of its tables, row by row: what is said of the one is true of the other.

Through them a condition on a subquery prunes the tables below it. Where it would change which rows there are (a LIMIT,
a window, an aggregate over all of them), a column stands for itself alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from salespipe.local.athena import grouping
from salespipe.local.athena.scope import Field
from salespipe.local.athena.types import Type


def with_origins(node: exp.Select, items: list[Field], grouped: Sequence[str]) -> list[Field]:
    """The columns of a SELECT; which of them stand for those of its tables, so that a condition is true of both."""
    if is_cut(node) or any(item.find(exp.Window) for item in node.expressions):
        return [replace(item, origin=()) for item in items]
    if not grouping.is_aggregated(node):
        return items
    group = node.args.get("group")
    plain = (
        group is not None
        and not any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup"))
        and group.find(exp.Rollup, exp.Cube, exp.GroupingSets) is None
    )
    return [item if plain and item.sql in grouped else replace(item, origin=()) for item in items]


def is_cut(node: exp.Expr) -> bool:
    """Whether LIMIT or OFFSET decides which rows there are."""
    return bool(node.args.get("limit") or node.args.get("offset"))


def both(left: Field, right: Field, type_: Type) -> tuple[tuple[int, str], ...]:
    """Where a column of a set operation is taken from, by either side that is not converted."""
    return tuple(origin for side in (left, right) if side.type == type_ for origin in side.origin)
