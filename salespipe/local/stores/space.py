"""Free pages of the database: how many there are, and giving them back to the disk a few at a time.

Pages become free where rows are removed, and the next rows use them. What stays free is moved to the end of the file
and cut off there: https://sqlite.org/pragma.html#pragma_incremental_vacuum
"""

from __future__ import annotations

from typing import NamedTuple

from salespipe.local.stores.aging import deadline
from salespipe.local.stores.database import Database


class Pages(NamedTuple):
    """Pages of the database file: all, those that hold nothing, and the bytes of one."""

    total: int
    free: int
    size: int


class Space:
    """Of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def pages(self) -> Pages:
        """As of now."""
        connection = self._db.read()
        return Pages(*(connection.execute(f"pragma {name}").fetchone()[0] for name in _PRAGMAS))

    def give_back(self, pages: int) -> int:
        """One step: take up to that many free pages from the file; how many it were. The file becomes shorter when the
        log is folded."""
        with self._db.write() as connection:
            over = deadline()
            pages = min(pages, connection.execute("pragma freelist_count").fetchone()[0])
            done = 0
            while done < pages:
                # One page a call: Python takes no second step of a statement that has no columns.
                connection.execute("pragma incremental_vacuum(1)")
                done += 1
                if over():
                    break
        return done


_PRAGMAS = ("page_count", "freelist_count", "page_size")
