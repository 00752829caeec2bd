"""How far each worker has come in each shard; saved inside the transaction of what the worker wrote."""

from __future__ import annotations

from salespipe.local.stores.database import Database


class Positions:
    """One text value per worker and shard."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, worker: str, shard: str) -> str | None:
        """The saved position, None where there is none yet."""
        row = (
            self._db.read()
            .execute("select value from positions where worker = ? and shard = ?", (worker, shard))
            .fetchone()
        )
        return None if row is None else str(row[0])

    def save(self, worker: str, shard: str, value: str) -> None:
        """Set the position; joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute("insert or replace into positions values (?,?,?)", (worker, shard, value))

    def clear(self, worker: str) -> None:
        """Forget a worker that is gone."""
        with self._db.write() as connection:
            connection.execute("delete from positions where worker = ?", (worker,))
