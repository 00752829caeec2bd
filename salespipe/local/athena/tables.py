"""The tables of one statement while it is translated: what it reads of each, and which of its conditions may prune.

A condition prunes where every row of the result needs it to be true: in WHERE, and in ON for the sides of a join
whose rows do not come without a partner. What is said of a column is said of every column that it must be equal to,
too (`a.dt = b.dt AND b.dt = '2026-01-31'`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from salespipe.local.athena import metadata
from salespipe.local.athena.catalog import CATALOG, Catalog, Table
from salespipe.local.athena.errors import QueryFailure, cannot_read
from salespipe.local.athena.failing import may_fail
from salespipe.local.athena.formats.parquet import ColumnBytes
from salespipe.local.athena.formats.source import BAD_DATA
from salespipe.local.athena.needed import Needed
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.partitions import PATH, Condition, Run
from salespipe.local.athena.scans import Derived, Scan
from salespipe.local.athena.scope import Field, Relation, Typed
from salespipe.local.athena.types import VARCHAR, Type, quoted
from salespipe.local.stores.objects import ObjectStore

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Output, Translation


class Tables:
    """Resolves tables while a statement is translated, and then turns their mentions into SQL that reads files."""

    def __init__(self, catalog: Catalog, objects: ObjectStore, folder: Path, now: datetime) -> None:
        self.catalog = catalog
        self._now = now
        self._objects = objects
        self._folder = folder
        self._mentions: list[Scan | Derived] = []
        self._views: list[tuple[str, str]] = []
        self._watchers: list[set[tuple[int, str]]] = []
        self._singles: list[tuple[int, str, Condition]] = []
        self._equal: list[tuple[tuple[int, str], tuple[int, str]]] = []
        self.needed = Needed()
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
        index = len(self._mentions)
        scan = Scan(table, alias, f"\x00{index}\x00")
        self._mentions.append(scan)
        qualifier = (CATALOG, table.database, table.name)

        def field(name: str, type_: Type, *, hidden: bool = False) -> Field:
            def used() -> None:
                scan.read.add(name)
                self._note(index, name)

            sql = f"{alias}.{quoted(name)}"
            return Field(name, sql, type_, qualifier, used, hidden=hidden, origin=((index, name),))

        fields = [field(column.name, column.type) for column in table.columns]
        fields.append(field("$path", VARCHAR, hidden=True))
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
        names = [column.name for column in table.storage.columns]
        return self.derived(translation.fresh("t"), output, names, (CATALOG, table.database, table.name))

    def derived(
        self, alias: str, output: Output, names: Sequence[str | None], qualifier: tuple[str, ...] = ()
    ) -> Relation:
        """A query in FROM under its alias, its columns under `names`."""
        index = len(self._mentions)
        origins = {f"c{i}": field.origin for i, field in enumerate(output.fields) if field.origin}
        self._mentions.append(Derived(alias, origins))
        fields = []
        for position, (name, found) in enumerate(zip(names, output.fields, strict=True)):
            own = f"c{position}"
            self.needed.follows((index, own), found.needs)
            used = partial(self._note, index, own)
            origin = ((index, own),) if own in origins else ()
            fields.append(Field(name, f"{alias}.{own}", found.type, qualifier, used, origin=origin))
        return Relation(f"({output.sql}) AS {alias}", fields)

    def _note(self, index: int, name: str) -> None:
        self.needed.read((index, name))
        for watcher in self._watchers:
            watcher.add((index, name))

    def count(self) -> int:
        """How many table mentions there are so far."""
        return len(self._mentions)

    def keep_whole(self, scans: Iterable[int]) -> None:
        """The outer side of a join: what WHERE says of these may be about NULLs the join makes, so no pruning."""
        for index in scans:
            self._mentions[index].whole = True

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
        mention = self._mentions[index]
        columns = frozenset(name for _, name in read)
        if mention.whole or not may(index) or (isinstance(mention, Derived) and columns - mention.origins.keys()):
            return
        condition = Condition(columns, sql, constants if len(columns) == 1 else ())
        self._tell(index, condition)
        if isinstance(mention, Scan) and len(columns) == 1 and not may_fail(sql):
            self._singles.append((index, next(iter(columns)), condition))

    def _tell(self, index: int, condition: Condition) -> None:
        """Add a condition to a table, if it is about partition columns alone, or to the tables below a subquery."""
        mention = self._mentions[index]
        if mention.whole:
            return
        if isinstance(mention, Scan):
            if condition.columns <= {PATH, *(column.name for column in mention.table.partition_keys)}:
                mention.conditions.append(condition)
            return
        origins = [mention.origins[name] for name in condition.columns]
        for below in sorted({index for origin in origins for index, _ in origin}):
            names = {name: dict(mention.origins[name]).get(below) for name in condition.columns}
            if None in names.values():
                continue
            inner = self._mentions[below]
            sql = condition.sql
            for name, other in names.items():
                shown = quoted(str(other)) if isinstance(inner, Scan) else str(other)
                sql = replaced(sql, f"{mention.alias}.{name}", f"{inner.alias}.{shown}")
            told = replace(condition, sql=sql, columns=frozenset(str(other) for other in names.values()))
            self._tell(below, told)

    def equal(self, read: set[tuple[int, str]], may: Callable[[int], bool]) -> None:
        """Two columns that are equal in every row: what is said of one is said of the other."""
        if len(read) != 2 or len({index for index, _ in read}) != 2 or not all(may(index) for index, _ in read):
            return
        one, other = sorted(read)
        types = [self._type(index, name) for index, name in read]
        if types[0] == types[1] is not None:
            self._equal += [(one, other), (other, one)]

    def _type(self, index: int, name: str) -> Type | None:
        mention = self._mentions[index]
        if isinstance(mention, Derived):
            return None
        return next((column.type for column in mention.table.columns if column.name == name), None)

    # when the statement is translated

    def finish(self, sql: str, run: Run, column_bytes: ColumnBytes) -> str:
        """The SQL with every mention replaced by what reads its objects; adds up `scanned_bytes`."""
        self._tell_equals()
        needed = self.needed.all()
        for index, scan in enumerate(self._mentions):
            if not isinstance(scan, Scan) or scan.mark not in sql:
                continue
            if scan.found is None:
                scan.find(self.catalog, self._objects, run, self._now)
                self.scanned_bytes += scan.bytes({name for at, name in needed if at == index}, run, column_bytes)
            assert scan.found is not None
            sql = sql.replace(scan.mark, f"({scan.sql(scan.found)})")
        return sql

    def rewrite_odd(self) -> None:
        """After ODD_LINE: read the JSON tables of this statement through rewritten copies. Raises HIVE_CURSOR_ERROR."""
        for scan in self._scans():
            scan.rewrite_odd(self._folder)

    def named(self, failure: QueryFailure, run: Run) -> QueryFailure:
        """The failure with the address of the object whose value cannot be read, as far as that is what it is about."""
        if failure.code == BAD_DATA:
            for scan in self._scans():
                if address := scan.with_bad_data(failure.message, run):
                    return cannot_read(BAD_DATA, address, failure.message)
        return failure

    def _scans(self) -> list[Scan]:
        return [mention for mention in self._mentions if isinstance(mention, Scan)]

    def _tell_equals(self) -> None:
        for index, name, condition in self._singles:
            for (source, column), (target, other) in self._equal:
                scan, into = self._mentions[source], self._mentions[target]
                if (source, column) != (index, name) or scan.whole:
                    continue
                said = replaced(condition.sql, f"{scan.alias}.{quoted(column)}", f"{into.alias}.{quoted(other)}")
                self._tell(target, replace(condition, columns=frozenset({other}), sql=said))
        self._singles.clear()


def replaced(sql: str, column: str, other: str) -> str:
    """An expression about another column, its texts left as they are."""
    end = r"(?!\w)" if column[-1].isalnum() else ""
    pattern = re.compile(rf"('(?:[^']|'')*')|(?<![\w\"]){re.escape(column)}{end}")
    return pattern.sub(lambda match: match[1] or other, sql)
