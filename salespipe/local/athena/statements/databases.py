"""CREATE DATABASE and DROP DATABASE.

https://docs.aws.amazon.com/athena/latest/ug/create-database.html, /drop-database.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.statements.context import Context, Result, Statement
from salespipe.local.athena.statements.hive import properties
from salespipe.local.athena.statements.words import Words


def create_database(words: Words) -> Statement:
    """Parse what follows CREATE DATABASE."""
    there_ok = words.accept("IF", "NOT", "EXISTS")
    name = words.identifier()
    entry: dict[str, Any] = {"Name": name}
    if words.accept("COMMENT"):
        entry["Description"] = words.string()
    if words.accept("LOCATION"):
        entry["LocationUri"] = words.string()
    if words.accept("WITH"):
        words.expect("DBPROPERTIES")
        entry["Parameters"] = properties(words)
    words.end()

    def action(context: Context) -> Result:
        if context.catalog.database(name) is not None:
            if there_ok:
                return Result()
            raise QueryFailure(
                "",
                f"FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Database "
                f"{name} already exists",
            )
        context.catalog.call("CreateDatabase", DatabaseInput=entry)
        return Result()

    return Statement("DDL", "CREATE_DATABASE", action)


def drop_database(words: Words) -> Statement:
    """Parse what follows DROP DATABASE."""
    missing_ok = words.accept("IF", "EXISTS")
    name = words.identifier()
    cascade = words.accept("CASCADE")
    words.accept("RESTRICT")
    words.end()

    def action(context: Context) -> Result:
        if context.catalog.database(name) is None:
            if missing_ok:
                return Result()
            raise QueryFailure("", f"FAILED: SemanticException [Error 10072]: Database does not exist: {name}")
        tables = context.catalog.tables(name)
        if tables and not cascade:
            raise QueryFailure(
                "",
                "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"InvalidOperationException(message:Database {name} is not empty. One or more tables exist.)",
            )
        for table in tables:
            context.catalog.call("DeleteTable", DatabaseName=name, Name=table.name)
        context.catalog.call("DeleteDatabase", Name=name)
        return Result()

    return Statement("DDL", "DROP_DATABASE", action)
