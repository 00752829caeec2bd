"""Free pages of the database: how many there are, and giving them back to the disk a few at a time.

Pages become free where rows are removed, and the next rows use them. Only those that stayed free for a while leave the
file: they are moved to its end and cut off there. https://sqlite.org/pragma.html#pragma_incremental_vacuum
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from salespipe.local.stores.aging import deadline
from salespipe.local.stores.database import Database

SLACK = 1024
"""Free pages that stay in any case."""
_LITTLE = 64 * 1024 * 1024
_LONGEST_STEP = 0.01
"""Seconds, while nobody else asks for the turn: who does waits for no more than the rest of 2 ms."""


class Pages(NamedTuple):
    """Pages of the database file: all, those that hold nothing, and the bytes of one."""

    total: int
    free: int
    size: int


class Space:
    """Of one database. `looks` is how often in a row a page has to be found free before it goes."""

    def __init__(self, db: Database, looks: int) -> None:
        self._db = db
        self._seen: deque[int] = deque(maxlen=looks)

    def pages(self) -> Pages:
        """As of now."""
        connection = self._db.read()
        return Pages(*(connection.execute(f"pragma {name}").fetchone()[0] for name in _PRAGMAS))

    def look(self) -> None:
        """Remember how many pages are free: to be called from time to time."""
        self._seen.append(self.pages().free)

    def spare(self) -> int:
        """How many pages nobody has used in the last looks, but for the slack; 0 until there were so many."""
        if len(self._seen) < (self._seen.maxlen or 0):
            return 0
        return max(min(self._seen) - SLACK, 0)

    def give_back(self) -> bool:
        """One step of giving back what is spare; whether there is more. The file becomes shorter when the log is
        folded. A step is longer while nobody asks for the turn: a store that is left alone shrinks soon."""
        spare = self.spare()
        if not spare:
            return False
        with self._db.write() as connection:
            over, over_at_last = deadline(), deadline(_LONGEST_STEP)
            spare = min(spare, int(connection.execute("pragma freelist_count").fetchone()[0]))
            done = 0
            while done < spare:
                # One page a call: Python takes no second step of a statement that has no columns.
                connection.execute("pragma incremental_vacuum(1)")
                done += 1
                if over() and (self._db.turn.wanted or over_at_last()):
                    break
        self._seen = deque((free - done for free in self._seen), self._seen.maxlen)
        return done < spare

    def compact(self) -> None:
        """Give back everything at once, if that is most of the file and what is left is little: it is written anew. For
        a time when nobody else works. https://sqlite.org/lang_vacuum.html"""
        total, free, size = self.pages()
        if free > max(SLACK, total // 2) and (total - free) * size <= _LITTLE:
            self._db.rewrite()


_PRAGMAS = ("page_count", "freelist_count", "page_size")
