"""The control plane as the last acknowledged change left it: one opaque state per service."""

from __future__ import annotations

from salespipe.local.stores.database import Database


class ControlStore:
    """States are bytes that only their writer understands."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def save(self, service: str, state: bytes) -> None:
        """Replace the state of a service."""
        with self._db.write() as connection:
            connection.execute("insert or replace into control values (?,?)", (service, state))

    def get(self, service: str) -> bytes | None:
        """The saved state of a service, None if none was."""
        row = self._db.read().execute("select state from control where service = ?", (service,)).fetchone()
        return None if row is None else bytes(row[0])

    def all(self) -> dict[str, bytes]:
        """Every saved state by service."""
        return dict(self._db.read().execute("select service, state from control order by service").fetchall())
