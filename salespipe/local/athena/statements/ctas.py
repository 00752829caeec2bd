"""CREATE TABLE AS: a table in the catalog, its partitions and their objects, there at once or not at all.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html, /ctas-considerations-limitations.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salespipe.local.athena import run
from salespipe.local.athena.catalog import CATALOG, split_location
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.statements.columns import split_keys, targets
from salespipe.local.athena.statements.context import Context, Result, ResultColumn, Statement
from salespipe.local.athena.statements.properties import check_known, partition_names, with_clause
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.type_names import hive_type
from salespipe.local.athena.writing.commit import NewFile, check_empty, commit, object_name
from salespipe.local.athena.writing.layout import Layout
from salespipe.local.athena.writing.rows import Files, Target, check_types, folder_name, write

_KNOWN = (
    "format", "external_location", "partitioned_by", "write_compression", "parquet_compression", "orc_compression",
    "compression_level", "field_delimiter", "table_type", "is_external",
)  # fmt: skip
_CENTRAL = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property to an "
    "Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
    "'external_location' property and resubmit the query."
)


def create_table_as(words: Words) -> Statement:
    """Parse what follows CREATE TABLE. Raises SyntaxFailure, also for a query that is none."""
    there_ok = words.accept("IF", "NOT", "EXISTS")
    name = words.table("")
    aliases = _aliases(words)
    comment = words.string() if words.accept("COMMENT") else ""
    properties = with_clause(words) if words.accept("WITH") else {}
    words.expect("AS")
    end, data = _data(words)
    sql = words.rest_in_place(end)
    parse_query(sql)

    def action(context: Context) -> Result:
        table = _New(context, name, properties, comment)
        if there_ok and context.catalog.table(table.database, table.name) is not None:
            return commit(context, [], 0, "tables/")
        table.check_absent()
        prepared = run.prepare(sql, context.database, context.catalog, context.objects, context.folder, context.now)
        columns, keys = table.columns(prepared.columns, aliases)
        check_types(columns, keys)
        check_empty(context, table.location, table.database, table.name)
        run.located(prepared, context.session)
        context.scanned(prepared.tables.scanned_bytes if data else 0)
        written = Files((), 0)
        if data:
            folder = Path(tempfile.mkdtemp(dir=context.folder))
            written = write(prepared, context.session, folder, table.layout, columns, keys)
        return table.commit(written, columns, keys)

    return Statement("DDL", "CREATE_TABLE_AS_SELECT", action)


def _aliases(words: Words) -> list[str]:
    names: list[str] = []
    if words.accept("("):
        names.append(words.identifier())
        while words.accept(","):
            names.append(words.identifier())
        words.expect(")")
    return names


def _data(words: Words) -> tuple[int, bool]:
    """Where the query ends, and whether its rows are wanted."""
    last = [word.text.upper() for word in words.all[-3:]]
    if last == ["WITH", "NO", "DATA"]:
        return words.all[-4].end, False
    return (words.all[-3].end, True) if last[1:] == ["WITH", "DATA"] else (words.all[-1].end, True)


class _New:
    """The table to be made."""

    def __init__(self, context: Context, name: tuple[str, str], properties: dict[str, Any], comment: str) -> None:
        self._context = context
        self.database, self.name = name[0] or context.database, name[1]
        self._comment = comment
        check_known(properties, _KNOWN)
        if str(properties.get("table_type", "HIVE")).upper() != "HIVE" or properties.get("is_external") is False:
            raise NotSupported("an Iceberg table")
        self.layout = Layout.of_properties(properties)
        self._partitioned_by = partition_names(properties)
        self.location = self._location(properties.get("external_location"))

    def _location(self, asked: Any) -> str:
        if asked is None:
            return f"{self._context.output}tables/{self._context.id}"
        if self._context.central:
            raise QueryFailure("", _CENTRAL)
        if not str(asked).startswith("s3://") or not split_location(str(asked))[0]:
            raise QueryFailure("INVALID_TABLE_PROPERTY", f"External location is not a valid file system URI: {asked}")
        return str(asked)

    def check_absent(self) -> None:
        """Raises SCHEMA_NOT_FOUND and TABLE_ALREADY_EXISTS."""
        if not self.database:
            raise QueryFailure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", (1, 1))
        if self._context.catalog.database(self.database) is None:
            raise QueryFailure("SCHEMA_NOT_FOUND", f"Schema '{self.database}' does not exist", (1, 1))
        if self._context.catalog.table(self.database, self.name) is not None:
            said = f"Destination table '{CATALOG}.{self.database}.{self.name}' already exists"
            raise QueryFailure("TABLE_ALREADY_EXISTS", said, (1, 1))

    def columns(self, found: Sequence[ResultColumn], aliases: Sequence[str]) -> tuple[list[Target], list[Target]]:
        """Data columns and partition columns."""
        return split_keys(targets(found, aliases), self._partitioned_by)

    def commit(self, written: Files, columns: Sequence[Target], keys: Sequence[Target]) -> Result:
        """Show it."""
        context = self._context
        bucket, prefix = split_location(self.location)
        names = [key.name for key in keys]
        files, places = [], {}
        for number, (values, path) in enumerate(written.files):
            folder = folder_name(names, values) + "/" if values else ""
            places[values] = f"s3://{bucket}/{prefix}{folder}".rstrip("/")
            files.append(NewFile(bucket, f"{prefix}{folder}{object_name(context, self.layout, number)}", path))
        descriptor = self.layout.descriptor(_glue(columns), self.location)
        table = {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": _glue(keys),
            "StorageDescriptor": descriptor,
            "Parameters": {
                "EXTERNAL": "TRUE",
                "auto.purge": "false",
                "has_encrypted_data": "false",
                "numFiles": "-1",
                "totalSize": "-1",
                "transactional": "false",
                "trino_query_id": context.id,
                **self.layout.parameters,
                **({"comment": self._comment} if self._comment else {}),
            },
        }

        def enter() -> None:
            self.check_absent()
            check_empty(context, self.location, self.database, self.name)
            context.catalog.call("CreateTable", DatabaseName=self.database, TableInput=table)
            partitions = [
                {"Values": list(values), "StorageDescriptor": {**descriptor, "Location": place}}
                for values, place in places.items()
                if values
            ]
            context.catalog.add_partitions(self.database, self.name, partitions)

        return commit(context, files, written.rows, "tables/", enter)


def _glue(columns: Sequence[Target]) -> list[dict[str, str]]:
    return [{"Name": column.name, "Type": hive_type(column.type)} for column in columns]
