"""Looks at a store before it is opened for writing: what is refused is left exactly as it was found.

Opening a database for writing is not harmless: SQLite makes a new one where the file is gone, folds a log into a file
that it does not go with, and the store's sweep would remove the objects that a new database does not know.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from salespipe.local.errors import StoreError
from salespipe.local.stores import wal


def examine(path: Path, objects: Path, version: int) -> None:
    """Raise StoreError unless the database `path` can be used by a salespipe that reads `version`, or is yet to be
    made. `objects` is the folder of the files that belong to it."""
    if not path.exists() or path.stat().st_size == 0:
        remains = [file for file in (objects, path.with_name(path.name + "-wal")) if file.exists()]
        if any(file.is_dir() or file.stat().st_size for file in remains):
            raise StoreError(
                f"{path} is gone, but {remains[0]} of it is there: put it back, or move {path.parent} away to begin "
                "with an empty store"
            )
        return
    wal.check(path)
    _readable(path, version)


def look(path: Path, objects: Path, version: int) -> None:
    """The same for a store that nobody is about to open: nothing at all is changed, and nothing is said of a log that a
    process left, which only its next start can tell of. Reads what every start reads."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return
    if path.exists() and path.stat().st_size:
        _readable(path, version, "select state from control")
    else:
        examine(path, objects, version)


def _readable(path: Path, version: int, *more: str) -> None:
    """Raise StoreError for a database that cannot be read, or not by this salespipe. `more` is to be read too."""
    try:
        found = _version(path, *more)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        helpless = f" ({wal.ACCEPT} is for a log that was cut, not for this)"
        raise StoreError(
            f"the store {path} is damaged ({error}): put a copy of {path.parent} back, or move it away to begin with "
            f"an empty one{helpless if path.with_name(wal.ACCEPT).exists() else ''}"
        ) from error
    if found not in (0, version):
        raise StoreError(
            f"the store {path} has version {found}, this salespipe reads version {version}: use the salespipe that "
            "wrote it, or another SALESPIPE_HOME"
        )


def _version(path: Path, *more: str) -> int:
    """The version, read without writing; reads the schema too, which a damaged file fails at.

    Where there is no log, the file is read as one that nobody changes, so that none is made.
    """
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as connection:
        connection.execute("select count(*) from sqlite_schema").fetchone()
        found = int(connection.execute("pragma user_version").fetchone()[0])
        for query in more if found else ():
            for _ in connection.execute(query):
                pass
        return found
