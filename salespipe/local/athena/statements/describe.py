"""DESCRIBE [EXTENDED | FORMATTED] table [column].

https://docs.aws.amazon.com/athena/latest/ug/describe-table.html. Each line has three columns, filled with blanks and
parted by tabs, as Hive prints them. EXTENDED is Hive's Thrift text, "primarily for debugging", and refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from salespipe.local.athena.catalog import Column, Table
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.statements.context import Context, Result, Statement, listing
from salespipe.local.athena.statements.hive import found_table
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import Type

_HEADER = "\t".join(("# col_name            ", "data_type           ", "comment             "))


def describe(words: Words) -> Statement:
    """Parse what follows DESCRIBE or DESC."""
    if words.accept("EXTENDED"):
        raise NotSupported("DESCRIBE EXTENDED")
    formatted = words.accept("FORMATTED")
    words.accept("TABLE")
    name = words.table("")
    if words.accept("PARTITION"):
        raise NotSupported("DESCRIBE … PARTITION")
    column = words.identifier() if words.peek() is not None else ""
    if words.accept("."):
        raise NotSupported("DESCRIBE of a part of a column")
    words.end()

    def action(context: Context) -> Result:
        table = found_table(context, name)
        rows = [_line(found) for found in table.columns if found.name == column] if column else _columns(table)
        if column and not rows:
            raise QueryFailure("", f"FAILED: SemanticException [Error 10002]: Invalid column reference {column}")
        if formatted and not column:
            entry = context.catalog.call("GetTable", DatabaseName=table.database, Name=table.name)["Table"]
            rows = [_HEADER, "\t \t ", *rows, "\t \t ", *_details(table, entry)]
        return listing(["col_name", "data_type", "comment"], [[row] for row in rows], Type("string"))

    return Statement("UTILITY", "DESCRIBE_TABLE", action)


def _columns(table: Table) -> list[str]:
    rows = [_line(column) for column in table.columns]
    if table.partition_keys:
        rows += ["\t \t ", "# Partition Information\t \t ", _HEADER, "\t \t "]
        rows += [_line(column) for column in table.partition_keys]
    return rows


def _line(column: Column) -> str:
    return "\t".join((column.name.ljust(20), column.hive.ljust(20), column.comment.ljust(20)))


def _details(table: Table, entry: dict[str, Any]) -> list[str]:
    storage = entry.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    created = float(entry.get("CreateTime") or 0)
    shown = {
        "Database:": table.database,
        "Owner:": str(entry.get("Owner") or "hadoop"),
        "CreateTime:": f"{datetime.fromtimestamp(float(created), UTC):%a %b %d %H:%M:%S UTC %Y}"
        if created
        else "UNKNOWN",
        "LastAccessTime:": "UNKNOWN",
        "Protect Mode:": "None",
        "Retention:": str(entry.get("Retention") or 0),
        "Location:": table.storage.location,
        "Table Type:": table.kind,
    }
    stored = {
        "SerDe Library:": table.storage.serde,
        "InputFormat:": table.storage.input_format,
        "OutputFormat:": table.storage.output_format,
        "Compressed:": "Yes" if storage.get("Compressed") else "No",
        "Num Buckets:": str(storage.get("NumberOfBuckets", -1)),
        "Bucket Columns:": f"[{', '.join(storage.get('BucketColumns') or [])}]",
        "Sort Columns:": f"[{', '.join(entry['Column'] for entry in storage.get('SortColumns') or [])}]",
    }
    rows = ["# Detailed Table Information\t \t ", *_pairs(shown)]
    rows += ["Table Parameters:\t \t ", *_inner(table.parameters)]
    rows += ["\t \t ", "# Storage Information\t \t ", *_pairs(stored)]
    parameters = {str(key): str(value) for key, value in (serde.get("Parameters") or {}).items()}
    return [*rows, "Storage Desc Params:\t \t ", *_inner(parameters)] if parameters else rows


def _pairs(values: dict[str, str]) -> list[str]:
    return [f"{name.ljust(20)}\t{value.ljust(20)}\t " for name, value in values.items()]


def _inner(parameters: dict[str, str]) -> list[str]:
    return [f"\t{name.ljust(20)}\t{value.ljust(20)}" for name, value in sorted(parameters.items())]
