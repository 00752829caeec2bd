"""One query from text to rows: parse, translate, read, and the columns as GetQueryResults describes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from salespipe.local.athena.catalog import Catalog
from salespipe.local.athena.engine import Session
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.formats.json import ODD_LINE
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.queries import Translation
from salespipe.local.athena.render import fetched
from salespipe.local.athena.statements.context import ResultColumn
from salespipe.local.athena.tables import Tables
from salespipe.local.stores.objects import ObjectStore

# Our own sign, and what the engine says of text that is no JSON, of bytes that are no UTF-8, of a line above 2 MB.
_ODD = (ODD_LINE, "Malformed JSON", "UTF-8", "utf-8", "nicode", "Maximum line size")


@dataclass(frozen=True)
class Prepared:
    """A translated query that can be run. `sql` gives c0, c1, … and still has the marks of its tables."""

    sql: str
    columns: tuple[ResultColumn, ...]
    tables: Tables


def prepare(sql: str, database: str, catalog: Catalog, objects: ObjectStore, folder: Path, now: datetime) -> Prepared:
    """Translate a query. Raises SyntaxFailure and QueryFailure."""
    tables = Tables(catalog, objects, folder, now)
    output = Translation(sql, tables, database, now).query(parse_query(sql))
    tables.needed.fields(output.fields)
    columns = tuple(
        ResultColumn(field.name if field.name is not None else f"_col{index}", field.type)
        for index, field in enumerate(output.fields)
    )
    return Prepared(output.sql, columns, tables)


def located(prepared: Prepared, session: Session) -> str:
    """The engine's SQL with every table's objects in it; `prepared.tables.scanned_bytes` is then known."""
    return prepared.tables.finish(prepared.sql, session.rows, session.column_bytes)


def pages(prepared: Prepared, session: Session) -> Iterator[list[tuple[Any, ...]]]:
    """Run it, for values as they are shown."""
    shown = ", ".join(fetched(f"c{index}", column.type) for index, column in enumerate(prepared.columns))
    return _run(prepared, session, lambda sql: f"SELECT {shown} FROM ({sql})")


def carried_out(prepared: Prepared, session: Session, around: Callable[[str], str]) -> list[tuple[Any, ...]]:
    """Run what `around` makes of the query, which may be twice; the rows that this gives."""
    return [row for page in _run(prepared, session, around) for row in page]


def _run(prepared: Prepared, session: Session, around: Callable[[str], str]) -> Iterator[list[tuple[Any, ...]]]:
    """A failure names the object that it is about."""
    try:
        yield from _read(prepared, session, around)
    except QueryFailure as failure:
        raise prepared.tables.named(failure, session.rows) from failure.__cause__


def _read(prepared: Prepared, session: Session, around: Callable[[str], str]) -> Iterator[list[tuple[Any, ...]]]:
    """A JSON table with lines that need a closer look is read a second time, from the start."""
    sql = around(located(prepared, session))
    try:
        found = session.pages(sql)
        first = next(found, [])
    except QueryFailure as failure:
        if not any(sign in str(failure) for sign in _ODD):
            raise
        prepared.tables.rewrite_odd()
        yield from session.pages(around(located(prepared, session)))
        return
    if first:
        yield first
    yield from found
