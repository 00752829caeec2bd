"""Parts of a query's tree and its columns: the cells of VALUES, the name of an item without alias, new column names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlglot import exp

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Field
from salespipe.local.athena.types import converts


def cells(row: exp.Expr) -> list[exp.Expr]:
    """The expressions of one row of VALUES: `1`, `(1, 2)` and `ROW(1, 2)`, which is a row of two columns as well."""
    cells = list(row.expressions) if isinstance(row, exp.Tuple) else [row]
    while len(cells) == 1 and isinstance(cells[0], exp.Paren):
        cells = [cells[0].this]
    only = cells[0]
    if len(cells) == 1 and isinstance(only, exp.Tuple):
        return list(only.expressions)
    if len(cells) == 1 and isinstance(only, exp.Anonymous) and only.name.upper() == "ROW":
        return list(only.expressions)
    return cells


def own_name(node: exp.Expr) -> str | None:
    """The name that an item without alias has: that of its column or row field."""
    if isinstance(node, exp.Paren):
        return own_name(node.this)
    if isinstance(node, exp.Column):
        return node.name.lower()
    return node.expression.name.lower() if isinstance(node, exp.Dot) else None


def renamed(fields: Sequence[Field], names: Sequence[str], at: tuple[int, int]) -> list[Field]:
    if names and len(names) != len(fields):
        raise QueryFailure(
            "MISMATCHED_COLUMN_ALIASES",
            f"Column alias list has {len(names)} entries but relation has {len(fields)} columns",
            at,
        )
    return [
        Field(names[index].lower() if names else field.name, f"c{index}", field.type, needs=field.needs)
        for index, field in enumerate(fields)
    ]


def mentions(node: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name and not table.db for table in node.find_all(exp.Table))


def named_twice(clause: exp.With) -> exp.Expr | None:
    """The first query of WITH whose name another has before it."""
    names: set[str] = set()
    for cte in clause.expressions:
        if cte.alias.lower() in names:
            return cast("exp.Expr", cte)
        names.add(cte.alias.lower())
    return None


def check_step(base: Sequence[Field], step: Sequence[Field], at: tuple[int, int]) -> None:
    """What a recursion adds has to fit what it begins with, whose types it does not change."""
    if len(step) != len(base):
        sizes = f"{len(base)}, {len(step)}"
        message = f"base and step relations of recursion have different number of fields: {sizes}"
        raise QueryFailure("TYPE_MISMATCH", message, at)
    for index, (first, next_) in enumerate(zip(base, step, strict=True), 1):
        if not converts(next_.type, first.type):
            message = (
                f"recursion step relation output type ({next_.type}) is not coercible to recursion base relation "
                f"output type ({first.type}) at column {index}"
            )
            raise QueryFailure("TYPE_MISMATCH", message, at)
