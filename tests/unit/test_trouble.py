"""What the errors of files and of SQLite are called: what, which path, what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from salespipe.local import trouble as module
from salespipe.local.errors import DamagedObjectError, StoreError
from salespipe.local.trouble import Storage, look, trouble


def of_sqlite(code: int, text: str = "as SQLite says it") -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk of {home} is full: make room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/elsewhere"), "the disk of {home} is full: make room"),
        (OSError(errno.EROFS, "Read-only file system", "/h/x"), "/h/x is on a read-only file system: make it writable"),
        (PermissionError(errno.EACCES, "Permission denied", "/h/x"), "/h/x may not be written by this user: give the"),
        (OSError(errno.EIO, "Input/output error"), "{home} cannot be read or written (Input/output error): see to its"),
        (
            OSError(errno.EFBIG, "File too large", b"/h/x"),
            "/h/x cannot be read or written (File too large): see to its",
        ),
        (of_sqlite(sqlite3.SQLITE_FULL), "the disk of {home} is full: make room"),
        (of_sqlite(sqlite3.SQLITE_READONLY), "{home} is on a read-only file system: make it writable"),
        (of_sqlite(sqlite3.SQLITE_IOERR | 3 << 8), "{home}/store.db cannot be read or written (as SQLite says it)"),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), "{home}/store.db cannot be read or written (as SQLite says it)"),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "the store {home}/store.db is damaged (as SQLite says it): stop what uses"),
        (of_sqlite(sqlite3.SQLITE_NOTADB), "the store {home}/store.db is damaged (as SQLite says it): stop what uses"),
        (StoreError("in its own words"), "in its own words"),
        (DamagedObjectError("in its own words"), "in its own words"),
    ],
)
def test_what_the_storage_is_to_blame_for_is_told_in_words(error: Exception, says: str, tmp_path: Path) -> None:
    assert str(trouble(error, tmp_path)).startswith(says.format(home=tmp_path))
    assert "\n" not in str(trouble(error, tmp_path))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        FileNotFoundError(errno.ENOENT, "No such file", "/h/x"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        of_sqlite(sqlite3.SQLITE_CONSTRAINT),
        of_sqlite(sqlite3.SQLITE_ERROR),
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
    ],
)
def test_what_is_a_defect_of_ours_is_not_blamed_on_the_storage(error: Exception, tmp_path: Path) -> None:
    assert trouble(error, tmp_path) is None


def test_what_can_be_seen_is_told_for_as_long_as_it_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(tmp_path)
    assert storage.problem() is None
    with monkeypatch.context() as full:
        full.setattr(module, "_SPARE", 1 << 62)
        assert storage.problem() == look(tmp_path)
        assert "is full" in str(look(tmp_path))
    assert storage.problem() is None
    tmp_path.rename(tmp_path.with_name("moved"))
    assert str(storage.problem()).startswith(f"{tmp_path} is gone")


def test_what_cannot_be_seen_is_told_for_some_seconds_and_damage_until_the_end(tmp_path: Path) -> None:
    now = 100.0
    storage = Storage(tmp_path, lambda: now)
    storage.words(of_sqlite(sqlite3.SQLITE_FULL))
    assert storage.problem() is None
    storage.words(of_sqlite(sqlite3.SQLITE_IOERR))
    assert "cannot be read or written" in str(storage.problem())
    now += 60
    assert storage.problem() is None
    storage.words(of_sqlite(sqlite3.SQLITE_CORRUPT))
    now += 60
    assert "is damaged" in str(storage.problem())


def test_a_trouble_is_logged_when_it_begins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    storage = Storage(tmp_path, lambda: now)
    for _ in range(100):
        assert storage.words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) is not None
    assert len(caplog.records) == 1
    now += 60
    storage.words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert len(caplog.records) == 2


def test_insisting_ends_with_success_with_a_defect_or_when_told_to_stop(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    stop = threading.Event()
    errors: list[Exception] = [of_sqlite(sqlite3.SQLITE_FULL), OSError(errno.ENOSPC, "No space left on device")]

    def action() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert storage.insist(action, stop) == "done"
    errors.append(of_sqlite(sqlite3.SQLITE_ERROR))
    with pytest.raises(sqlite3.OperationalError):
        storage.insist(action, stop)
    errors += [of_sqlite(sqlite3.SQLITE_FULL)] * 2
    stop.set()
    with pytest.raises(sqlite3.OperationalError):
        storage.insist(action, stop)
    assert len(errors) == 1
