"""One mention of a table in a statement: what is read of it, and the engine's SQL that reads just that.

Only objects that the object store lists are read, and of those only the ones of partitions that are left.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from salespipe.local.athena.catalog import Catalog, Partition, Table, split_location
from salespipe.local.athena.errors import SYSTEM, QueryFailure
from salespipe.local.athena.formats.choose import is_json, reader
from salespipe.local.athena.formats.json import plain_lines
from salespipe.local.athena.formats.source import Source
from salespipe.local.athena.partitions import PATH, Condition, Run, by_path, kept, partition_text, partition_value
from salespipe.local.athena.types import quoted, text
from salespipe.local.errors import DamagedObjectError
from salespipe.local.stores.objects import ObjectStore, StoredObject


@dataclass(frozen=True)
class Found:
    """The objects to read, and the partition that each file belongs to."""

    objects: list[StoredObject]
    owners: dict[str, Partition]


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

    @property
    def bytes(self) -> int:
        """Of all objects to read."""
        return sum(stored.size for stored in self.found.objects) if self.found else 0

    def find(self, catalog: Catalog, objects: ObjectStore, run: Run, now: datetime) -> None:
        """Look up the objects. Raises HIVE_CANNOT_OPEN_SPLIT for one that is damaged."""
        table = self.table
        if table.partition_keys:
            self.found = Found([], {})
            for partition in kept(catalog, table, self.alias, self.conditions, run, now):
                for stored in _listed(objects, partition.storage.location):
                    self.found.objects.append(stored)
                    self.found.owners[str(stored.path)] = partition
        else:
            self.found = Found(_listed(objects, table.storage.location), {})
        if any(PATH in condition.columns for condition in self.conditions):
            self.found = self._by_path(self.found, run)
        try:
            objects.check(self.found.objects)
        except DamagedObjectError as error:
            said = f"Error opening Hive split: {error}"
            raise QueryFailure("HIVE_CANNOT_OPEN_SPLIT", said, category=SYSTEM) from error

    def _by_path(self, found: Found, run: Run) -> Found:
        places = [(_address(stored), found.owners.get(str(stored.path))) for stored in found.objects]
        left = by_path(self.table, self.alias, self.conditions, places, run)
        return replace(found, objects=[stored for stored in found.objects if _address(stored) in left])

    def rewrite_odd(self, folder: Path) -> None:
        """Read a JSON table through copies in `folder` whose lines are plain. Raises HIVE_CURSOR_ERROR."""
        if self.found is None or not is_json(self.table.storage):
            return
        copies, owners = [], {}
        for stored in self.found.objects:
            copy = Path(tempfile.mkstemp(suffix=".json", dir=folder)[1])
            plain_lines(stored.path, copy, self.table.storage)
            copies.append(replace(stored, path=copy))
            if str(stored.path) in self.found.owners:
                owners[str(copy)] = self.found.owners[str(stored.path)]
        self.found = Found(copies, owners)

    def sql(self, found: Found) -> str:
        """A query that gives the columns that are read."""
        table, objects = self.table, found.objects
        columns = [(i, column) for i, column in enumerate(table.storage.columns) if column.name in self.read]
        source = Source([o.path for o in objects], [o.size for o in objects], columns, table.storage)
        rows = reader(table.storage)(source) if objects else source.empty()
        keys = [column for column in table.partition_keys if column.name in self.read]
        if not keys and "$path" not in self.read:
            return rows
        shown = [f"f.{quoted(column.name)}" for _, column in columns]
        shown += [f"p.{quoted(column.name)} AS {quoted(column.name)}" for column in keys]
        if "$path" in self.read:
            shown.append('p."$path" AS "$path"')
        return (
            f"SELECT {', '.join(shown)} FROM ({rows}) AS f JOIN ({self._files(found)}) AS p ON f.filename = p.filename"
        )

    def _files(self, found: Found) -> str:
        """A relation of file names with the partition values and S3 addresses that belong to them."""
        keys = self.table.partition_keys
        names = ["filename", "$path", *(column.name for column in keys)]
        rows = []
        for stored in found.objects:
            partition = found.owners.get(str(stored.path))
            values = [partition_text(value) for value in partition.values] if partition else []
            shown = [text(str(stored.path)), text(_address(stored)), *values]
            rows.append("(" + ", ".join(shown) + ")")
        if not rows:
            rows = ["(" + ", ".join(["NULL"] * len(names)) + ")"]
        listed = ", ".join(quoted(name) for name in names)
        typed = ", ".join(["filename", '"$path"', *(partition_value(column) for column in keys)])
        return f"SELECT {typed} FROM (VALUES {', '.join(rows)}) AS v({listed})"


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
