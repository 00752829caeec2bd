"""The columns of a query that becomes a table or objects: each named, once, those it is partitioned by last."""

from __future__ import annotations

from collections.abc import Sequence

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.statements.context import ResultColumn
from salespipe.local.athena.types import UNKNOWN
from salespipe.local.athena.writing.rows import Target


def targets(found: Sequence[ResultColumn], aliases: Sequence[str]) -> list[Target]:
    """The columns under their names, or under `aliases`. Raises what Trino says of one without a name or a type."""
    if aliases and len(aliases) != len(found):
        raise QueryFailure(
            "MISMATCHED_COLUMN_ALIASES",
            f"Column alias list has {len(aliases)} entries but relation has {len(found)} columns",
            (1, 1),
        )
    made: list[Target] = []
    for index, column in enumerate(found):
        name = aliases[index] if aliases else column.name.lower()
        if not aliases and column.name == f"_col{index}":
            raise QueryFailure("MISSING_COLUMN_NAME", f"Column name not specified at position {index + 1}", (1, 1))
        if name in {target.name for target in made}:
            raise QueryFailure("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once", (1, 1))
        if column.type == UNKNOWN:
            raise QueryFailure("COLUMN_TYPE_UNKNOWN", f"Column type is unknown at position {index + 1}", (1, 1))
        made.append(Target(name, column.type, f"c{index}"))
    return made


def split_keys(columns: Sequence[Target], keys: Sequence[str]) -> tuple[list[Target], list[Target]]:
    """Data columns and partition columns. Raises HIVE_COLUMN_ORDER_MISMATCH unless the latter come last."""
    names = [column.name for column in columns]
    missing = [key for key in keys if key not in names]
    if missing:
        raise QueryFailure("INVALID_TABLE_PROPERTY", f"Partition columns [{', '.join(missing)}] not present in schema")
    data = len(columns) - len(keys)
    if not data:
        raise QueryFailure("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
    if names[data:] != list(keys):
        raise QueryFailure(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(keys)}]",
        )
    return list(columns[:data]), list(columns[data:])
