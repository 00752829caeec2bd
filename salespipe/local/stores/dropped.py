"""The rows that a deleted table or stream left behind: nobody's, and removed a few at a time.

Deleting is one step however much there was: the ARN loses its number (`Database.forget`), and with it every row.
"""

from __future__ import annotations

from salespipe.local.stores.aging import deadline
from salespipe.local.stores.database import Database

_LOOK = 512
_OWNED = (
    ("select id from items where table_id = ? limit ?", "delete from items where id = ?"),
    ("select last from changes where stream_id = ? limit ?", "delete from changes where last = ?"),
    ("select id from records where stream_id = ? limit ?", "delete from records where id = ?"),
)
"""Rows are found in an index that begins with the number."""


class Dropped:
    """Knows the numbers that were taken away."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def remove(self) -> bool:
        """One step; whether there may be more to remove."""
        if self._db.read().execute("select id from dropped limit 1").fetchone() is None:
            return False
        with self._db.write() as connection:
            over = deadline()
            (number,) = connection.execute("select id from dropped order by id limit 1").fetchone()
            for find, delete in _OWNED:
                for (row,) in connection.execute(find, (number, _LOOK)).fetchall():
                    connection.execute(delete, (row,))
                    if over():
                        return True
                if connection.execute(find, (number, 1)).fetchone() is not None:
                    return True
            connection.execute("delete from dropped where id = ?", (number,))
        return True

    def remove_all(self) -> None:
        """All rows in one step, whosever: for a store in which no table and no stream is left."""
        with self._db.write() as connection:
            for table in ("items", "changes", "records", "dropped"):
                connection.execute(f"delete from {table}")
