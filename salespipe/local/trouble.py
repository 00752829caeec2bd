"""What keeps the storage from being used, in words for people: what, which path, what to do.

A disk that is full or read-only, a right that was taken away, a damaged file: none of them is a defect of ours, and
each may be over the next time. So each has a sentence instead of a traceback, and is logged when it begins, not at
each of the thousand requests that meet it.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from salespipe.local import loss
from salespipe.local.errors import DamagedObjectError, StoreError

T = TypeVar("T")

_SPARE = 1024 * 1024
"""Bytes without which next to nothing can be written: less is a full disk."""

_RECENT = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_BROKEN = frozenset({errno.EFBIG, errno.EIO, errno.ESTALE})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_KEPT = "nothing that was acknowledged is lost"

log = logging.getLogger(__name__)


class Storage:
    """The disk under one home, as those see it who meet its errors."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._damage: str | None = None
        self._met = ("", -math.inf, False)
        """The last trouble, when it was met, and whether `look` can show it."""

    def hinders(self, seconds: float) -> bool:
        """Whether writing is hindered, or was met to be within the last `seconds`. What was lost hinders nobody."""
        return self._damage is not None or look(self._home) is not None or self._clock() - self._met[1] < seconds

    def words(self, error: BaseException) -> str | None:
        """One sentence if the storage is to blame for `error`, None for any other."""
        found = trouble(error, self._home)
        if found is None:
            return None
        now = self._clock()
        last, at, _ = self._met
        if found != last or now - at > _RECENT:
            log.error("%s (%s: %s)", found, type(error).__name__, error)
        # A disk that was full is shown again when it is: what did not fit has been removed meanwhile.
        # What is wrong with an object is told by who keeps the objects, for as long as it is.
        seen = isinstance(error, DamagedObjectError) or found == _full(self._home) or look(self._home) is not None
        self._met = (found, now, seen)
        if _is_damage(error):
            self._damage = found
        return found

    def insist(self, action: Callable[[], T], stop: threading.Event) -> T:
        """Do it, again and again while the storage is in its way: for an end that nobody else would bring about.

        Other errors are raised, and so is the storage's once `stop` is set.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                return action()
            except (OSError, sqlite3.Error, StoreError) as error:
                if self.words(error) is None or stop.wait(pause):
                    raise
                pause = min(pause * 2, _LONGEST_PAUSE)

    def problem(self) -> str | None:
        """What is wrong just now. What cannot be looked up is told for some seconds after it was met; a damaged
        database, which does not heal, until the end; what was lost, until somebody has seen it."""
        found = self._damage or look(self._home)
        if found is None:
            last, at, seen = self._met
            return last if not seen and self._clock() - at < _RECENT else loss.told(self._home)
        return found


def look(home: Path) -> str | None:
    """What would keep the next write from being done, None if nothing that can be seen from here."""
    try:
        disk = os.statvfs(home)
    except FileNotFoundError:
        return f"{home} is gone, and with it everything that is kept there: put it back, then try again"
    except OSError as error:
        return trouble(error, home)
    if disk.f_flag & os.ST_RDONLY:
        return _read_only(home)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < _SPARE:
        return _full(home)
    return None if os.access(home, os.W_OK | os.X_OK) else _denied(home)


def trouble(error: BaseException, home: Path) -> str | None:
    """One sentence for an error of the file system, of SQLite's with its files, or of the store; else None."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError):
        path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else home
        if error.errno in _FULL:
            return _full(home)
        if error.errno == errno.EROFS:
            return _read_only(path)
        if error.errno in _DENIED and error.filename is not None:
            return _denied(path)
        return _broken(path, error.strerror or "") if error.errno in _BROKEN else None
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, home)
    return None


def _of_sqlite(error: sqlite3.Error, home: Path) -> str | None:
    code = _code(error)
    if code in _DAMAGED:
        return (
            f"the store {home / 'store.db'} is damaged ({error}): stop what uses it, then put a copy of {home} back, "
            "or move it away to begin with an empty one"
        )
    if code == sqlite3.SQLITE_FULL:
        return _full(home)
    if code == sqlite3.SQLITE_READONLY:
        return _read_only(home)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        # SQLite says no more than this of a disk that became read-only, or of a file that was taken away.
        return look(home) or _broken(home / "store.db", str(error))
    return None


def _is_damage(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and _code(error) in _DAMAGED


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; Python's own errors, as of a closed connection, have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _full(home: Path) -> str:
    return f"the disk of {home} is full: make room on it, then try again; {_KEPT}"


def _read_only(path: Path) -> str:
    return f"{path} is on a read-only file system: make it writable, then try again; {_KEPT}"


def _denied(path: Path) -> str:
    return f"{path} may not be written by this user: give the right back (chmod u+rwX), then try again; {_KEPT}"


def _broken(path: Path, why: str) -> str:
    return f"{path} cannot be read or written ({why}): see to its disk, then try again; {_KEPT}"
