"""Looks at the write-ahead log before SQLite does, so that nothing that was acknowledged vanishes in silence.

SQLite takes a log that was cut or damaged for one whose last transactions were never committed, and goes on without
them. But a process that was killed leaves the wal-index (`-shm`) behind, and that says up to which frame of the log
transactions were committed. It is written after the frames are, and begins anew before the log does: after a kill at
any instant the log has at least the frames that the index names. If it has not, `check` refuses, and changes nothing.

A power loss may take the end of the log (synchronous=NORMAL) and leave the index as it was at any earlier time. The
index then names too few frames, or those of a log that has begun anew since, with other salts: neither is an alarm. Or
the log does lack frames that the index names, and the newest transactions are indeed lost. Whoever cannot put the file
back goes on without them by making the file `accept-loss`, and is told of it from then on (`loss.py`).
https://sqlite.org/walformat.html
"""

from __future__ import annotations

import logging
import shlex
import shutil
import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from salespipe.local import loss
from salespipe.local.errors import StoreError

ACCEPT = "accept-loss"
"""The file beside the database with which somebody agrees to lose what is missing. It is good for one start."""

_FORMAT = 3007000
_INDEX = struct.Struct("=3I2BH4I8s2I")  # WalIndexHdr: native byte order, but the salts are as in the log
_BACKFILLED, _ATTEMPTED = 96, 128  # of WalCkptInfo, behind two copies of the header
_INDEX_BYTES = 136
_LOG_HEAD = 32
_FIRST_PAGES = 65536

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Index:
    """What a process left in the wal-index: frames committed to the log with these salts, and how many of them were
    copied to the database, whole (`backfilled`) or perhaps in part (`attempted`)."""

    frames: int
    salts: bytes
    backfilled: int
    attempted: int


def check(path: Path) -> None:
    """Raise StoreError if committed transactions are missing from the log of the database `path`.

    To be called before anything opens the database.
    """
    index = left_behind(path)
    if index is not None and index.frames:
        salts = _salts(path)
        if salts in (None, index.salts):
            frames = 0 if salts is None else recoverable(path)
            if frames < index.frames:
                _missing(path, index, frames)
    (path.parent / ACCEPT).unlink(missing_ok=True)


def left_behind(path: Path) -> Index | None:
    """The wal-index of the database `path`; None where there is none that can be read."""
    try:
        with _beside(path, "-shm").open("rb") as file:
            found = file.read(_INDEX_BYTES)
    except FileNotFoundError:
        return None
    if len(found) < _INDEX_BYTES:
        return None
    # The second copy is written first. A kill between the two leaves them different, one in the middle of a copy torn.
    for start in (0, _INDEX.size):
        version, *_, frames, _pages, _one, _two, salts, sum1, sum2 = _INDEX.unpack_from(found, start)
        if version == _FORMAT and _checksum(found[start : start + 40], "=") == (sum1, sum2):
            backfilled, attempted = (struct.unpack_from("=I", found, at)[0] for at in (_BACKFILLED, _ATTEMPTED))
            return Index(frames, salts, backfilled, attempted)
    return None


def recoverable(path: Path) -> int:
    """How many frames SQLite finds committed in the log. Asked of a stand-in, since opening the database itself would
    overwrite the index."""
    folder = path.parent / "wal-check"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        copy = folder / path.name
        with path.open("rb") as file:
            copy.write_bytes(file.read(_FIRST_PAGES))
        try:
            _beside(copy, "-wal").hardlink_to(_beside(path, "-wal"))
        except PermissionError:  # a file system without hard links
            shutil.copyfile(_beside(path, "-wal"), _beside(copy, "-wal"))
        # Read only: it neither folds the log nor removes it when it is closed.
        with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as connection:
            try:
                connection.execute("select 1 from sqlite_schema limit 1")
            except sqlite3.DatabaseError as error:
                # Most of the database is missing here, which SQLite sees only after it has read the log.
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise
            found = left_behind(copy)
        if found is None:
            raise StoreError(f"the log of the store {path} cannot be read")
        return found.frames
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _missing(path: Path, index: Index, frames: int) -> None:
    """Refuse, or go on with what there is if nothing is lost by that or somebody has agreed to the loss."""
    folder, damaged = path.parent, _beside(path, "-wal")
    accept = folder / ACCEPT
    database_alone = index.backfilled == index.attempted
    shortened = frames > 0 and frames >= index.attempted
    lost = index.frames - (frames if shortened else index.backfilled)
    what = (
        f"{damaged} is gone"
        if not damaged.exists()
        else f"{damaged} was cut or damaged: {index.frames - frames} of the {index.frames} pages in it are missing"
    )
    if not database_alone and not shortened:
        raise StoreError(
            f"{what}, and with them changes that were acknowledged, without which {path.name} is of no use: "
            f"put the file back as it was, or move {folder} away to begin with an empty store"
        )
    if lost and not accept.exists():
        raise StoreError(
            f"{what}, and with them the newest changes that were acknowledged: put the file back as it was, or go on "
            f"without them: touch {shlex.quote(str(accept))}"
        )
    kept = _beside(path, "-wal.damaged")
    if lost:  # noted first: where there is no room for that, everything is as it was
        rest = f"; what is left of it is {kept}" if damaged.exists() else ""
        loss.note(folder, f"the newest changes that had been acknowledged are lost (pages: {lost}): {what}{rest}")
    accept.unlink(missing_ok=True)
    if shortened:
        shutil.copyfile(damaged, kept)
    elif damaged.exists():
        damaged.replace(kept)
    _beside(path, "-shm").unlink()
    log.warning("%s; went on without them, %d pages were lost; the damaged file, if any, is %s", what, lost, kept)


def _salts(path: Path) -> bytes | None:
    """The salts in the header of the log, by which one log is told from the next; None if it has no good header."""
    try:
        with _beside(path, "-wal").open("rb") as file:
            found = file.read(_LOG_HEAD)
    except FileNotFoundError:
        return None
    if len(found) < _LOG_HEAD:
        return None
    magic, version = struct.unpack_from(">2I", found)
    if magic & ~1 != 0x377F0682 or version != _FORMAT:
        return None
    order = ">" if magic & 1 else "<"
    return found[16:24] if _checksum(found[:24], order) == struct.unpack_from(">2I", found, 24) else None


def _checksum(data: bytes, order: str) -> tuple[int, int]:
    """SQLite's checksum of pairs of 32-bit words."""
    first = second = 0
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
