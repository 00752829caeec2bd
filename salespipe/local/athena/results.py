"""Results in S3: written as Athena writes them, and read back in pages for GetQueryResults.

A query's rows are CSV at `<location><id>.csv`: every value quoted, NULL empty and unquoted, the header first. Other
statements give lines of text at `<id>.txt`, without a line end after the last one. Beside either that has columns lies
`.metadata` (column_info.py). Rows go to the file, and from it, a page at a time: a result is never held whole. A page
token is a byte position in the file.
https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from salespipe.local.athena.column_info import column_info, metadata
from salespipe.local.athena.errors import refused
from salespipe.local.athena.render import writer
from salespipe.local.athena.statements.context import Result, ResultColumn, Statement
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import ObjectStore, StoredObject

PAGE = 1000

_NO_BUCKET = (
    "The S3 location provided to save your query results is invalid. Please check your S3 location is correct and is "
    "in the same region and try again."
)
_CELL = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)")?([,\n])')
_CHUNK = 256 * 1024


def result_name(statement: Statement, id: str) -> str:
    """The key of a statement's result below its output location."""
    return f"{id}.csv" if statement.subtype == "SELECT" else f"{id}.txt"


@dataclass(frozen=True)
class Written:
    """Where a result is and how it looks."""

    location: str
    columns: list[dict[str, Any]]
    rows: int
    bytes: int
    manifest: str = ""


def write(
    stores: Stores, bucket_exists: Callable[[str], bool], bucket: str, key: str, id: str, result: Result
) -> Written:
    """Store all rows of a result at `key`. Runs the statement, as rows are made while taken.

    Raises AwsError if the bucket is not there by then, in one step with looking: no object is left without one.
    """
    columns = [column_info(column) for column in result.columns]
    if result.stored is not None:
        return Written(result.stored.location, columns, result.stored.rows, 0, result.stored.manifest)
    body = _Body(result, key.endswith(".csv"))
    written: list[StoredObject] = []
    try:
        written.append(stores.objects.write(bucket, key, body, content_type="application/octet-stream"))
        if columns:
            about = [metadata(id, columns)]
            written.append(
                stores.objects.write(bucket, f"{key}.metadata", about, content_type="application/octet-stream")
            )
    except BaseException:
        stores.objects.discard(*written)
        raise
    with stores.db.write():
        stores.objects.index(*written)  # and if what follows fails, the files go
        if not bucket_exists(bucket):
            raise refused(_NO_BUCKET)
    return Written(f"s3://{bucket}/{key}", columns, body.rows, written[0].size)


@dataclass
class _Body:
    """The bytes of a result, made while they are taken; `rows` counts them, without the header."""

    result: Result
    csv: bool
    rows: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[bytes]:
        columns = self.result.columns
        if self.csv:
            line, header = _csv_line(columns), ",".join(_quoted(column.name) for column in columns)
            between, after = "\n", b"\n"
        else:
            line, header = _text_line, "\t".join(column.name for column in columns)
            between, after = "\n", b""
        before = b""
        if self.result.header:
            yield header.encode()
            before = between.encode()
        for page in self.result.pages:
            if page:
                yield before + between.join([line(row) for row in page]).encode()
                self.rows += len(page)
                before = between.encode()
        if before:
            yield after


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


Line = Callable[[Sequence[Any]], str]


def _csv_line(columns: Sequence[ResultColumn]) -> Line:
    writers = [writer(column.type) for column in columns]

    def line(row: Sequence[Any]) -> str:
        cells = ["" if value is None else _quoted(write(value)) for write, value in zip(writers, row, strict=True)]
        return ",".join(cells)

    return line


def _text_line(row: Sequence[Any]) -> str:
    return "\t".join(str(value) for value in row)


def read_page(
    objects: ObjectStore, bucket: str, key: str, token: str | None, limit: int
) -> tuple[list[list[str | None]], str | None]:
    """Up to `limit` rows (the header is one) and the token of the next page, which a full page always has.

    Raises AwsError if the result is gone, or for a token that is none.
    """
    found = objects.open(bucket, key)
    if found is None:
        raise refused("Could not find results", "RESULT_NOT_FOUND")
    stored, file = found
    with file:
        position = int(token) if token is not None and token.isascii() and token.isdigit() else 0
        if stored.size and token is not None and (str(position) != token or position > stored.size + 1):
            raise refused(f"Malformed nextPageToken {token}")
        file.seek(position)
        rows: list[list[str | None]] = []
        for row, end in (_csv_rows if key.endswith(".csv") else _text_rows)(file, stored.size, position):
            rows.append(row)
            position = end
            if len(rows) == limit:
                return rows, str(position)
    return rows, None


def _csv_rows(file: BinaryIO, size: int, position: int) -> Iterator[tuple[list[str | None], int]]:
    """Rows with the place behind each. What a chunk ends within is read again with the next one."""
    row: list[str | None] = []
    content, at = b"", 0
    while position < size:
        match = _CELL.match(content, at)
        if match is None:
            more = file.read(max(_CHUNK, len(content)))
            if not more:
                raise refused("The query result was changed and cannot be read")
            content, at = content[at:] + more, 0
            continue
        row.append(None if match[1] is None else match[1].decode().replace('""', '"'))
        position += match.end() - at
        at = match.end()
        if match[2] == b"\n":
            yield row, position
            row = []


def _text_rows(file: BinaryIO, size: int, position: int) -> Iterator[tuple[list[str | None], int]]:
    """One value a row. Line ends stand between rows, so one at the very end is followed by an empty row."""
    if not size or position > size:
        return
    line = b""
    if position:
        file.seek(position - 1)
        line = file.read(1)
    for line in file:
        position += len(line)
        yield [line.removesuffix(b"\n").decode()], position
    if line.endswith(b"\n"):
        yield [""], size + 1
