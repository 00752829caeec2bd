"""The tables of one statement while it is translated: what it reads of each, and which of its conditions may prune.

A condition prunes where every row of the result needs it to be true: in WHERE, and in ON for the sides of a join
whose rows do not come without a partner. What is said of a column is said of every column that it must be equal to,
too (`a.dt = b.dt AND b.dt = '2026-01-31'`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from salespipe.local.athena import metadata
from salespipe.local.athena.catalog import CATALOG, Catalog, Table
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.failing import may_fail
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.partitions import Condition, Run
from salespipe.local.athena.scans import Scan
from salespipe.local.athena.scope import Field, Relation, Typed
from salespipe.local.athena.types import VARCHAR, quoted
from salespipe.local.stores.objects import ObjectStore

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation


class Tables:
    """Resolves tables while a statement is translated, and then turns their mentions into SQL that reads files."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, folder: Path, now: datetime) -> None:
        self.catalog = catalog
        self._now = now
        self._objects = objects
        self._folder = folder
        self._scans: list[Scan] = []
        self._views: list[tuple[str, str]] = []
        self._watchers: list[set[tuple[int, str]]] = []
        self._singles: list[tuple[int, str, Condition]] = []
        self._equal: list[tuple[tuple[int, str], tuple[int, str]]] = []
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

    def prune(
        self,
        read: set[tuple[int, str]],
        sql: str,
        constants: tuple[Typed, ...],
        may: Callable[[int], bool],
    ) -> None:
        """Use a condition on the partitions of a table if it reads nothing else, and the table is one that may."""
        mentions = {index for index, _ in read}
        if len(mentions) != 1 or "random()" in sql:
            return
        index = mentions.pop()
        scan = self._scans[index]
        if scan.whole or not may(index):
            return
        columns = frozenset(name for _, name in read)
        condition = Condition(columns, sql, constants if len(columns) == 1 else ())
        if columns <= {column.name for column in scan.table.partition_keys}:
            scan.conditions.append(condition)
        if len(columns) == 1 and not may_fail(sql):
            self._singles.append((index, next(iter(columns)), condition))

    def equal(self, read: set[tuple[int, str]], may: Callable[[int], bool]) -> None:
        """Two columns that are equal in every row: what is said of one is said of the other."""
        if len(read) != 2 or len({index for index, _ in read}) != 2 or not all(may(index) for index, _ in read):
            return
        one, other = sorted(read)
        types = [
            next((c.type for c in self._scans[index].table.columns if c.name == name), None) for index, name in read
        ]
        if types[0] == types[1] is not None:
            self._equal += [(one, other), (other, one)]

    # when the statement is translated

    def finish(self, sql: str, run: Run) -> str:
        """The SQL with every mention replaced by what reads its objects; adds up `scanned_bytes`."""
        self._tell_equals()
        for scan in self._scans:
            if scan.mark not in sql:
                continue
            if scan.found is None:
                scan.find(self.catalog, self._objects, run, self._now)
                self.scanned_bytes += scan.bytes
            assert scan.found is not None
            sql = sql.replace(scan.mark, f"({scan.sql(scan.found)})")
        return sql

    def rewrite_odd(self) -> None:
        """After ODD_LINE: read the JSON tables of this statement through rewritten copies. Raises HIVE_CURSOR_ERROR."""
        for scan in self._scans:
            scan.rewrite_odd(self._folder)

    def _tell_equals(self) -> None:
        for index, name, condition in self._singles:
            for (source, column), (target, other) in self._equal:
                scan, into = self._scans[source], self._scans[target]
                keys = {key.name for key in into.table.partition_keys}
                if (source, column) != (index, name) or scan.whole or into.whole or other not in keys:
                    continue
                said = condition.sql.replace(f"{scan.alias}.{quoted(column)}", f"{into.alias}.{quoted(other)}")
                into.conditions.append(replace(condition, columns=frozenset({other}), sql=said))
        self._singles.clear()
