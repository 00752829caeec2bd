"""S3 objects: plain files, and an index that alone decides what exists.

A file is written under a name of its own and renamed into place before the index row that points to it commits; the
file that it replaces goes after that commit. A kill in between leaves a file without a row, which nobody reads.
File names keep the key's folders (`dt=2026-01-31/hour=09/`) and its extension, so engines that read paths can.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from salespipe.local.stores.database import Database

_LONGEST_NAME = 150


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object; `modified` is epoch seconds, `etag` without quotes, `path` the file with its bytes."""

    bucket: str
    key: str
    path: Path
    size: int
    etag: str
    modified: float
    content_type: str
    content_encoding: str | None
    metadata: dict[str, str]

    def read(self) -> bytes:
        """The whole body."""
        return self.path.read_bytes()


class ObjectStore:
    """Objects of every bucket. Whether a bucket exists is not known here."""

    def __init__(self, db: Database, root: Path) -> None:
        self._db = db
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | Sequence[bytes],
        *,
        content_type: str = "binary/octet-stream",
        metadata: dict[str, str] | None = None,
        content_encoding: str | None = None,
        etag: str | None = None,
    ) -> StoredObject:
        """Store a body whole; replaces an object of the same key. One step with an open `write()`."""
        parts = [body] if isinstance(body, bytes) else body
        relative = _file_name(bucket, key)
        path = self._root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        with unfinished.open("wb") as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
        unfinished.replace(path)
        stored = StoredObject(
            bucket,
            key,
            path,
            size,
            etag or digest.hexdigest(),
            time.time(),
            content_type,
            content_encoding,
            metadata or {},
        )
        with self._db.write() as connection:
            before = connection.execute(
                "select path from objects where bucket = ? and key = ?", (bucket, key)
            ).fetchone()
            connection.execute(
                "insert or replace into objects values (?,?,?,?,?,?,?,?,?)",
                (
                    bucket,
                    key,
                    relative,
                    size,
                    stored.etag,
                    stored.modified,
                    content_type,
                    content_encoding,
                    json.dumps(stored.metadata),
                ),
            )
            if before is not None:
                replaced = self._root / before[0]
                self._db.afterwards(lambda: replaced.unlink(missing_ok=True))
        return stored

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """The object, or None."""
        row = self._db.read().execute("select * from objects where bucket = ? and key = ?", (bucket, key)).fetchone()
        return None if row is None else self._object(row)

    def list(self, bucket: str, prefix: str = "", after: str = "", limit: int | None = None) -> list[StoredObject]:
        """Objects whose key begins with `prefix` and comes behind `after`, in UTF-8 order of their keys."""
        rows = self._db.read().execute(
            "select * from objects where bucket = ? and key > ? and key >= ? and key < ? order by key limit ?",
            (bucket, after, prefix, prefix + "\U0010ffff", -1 if limit is None else limit),
        )
        return [self._object(row) for row in rows]

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; keys that do not exist are passed over."""
        with self._db.write() as connection:
            for key in keys:
                row = connection.execute(
                    "delete from objects where bucket = ? and key = ? returning path", (bucket, key)
                ).fetchone()
                if row is not None:
                    gone = self._root / row[0]
                    self._db.afterwards(lambda gone=gone: gone.unlink(missing_ok=True))  # type: ignore[misc]

    def _object(self, row: tuple[str, str, str, int, str, float, str, str | None, str]) -> StoredObject:
        bucket, key, relative, size, etag, modified, content_type, encoding, metadata = row
        return StoredObject(
            bucket,
            key,
            self._root / relative,
            size,
            etag,
            modified,
            content_type,
            encoding,
            json.loads(metadata),
        )


def _file_name(bucket: str, key: str) -> str:
    """A file name for a new body of this key, never used before."""
    *folders, leaf = key.split("/")
    safe = [_segment(folder) for folder in folders]
    return "/".join((bucket, *safe, f"{uuid.uuid4().hex[:16]}~{_segment(leaf)}"))


def _segment(text: str) -> str:
    """One part of a key as the name of a folder or file: never empty, `.` or `..`, never too long."""
    name = quote(text, safe="=@ +,-_.~")
    if name.strip(".") == "":
        return "%" + name.replace(".", "2E")
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    ending = "".join(Path(name).suffixes[-2:])[-20:]
    return f"{name[: _LONGEST_NAME - 40]}~{digest}{ending}"
