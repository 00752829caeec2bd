"""Answers of the local Athena without an endpoint: what one query gives, as Athena would write it."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from salespipe.local.athena.engine import Engine
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.queries import Translation
from salespipe.local.athena.render import fetched, writer
from salespipe.local.athena.scope import Field
from salespipe.local.athena.tables import Tables

NOW = datetime(2026, 11, 20, 12, 34, 56, 789000, tzinfo=UTC)


class NoTables(Tables):
    """For queries that read no table."""

    def __init__(self) -> None:
        super().__init__(None, None, Path(), NOW)  # type: ignore[arg-type]


@cache
def engine() -> Engine:
    """One engine for all tests of a process."""
    return Engine(Path(tempfile.gettempdir()) / "salespipe-test-spill", threads=1)


def rows(sql: str) -> list[list[str | None]]:
    """Every row of a query, each value as Athena writes it. Raises as the query would fail."""
    output = Translation(sql, NoTables(), "", NOW).query(parse_query(sql))
    shown = ", ".join(fetched(f"c{index}", field.type) for index, field in enumerate(output.fields))
    writers = [writer(field.type) for field in output.fields]
    with engine().session() as session:
        found = session.rows(f"SELECT {shown} FROM ({output.sql})")
    return [[None if v is None else write(v) for write, v in zip(writers, row, strict=True)] for row in found]


def fields(sql: str) -> list[Field]:
    """The columns of a query."""
    return Translation(sql, NoTables(), "", NOW).query(parse_query(sql)).fields


def answer(expression: str) -> str | None:
    """The value of one expression."""
    return rows(f"SELECT {expression}")[0][0]
