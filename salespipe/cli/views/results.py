"""Query results in each format. Every row and every column is written, whatever its name or width, while it comes:
no result is too long for the memory. Only a table on a terminal ends after 1,000 rows, and says so.

JSON objects cannot hold two values under one name, so the second column called `n` becomes `n_2`; the other
formats keep the names as they are.

CSV keeps NULL and empty text apart as Athena's own result files do: NULL is nothing, so that a row of one NULL is an
empty line, and empty text is `""`. https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from salespipe.cli import options
from salespipe.cli.views.console import Console, counted, visible
from salespipe.cli.views.document import dumps, text
from salespipe.cli.views.table import NULL, plain
from salespipe.errors import UsageError

if TYPE_CHECKING:
    from salespipe.services.query.results import Column

FORMATS = ("table", "csv", "json", "jsonl", "markdown", "parquet")
MOST_ON_A_TERMINAL = 1_000
_ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".parquet": "parquet",
}
_AT_ONCE = 100
_QUOTE = '"'
_SPECIAL = re.compile('[,"\r\n]')
_NUMBERS = ("tinyint", "smallint", "integer", "int", "bigint", "double", "float", "real", "decimal")
_TYPED = ("json", "jsonl", "parquet")

Row = tuple[object, ...]


class Result(Protocol):
    """What has columns and rows; the rows are gone through once."""

    @property
    def columns(self) -> Sequence[Column]: ...

    @property
    def rows(self) -> Iterable[Row]: ...


def format_of(asked: str | None, output: str | None) -> str:
    """The format to write: the one asked for, else what the file's ending names, else a table."""
    ending = Path(output).suffix.lower() if output else ""
    if asked is not None:
        form = options.choice("--format", asked, FORMATS)
    elif ending in ("", ".txt"):
        form = "table"
    elif ending not in _ENDINGS:
        raise UsageError(f"--output {output!r}: {ending} is no format", f"add --format {'|'.join(FORMATS)}")
    else:
        form = _ENDINGS[ending]
    if form == "parquet" and output is None:
        raise UsageError("--format parquet needs a file", "add --output rows.parquet")
    return form


def needs_types(form: str) -> bool:
    """Whether arrays, maps and rows have a form of their own there; elsewhere they are Athena's text."""
    return form in _TYPED


def show(console: Console, result: Result, form: str) -> bool:
    """The rows on stdout. Whether that was all of them: a table on a terminal ends after 1,000."""
    if form != "table" or not console.is_terminal or not result.columns:
        console.lines(lines(result.columns, result.rows, form))
        return True
    rows = iter(result.rows)
    drawn = map(_cells, islice(rows, MOST_ON_A_TERMINAL))
    console.table(_names(result.columns), list(drawn), right=_numeric(result.columns))
    return next(rows, None) is None


def lines(columns: Sequence[Column], rows: Iterable[Row], form: str) -> Iterator[str]:
    """The lines of a text format, one or some at a time, none of them with a line's end behind the last."""
    if form == "json":
        return _json(columns, rows)
    if form == "jsonl":
        return map(_document(columns), rows)
    if not columns:
        return iter(())
    if form == "csv":
        return _csv(columns, rows)
    if form == "markdown":
        return _markdown(columns, rows)
    return plain(_names(columns), map(_cells, rows), right=_numeric(columns))


def cut(console: Console) -> None:
    """Say that the terminal does not show all rows; also with --quiet."""
    console.error(
        f"only the first {MOST_ON_A_TERMINAL:,} rows are shown; all of them: --output FILE, or --format csv|jsonl"
    )


def unread(console: Console, names: Sequence[str]) -> None:
    """Say which columns are Athena's text where a list or an object was to be expected."""
    if names:
        console.talk(
            f"{counted(len(names), 'column')} as Athena's text, in which strings cannot be told apart:"
            f" {', '.join(names)}; for the values themselves: CAST({names[0]} AS JSON)"
        )


def _json(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    document = _document(columns)
    mark = "["
    for row in rows:
        yield mark + document(row)
        mark = ","
    yield "]" if mark == "," else "[]"


def _document(columns: Sequence[Column]) -> Callable[[Row], str]:
    keys = unique(_names(columns))
    return lambda row: dumps(dict(zip(keys, row, strict=True)))


def _csv(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """The csv module is fast, but writes NULL and empty text alike, and a carriage return without quotation marks."""
    cells: Iterator[Sequence[str | None]] = chain([_names(columns)], map(_cells, rows))
    while some := list(islice(cells, _AT_ONCE)):
        lines = io.StringIO()
        if len(columns) > 1 and not any("" in row for row in some):
            csv.writer(lines, lineterminator="\n").writerows(some)
        written = lines.getvalue()[:-1]
        yield written if written and "\r" not in written else "\n".join(",".join(map(_field, row)) for row in some)


def _field(cell: str | None) -> str:
    if cell is None:
        return ""
    return f'"{cell.replace(_QUOTE, _QUOTE * 2)}"' if not cell or _SPECIAL.search(cell) else cell


def _markdown(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    def line(cells: Sequence[str | None]) -> str:
        return "| " + " | ".join(NULL if cell is None else visible(cell).replace("|", "\\|") for cell in cells) + " |"

    numeric = set(_numeric(columns))
    yield line(_names(columns))
    yield line(["---:" if number in numeric else "---" for number in range(len(columns))])
    for row in rows:
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


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def _cells(row: Sequence[object]) -> list[str | None]:
    return [value if value is None or type(value) is str else text(value) for value in row]


def _numeric(columns: Sequence[Column]) -> list[int]:
    return [n for n, column in enumerate(columns) if column.type.partition("(")[0] in _NUMBERS]
