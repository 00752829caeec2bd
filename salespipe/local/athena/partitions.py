"""Which partitions a mention of a table reads: the catalog's or projected ones, less those that a condition excludes.

A partition is pruned when a condition that reads only partition columns is not true for its values; the engine itself
evaluates the condition, over the list of partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from salespipe.local.athena.casts import cast
from salespipe.local.athena.catalog import Catalog, Column, Partition, Storage, Table
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.failing import conjunction
from salespipe.local.athena.projection import Projection, is_projected
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import INTEGERS, VARCHAR, Type, quoted, text

PATH = "$path"
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_WIDENINGS = {
    ("tinyint", "smallint"), ("tinyint", "integer"), ("tinyint", "bigint"), ("smallint", "integer"),
    ("smallint", "bigint"), ("integer", "bigint"), ("real", "double"), ("integer", "varchar"), ("bigint", "varchar"),
    ("smallint", "varchar"), ("tinyint", "varchar"),
}  # fmt: skip

Run = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Condition:
    """A part of WHERE or ON that reads these columns of one table and no others.

    `constants` are the values, as the engine's SQL with their types, that its only column is compared with by `=` or
    `IN`.
    """

    columns: frozenset[str]
    sql: str
    constants: tuple[Typed, ...] = ()


def kept(
    catalog: Catalog, table: Table, alias: str, conditions: Sequence[Condition], run: Run, now: datetime
) -> list[Partition]:
    """The partitions that are left; `alias` is the table's in the conditions. Raises HIVE_PARTITION_SCHEMA_MISMATCH."""

    def keep(positions: Sequence[int], rows: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
        keys = [table.partition_keys[position] for position in positions]
        names = {key.name for key in keys}
        sqls = [condition.sql for condition in conditions if condition.columns <= names]
        return _true(keys, alias, sqls, rows, run)

    if is_projected(table):
        return Projection(table, now).partitions(_given(table, conditions, run), keep)
    partitions = {partition.values: partition for partition in catalog.partitions(table)}
    found = [partitions[values] for values in keep(range(len(table.partition_keys)), list(partitions))]
    checked: Storage | None = None
    for partition in found:
        storage = partition.storage
        if checked is None or storage.columns is not checked.columns or storage.serde != checked.serde:
            _check_schema(table, partition)
            checked = storage
    return found


def by_path(
    table: Table, alias: str, conditions: Sequence[Condition], places: Sequence[tuple[str, Partition | None]], run: Run
) -> set[str]:
    """Of objects, each with its S3 address and partition, the addresses for which the conditions on `$path` are true.

    As Trino's Hive connector does, which makes no split of a file whose path a query excludes.
    """
    sqls = [condition.sql for condition in conditions if PATH in condition.columns]
    keys = [Column(PATH, "string"), *table.partition_keys]
    rows = [(path.replace("%", "%25"), *(partition.values if partition else ())) for path, partition in places]
    return {unquote(row[0]) for row in _true(keys, alias, sqls, rows, run)}


def _true(
    keys: Sequence[Column], alias: str, sqls: Sequence[str], rows: Sequence[tuple[str, ...]], run: Run
) -> Sequence[tuple[str, ...]]:
    if not sqls or not rows:
        return rows
    values = ", ".join(
        "(" + ", ".join([str(index), *(partition_text(value) for value in row)]) + ")" for index, row in enumerate(rows)
    )
    names = ", ".join(quoted(key.name) for key in keys)
    typed = ", ".join(f"{partition_value(key, quoted(key.name))} AS {quoted(key.name)}" for key in keys)
    listed = f"(SELECT position, {typed} FROM (VALUES {values}) AS v(position, {names})) AS {alias}"
    found = run(f"SELECT position FROM {listed} WHERE {conjunction(sqls)} ORDER BY position")
    return [rows[int(row[0])] for row in found]


def _given(table: Table, conditions: Sequence[Condition], run: Run) -> Mapping[str, Sequence[str]]:
    """The constants of each column as texts, where only such a text can be equal to a value of it."""
    found: dict[str, Sequence[str]] = {}
    for key in table.partition_keys:
        for condition in conditions:
            if condition.columns != {key.name} or not condition.constants or key.name in found:
                continue
            if all(_same_text(key.type, constant.type) for constant in condition.constants):
                texts = ", ".join(f"CAST({constant.sql} AS VARCHAR)" for constant in condition.constants)
                found[key.name] = [value for value in run(f"SELECT {texts}")[0] if value is not None]
    return found


def _same_text(column: Type, constant: Type) -> bool:
    if column.name in INTEGERS:
        return constant.name in INTEGERS
    return column.name == constant.name and column.name in ("varchar", "date")


def partition_text(value: str) -> str:
    """A partition's value as a literal of the engine."""
    return "NULL" if value == NULL_PARTITION else text(unquote(value) if "%" in value else value)


def partition_value(column: Column, literal: str) -> str:
    """Such a literal, or a column of them, as what the partition column is declared to be."""
    return cast(Typed(f"CAST({literal} AS VARCHAR)", VARCHAR), column.type).sql


def _check_schema(table: Table, partition: Partition) -> None:
    """Old partitions keep the types they were crawled with; Athena refuses those it cannot widen."""
    if partition.storage.serde and partition.storage.serde != table.storage.serde:
        raise NotSupported("a table whose partitions have different SerDes")
    declared = {column.name: column.type for column in table.storage.columns}
    for column in partition.storage.columns:
        wanted = declared.get(column.name)
        if wanted is None or wanted == column.type or (column.type.name, wanted.name) in _WIDENINGS:
            continue
        shown = "/".join(
            f"{key.name}={value}" for key, value in zip(table.partition_keys, partition.values, strict=False)
        )
        raise QueryFailure(
            "HIVE_PARTITION_SCHEMA_MISMATCH",
            "There is a mismatch between the table and partition schemas. The types are incompatible and cannot be "
            f"coerced. The column '{column.name}' in table '{table.database}.{table.name}' is declared as type "
            f"'{_declared(table, column.name)}', but partition '{shown}' declared column '{column.name}' as type "
            f"'{column.hive}'.",
        )


def _declared(table: Table, name: str) -> str:
    return next(column.hive for column in table.storage.columns if column.name == name)
