"""Small JSON documents by kind and id: crawlers, classifiers, query executions."""

from __future__ import annotations

from typing import Any

import orjson

from salespipe.local.stores.database import Database


class Documents:
    """A document is replaced whole; listing is in id order."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, kind: str, id: str, document: dict[str, Any]) -> None:
        """Store a document; joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute("insert or replace into documents values (?,?,?)", (kind, id, orjson.dumps(document)))

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """The document, or None."""
        row = self._db.read().execute("select document from documents where kind = ? and id = ?", (kind, id))
        found = row.fetchone()
        return None if found is None else orjson.loads(found[0])

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every document of a kind, by id."""
        rows = self._db.read().execute("select id, document from documents where kind = ? order by id", (kind,))
        return {row[0]: orjson.loads(row[1]) for row in rows}

    def delete(self, kind: str, id: str) -> None:
        """Remove a document if it is there; joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute("delete from documents where kind = ? and id = ?", (kind, id))
