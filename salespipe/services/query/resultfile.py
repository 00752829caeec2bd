"""The rows of a SELECT out of the CSV file in which Athena keeps them, which costs a tenth of GetQueryResults: that
answers with a thousand rows a page and an object for each value.

In the file every value is in quotation marks, a NULL is nothing at all, and the header is the first row
(https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html). It is read with ranged GetObject, a
piece at a time, so that no result is too long and no connection waits for a slow reader. Whoever may call
GetQueryResults needs s3:GetObject for that place anyway
(https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html); where the file cannot be read all the
same, there are still the pages.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from salespipe.aws.errors import translate
from salespipe.errors import QueryError

Line = Sequence[str | None]

_PIECE = 2_000_000
_TRIES = 3
_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)")?([,\n])')
_MOST_FOR_CSV = 131_072  # the csv module refuses longer values, so it is not given longer texts


class ResultFile:
    """The file of one execution, as it is when it is opened: a pass over it raises if it becomes another one."""

    def __init__(self, s3: Any, place: str) -> None:
        """Raises ClientError or BotoCoreError when the file at `place`, `s3://bucket/key`, cannot be read."""
        self._s3 = s3
        self._bucket, _, self._key = place.removeprefix("s3://").partition("/")
        self._first, answer = self._read(0)
        self._etag = str(answer["ETag"])
        self._size = int(str(answer["ContentRange"]).rpartition("/")[2]) if "ContentRange" in answer else 0

    def lines(self) -> Iterator[list[Line]]:
        """The rows, the header among them, many at a time; a NULL is None. Raises QueryError for another file than
        Athena writes."""
        width = 0
        for text in self._texts():
            found = parsed(text)
            width = width or len(found[0])
            if any(len(line) != width for line in found):
                raise _changed()
            yield found

    def _texts(self) -> Iterator[str]:
        """The file in texts of whole rows."""
        rest = b""
        for piece in self._pieces():
            content = rest + piece
            start = 0
            while start < len(content):
                end = _end_of_rows(content, start, start + _MOST_FOR_CSV) or _end_of_rows(content, start, len(content))
                if not end:
                    break
                yield content[start:end].decode(errors="replace")
                start = end
            rest = content[start:]
        if rest:
            yield rest.decode(errors="replace") + "\n"

    def _pieces(self) -> Iterator[bytes]:
        at = len(self._first)
        yield self._first
        while at < self._size:
            try:
                piece, _ = self._read(at, IfMatch=self._etag)
            except (ClientError, BotoCoreError, HTTPClientError) as error:
                raise translate(error) from error
            at += len(piece)
            yield piece

    def _read(self, at: int, **conditions: str) -> tuple[bytes, Mapping[str, Any]]:
        """A piece. botocore repeats what gets no answer, but not what breaks off within one."""
        for left in reversed(range(_TRIES)):
            answer = self._s3.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={at}-{at + _PIECE - 1}", **conditions
            )
            try:
                return answer["Body"].read(), answer
            except (BotoCoreError, HTTPClientError):
                if not left:
                    raise
        raise AssertionError


def parsed(text: str) -> list[Line]:
    """The lines of CSV text as Athena writes it, NULL apart from ''. It ends with a line's end.

    The csv module is fast, but makes '' of both; where that leaves a doubt, the line is read once more by `_cells`.
    Raises QueryError for what Athena does not write.
    """
    if len(text) > _MOST_FOR_CSV:
        return _cells(text)
    parts = text.splitlines(keepends=True)
    reader = csv.reader(parts, strict=True)
    try:
        if '""' not in text:
            return [[cell or None for cell in line] or [None] if "" in line or not line else line for line in reader]
        found: list[Line] = []
        at = 0
        for line in reader:
            if "" in line or not line:
                found += _cells("".join(parts[at : reader.line_num]))
            else:
                found.append(line)
            at = reader.line_num
    except csv.Error as error:
        raise _changed() from error
    return found


def _cells(text: str) -> list[Line]:
    found: list[Line] = []
    line: list[str | None] = []
    end = 0
    for match in _CELL.finditer(text):
        if match.start() != end:
            raise _changed()
        end = match.end()
        value = match[1]
        line.append(value.replace('""', '"') if value is not None else None)
        if match[2] == "\n":
            found.append(line)
            line = []
    if line or end != len(text):
        raise _changed()
    return found


def _end_of_rows(content: bytes, start: int, most: int) -> int:
    """Where the last row that is whole between `start`, where one begins, and `most` ends; 0 if none is.

    A line's end is a row's end when the quotation marks before it are even in number.
    """
    end = content.rfind(b"\n", start, most) + 1
    odd = content.count(b'"', start, end) % 2 if end else 0
    while end and odd:
        before = content.rfind(b"\n", start, end - 1) + 1
        odd = (odd + content.count(b'"', before, end)) % 2 if before else 0
        end = before
    return end


def _changed() -> QueryError:
    return QueryError("the query's result was changed and cannot be read", "run the query again")
