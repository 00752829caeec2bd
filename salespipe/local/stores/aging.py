"""The old end of a log: its oldest batches go a few at a time, and the bytes that it holds are known at any time.

Nothing here reads all rows: what is old is found at the beginning of the log's index, and what came since the last
count is added to that count, which is kept (with the batch it goes up to) among the positions.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from salespipe.local.stores.database import Database

STEP_SECONDS = 0.002
"""How long one step may keep others waiting; whatever is begun is ended, and every step does something."""

_LOOK = 256
_COUNT = 512
_BYTES = "bytes"


def deadline(seconds: float = STEP_SECONDS) -> Callable[[], bool]:
    """Whether that time is over, from now on."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


@dataclass(frozen=True)
class Queries:
    """A log's SQL. All but `delete` (by row) take the log's own parameters first.

    `oldest` gives row, last sequence, count and time of the oldest batches, from an index alone, and takes a limit;
    `delete` returns the bytes of the row; `newer` takes a sequence and a limit and gives, of as many batches above it,
    the last sequence, the bytes and the number.
    """

    oldest: str
    delete: str
    newer: str


class Trimmed(NamedTuple):
    """What a step removed: first and last sequence of each batch, and whether there may be more to remove."""

    batches: list[tuple[int, int]]
    more: bool

    @property
    def last(self) -> int:
        """The last sequence removed, 0 when nothing was."""
        return self.batches[-1][1] if self.batches else 0

    def above(self, sequence: int) -> int:
        """How many of the records removed come behind `sequence`."""
        return sum(min(last - first + 1, last - sequence) for first, last in self.batches if last > sequence)


class OldEnd:
    """Of the logs that one table holds; `name` is a log's own among the positions, `of` its parameters in the SQL."""

    def __init__(self, db: Database, queries: Queries) -> None:
        self._db = db
        self._queries = queries

    def trim(self, name: str, of: tuple[int, ...], before: float, keep: int | None) -> Trimmed:
        """One step: remove the oldest batches of before that moment (in the unit of the log's times), but none with a
        sequence above `keep`. Joins an open `write()`."""
        with self._db.write() as connection:
            over = deadline()
            counted, held = _counted(connection, name)
            batches: list[tuple[int, int]] = []
            rows = connection.execute(self._queries.oldest, (*of, _LOOK)).fetchall()
            more = len(rows) == _LOOK
            for row, last, count, at in rows:
                if at >= before or (keep is not None and last > keep):
                    more = False
                    break
                (size,) = connection.execute(self._queries.delete, (row,)).fetchone()
                if last <= counted:
                    held -= size
                batches.append((last - count + 1, last))
                if over():
                    more = True
                    break
            if batches:
                _remember(connection, name, counted, held)
        return Trimmed(batches, more)

    def size(self, name: str, of: tuple[int, ...]) -> int:
        """Bytes of the keys and records that a log holds."""
        counted, held = _counted(self._db.read(), name)
        return held + int(self._db.read().execute(self._queries.newer, (*of, counted, -1)).fetchone()[1])

    def count(self, name: str, of: tuple[int, ...]) -> bool:
        """One step: go on counting, so that `size` has little to add; whether there may be more to count."""
        reader = self._db.read()
        if not reader.execute(self._queries.newer, (*of, _counted(reader, name)[0], 1)).fetchone()[2]:
            return False
        with self._db.write() as connection:
            counted, held = _counted(connection, name)
            last, size, rows = connection.execute(self._queries.newer, (*of, counted, _COUNT)).fetchone()
            if rows:
                _remember(connection, name, last, held + size)
        return bool(rows == _COUNT)

    def forget(self, name: str) -> None:
        """The log is gone. Joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute("delete from positions where worker = ? and shard = ?", (_BYTES, name))


def _counted(connection: sqlite3.Connection, name: str) -> tuple[int, int]:
    """Up to which sequence the log was counted, and the bytes of the batches up to there that it still holds."""
    row = connection.execute("select value from positions where worker = ? and shard = ?", (_BYTES, name)).fetchone()
    if row is None:
        return 0, 0
    counted, held = row[0].split()
    return int(counted), int(held)


def _remember(connection: sqlite3.Connection, name: str, counted: int, held: int) -> None:
    connection.execute("insert or replace into positions values (?,?,?)", (_BYTES, name, f"{counted} {held}"))
