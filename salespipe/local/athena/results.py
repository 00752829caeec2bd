"""Results in S3: written as Athena writes them, and read back in pages for GetQueryResults.

A query's rows are CSV at `<location><id>.csv`: every value quoted, NULL empty and unquoted, the header first. Other
statements give lines of text at `<id>.txt`. Beside either lies `.metadata`; Athena's own is an undocumented binary,
ours is the JSON of the columns. A page token is a byte position in the file.
https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from salespipe.local.athena.render import writer
from salespipe.local.athena.statements.context import Result, ResultColumn
from salespipe.local.athena.types import MAX_VARCHAR
from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import ObjectStore, StoredObject

PAGE = 1000

_PRECISION = {
    "boolean": 0, "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 17, "double": 17,
    "varbinary": 1073741824, "timestamp": 3, "timestamp with time zone": 3, "time": 3,
}  # fmt: skip
_NO_BUCKET = (
    "The S3 location provided to save your query results is invalid. Please check your S3 location is correct and is "
    "in the same region and try again."
)
_SHOWN = {"real": "float"}
_CELL = re.compile(rb'(?:"((?:[^"]|"")*)")?([,\n])')


def column_info(column: ResultColumn) -> dict[str, Any]:
    """A column as ResultSetMetadata describes it."""
    type_ = column.type
    name = type_.name
    precision = _PRECISION.get(name, 0)
    if name in ("varchar", "char"):
        precision = type_.numbers[0] if type_.numbers else MAX_VARCHAR
    if name == "decimal":
        precision = type_.precision
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": _SHOWN.get(name, name),
        "Precision": precision,
        "Scale": type_.scale if name == "decimal" else 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": name in ("varchar", "char"),
    }


@dataclass(frozen=True)
class Written:
    """Where a result is and how it looks."""

    location: str
    columns: list[dict[str, Any]]
    rows: int
    bytes: int
    manifest: str = ""


def write(stores: Stores, bucket_exists: Callable[[str], bool], bucket: str, key: str, result: Result) -> Written:
    """Store all rows of a result; `key` is without its extension. Runs the statement, as rows are made while taken.

    Raises AwsError if the bucket is not there by then, in one step with looking: no object is left without one.
    """
    columns = [column_info(column) for column in result.columns]
    if result.stored is not None:
        return Written(result.stored.location, columns, result.stored.rows, 0, result.stored.manifest)
    parts: list[bytes] = []
    rows = 0
    if result.header:
        parts.append((",".join(_quoted(column.name) for column in result.columns) + "\n").encode())
    line = _csv_line(result.columns) if result.header else _text_line
    for page in result.pages:
        parts.append("".join([line(row) for row in page]).encode())
        rows += len(page)
    name = f"{key}.{'csv' if result.header else 'txt'}"
    bodies = {name: parts, f"{name}.metadata": [json.dumps(columns).encode()]}
    written: list[StoredObject] = []
    try:
        for each, body in bodies.items():
            written.append(stores.objects.write(bucket, each, body, content_type="application/octet-stream"))
    except BaseException:
        stores.objects.discard(*written)
        raise
    with stores.db.write():
        stores.objects.index(*written)  # and if what follows fails, the files go
        if not bucket_exists(bucket):
            raise AwsError("InvalidRequestException", _NO_BUCKET)
    return Written(f"s3://{bucket}/{name}", columns, rows, written[0].size)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _csv_line(columns: Sequence[ResultColumn]) -> Any:
    writers = [writer(column.type) for column in columns]

    def line(row: Sequence[Any]) -> str:
        cells = ["" if value is None else _quoted(write(value)) for write, value in zip(writers, row, strict=True)]
        return ",".join(cells) + "\n"

    return line


def _text_line(row: Sequence[Any]) -> str:
    return "\t".join(str(value) for value in row) + "\n"


def read_page(
    objects: ObjectStore, bucket: str, key: str, token: str | None, limit: int
) -> tuple[list[list[str | None]], str | None]:
    """Up to `limit` rows (the header is one) and the token of the next page. Raises AwsError if the result is gone."""
    found = objects.open(bucket, key)
    if found is None:
        raise AwsError("InvalidRequestException", "Could not find results")
    if token is not None and not token.isdigit():
        raise AwsError("InvalidRequestException", "Invalid NextToken")
    with found[1] as file:
        content = file.read()
    position = int(token or 0)
    if position > len(content):
        raise AwsError("InvalidRequestException", "Invalid NextToken")
    rows: list[list[str | None]] = []
    split = _csv_rows if key.endswith(".csv") else _text_rows
    for row, end in split(content, position):
        rows.append(row)
        position = end
        if len(rows) == limit:
            break
    return rows, str(position) if position < len(content) else None


def _csv_rows(content: bytes, position: int) -> Iterator[tuple[list[str | None], int]]:
    row: list[str | None] = []
    while position < len(content):
        match = _CELL.match(content, position)
        if match is None:
            raise AwsError("InvalidRequestException", "The query result was changed and cannot be read")
        row.append(None if match[1] is None else match[1].decode().replace('""', '"'))
        position = match.end()
        if match[2] == b"\n":
            yield row, position
            row = []


def _text_rows(content: bytes, position: int) -> Iterator[tuple[list[str | None], int]]:
    while position < len(content):
        end = content.index(b"\n", position)
        yield [content[position:end].decode()], end + 1
        position = end + 1
