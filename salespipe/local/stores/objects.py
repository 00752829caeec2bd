"""S3 objects: plain files, and an index that alone decides what exists.

A file is written under a name of its own before the transaction begins that adds the row pointing to it, so that large
bodies hold nobody up. The file that it replaces goes after the commit; a rollback removes it. A kill in between leaves
a file without a row, which nobody reads and the sweep of the next start removes. A file that is no longer as long as
its row says (a power loss, a hand in the folder) is an error for whoever reads it, never a shorter object, and is
remembered until it is put right.
File names keep the key's folders (`dt=2026-01-31/hour=09/`) and its extension, so engines that read paths can.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from salespipe.local.errors import DamagedObjectError
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
    met: Callable[[StoredObject], None] = field(default=lambda stored: None, repr=False, compare=False)
    """Told when a reader finds it damaged."""

    def open(self) -> BinaryIO:
        """Its file, which the caller closes. Raises DamagedObjectError unless it has every byte, and
        FileNotFoundError if there is none: the object was replaced or deleted since, or its file is lost."""
        file = self.path.open("rb")
        found = os.fstat(file.fileno()).st_size
        if found == self.size:
            return file
        file.close()
        raise self.damaged(f"has {found:,} bytes instead of {self.size:,}")

    def read(self) -> bytes:
        """The whole body. Raises what `open` does."""
        with self.open() as file:
            return file.read()

    def damaged(self, how: str) -> DamagedObjectError:
        """The error for an object whose file `how`."""
        self.met(self)
        return DamagedObjectError(
            f"the object s3://{self.bucket}/{self.key} is damaged: its file {self.path} {how}; "
            "put a copy of the file back, or delete the object"
        )


class ObjectStore:
    """Objects of every bucket. Whether a bucket exists is not known here."""

    def __init__(self, db: Database, root: Path) -> None:
        self._db = db
        self._root = root
        self.before_write: Callable[[str], None] | None = None
        """Called with the bucket before a body is written, while set; may wait, or raise instead of the write."""
        self._suspects: dict[tuple[str, str], StoredObject] = {}
        """What readers of this run found damaged."""
        # Begins the names of the files of this run, so that a sweep knows them from those of runs that are over.
        self._run = uuid.uuid4().hex[:8]
        root.mkdir(parents=True, exist_ok=True)

    # ---- writing ----

    def write(
        self,
        bucket: str,
        key: str,
        body: bytes | Iterable[bytes],
        *,
        content_type: str = "binary/octet-stream",
        metadata: dict[str, str] | None = None,
        content_encoding: str | None = None,
        etag: str | None = None,
    ) -> StoredObject:
        """Write a body to a new file, which `index` makes an object and `discard` removes. Needs no transaction."""
        before_write = self.before_write  # which may be taken away at any moment
        if before_write is not None:
            before_write(bucket)
        path = self._root / _file_name(bucket, key, self._run)
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for part in [body] if isinstance(body, bytes) else body:
                    file.write(part)
                    digest.update(part)
                    size += len(part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StoredObject(
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

    def index(self, *written: StoredObject) -> None:
        """Make written files objects; replaces those of the same keys. Joins an open `write()`."""
        with self._db.write() as connection:
            self._db.on_rollback(lambda: self.discard(*written))
            for new in written:
                before = connection.execute(
                    "select path from objects where bucket = ? and key = ?", (new.bucket, new.key)
                ).fetchone()
                connection.execute(
                    "insert or replace into objects values (?,?,?,?,?,?,?,?,?)",
                    (
                        new.bucket,
                        new.key,
                        str(new.path.relative_to(self._root)),
                        new.size,
                        new.etag,
                        new.modified,
                        new.content_type,
                        new.content_encoding,
                        json.dumps(new.metadata),
                    ),
                )
                if before is not None:
                    self._db.afterwards(partial((self._root / before[0]).unlink, missing_ok=True))

    def discard(self, *written: StoredObject) -> None:
        """Remove written files that never became objects."""
        for unused in written:
            unused.path.unlink(missing_ok=True)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | Iterable[bytes],
        *,
        content_type: str = "binary/octet-stream",
        metadata: dict[str, str] | None = None,
        content_encoding: str | None = None,
    ) -> StoredObject:
        """`write` and `index` at once; inside an open `write()` other writers wait while the file is written."""
        written = self.write(
            bucket, key, body, content_type=content_type, metadata=metadata, content_encoding=content_encoding
        )
        self.index(written)
        return written

    # ---- reading ----

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """The object, or None."""
        row = self._db.read().execute("select * from objects where bucket = ? and key = ?", (bucket, key)).fetchone()
        return None if row is None else self._object(row)

    def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO] | None:
        """The object and its file, which the caller closes; None if there is none.

        The body is whole, the old or the new one, also while the object is replaced or deleted. Raises
        DamagedObjectError for a file that is lost or not whole.
        """
        missed: Path | None = None
        while (stored := self.get(bucket, key)) is not None:
            try:
                return stored, stored.open()
            except FileNotFoundError as error:
                # Replaced or deleted since its row was read: look again. The same row twice is a file that was lost.
                if stored.path == missed:
                    raise stored.damaged("is gone") from error
                missed = stored.path
        return None

    def problem(self) -> str | None:
        """The first of the objects that readers found damaged and that still are; how many more were found."""
        for name, suspect in list(self._suspects.items()):
            try:
                self.check([found for found in [self.get(*name)] if found is not None and found.path == suspect.path])
            except DamagedObjectError as error:
                more = len(self._suspects) - 1
                return f"{error} (and {more:,} more were found damaged)" if more > 0 else str(error)
            self._suspects.pop(name, None)
        return None

    def _suspect(self, stored: StoredObject) -> None:
        self._suspects[stored.bucket, stored.key] = stored

    def check(self, listed: Sequence[StoredObject]) -> None:
        """Raise DamagedObjectError if a file of these objects is lost or not whole: for readers that take paths.

        An object that was replaced or deleted since it was listed is passed over: its reader finds no file.
        """
        for stored in listed:
            try:
                found = stored.path.stat().st_size
            except FileNotFoundError as error:
                now = self.get(stored.bucket, stored.key)
                if now is not None and now.path == stored.path:
                    raise stored.damaged("is gone") from error
            else:
                if found != stored.size:
                    raise stored.damaged(f"has {found:,} bytes instead of {stored.size:,}")

    def list(self, bucket: str, prefix: str = "", after: str = "", limit: int | None = None) -> list[StoredObject]:
        """Objects whose key begins with `prefix` and comes behind `after`, in UTF-8 order of their keys."""
        return list(islice(self.each(bucket, prefix, after), limit))

    def each(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        """The same one by one, as few rows as are taken."""
        rows = self._db.read().execute(
            "select * from objects where bucket = ? and key > ? and key >= ? and key < ? order by key",
            (bucket, after, prefix, prefix + "\U0010ffff"),
        )
        try:
            for row in rows:
                yield self._object(row)
        finally:
            rows.close()

    def size(self) -> int:
        """Bytes of all objects, parts of unfinished uploads included."""
        return int(self._db.read().execute("select coalesce(sum(size), 0) from objects").fetchone()[0])

    # ---- removing ----

    def delete(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove objects; keys that do not exist are passed over."""
        with self._db.write() as connection:
            for key in keys:
                row = connection.execute(
                    "delete from objects where bucket = ? and key = ? returning path", (bucket, key)
                ).fetchone()
                if row is not None:
                    self._db.afterwards(partial((self._root / row[0]).unlink, missing_ok=True))

    def sweep(self) -> Iterator[int]:
        """Remove the files without a row that earlier runs left; a folder a step, which gives how many it had."""
        indexed = {path for (path,) in self._db.read().execute("select path from objects")}
        for folder, _, names in os.walk(self._root):
            paths = [Path(folder, name) for name in names if not name.startswith(self._run)]
            left = [path for path in paths if str(path.relative_to(self._root)) not in indexed]
            for path in left:
                path.unlink(missing_ok=True)
            yield len(left)

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
            self._suspect,
        )


def _file_name(bucket: str, key: str, run: str) -> str:
    """A file name for a new body of this key, never used before."""
    *folders, leaf = key.split("/")
    safe = [_segment(folder) for folder in folders]
    return "/".join((bucket, *safe, f"{run}{uuid.uuid4().hex[:12]}~{_segment(leaf)}"))


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
