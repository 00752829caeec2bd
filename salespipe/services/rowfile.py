"""Rows out of a file: CSV, JSON Lines or Parquet, by the file's extension, read as a stream.

Parquet is read by DuckDB, imported only when such a file comes. Elsewhere only the local runtime may import it; here
it is the smaller evil: it is installed anyway, and another Parquet reader would add 100 MB.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from salespipe.errors import UsageError

_SAMPLE = 1_000
_FETCH = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1 without the header, its line in the file (0 in Parquet), its values by column."""

    number: int
    line: int
    values: dict[str, Any]

    def __str__(self) -> str:
        return f"row {self.number} (line {self.line})" if self.line else f"row {self.number}"


class RowFile(Protocol):
    """A file of rows; may be read more than once."""

    columns: tuple[str, ...]

    def rows(self) -> Generator[Row, None, None]:
        """All rows in order. Raises UsageError that names the row when one cannot be read."""


def open_rows(path: Path) -> RowFile:
    """The rows of `path`. Raises UsageError when it cannot be read, is empty or has an unknown extension."""
    kind = path.suffix.lower()
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if kind not in _READERS:
        raise UsageError(
            f"{path}: unknown kind of file, {kind or 'without an extension'}", f"it can be {', '.join(_READERS)}"
        )
    file_of_rows = _READERS[kind](path)
    if not file_of_rows.columns:
        raise UsageError(f"{path} is empty")
    return file_of_rows


def _lines(path: Path) -> Generator[str, None, None]:
    """Decoded one by one, so that a line that is not UTF-8 can be named."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise UsageError(f"{path.name}: line {number} is not UTF-8 text") from None


class _Delimited:
    """CSV with a header line; parted by commas, semicolons, tabs or bars, whichever the header has most of.

    A header with none of these is parted by blanks, as the files of many statistics programs are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(_lines(path)) as lines:
            header = next((line for line in lines if not line.isspace()), "")
        self._delimiter = max(",;\t|", key=header.count)
        self._by_blanks = self._delimiter not in header and len(header.split()) > 1
        with closing(self._cells()) as cells:
            self.columns = tuple(name.strip() for name in next(cells, (0, []))[1])

    def _cells(self) -> Generator[tuple[int, list[str]], None, None]:
        """The file line and the cells of the header and each row; blank lines are passed over."""
        with closing(_lines(self._path)) as lines:
            if self._by_blanks:
                yield from ((number, cells) for number, line in enumerate(lines, 1) if (cells := line.split()))
                return
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                yield from (
                    (reader.line_num, cells) for cells in reader if len(cells) > 1 or (cells[:1] and cells[0].strip())
                )
            except csv.Error as error:
                raise UsageError(f"{self._path.name}: line {reader.line_num}: {error}") from error

    def rows(self) -> Generator[Row, None, None]:
        width = len(self.columns)
        with closing(self._cells()) as all_cells:
            for number, (line, cells) in enumerate(islice(all_cells, 1, None), 1):
                row = Row(number, line, dict(zip(self.columns, cells, strict=False)))
                if len(cells) != width:
                    raise UsageError(
                        f"{self._path.name}: {row} has {len(cells)} values, the header has {width} columns"
                    )
                yield row


class _JsonLines:
    """One JSON object a line; its columns are the names used in the first 1,000."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self.rows()) as rows:
            self.columns = tuple(dict.fromkeys(name for row in islice(rows, _SAMPLE) for name in row.values))

    def rows(self) -> Generator[Row, None, None]:
        number = 0
        with closing(_lines(self._path)) as lines:
            for line, text in enumerate(lines, 1):
                if text.isspace():
                    continue
                number += 1
                try:
                    values = json.loads(text, parse_float=Decimal)
                except (ValueError, RecursionError) as error:
                    raise UsageError(f"{self._path.name}: row {number} (line {line}) is not JSON: {error}") from error
                if not isinstance(values, dict):
                    raise UsageError(f"{self._path.name}: row {number} (line {line}) is not a JSON object")
                yield Row(number, line, values)


class _Parquet:
    """Parquet, in the file's order; times with a zone come as UTC."""

    def __init__(self, path: Path) -> None:
        self._path = path
        described = self._fetch("DESCRIBE SELECT * FROM read_parquet(?)")
        types = {str(name): str(kind) for name, kind, *_ in described}
        self.columns = tuple(types)
        # DuckDB gives a zoned time only with pytz, which is not installed; as UTC it needs nothing.
        self._select = ", ".join(
            f"make_timestamp(epoch_us({_quoted(name)}))" if "TIME ZONE" in kind else _quoted(name)
            for name, kind in types.items()
        )

    def rows(self) -> Generator[Row, None, None]:
        with closing(self._fetch(f"SELECT {self._select} FROM read_parquet(?)")) as fetched:
            for number, values in enumerate(fetched, 1):
                yield Row(number, 0, dict(zip(self.columns, values, strict=True)))

    def _fetch(self, sql: str) -> Generator[tuple[Any, ...], None, None]:
        import duckdb

        try:
            with duckdb.connect(config={"threads": 1}) as connection:
                result = connection.execute(sql, [str(self._path)])
                while batch := result.fetchmany(_FETCH):
                    yield from batch
        except duckdb.Error as error:
            raise UsageError(f"cannot read {self._path} as Parquet: {str(error).splitlines()[0]}") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_READERS: dict[str, Callable[[Path], RowFile]] = {
    ".csv": _Delimited,
    ".tsv": _Delimited,
    ".txt": _Delimited,
    ".jsonl": _JsonLines,
    ".ndjson": _JsonLines,
    ".parquet": _Parquet,
    ".pq": _Parquet,
}
