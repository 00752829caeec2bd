"""What a statement may use while it runs, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from salespipe.local.athena.catalog import Catalog
from salespipe.local.athena.engine import Session
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.types import VARCHAR, Type
from salespipe.local.stores.objects import ObjectStore


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result."""

    name: str
    type: Type


@dataclass
class Context:
    """One run: its id, the database that names without one are in, the instant it began, a connection to the engine.

    `output` is the folder of its results; `central`: the workgroup wants everything that is written below it;
    `prepared` are the workgroup's statements.
    `scanned` is told the bytes that will be read, before they are; it raises to stop the statement.
    """

    id: str
    output: str
    central: bool
    database: str
    catalog: Catalog
    objects: ObjectStore
    folder: Path
    now: datetime
    session: Session
    scanned: Callable[[int], None]
    prepared: PreparedStatements


@dataclass(frozen=True)
class Stored:
    """What a statement stored by itself: where (without extension), the list of its objects, and how many rows."""

    location: str
    manifest: str
    rows: int


@dataclass(frozen=True)
class Result:
    """`pages` are rows of values; `header` says that page one of a result begins with the column names; `stored` is
    given by statements that write, whose result is in place already."""

    columns: tuple[ResultColumn, ...] = ()
    pages: Iterator[Sequence[Sequence[Any]]] = field(default_factory=lambda: iter(()))
    header: bool = False
    stored: Stored | None = None


Action = Callable[[Context], Result]


@dataclass(frozen=True)
class Statement:
    """A parsed statement: what kind Athena says it is, and how to run it."""

    type: str
    subtype: str
    run: Action


def listing(columns: Sequence[str], rows: Sequence[Sequence[str]], type_: Type = VARCHAR) -> Result:
    """The result of a SHOW: texts."""
    return Result(tuple(ResultColumn(name, type_) for name in columns), iter([rows] if rows else []))
