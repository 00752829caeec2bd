"""What the store takes on the disk, by part: published as the metric `Salespipe StoredBytes`.

It is looked up when it is asked for. Nothing counts rows: the logs know their bytes, tables theirs, files have a size.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from salespipe.local.stores import Stores
from salespipe.local.stores.space import Space

METRIC = ("Salespipe", "StoredBytes")
_PARTS = ("records", "items", "objects", "logs", "free", "overhead")
_GOOD_SECONDS = 1.0


class Usage:
    """Of one home."""

    def __init__(self, stores: Stores, clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._space = Space(stores.db, 1)
        self._clock = clock
        self._looked: tuple[float, dict[str, int]] = (-math.inf, {})

    def read(self, dimensions: Mapping[str, str]) -> int | None:
        """Bytes of {Part}, of the changes of {TableName}, or of the records of {StreamName}; None for anything else."""
        match dict(dimensions):
            case {"Part": part, **rest} if not rest:
                return self.parts().get(part)
            case {"TableName": name, **rest} if not rest:
                changes = self._stores.changes
                return _sum(changes.size(arn) for arn in changes.arns() if f":table/{name}/stream/" in arn)
            case {"StreamName": name, **rest} if not rest:
                shards = self._stores.shards
                return _sum(shards.size(arn) for arn in shards.arns() if arn.endswith(f":stream/{name}"))
        return None

    def dimensions(self) -> Iterator[dict[str, str]]:
        """What can be asked for."""
        yield from ({"Part": part} for part in _PARTS)
        yield from ({"TableName": arn.rpartition("/")[2]} for arn in self._stores.items.arns())
        yield from ({"StreamName": arn.rpartition("/")[2]} for arn in self._stores.shards.arns())

    def parts(self) -> dict[str, int]:
        """All parts, at most a second old: they are asked for one by one.

        `records` of change streams and Kinesis streams, `items` as DescribeTable counts them, `objects`, `logs`
        (of the runtime and of functions), `free` pages of the database, and `overhead`: its indexes, bookkeeping and
        log. Together they are the size of the files."""
        if self._clock() - self._looked[0] > _GOOD_SECONDS:
            self._looked = self._clock(), self._look()
        return self._looked[1]

    def _look(self) -> dict[str, int]:
        stores, home = self._stores, self._stores.home
        pages = self._space.pages()
        database = sum(_size(home / name) for name in ("store.db", "store.db-wal", "store.db-shm"))
        records = sum(map(stores.changes.size, stores.changes.arns())) + sum(
            map(stores.shards.size, stores.shards.arns())
        )
        items = sum(stores.items.counts(arn)[1] for arn in stores.items.arns())
        free = pages.free * pages.size
        return {
            "records": records,
            "items": items,
            "objects": stores.objects.size(),
            "logs": sum(_size(path) for path in (*home.glob("runtime.log*"), *(home / "logs").rglob("*"))),
            "free": free,
            "overhead": max(database - records - items - free, 0),
        }


def _sum(sizes: Iterator[int]) -> int | None:
    found = list(sizes)
    return sum(found) if found else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # turned over or folded this moment
        return 0
