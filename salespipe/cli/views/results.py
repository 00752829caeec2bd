"""Query results in each format. Every row and every column is written, whatever its name or width.

JSON objects cannot hold two values under one name, so the second column called `n` becomes `n_2`; the other
formats keep the names as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from salespipe.cli import options
from salespipe.cli.views.console import Console, visible
from salespipe.cli.views.document import dumps, text
from salespipe.cli.views.table import plain
from salespipe.cli.views.units import amount
from salespipe.errors import SalespipeError, UsageError

if TYPE_CHECKING:
    from salespipe.services.query import QueryResult

FORMATS = ("table", "csv", "json", "jsonl", "markdown")
_ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown"}
_NUMBERS = ("tinyint", "smallint", "integer", "int", "bigint", "double", "float", "real", "decimal")


def format_of(asked: str | None, output: str | None) -> str:
    """The format to write: the one asked for, else what the file's ending names, else a table."""
    if asked is not None:
        return options.choice("--format", asked, FORMATS)
    ending = Path(output).suffix.lower() if output else ""
    if ending in ("", ".txt"):
        return "table"
    if ending not in _ENDINGS:
        raise UsageError(f"--output {output!r}: {ending} is no format", f"add --format {'|'.join(FORMATS)}")
    return _ENDINGS[ending]


def show(console: Console, result: QueryResult, form: str) -> None:
    """The rows on stdout."""
    if form == "table" and result.columns:
        console.table(_names(result), [_cells(row) for row in result.rows], right=_numeric(result))
    else:
        console.lines(_lines(result, form))


def save(result: QueryResult, form: str, path: Path) -> None:
    """The rows in a file, which is replaced. Raises SalespipeError when it cannot be written."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}\n" for line in _lines(result, form))
    except OSError as error:
        raise SalespipeError(f"{path} cannot be written: {error.strerror}") from error


def summary(console: Console, result: QueryResult, output: str | None) -> None:
    """How many rows, how long, how much was scanned (which is what Athena bills)."""
    rows = f"{len(result.rows):,} row{'' if len(result.rows) == 1 else 's'}"
    where = f" in {output}" if output else ""
    console.talk(f"{rows}{where}, {result.seconds:.2f} s, {amount(result.scanned_bytes)} scanned")


def _lines(result: QueryResult, form: str) -> Iterator[str]:
    if form == "json":
        return _json(result)
    if form == "jsonl":
        keys = unique(_names(result))
        return (dumps(dict(zip(keys, row, strict=True))) for row in result.rows)
    if not result.columns:
        return iter(())
    if form == "csv":
        return _csv(result)
    if form == "markdown":
        return _markdown(result)
    return plain(_names(result), [_cells(row) for row in result.rows], right=_numeric(result))


def _json(result: QueryResult) -> Iterator[str]:
    keys = unique(_names(result))
    if not result.rows:
        yield "[]"
        return
    for number, row in enumerate(result.rows, 1):
        document = dumps(dict(zip(keys, row, strict=True)))
        yield ("[" if number == 1 else " ") + document + ("]" if number == len(result.rows) else ",")


def _csv(result: QueryResult) -> Iterator[str]:
    for row in (_names(result), *map(_cells, result.rows)):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        yield line.getvalue()


def _markdown(result: QueryResult) -> Iterator[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(visible(cell).replace("|", "\\|") for cell in cells) + " |"

    numeric = set(_numeric(result))
    yield line(_names(result))
    yield line(["---:" if number in numeric else "---" for number in range(len(result.columns))])
    for row in result.rows:
        yield line(_cells(row))


def unique(names: Sequence[str]) -> list[str]:
    """`names` with a number behind each repeated one, never making a name that is there already."""
    taken = set(names)
    used: set[str] = set()
    found = []
    for name in names:
        choice, number = name, 2
        while choice in used or (choice != name and choice in taken):
            choice, number = f"{name}_{number}", number + 1
        used.add(choice)
        found.append(choice)
    return found


def _names(result: QueryResult) -> list[str]:
    return [column.name for column in result.columns]


def _cells(row: Sequence[object]) -> list[str]:
    return [text(value) for value in row]


def _numeric(result: QueryResult) -> list[int]:
    return [n for n, column in enumerate(result.columns) if column.type.partition("(")[0] in _NUMBERS]
