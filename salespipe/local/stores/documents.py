"""Small JSON documents by kind and id: crawlers, classifiers, query executions, tokens of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson

from salespipe.local.stores.database import Database


class Documents:
    """A document is replaced whole and keeps the moment of its first `put`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, kind: str, id: str, document: dict[str, Any], *, at: float | None = None) -> None:
        """Store a document, new ones as of `at` (epoch seconds, now when not given); joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute(
                "insert into documents values (?,?,?,?) on conflict do update set document = excluded.document",
                (kind, id, time.time() if at is None else at, orjson.dumps(document)),
            )

    def get(self, kind: str, id: str, *, since: float = 0) -> dict[str, Any] | None:
        """The document, or None, also when it was first put before `since` (epoch seconds)."""
        row = self._db.read().execute(
            "select document from documents where kind = ? and id = ? and at >= ?", (kind, id, since)
        )
        found = row.fetchone()
        return None if found is None else orjson.loads(found[0])

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every document of a kind, by id."""
        rows = self._db.read().execute("select id, document from documents where kind = ? order by id", (kind,))
        return {row[0]: orjson.loads(row[1]) for row in rows}

    def newest(self, kind: str) -> Iterator[dict[str, Any]]:
        """The documents of a kind, those put last first, as many as are taken."""
        rows = self._db.read().execute("select document from documents where kind = ? order by at desc", (kind,))
        try:
            for row in rows:
                yield orjson.loads(row[0])
        finally:
            rows.close()

    def older(self, kind: str, before: float, limit: int) -> list[str]:
        """The ids of up to `limit` documents that were first put before that moment, the oldest first."""
        rows = self._db.read().execute(
            "select id from documents where kind = ? and at < ? order by at limit ?", (kind, before, limit)
        )
        return [row[0] for row in rows]

    def delete(self, kind: str, id: str) -> None:
        """Remove a document if it is there; joins an open `write()`."""
        with self._db.write() as connection:
            connection.execute("delete from documents where kind = ? and id = ?", (kind, id))
