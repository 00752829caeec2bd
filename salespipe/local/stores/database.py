"""The one SQLite database of a store: WAL, one writer at a time, a read connection for every thread.

Guarantee: what `write()` committed survives a kill of the process at any instant (WAL with synchronous=NORMAL: the
log is written before the commit returns; only a power loss can take the newest commits back, never the order of them).
A `write()` inside a `write()` of the same thread joins it, so a worker's output and its position are one step.

The log is folded into the database by a thread of its own (https://sqlite.org/wal.html#ckpt): most of it while
writers go on, the little that came meanwhile in a turn of its own, after which the log begins anew.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from salespipe.local.errors import StoreError
from salespipe.local.stores.opening import examine
from salespipe.local.stores.turn import Turn
from salespipe.local.trouble import Storage

VERSION = 3

_LOG_BYTES = 32 * 1024 * 1024
"""Size of the log from which on it is folded: random keys touch the same pages again and again, and each is copied
once a fold."""
_LOG_LOOK_SECONDS = 0.25
_WRITER_CACHE_KB, _READER_CACHE_KB = 16_000, 1_000
"""Pages that a connection keeps. Every thread that reads has a connection, so theirs are small."""

log = logging.getLogger(__name__)

SCHEMA = """
create table arns (id integer primary key autoincrement, arn text not null unique);
create table dropped (id integer primary key);
create table tables (
    id integer primary key references arns(id), hash_key text not null, hash_type text not null,
    range_key text, range_type text, stream_arn text, view text,
    item_count integer not null default 0, item_bytes integer not null default 0
);
create table items (
    id integer primary key, table_id integer not null, hash blob not null, range blob not null,
    size integer not null, item blob not null
);
create unique index items_by_key on items (table_id, hash, range);
create table changes (
    last integer primary key autoincrement, stream_id integer not null, count integer not null, created real not null,
    keys blob not null, records blob not null
);
create index changes_by_stream on changes (stream_id, last, count, created);
create table records (
    id integer primary key, stream_id integer not null, shard integer not null, last integer not null,
    count integer not null, arrived_ms integer not null, keys blob not null, sizes blob not null, data blob not null
);
create unique index records_by_shard on records (stream_id, shard, last, count, arrived_ms);
create table objects (
    bucket text not null, key text not null, path text not null, size integer not null, etag text not null,
    modified real not null, content_type text not null, content_encoding text, metadata text not null,
    primary key (bucket, key)
) without rowid;
create table positions (
    worker text not null, shard text not null, value text not null, primary key (worker, shard)
) without rowid;
create table documents (
    kind text not null, id text not null, at real not null, document blob not null, primary key (kind, id)
) without rowid;
create index documents_by_age on documents (kind, at);
create table metrics (
    namespace text not null, metric text not null, dimensions text not null, minute integer not null,
    total real not null, samples real not null, smallest real not null, largest real not null,
    primary key (namespace, metric, dimensions, minute)
) without rowid;
create table control (service text primary key, state blob not null) without rowid;
"""


class Database:
    """The connection side of a store; the tables belong to the modules beside this one.

    `objects` is the folder of the files that go with it. Raises StoreError for a store that cannot be used.
    """

    def __init__(self, path: Path, objects: Path, storage: Storage) -> None:
        self._path = path
        self._storage = storage
        self.turn = Turn()
        self._depth = 0
        self._local = threading.local()
        self._readers_lock = threading.Lock()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._arns: dict[str, int] = {}
        self._afterwards: list[Callable[[], None]] = []
        self._on_rollback: list[Callable[[], None]] = []
        try:
            examine(path, objects, VERSION)
            self._writer = self._connect(_WRITER_CACHE_KB)
            self._writer.execute("pragma auto_vacuum=incremental")  # before the first table is made, or never
            self._writer.execute("pragma journal_mode=wal")
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise StoreError(storage.words(error) or f"the store {path} cannot be used ({error})") from error
        self._written = threading.Event()
        self._written.set()
        self._closing = threading.Event()
        self._folder = threading.Thread(
            target=self._fold_at_times, args=(self._connect(),), name="checkpoint", daemon=True
        )
        self._folder.start()

    def _connect(self, cache_kb: int = _READER_CACHE_KB) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("pragma synchronous=normal")
        connection.execute(f"pragma cache_size=-{cache_kb}")
        connection.execute("pragma temp_store=memory")
        connection.execute("pragma wal_autocheckpoint=0")  # see `_fold_at_times`
        connection.execute("pragma journal_size_limit=67108864")
        # Some builds of SQLite overwrite what is deleted with zeros: seven times the time and all of it in the log.
        connection.execute("pragma secure_delete=off")
        return connection

    def _prepare(self) -> None:
        if self._writer.execute("pragma user_version").fetchone()[0] == 0:
            self._writer.executescript(f"begin immediate; {SCHEMA} pragma user_version={VERSION}; commit;")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The writer, inside a transaction that commits when the outermost block ends and rolls back if it raises."""
        with self.turn:
            outermost = self._depth == 0
            if outermost:
                self._writer.execute("begin immediate")
            self._depth += 1
            try:
                yield self._writer
                if outermost:
                    self._writer.execute("commit")
                    self._written.set()
            except BaseException:
                if outermost:
                    self._undo()
                raise
            finally:
                self._depth -= 1
            if not outermost:
                return
            actions = self._afterwards
            self._afterwards, self._on_rollback = [], []
        _carry_out(actions)

    def _undo(self) -> None:
        """Roll back, and forget what was to follow a commit. On a full disk SQLite has rolled back by itself."""
        actions = self._on_rollback
        self._afterwards, self._on_rollback = [], []
        self._arns.clear()
        if self._writer.in_transaction:
            self._writer.execute("rollback")
        _carry_out(actions)

    def afterwards(self, action: Callable[[], None]) -> None:
        """Inside `write()`: do this once the outermost block has committed; never if it rolls back."""
        self._afterwards.append(action)

    def on_rollback(self, action: Callable[[], None]) -> None:
        """Inside `write()`: do this if the outermost block rolls back; never if it commits."""
        self._on_rollback.append(action)

    def read(self) -> sqlite3.Connection:
        """This thread's connection for reading: sees everything committed before its statement began.

        It is closed when the thread ends.
        """
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            connection = self._connect()
            connection.execute("pragma query_only=on")
            self._local.reader = reader = _Reader(connection)
            with self._readers_lock:
                self._readers.add(reader)
        return reader.connection

    def number(self, arn: str) -> int:
        """The small number that stands for `arn` in the rows of hot tables; given on first use."""
        known = self._arns.get(arn)
        if known is None:
            with self.write() as connection:
                wanted = "select id from arns where arn = ?"
                row = connection.execute(wanted, (arn,)).fetchone()
                if row is None:  # only then is anything written: a full disk can be read
                    connection.execute("insert into arns (arn) values (?)", (arn,))
                    row = connection.execute(wanted, (arn,)).fetchone()
                self._arns[arn] = known = int(row[0])
        return known

    def known(self, arn: str) -> int:
        """The same for who only looks: 0, which no row has, if none was given."""
        known = self._arns.get(arn)
        if known is None:
            row = self.read().execute("select id from arns where arn = ?", (arn,)).fetchone()
            known = int(row[0]) if row else 0
        return known

    def forget(self, arn: str) -> None:
        """Take the number from an ARN whose resource is gone: a new one of the name gets another, and no old rows.

        The rows with the old number are nobody's from now on; `Dropped` removes them a few at a time.
        """
        with self.write() as connection:
            connection.execute("insert into dropped select id from arns where arn = ?", (arn,))
            connection.execute("delete from arns where arn = ?", (arn,))
            self._arns.pop(arn, None)

    def _fold_at_times(self, connection: sqlite3.Connection) -> None:
        """The thread that keeps the log short. First it folds what a killed process left, however little: the shorter
        the log, the less there is to lose with it."""
        log_file = self._path.with_name(self._path.name + "-wal")
        connection.execute("pragma busy_timeout=0")
        least = 1
        while not self._closing.is_set():  # which may have come just before `clear`
            self._written.wait()
            if self._closing.wait(_LOG_LOOK_SECONDS):
                break
            self._written.clear()
            try:
                if log_file.stat().st_size >= least:
                    connection.execute("pragma wal_checkpoint(passive)").fetchone()
                    with self.turn:
                        connection.execute("pragma wal_checkpoint(truncate)").fetchone()
                least = _LOG_BYTES
            except (OSError, sqlite3.Error) as error:
                # On a full disk the log grows for as long as there is room; the writers report it after that.
                if self._storage.words(error) is None:
                    log.warning("the log of %s could not be folded: %s", self._path, error)
        connection.close()

    def rewrite(self) -> None:
        """Write the database anew, without what is free in it."""
        with self.turn:
            self._writer.execute("vacuum")
            self._written.set()

    def close(self) -> None:
        """Fold the log into the database file, if there is room for that, and close every connection."""
        self._closing.set()
        self._written.set()
        self._folder.join()
        with self.turn, self._readers_lock:
            for reader in list(self._readers):
                reader.connection.close()
            try:
                self._writer.execute("pragma wal_checkpoint(truncate)")
            except sqlite3.Error as error:
                # The log stays, with everything that is in it, and the next start reads it.
                log.warning("the log of %s was not folded: %s", self._path, self._storage.words(error) or error)
            self._writer.close()


class _Reader:
    """A connection that is closed with the thread whose it was: thread-local values go when their thread does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _carry_out(actions: list[Callable[[], None]]) -> None:
    """Each action in turn: what was committed stays so if one of them fails, and the others are still carried out."""
    for action in actions:
        try:
            action()
        except OSError:
            log.exception("after a transaction")
