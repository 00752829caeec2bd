"""The tables of one statement: what it reads of each, which partitions its WHERE leaves, which objects that means.

A partition is pruned when a condition that reads only partition columns is not true for its values; the engine itself
evaluates the condition, over the list of partitions. Only objects that the object store lists are read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from salespipe.local.athena import metadata
from salespipe.local.athena.casts import cast
from salespipe.local.athena.catalog import CATALOG, Catalog, Column, Partition, Table, split_location
from salespipe.local.athena.errors import SYSTEM, NotSupported, QueryFailure
from salespipe.local.athena.formats.choose import is_json, reader
from salespipe.local.athena.formats.json import plain_lines
from salespipe.local.athena.formats.source import Source
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.scope import Field, Relation, Typed
from salespipe.local.athena.types import VARCHAR, quoted, text
from salespipe.local.errors import DamagedObjectError
from salespipe.local.stores.objects import ObjectStore, StoredObject

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_WIDENINGS = {
    ("tinyint", "smallint"), ("tinyint", "integer"), ("tinyint", "bigint"), ("smallint", "integer"),
    ("smallint", "bigint"), ("integer", "bigint"), ("real", "double"), ("integer", "varchar"), ("bigint", "varchar"),
    ("smallint", "varchar"), ("tinyint", "varchar"),
}  # fmt: skip

Run = Callable[[str], list[tuple[Any, ...]]]


@dataclass
class Scan:
    """One mention of a table: the columns read, the conditions on its partitions, and its mark in the SQL."""

    table: Table
    alias: str
    mark: str
    read: set[str] = field(default_factory=set)
    conditions: list[str] = field(default_factory=list)
    whole: bool = False
    pruned: tuple[list[Partition], list[StoredObject], dict[str, Partition]] | None = None


class Tables:
    """Resolves tables while a statement is translated, and then turns their mentions into SQL that reads files."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, folder: Path) -> None:
        self.catalog = catalog
        self._objects = objects
        self._folder = folder
        self._scans: list[Scan] = []
        self._views: list[tuple[str, str]] = []
        self._watchers: list[set[tuple[int, str]]] = []
        self.scanned_bytes = 0

    # while translating

    def relation(
        self, translation: Translation, catalog: str, database: str, name: str, at: tuple[int, int]
    ) -> Relation:
        """A table, view or information_schema table as a relation. Raises TABLE_NOT_FOUND, SCHEMA_NOT_FOUND."""
        if catalog not in ("", CATALOG):
            raise QueryFailure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' does not exist", at)
        if database == "information_schema":
            return metadata.relation(self.catalog, translation, name, at)
        if not database:
            raise QueryFailure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", at)
        table = self.catalog.table(database, name)
        if table is None:
            if self.catalog.database(database) is None:
                raise QueryFailure("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist", at)
            raise QueryFailure("TABLE_NOT_FOUND", f"Table '{CATALOG}.{database}.{name}' does not exist", at)
        if table.view is not None:
            return self._view(translation, table, at)
        return self._scan(translation, table)

    def _scan(self, translation: Translation, table: Table) -> Relation:
        if table.parameters.get("projection.enabled", "").lower() == "true":
            raise NotSupported("partition projection")
        alias = translation.fresh("t")
        scan = Scan(table, alias, f"\x00{len(self._scans)}\x00")
        index = len(self._scans)
        self._scans.append(scan)
        qualifier = (CATALOG, table.database, table.name)

        def reading(name: str) -> Callable[[], None]:
            def note() -> None:
                scan.read.add(name)
                for watcher in self._watchers:
                    watcher.add((index, name))

            return note

        fields = [
            Field(column.name, f"{alias}.{quoted(column.name)}", column.type, qualifier, reading(column.name))
            for column in table.columns
        ]
        fields.append(Field("$path", f'{alias}."$path"', VARCHAR, qualifier, reading("$path"), hidden=True))
        return Relation(f"{scan.mark} AS {alias}", fields)

    def _view(self, translation: Translation, table: Table, at: tuple[int, int]) -> Relation:
        view = table.view or {}
        key = (table.database, table.name)
        if "originalSql" not in view:
            raise QueryFailure("INVALID_VIEW", f"Invalid view JSON: {table.database}.{table.name}", at)
        if key in self._views:
            raise QueryFailure("VIEW_IS_RECURSIVE", f"Statement would create a recursive view {table.name}", at)
        self._views.append(key)
        inner = translation.nested(str(view["originalSql"]), str(view.get("schema") or table.database))
        try:
            output = inner.query(parse_query(inner.sql))
        except QueryFailure as failure:
            raise QueryFailure(
                "INVALID_VIEW", f"Failed analyzing stored view '{CATALOG}.{table.database}.{table.name}': {failure}", at
            ) from failure
        self._views.pop()
        if len(output.fields) != len(table.storage.columns):
            raise QueryFailure(
                "VIEW_IS_STALE",
                f"View '{CATALOG}.{table.database}.{table.name}' is stale or in invalid state: "
                f"stored view column count ({len(table.storage.columns)}) does not match column count derived from the "
                f"view query analysis ({len(output.fields)})",
                at,
            )
        alias = translation.fresh("t")
        fields = [
            Field(column.name, f"{alias}.c{index}", found.type, (CATALOG, table.database, table.name))
            for index, (column, found) in enumerate(zip(table.storage.columns, output.fields, strict=True))
        ]
        return Relation(f"({output.sql}) AS {alias}", fields)

    def count(self) -> int:
        """How many table mentions there are so far."""
        return len(self._scans)

    def keep_whole(self, scans: Iterable[int]) -> None:
        """The outer side of a join: what WHERE says of these may be about NULLs the join makes, so no pruning."""
        for index in scans:
            self._scans[index].whole = True

    @contextmanager
    def watching(self) -> Iterator[set[tuple[int, str]]]:
        """Collects the (mention, column) pairs that are read meanwhile."""
        read: set[tuple[int, str]] = set()
        self._watchers.append(read)
        try:
            yield read
        finally:
            self._watchers.pop()

    def prune(self, read: set[tuple[int, str]], condition: str) -> None:
        """Use a condition of WHERE on the partitions of a table if it reads nothing else."""
        mentions = {index for index, _ in read}
        if len(mentions) != 1:
            return
        scan = self._scans[mentions.pop()]
        keys = {column.name for column in scan.table.partition_keys}
        if {name for _, name in read} <= keys and not scan.whole and "random()" not in condition:
            scan.conditions.append(condition)

    # when the statement is translated

    def finish(self, sql: str, run: Run) -> str:
        """The SQL with every mention replaced by what reads its objects; adds up `scanned_bytes`."""
        for scan in self._scans:
            if scan.mark in sql:
                sql = sql.replace(scan.mark, f"({self._read(scan, run)})")
        return sql

    def rewrite_odd(self) -> None:
        """After ODD_LINE: read the JSON tables of this statement through rewritten copies. Raises HIVE_CURSOR_ERROR."""
        for scan in self._scans:
            if scan.pruned is None or not is_json(scan.table.storage):
                continue
            partitions, objects, owners = scan.pruned
            copies, owned = [], {}
            for stored in objects:
                copy = Path(tempfile.mkstemp(suffix=".json", dir=self._folder)[1])
                plain_lines(stored.path, copy, scan.table.storage)
                copies.append(_moved(stored, copy))
                if str(stored.path) in owners:
                    owned[str(copy)] = owners[str(stored.path)]
            scan.pruned = (partitions, copies, owned)

    def _read(self, scan: Scan, run: Run) -> str:
        if scan.pruned is None:
            scan.pruned = self._objects_of(scan, run)
            try:
                self._objects.check(scan.pruned[1])
            except DamagedObjectError as error:
                said = f"Error opening Hive split: {error}"
                raise QueryFailure("HIVE_CANNOT_OPEN_SPLIT", said, category=SYSTEM) from error
            self.scanned_bytes += sum(stored.size for stored in scan.pruned[1])
        _, objects, owners = scan.pruned
        table = scan.table
        columns = [(i, column) for i, column in enumerate(table.storage.columns) if column.name in scan.read]
        source = Source([o.path for o in objects], [o.size for o in objects], columns, table.storage)
        rows = reader(table.storage)(source) if objects else source.empty()
        keys = [column for column in table.partition_keys if column.name in scan.read]
        if not keys and "$path" not in scan.read:
            return rows
        shown = [f"f.{quoted(column.name)}" for _, column in columns]
        shown += [f"p.{quoted(column.name)} AS {quoted(column.name)}" for column in keys]
        if "$path" in scan.read:
            shown.append('p."$path" AS "$path"')
        files = self._files(scan, objects, owners)
        return f"SELECT {', '.join(shown)} FROM ({rows}) AS f JOIN ({files}) AS p ON f.filename = p.filename"

    def _files(self, scan: Scan, objects: list[StoredObject], owners: dict[str, Partition]) -> str:
        """A relation of file names with the partition values and S3 addresses that belong to them."""
        keys = scan.table.partition_keys
        names = ["filename", "$path", *(column.name for column in keys)]
        rows = []
        for stored in objects:
            partition = owners.get(str(stored.path))
            values = [_partition_text(value) for value in partition.values] if partition else []
            rows.append(
                "(" + ", ".join([text(str(stored.path)), text(f"s3://{stored.bucket}/{stored.key}"), *values]) + ")"
            )
        if not rows:
            rows = ["(" + ", ".join(["NULL"] * len(names)) + ")"]
        typed = [_partition_value(column) for column in keys]
        listed = ", ".join(quoted(name) for name in names)
        return f'SELECT filename, "$path", {", ".join(typed)} FROM (VALUES {", ".join(rows)}) AS v({listed})'.replace(
            ", FROM", " FROM"
        )

    def _objects_of(self, scan: Scan, run: Run) -> tuple[list[Partition], list[StoredObject], dict[str, Partition]]:
        table = scan.table
        if not table.partition_keys:
            return [], self._listed(table.storage.location), {}
        partitions = self._kept(scan, self.catalog.partitions(table), run)
        objects, owners = [], {}
        for partition in partitions:
            _check_schema(table, partition)
            for stored in self._listed(partition.storage.location):
                objects.append(stored)
                owners[str(stored.path)] = partition
        return partitions, objects, owners

    def _kept(self, scan: Scan, partitions: list[Partition], run: Run) -> list[Partition]:
        if not scan.conditions or not partitions:
            return partitions
        keys = scan.table.partition_keys
        rows = ", ".join(
            "(" + ", ".join([str(index), *(_partition_text(value) for value in partition.values)]) + ")"
            for index, partition in enumerate(partitions)
        )
        names = ", ".join(quoted(column.name) for column in keys)
        typed = ", ".join(_partition_value(column) for column in keys)
        listed = f"(SELECT position, {typed} FROM (VALUES {rows}) AS v(position, {names})) AS {scan.alias}"
        kept = run(f"SELECT position FROM {listed} WHERE {' AND '.join(scan.conditions)} ORDER BY position")
        return [partitions[int(row[0])] for row in kept]

    def _listed(self, location: str) -> list[StoredObject]:
        if not location:
            return []
        bucket, prefix = split_location(location)
        return [
            stored
            for stored in self._objects.list(bucket, prefix)
            if stored.size and not _is_skipped(stored.key[len(prefix) :])
        ]


def _is_skipped(name: str) -> bool:
    return any(part.startswith(("_", ".")) for part in name.split("/"))


def _moved(stored: StoredObject, path: Path) -> StoredObject:
    return StoredObject(
        stored.bucket, stored.key, path, stored.size, stored.etag, stored.modified, stored.content_type,
        stored.content_encoding, stored.metadata,
    )  # fmt: skip


def _partition_text(value: str) -> str:
    return "NULL" if value == _NULL_PARTITION else text(unquote(value) if "%" in value else value)


def _partition_value(column: Column) -> str:
    value = Typed(f"CAST({quoted(column.name)} AS VARCHAR)", VARCHAR)
    return f"{cast(value, column.type).sql} AS {quoted(column.name)}"


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
