"""Inside a runtime under test: counts the steps that outlive it, and kills it right after the one asked for.

What a kill -9 leaves behind is decided by the commits of SQLite and by the files that were made, written, renamed and
removed, in their order. So a test that goes through all numbers of steps has seen every state a kill can leave,
however small the window of time was; and it needs to know nothing of the code but that it keeps things this way.

A test's `sitecustomize` calls `arm` in every Python process that its commands start; it does something only in a
runtime, and only with the variable `PLAN` set. Standard library only: it runs before anything else does.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PLAN = "CRASH_PLAN"
SERVING = r"^rename runtime\.json$"
"""The step with which a runtime says that it serves."""


@dataclass(frozen=True)
class Crash:
    """Kill after the step number `after` of those that match `at`; 0 kills never.

    Steps count once one has matched `since` (None: from the very beginning), that one itself not; with `same_thread`
    only the steps of the thread that made it. A step is a line such as `commit pipe sales`, `make <path>`,
    `half <path>`, `whole <path>`, `rename <path>`, `remove <path>`, paths within the home.
    """

    after: int
    at: str = ""
    since: str | None = SERVING
    same_thread: bool = False

    def text(self, log: Path) -> str:
        """The value of PLAN; each step is also a line in the file `log`."""
        return json.dumps({**asdict(self), "log": str(log)})


def arm() -> None:
    """Watch this process if it is a runtime that a test has a plan for."""
    plan = os.environ.get(PLAN)
    if plan is not None and sys.orig_argv[1:3] == ["-m", "salespipe.local"]:
        wanted = json.loads(plan)
        log = os.open(wanted.pop("log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        _watch(_Steps(Crash(**wanted), log, sys.orig_argv[3]))


class _Steps:
    def __init__(self, crash: Crash, log: int, home: str) -> None:
        self._crash = crash
        self._log = log
        self._home = os.path.realpath(home) + os.sep
        self._lock = threading.Lock()
        self._counting = crash.since is None
        self._thread = 0
        self._count = 0

    def inside(self, path: Any) -> str | None:
        """The path within the home; None for what lies elsewhere or is a log."""
        if not isinstance(path, str | Path):
            return None
        whole = os.path.realpath(path)
        return whole[len(self._home) :] if whole.startswith(self._home) and ".log" not in whole else None

    def step(self, line: str) -> None:
        """Something has been done that a kill from here on leaves done."""
        with self._lock:
            os.write(self._log, f"{line}\n".encode())
            crash = self._crash
            if not self._counting:
                self._counting = re.search(str(crash.since), line) is not None
                self._thread = threading.get_ident()
                return
            if crash.same_thread and self._thread != threading.get_ident():
                return
            self._count += re.search(crash.at, line) is not None
            if self._count == crash.after > 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _File:
    """A file of the home that is being written: half of it, and all of it, are steps."""

    def __init__(self, file: Any, path: str, steps: _Steps) -> None:
        self._file = file
        self._path = path
        self._steps = steps
        self._halved = False
        steps.step(f"make {path}")

    def write(self, data: Any) -> int:
        if self._halved or len(data) < 2:
            return int(self._file.write(data))
        self._halved = True
        middle = len(data) // 2
        self._file.write(data[:middle])
        self._file.flush()
        self._steps.step(f"half {self._path}")
        self._file.write(data[middle:])
        return len(data)

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()
            self._steps.step(f"whole {self._path}")

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Any:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _watch(steps: _Steps) -> None:
    builtins.open = io.open = _opening(io.open, steps)
    for name, what, place in (
        ("mkdir", "make", 0),
        ("rename", "rename", 1),
        ("replace", "rename", 1),
        ("unlink", "remove", 0),
        ("remove", "remove", 0),
        ("rmdir", "remove", 0),
    ):
        setattr(os, name, _followed(getattr(os, name), what, place, steps))
    connect, kind = sqlite3.connect, _connection(steps)
    sqlite3.connect = lambda *args, **options: connect(*args, **{"factory": kind, **options})


def _opening(original: Any, steps: _Steps) -> Callable[..., Any]:
    """`open` whose files, opened for writing within the home, are followed."""

    def opening(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        opened = original(file, mode, *args, **options)
        path = steps.inside(file) if set(mode) & set("wx+") else None
        return opened if path is None else _File(opened, path, steps)

    return opening


def _followed(original: Any, what: str, place: int, steps: _Steps) -> Callable[..., Any]:
    """A function of `os` each call of which is a step; the path that the step names is argument `place`."""

    def call(*args: Any, **options: Any) -> Any:
        found = original(*args, **options)
        path = None if options.get("dir_fd") is not None else steps.inside(args[place])
        if path is not None:
            steps.step(f"{what} {path}")
        return found

    return call


def _connection(steps: _Steps) -> type[sqlite3.Connection]:
    """A connection whose commits are steps, however they are asked for; those of changes, not of mere looks."""

    def followed(connection: Connection, call: Callable[[], Any], surely: bool = False) -> Any:
        found = call()
        if not connection.in_transaction and (surely or connection.total_changes != connection.committed):
            connection.committed = connection.total_changes
            steps.step(f"commit {threading.current_thread().name}")
        return found

    class Cursor(sqlite3.Cursor):
        connection: Connection

        def execute(self, sql: str, *args: Any) -> Any:
            if sql.lower().startswith("rollback"):
                found = super().execute(sql, *args)
                self.connection.committed = self.connection.total_changes
                return found
            # Turning the log on writes the first page of a new database, and is no transaction.
            turned_on = sql.lower().startswith("pragma journal_mode")
            return followed(self.connection, lambda: super(Cursor, self).execute(sql, *args), turned_on)

        def executemany(self, sql: str, *args: Any) -> Any:
            return followed(self.connection, lambda: super(Cursor, self).executemany(sql, *args))

        def executescript(self, sql: str) -> Any:
            return followed(self.connection, lambda: super(Cursor, self).executescript(sql), True)

    class Connection(sqlite3.Connection):
        committed = 0

        def cursor(self, *args: Any, **options: Any) -> Any:
            return super().cursor(*args, **{"factory": Cursor, **options})

        def execute(self, *args: Any) -> Any:
            return self.cursor().execute(*args)

        def executemany(self, *args: Any) -> Any:
            return self.cursor().executemany(*args)

        def executescript(self, *args: Any) -> Any:
            return self.cursor().executescript(*args)

        def commit(self) -> None:
            followed(self, super().commit)

        def __exit__(self, *error: Any) -> Any:
            if error[0] is not None:
                return super().__exit__(*error)
            return followed(self, lambda: super(Connection, self).__exit__(*error))

    return Connection
