"""INSERT INTO: new objects beside those that a table has, and new partitions where there was none, all at once.

https://docs.aws.amazon.com/athena/latest/ug/insert-into.html. Types are matched as Trino's analyzer does: what is not
converted without being asked is a TYPE_MISMATCH. https://trino.io/docs/current/sql/insert.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from salespipe.local.athena import run
from salespipe.local.athena.casts import converted
from salespipe.local.athena.catalog import CATALOG, Column, Table, split_location
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.statements.context import Context, Result, ResultColumn, Statement
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import TEXT, UNKNOWN, Type, converts, duckdb_type
from salespipe.local.athena.writing.commit import NewFile, commit, object_name
from salespipe.local.athena.writing.layout import Layout
from salespipe.local.athena.writing.rows import Files, Target, check_types, folder_name, write


def insert(words: Words) -> Statement:
    """Parse what follows INSERT. Raises SyntaxFailure, also for a query that is none."""
    words.expect("INTO")
    name = words.table("")
    named = _names(words)
    sql = words.rest_in_place()
    parse_query(sql)

    def action(context: Context) -> Result:
        table = _found(context, name)
        layout = Layout.of_table(table.storage)
        prepared = run.prepare(sql, context.database, context.catalog, context.objects, context.folder, context.now)
        targets = _targets(table, named, prepared.columns)
        data = len(table.storage.columns)
        columns, keys = targets[:data], targets[data:]
        check_types(columns, keys)
        run.located(prepared, context.session)
        context.scanned(prepared.tables.scanned_bytes)
        folder = Path(tempfile.mkdtemp(dir=context.folder))
        return _commit(context, table, layout, write(prepared, context.session, folder, layout, columns, keys))

    return Statement("DML", "INSERT", action)


def _names(words: Words) -> list[str]:
    """The columns in parentheses, unless it is the query that is."""
    after = words.peek(1)
    if words.peek(0) is None or not words.accept("("):
        return []
    if after is not None and after.kind == "word" and after.text.upper() in ("SELECT", "WITH", "VALUES", "TABLE"):
        words.back()
        return []
    names = [words.identifier()]
    while words.accept(","):
        names.append(words.identifier())
    words.expect(")")
    return names


def _found(context: Context, name: tuple[str, str]) -> Table:
    database = name[0] or context.database
    if not database:
        raise QueryFailure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", (1, 1))
    table = context.catalog.table(database, name[1])
    if table is None:
        raise QueryFailure("TABLE_NOT_FOUND", f"Table '{CATALOG}.{database}.{name[1]}' does not exist", (1, 1))
    if table.view is not None:
        raise QueryFailure("NOT_SUPPORTED", "Inserting into views is not supported", (1, 1))
    if table.bucketed:
        raise NotSupported("INSERT INTO a bucketed table")
    if table.parameters.get("projection.enabled", "").lower() == "true":
        raise NotSupported("INSERT INTO a table with partition projection")
    if table.parameters.get("table_type", "").lower() == "iceberg":
        raise NotSupported("an Iceberg table")
    return table


def _targets(table: Table, named: Sequence[str], found: Sequence[ResultColumn]) -> list[Target]:
    """Every column of the table with the value it gets: NULL for one that is not named."""
    known = {column.name: column for column in table.columns}
    for index, name in enumerate(named):
        if name not in known:
            raise QueryFailure("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {name}", (1, 1))
        if name in named[:index]:
            raise QueryFailure(
                "DUPLICATE_COLUMN_NAME", f"Insert column name is specified more than once: {name}", (1, 1)
            )
    wanted: list[Column] = [known[name] for name in named] if named else list(table.columns)
    if len(wanted) != len(found) or not all(
        _fits(given.type, column.type) for given, column in zip(found, wanted, strict=True)
    ):
        raise QueryFailure(
            "TYPE_MISMATCH",
            "Insert query has mismatched column types: "
            f"Table: [{', '.join(str(column.type) for column in wanted)}], "
            f"Query: [{', '.join(str(column.type) for column in found)}]",
            (1, 1),
        )
    values = {
        column.name: _assigned(Typed(f"c{index}", given.type), column.type)
        for index, (column, given) in enumerate(zip(wanted, found, strict=True))
    }
    nulls = {column.name: f"CAST(NULL AS {duckdb_type(column.type)})" for column in table.columns}
    return [Target(column.name, column.type, (nulls | values)[column.name]) for column in table.columns]


def _fits(given: Type, wanted: Type) -> bool:
    return given == UNKNOWN or converts(given, wanted) or (given.name in TEXT and wanted.name in TEXT)


def _assigned(value: Typed, wanted: Type) -> str:
    """The value converted; a text that is too long fails, unless only blanks would go."""
    if wanted.name in TEXT and wanted.numbers and value.type.name in TEXT:
        length = wanted.numbers[0]
        error = (
            f"error('INVALID_CAST_ARGUMENT: Cannot truncate non-space characters when casting from {value.type} to "
            f"{wanted} on INSERT')"
        )
        return (
            f"CASE WHEN length({value.sql}) <= {length} OR {value.sql} IS NULL THEN {value.sql} "
            f"WHEN trim(substring({value.sql}, {length + 1}), ' ') = '' THEN substring({value.sql}, 1, {length}) "
            f"ELSE {error} END"
        )
    return converted(value, wanted).sql


def _commit(context: Context, table: Table, layout: Layout, written: Files) -> Result:
    names = [key.name for key in table.partition_keys]
    places: dict[tuple[str, ...], str] = {}
    for values, _ in written.files:
        if values not in places:
            places[values] = _place(context, table, names, values)
    files = []
    for number, (values, path) in enumerate(written.files):
        bucket, prefix = split_location(places[values])
        files.append(NewFile(bucket, prefix + object_name(context, layout, number), path))

    def enter() -> None:
        entry = context.catalog.call("GetTable", DatabaseName=table.database, Name=table.name)["Table"]
        descriptor = entry["StorageDescriptor"]
        new = []
        for values, place in places.items():
            if not values:
                continue
            there = context.catalog.partition(table, values)
            if there is None:
                new.append({"Values": list(values), "StorageDescriptor": {**descriptor, "Location": place}})
            elif split_location(there.storage.location) != split_location(place):
                raise QueryFailure(
                    "HIVE_CONCURRENT_MODIFICATION_DETECTED",
                    f"Partition was added or modified during INSERT: {folder_name(names, values)}",
                )
        context.catalog.add_partitions(table.database, table.name, new)

    return commit(context, files, written.rows, "", enter)


def _place(context: Context, table: Table, names: Sequence[str], values: tuple[str, ...]) -> str:
    """Where rows of a partition go: where it is, or below the table."""
    if not values:
        return table.storage.location
    there = context.catalog.partition(table, values)
    if there is None:
        return f"{table.storage.location.rstrip('/')}/{folder_name(names, values)}"
    if there.storage.serde and there.storage.serde != table.storage.serde:
        raise NotSupported("INSERT INTO a partition with another SerDe than its table's")
    return there.storage.location
