"""ALTER TABLE: columns, location and properties of a table; its partitions are in `partitions`.

https://docs.aws.amazon.com/athena/latest/ug/alter-table-add-columns.html, /alter-table-replace-columns.html,
/alter-table-set-location.html, /alter-table-set-tblproperties.html. Partitions keep the columns that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from salespipe.local.athena.errors import NotSupported, QueryFailure, SyntaxFailure
from salespipe.local.athena.statements import partitions
from salespipe.local.athena.statements.context import Action, Context, Result, Statement
from salespipe.local.athena.statements.hive import columns, found_table, partition_spec, partition_values, properties
from salespipe.local.athena.statements.words import Words

_KEPT = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters",
)  # fmt: skip
Change = Callable[[dict[str, Any]], None]
"""Changes Glue's TableInput in place."""


def alter(words: Words) -> Statement:
    """Parse what follows ALTER."""
    words.expect("TABLE")
    name = words.table("")
    if words.accept("ADD", "COLUMNS"):
        return _add_columns(words, name)
    if words.accept("ADD"):
        return partitions.add(words, name)
    if words.accept("DROP"):
        return partitions.drop(words, name)
    if words.accept("REPLACE", "COLUMNS"):
        return _replace_columns(words, name)
    if words.accept("SET", "TBLPROPERTIES"):
        given = properties(words)
        words.end()
        return Statement(
            "DDL", "ALTER_TABLE_SET_TBLPROPERTIES", _changed(name, lambda table: table["Parameters"].update(given))
        )
    if words.accept("SET", "LOCATION"):
        location = _location(words)
        return Statement(
            "DDL",
            "ALTER_TABLE_SET_LOCATION",
            _changed(name, lambda table: table["StorageDescriptor"].update(Location=location)),
        )
    if words.accept("PARTITION"):
        spec = partition_spec(words)
        if words.accept("SET", "LOCATION"):
            return Statement("DDL", "ALTER_TABLE_SET_LOCATION", _moved_partition(name, spec, _location(words)))
        raise NotSupported("ALTER TABLE … PARTITION … without SET LOCATION")
    word = words.peek()
    raise NotSupported(f"ALTER TABLE … {word.text.upper() if word else ''}")


def _location(words: Words) -> str:
    location = words.string()
    words.end()
    if not location.startswith("s3://"):
        raise SyntaxFailure(f"Location is not a valid S3 path: {location}")
    return location


def _add_columns(words: Words, name: tuple[str, str]) -> Statement:
    new = columns(words)
    words.end()

    def change(table: dict[str, Any]) -> None:
        there = table["StorageDescriptor"]["Columns"]
        names = {column["Name"].lower() for column in (*there, *table.get("PartitionKeys", []))}
        for column in new:
            if column["Name"] in names:
                raise QueryFailure(
                    "", f"FAILED: SemanticException [Error 10036]: Duplicate column name: {column['Name']}"
                )
            names.add(column["Name"])
        table["StorageDescriptor"]["Columns"] = [*there, *new]

    return Statement("DDL", "ALTER_TABLE_ADD_COLUMNS", _changed(name, change))


def _replace_columns(words: Words, name: tuple[str, str]) -> Statement:
    new = columns(words)
    words.end()
    return Statement(
        "DDL",
        "ALTER_TABLE_REPLACE_COLUMNS",
        _changed(name, lambda table: table["StorageDescriptor"].update(Columns=new)),
    )


def _changed(name: tuple[str, str], change: Change) -> Action:
    def action(context: Context) -> Result:
        with context.catalog.together():
            table = found_table(context, name)
            if table.view is not None:
                raise QueryFailure("", f"FAILED: SemanticException Cannot alter the view {name[1]} with ALTER TABLE")
            entry = context.catalog.call("GetTable", DatabaseName=table.database, Name=table.name)["Table"]
            kept = {key: entry[key] for key in _KEPT if key in entry}
            kept.setdefault("Parameters", {})
            change(kept)
            context.catalog.call("UpdateTable", DatabaseName=table.database, TableInput=kept)
        return Result()

    return action


def _moved_partition(name: tuple[str, str], spec: dict[str, str], location: str) -> Action:
    def action(context: Context) -> Result:
        with context.catalog.together():
            table = found_table(context, name)
            values = partition_values(table, spec)
            if context.catalog.partition(table, values) is None:
                raise QueryFailure("", f"FAILED: SemanticException [Error 10006]: Partition not found {spec}")
            place = {"DatabaseName": table.database, "TableName": table.name}
            entry = context.catalog.call("GetPartition", **place, PartitionValues=values)["Partition"]
            moved = {
                "Values": values,
                "StorageDescriptor": {**entry["StorageDescriptor"], "Location": location},
                "Parameters": entry.get("Parameters", {}),
            }
            context.catalog.call("UpdatePartition", **place, PartitionValueList=values, PartitionInput=moved)
        return Result()

    return action
