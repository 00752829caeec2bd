"""CREATE [OR REPLACE] VIEW and DROP VIEW. A view is a Glue table whose text is base64 of Presto's JSON, as Athena
keeps it.

https://docs.aws.amazon.com/athena/latest/ug/create-view.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

from salespipe.local.athena import run
from salespipe.local.athena.catalog import CATALOG
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.statements.context import Context, Result, ResultColumn, Statement
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.type_names import hive_type
from salespipe.local.errors import AwsError


def create(words: Words, *, replace: bool) -> Statement:
    """Parse what follows CREATE [OR REPLACE] VIEW. Raises SyntaxFailure for a query that is none."""
    name = words.table("")
    words.expect("AS")
    sql, placed = words.rest(), words.rest_in_place()
    parse_query(placed)

    def action(context: Context) -> Result:
        database = name[0] or context.database
        columns = run.prepare(
            placed, context.database, context.catalog, context.objects, context.folder, context.now
        ).columns
        _check_names(columns)
        entry = _entry(name[1], sql, context.database, columns)
        before = context.catalog.table(database, name[1])
        if context.catalog.database(database) is None:
            raise QueryFailure("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist", (1, 1))
        if before is None:
            context.catalog.call("CreateTable", DatabaseName=database, TableInput=entry)
        elif not replace or before.view is None:
            kind = "View" if before.view is not None else "Table"
            raise QueryFailure(
                "TABLE_ALREADY_EXISTS", f"{kind} already exists: '{CATALOG}.{database}.{name[1]}'", (1, 1)
            )
        else:
            context.catalog.call("UpdateTable", DatabaseName=database, TableInput=entry)
        return Result()

    return Statement("DDL", "CREATE_VIEW", action)


def drop(words: Words) -> Statement:
    """Parse what follows DROP VIEW."""
    missing_ok = words.accept("IF", "EXISTS")
    name = words.table("")
    words.end()

    def action(context: Context) -> Result:
        database = name[0] or context.database
        table = context.catalog.table(database, name[1])
        if table is None and missing_ok:
            return Result()
        if table is None or table.view is None:
            raise QueryFailure("TABLE_NOT_FOUND", f"View '{CATALOG}.{database}.{name[1]}' does not exist", (1, 1))
        try:
            context.catalog.call("DeleteTable", DatabaseName=database, Name=name[1])
        except AwsError as error:
            if error.code != "EntityNotFoundException":
                raise
        return Result()

    return Statement("DDL", "DROP_VIEW", action)


def _check_names(columns: tuple[ResultColumn, ...]) -> None:
    seen: set[str] = set()
    for index, column in enumerate(columns):
        if column.name == f"_col{index}":
            raise QueryFailure("MISSING_COLUMN_NAME", f"Column name not specified at position {index + 1}", (1, 1))
        if column.name.lower() in seen:
            raise QueryFailure("DUPLICATE_COLUMN_NAME", f"Column name '{column.name}' specified more than once", (1, 1))
        seen.add(column.name.lower())


def _entry(name: str, sql: str, database: str, columns: tuple[ResultColumn, ...]) -> dict[str, Any]:
    view = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": database,
        "columns": [{"name": column.name, "type": str(column.type)} for column in columns],
    }
    encoded = base64.b64encode(json.dumps(view, separators=(",", ":")).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name.lower(), "Type": hive_type(column.type)} for column in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
    }
