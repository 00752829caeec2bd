"""DuckDB, and the only module that touches it. Imported on first use: starting the runtime does not pay for it.

One database in memory for all queries, a connection for each, so that its memory limit holds for all of them together.
The limit is low, as what does not fit goes to the disk; a statement that cannot do with it is run again under a higher
one.
Nothing is installed or loaded from outside, and the session's time zone is UTC.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from salespipe.local.athena.errors import SYSTEM, QueryFailure
from salespipe.local.athena.failing import RAISED, REFUSED
from salespipe.local.athena.formats.parquet import ColumnBytes
from salespipe.local.athena.render import double
from salespipe.local.athena.rules.load import MACROS as _RULES

_MACRO = re.compile(r"\b(?:tried_|steady_)?trino_\w+")
MACROS = {definition[: definition.index("(")].strip(): definition for definition in _RULES}
"""The engine's definitions that the translations rest on, by their names."""

_RAISED = re.compile(r"Error: ([A-Z][A-Z_]+): (.*)", re.DOTALL)
_RAISED_BY_CAST = re.compile(rf"'{RAISED}([A-Z][A-Z_]+): (.*)' to INT32", re.DOTALL)
_CAST = re.compile(r"Could not (?:convert|cast) (.*)", re.DOTALL)
_OUTSIDE = re.compile(
    r"Type (\w+) with value (\S+) can't be cast because the value is out of range for the destination type (INT\d+)"
)
_LARGE_DECIMAL = re.compile(r"Failed to cast decimal value (\S+) to type (INT\d+)")
_OVERFLOW = re.compile(r"Overflow in (addition|subtraction|multiplication) of (INT8|INT16|INT32|INT64) \((.*?)\)!")
_WORDS = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint"}
FETCH = 10_000
_NO_MEMORY = "EXCEEDED_LOCAL_MEMORY_LIMIT"
_AGAIN = 0.02  # seconds
_MOST_ON_DISK = "10GB"
_WATCHED = ("enable_progress_bar = true", "enable_progress_bar_print = false")


log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The query was stopped from outside."""


class Engine:
    """The database; `session()` gives a connection of its own."""

    def __init__(self, folder: Path, *, threads: int = 2, memory: str = "64MB", most: str = "1GB") -> None:
        self._folder = folder
        self._memory, self._most = memory, most
        self._settings: dict[str, str | int | float | list[str]] = {"threads": threads, "memory_limit": memory}
        self._lock = threading.Lock()
        self._grown = 0
        self._database: Any = None
        self._made: set[str] = set()
        self.column_bytes = ColumnBytes()

    def warm(self) -> None:
        """Import and open the engine now, so that the first query need not."""
        self._open()

    def session(self) -> Session:
        """A connection for one statement; close it."""
        connection = self._open().cursor()
        for setting in _WATCHED:  # how far a query is, told to who asks and not printed; of each connection its own
            connection.execute(f"SET {setting}")
        return Session(connection, self)

    def grow(self) -> None:
        """Allow all the memory there is for a statement that cannot do with less, until as many calls of `shrink`."""
        with self._lock:
            self._grown += 1
            self._database.execute(f"SET GLOBAL memory_limit = '{self._most}'")

    def shrink(self) -> None:
        """One statement less that needs more."""
        import duckdb

        with self._lock:
            self._grown -= 1
            if not self._grown:
                try:
                    self._database.execute(f"SET GLOBAL memory_limit = '{self._memory}'")
                except duckdb.OutOfMemoryException:
                    log.info("another statement holds more than %s of memory", self._memory)

    def define(self, sql: str) -> None:
        """Make the macros that a statement names, and those that they name. All of them would cost every start ten
        times what a statement needs."""
        with self._lock:
            self._define(sql)

    def _define(self, sql: str) -> None:
        for name in _MACRO.findall(sql):
            if name in MACROS and name not in self._made:
                self._define(MACROS[name].partition("AS")[2])
                self._database.execute(f"CREATE MACRO {MACROS[name]}")
                self._made.add(name)

    def close(self) -> None:
        """Give the memory back."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._made.clear()

    def _open(self) -> Any:
        with self._lock:
            if self._database is None:
                self._database = self._create()
            return self._database

    def _create(self) -> Any:
        import duckdb

        self._folder.mkdir(parents=True, exist_ok=True)
        database = duckdb.connect(
            ":memory:",
            config={
                **self._settings,
                "temp_directory": str(self._folder),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        database.execute("SET GLOBAL TimeZone = 'UTC'")
        # Left to itself it takes most of what is free when a query first needs the disk, and keeps to that for ever.
        database.execute(f"SET GLOBAL max_temp_directory_size = '{_MOST_ON_DISK}'")
        # DuckDB 2.0.0 pushes TRY_CAST of a column into its CSV reader, where the cast that must give NULL fails
        # instead.
        database.execute("SET GLOBAL disabled_optimizers = 'type_pushdown'")
        changing = ["memory_limit", *(setting.split()[0] for setting in _WATCHED)]
        database.execute(f"SET allowed_configs = {changing}")
        database.execute("SET lock_configuration = true")
        return database


class Session:
    """One connection. Its errors leave as QueryFailure in Athena's wording, or as Cancelled."""

    def __init__(self, connection: Any, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine
        self._grown = False
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._stopping: threading.Thread | None = None
        self.share_read: float | None = None
        """How much of what ran when it was cancelled was done by then, 0 to 1; None if that is not known."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._stopping is not None:
            self._stopping.join()
        self._connection.close()
        if self._grown:
            self._engine.shrink()

    @property
    def column_bytes(self) -> ColumnBytes:
        """What is known of the Parquet files that were asked for so far."""
        return self._engine.column_bytes

    def progress(self) -> float | None:
        """The share of what runs now that is done, 0 to 1; None while that is not known."""
        percent = float(self._connection.query_progress())
        return min(percent / 100, 1.0) if percent >= 0 else None

    def cancel(self) -> None:
        """Stop what runs on this connection, and what would yet run, from one other thread at a time."""
        if self._stopping is None:
            self.share_read = self.progress()
            self._cancelled.set()
            self._stopping = threading.Thread(target=self._interrupt, name="athena-stop", daemon=True)
            self._stopping.start()

    def _interrupt(self) -> None:
        """Again and again, as a query that only just begins forgets that it was interrupted."""
        self._connection.interrupt()
        while not self._over.wait(_AGAIN):
            self._connection.interrupt()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small query."""
        return [row for page in self.pages(sql) for row in page]

    def pages(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, some thousand at a time. One that ends for want of memory begins again with more."""
        begun = False
        try:
            for page in self._pages(sql):
                begun = True
                yield page
        except QueryFailure as failure:
            if failure.code != _NO_MEMORY or begun or self._grown:
                raise
            self._engine.grow()
            self._grown = True
            yield from self._pages(sql)

    def _pages(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        import duckdb

        try:
            if self._cancelled.is_set():
                raise Cancelled
            self._engine.define(sql)
            self._connection.execute(sql)
            while page := self._connection.fetchmany(FETCH):
                yield page
                if self._cancelled.is_set():
                    raise Cancelled
        except duckdb.InterruptException as error:
            raise Cancelled from error
        except duckdb.Error as error:
            if self._cancelled.is_set():
                raise Cancelled from error
            raise failure(str(error)) from error


def failure(said: str) -> QueryFailure:
    """The engine's error in Athena's words."""
    raised = _RAISED.search(said) or _RAISED_BY_CAST.search(said)
    if raised:
        return QueryFailure(raised[1], raised[2].strip())
    first = said.splitlines()[0]
    if REFUSED in first:
        return QueryFailure(
            "NOT_SUPPORTED",
            "something inside of TRY or TRY_CAST is not supported by the local Athena: without it, it is named",
        )
    if "Division by zero" in said or "division by zero" in said:
        return QueryFailure("DIVISION_BY_ZERO", "Division by zero")
    if "must appear in the GROUP BY clause" in said:
        return QueryFailure("EXPRESSION_NOT_AGGREGATE", first.removeprefix("Binder Error: "))
    if "GROUPING statement cannot be used without groups" in said:
        message = (
            "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause"
        )
        return QueryFailure("MISSING_GROUP_BY", message)
    overflow = _OVERFLOW.search(said)
    if overflow:
        message = f"{_WORDS[overflow[2]]} {overflow[1]} overflow: {overflow[3]}"
        return QueryFailure("NUMERIC_VALUE_OUT_OF_RANGE", message)
    if "TRY can not be used in combination with" in said:
        return QueryFailure("NOT_SUPPORTED", "TRY of a random value is not supported by the local Athena")
    if "window expressions cannot be volatile" in said:
        return QueryFailure(
            "NOT_SUPPORTED",
            "PARTITION BY or ORDER BY of a window over a random value is not supported by the local Athena: "
            "compute it in a subquery and name its column",
        )
    if "Map keys must be unique" in said or "Map keys can not be NULL" in said:  # of a cast of the keys
        return QueryFailure("INVALID_CAST_ARGUMENT", "duplicate keys" if "unique" in said else "map key is null")
    if said.startswith("Out of Range Error"):
        return QueryFailure("NUMERIC_VALUE_OUT_OF_RANGE", first.removeprefix("Out of Range Error: "))
    if said.startswith("Conversion Error"):
        outside = _outside(first)
        if outside is not None:
            return outside
        found = _CAST.search(first)
        return QueryFailure("INVALID_CAST_ARGUMENT", f"Cannot cast {found[1] if found else first}")
    if said.startswith("Out of Memory"):
        return QueryFailure(_NO_MEMORY, "Query exceeded the memory limit of the local engine")
    if "No space left on device" in said:
        return QueryFailure("EXCEEDED_SPILL_LIMIT", "The disk is full: make room on it and try again", category=SYSTEM)
    if said.startswith("IO Error"):
        return QueryFailure("HIVE_CANNOT_OPEN_SPLIT", first.removeprefix("IO Error: "), category=SYSTEM)
    if "More than one row returned by a subquery" in said:
        return QueryFailure("SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows")
    return QueryFailure("GENERIC_INTERNAL_ERROR", first, category=SYSTEM)


def _outside(said: str) -> QueryFailure | None:
    """A number that its new type has no room for, in the words of BigintOperators, DoubleOperators and DecimalCasts in
    Trino's source. A fraction is rounded by then."""
    decimal, found = _LARGE_DECIMAL.search(said), _OUTSIDE.search(said)
    if decimal:
        return QueryFailure("INVALID_CAST_ARGUMENT", f"Cannot cast '{decimal[1]}' to {_WORDS[decimal[2]].upper()}")
    if not found:
        return None
    source, value, target = found[1], found[2], _WORDS[found[3]]
    if source in ("DOUBLE", "FLOAT"):
        shown = double(float(value))
        if shown == "NaN" or target == "bigint":
            kind = "real" if source == "FLOAT" else "double"
            words = f"Unable to cast {shown}" if shown != "NaN" else f"Cannot cast {kind} NaN"
            return QueryFailure("INVALID_CAST_ARGUMENT", f"{words} to {target}")
        value = shown
    return QueryFailure("NUMERIC_VALUE_OUT_OF_RANGE", f"Out of range for {target}: {value}")
