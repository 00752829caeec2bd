"""One mention of a table in a statement: what is read of it, and the engine's SQL that reads just that.

Only objects that the object store lists are read, and of those only the ones of partitions that are left.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from salespipe.local.athena.catalog import Catalog, Column, Partition, Table, split_location
from salespipe.local.athena.errors import SYSTEM, QueryFailure
from salespipe.local.athena.formats import parquet
from salespipe.local.athena.formats.choose import is_json, is_parquet, reader
from salespipe.local.athena.formats.json import plain_lines
from salespipe.local.athena.formats.parquet import ColumnBytes
from salespipe.local.athena.formats.source import BAD_DATA, POSITION, Source, bad_column
from salespipe.local.athena.partitions import PATH, Condition, Run, by_path, kept, partition_text, partition_value
from salespipe.local.athena.types import duckdb_type, quoted, text
from salespipe.local.errors import DamagedObjectError
from salespipe.local.stores.objects import ObjectStore, StoredObject


@dataclass(frozen=True)
class Found:
    """The objects to read, and of a partitioned table the partition of each."""

    objects: list[StoredObject]
    partitions: list[Partition] | None = None


@dataclass
class Scan:
    """One mention: its alias and mark in the SQL, the columns read, the conditions on its partitions.

    `whole`: a join may leave its columns NULL, so what WHERE says of them does not prune.
    """

    table: Table
    alias: str
    mark: str
    read: set[str] = field(default_factory=set)
    conditions: list[Condition] = field(default_factory=list)
    whole: bool = False
    found: Found | None = None
    _sql: str | None = field(default=None, init=False)
    _rewritten: bool = field(default=False, init=False)

    def bytes(self, needed: Set[str], run: Run, column_bytes: ColumnBytes) -> int:
        """What reading the `needed` columns takes: of Parquet just their chunks, of all else whole objects.

        https://docs.aws.amazon.com/athena/latest/ug/columnar-storage.html
        """
        objects = self.found.objects if self.found else []
        if not is_parquet(self.table.storage):
            return sum(stored.size for stored in objects)
        columns = [column for column in self.table.storage.columns if column.name in needed]
        if not columns:
            return 0
        found = column_bytes.chunks([stored.path for stored in objects], run)
        for stored, chunks in zip(objects, found, strict=True):
            parquet.check(columns, chunks, _address(stored))
        return sum(column_bytes.of(chunks, [column.name for column in columns]) for chunks in found)

    def find(self, catalog: Catalog, objects: ObjectStore, run: Run, now: datetime) -> None:
        """Look up the objects. Raises HIVE_CANNOT_OPEN_SPLIT for one that is damaged."""
        table = self.table
        if table.partition_keys:
            listed = [
                (stored, partition)
                for partition in kept(catalog, table, self.alias, self.conditions, run, now)
                for stored in _listed(objects, partition.storage.location)
            ]
            self.found = Found([stored for stored, _ in listed], [partition for _, partition in listed])
        else:
            self.found = Found(_listed(objects, table.storage.location))
        if any(PATH in condition.columns for condition in self.conditions):
            self.found = self._by_path(self.found, run)
        try:
            objects.check(self.found.objects)
        except DamagedObjectError as error:
            said = f"Error opening Hive split: {error}"
            raise QueryFailure("HIVE_CANNOT_OPEN_SPLIT", said, category=SYSTEM) from error

    def _by_path(self, found: Found, run: Run) -> Found:
        partitions: Sequence[Partition | None] = found.partitions or [None] * len(found.objects)
        places = [(_address(stored), partition) for stored, partition in zip(found.objects, partitions, strict=True)]
        left = by_path(self.table, self.alias, self.conditions, places, run)
        chosen = [index for index, (address, _) in enumerate(places) if address in left]
        return Found(
            [found.objects[index] for index in chosen],
            None if found.partitions is None else [found.partitions[index] for index in chosen],
        )

    def rewrite_odd(self, folder: Path) -> None:
        """Read a JSON table through copies in `folder` whose lines are plain. Raises HIVE_CURSOR_ERROR."""
        if self.found is None or not is_json(self.table.storage):
            return
        copies = []
        for stored in self.found.objects:
            copy = Path(tempfile.mkstemp(suffix=".json", dir=folder)[1])
            plain_lines(stored.path, _address(stored), copy, self.table.storage)
            copies.append(replace(stored, path=copy))
        self.found = replace(self.found, objects=copies)
        self._rewritten = True
        self._sql = None

    def with_bad_data(self, said: str, run: Run) -> str:
        """The address of the first object that ends with BAD_DATA and what was `said`, by halves, so that finding it
        takes about as long as reading them all; empty when it is none of these."""
        read = [
            (i, column)
            for i, column in enumerate(self.table.storage.columns)
            if column.name in self.read and said.startswith(bad_column(column))
        ]
        objects = self.found.objects if read and self.found else []
        while len(objects) > 1:
            half = objects[: len(objects) // 2]
            objects = half if self._has_bad_data(half, read, run) else objects[len(half) :]
        return _address(objects[0]) if objects and self._has_bad_data(objects, read, run) else ""

    def _has_bad_data(self, objects: Sequence[StoredObject], read: Sequence[tuple[int, Column]], run: Run) -> bool:
        source = Source([each.path for each in objects], [each.size for each in objects], read, self.table.storage)
        values = ", ".join(f"count({quoted(column.name)})" for _, column in read)
        try:
            run(f"SELECT {values} FROM ({reader(self.table.storage)(source)})")
        except QueryFailure as failure:
            return failure.code == BAD_DATA
        return False

    def sql(self, found: Found) -> str:
        """A query that gives the columns that are read, once all of them are known."""
        if self._sql is None:
            self._sql = self._made(found)
        return self._sql

    def _made(self, found: Found) -> str:
        table, objects = self.table, found.objects
        columns = [(i, column) for i, column in enumerate(table.storage.columns) if column.name in self.read]
        source = Source([o.path for o in objects], [o.size for o in objects], columns, table.storage, self._rewritten)
        rows = reader(table.storage)(source) if objects else source.empty()
        shown = [quoted(column.name) for _, column in columns]
        for place, column in enumerate(table.partition_keys):
            if column.name in self.read:
                values = [partition_text(partition.values[place]) for partition in found.partitions or []]
                shown.append(f"{_of_file(column, values)} AS {quoted(column.name)}")
        if PATH in self.read:
            addresses = [text(_address(stored)) for stored in objects]
            shown.append(f"{_of_file(Column(PATH, 'string'), addresses)} AS {quoted(PATH)}")
        return f"SELECT {', '.join(shown) or POSITION} FROM ({rows})"


def _of_file(column: Column, literals: Sequence[str]) -> str:
    """What `column` is in a row by the `$position` of the row's file; `literals` are its values, file by file.

    A look-up in a list costs next to nothing for each row, and nothing where nobody wants the column, as joining files
    and partitions would.
    """
    different = {literal: place for place, literal in enumerate(dict.fromkeys(literals), 1)}
    values = [partition_value(column, literal) for literal in different]
    if len(values) < 2:
        return values[0] if values else f"CAST(NULL AS {duckdb_type(column.type)})"
    place = POSITION
    if len(values) < len(literals):
        # One literal, as the engine takes its time over a list of thousands of them.
        places = ",".join(str(different[literal]) for literal in literals)
        place = f"CAST('[{places}]' AS INTEGER[])[{POSITION}]"
    return f"([{', '.join(values)}])[{place}]"


@dataclass
class Derived:
    """A subquery or view in FROM: what is said of its columns is said of those that they are taken from."""

    alias: str
    origins: dict[str, tuple[tuple[int, str], ...]]
    whole: bool = False


def _address(stored: StoredObject) -> str:
    return f"s3://{stored.bucket}/{stored.key}"


def _listed(objects: ObjectStore, location: str) -> list[StoredObject]:
    if not location:
        return []
    bucket, prefix = split_location(location)
    return [
        stored for stored in objects.list(bucket, prefix) if stored.size and not _is_skipped(stored.key[len(prefix) :])
    ]


def _is_skipped(name: str) -> bool:
    return any(part.startswith(("_", ".")) for part in name.split("/"))
