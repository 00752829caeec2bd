"""The JSON classifier: reads the values at the start of an object, one a line or simply one behind the other.

Without a JsonPath (and with `$`) each value is a row; an array becomes the one column `array`. With a JsonPath the
values that it selects are the rows, and one that is no object becomes the column `record`
(https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html#custom-classifier-json). A JsonPath that is a list
of paths with commas is taken by AWS and does nothing: the table has all fields, as without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from salespipe.local.crawling.sampling import Head
from salespipe.local.crawling.schema import Columns, Format, Reading, RowReader

_STEP = re.compile(r"\.(\w+)|\['([^']+)'\]|\[(\*|\d+)\]|(\.\*)")
_SPACE = re.compile(r"\s*")


def json_path(text: str) -> tuple[str | int, ...]:
    """The steps of a JsonPath (`*`, a name or an index); none for `$` and for what has no effect."""
    if "," in text or not text.startswith("$"):
        return ()
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            return ()
        dotted, quoted, index, star = match.groups()
        if star or index == "*":
            steps.append("*")
        elif index:
            steps.append(int(index))
        else:
            steps.append(dotted or quoted)
        position = match.end()
    return tuple(steps)


def read_json(head: Head, path: tuple[str | int, ...] = ()) -> Reading | None:
    """What the start of an object shows; None when it does not begin as JSON or the path selects nothing.

    Text behind the first value that is not JSON is the reading's `problem`; what is cut off at the end is not.
    """
    columns = Columns()
    rows = RowReader(columns)
    records = 0
    problem = ""
    values = Values(head)
    for value in values:
        if not path:
            if isinstance(value, dict):
                rows.read(value)
            elif isinstance(value, list):
                rows.read({"array": value})
            else:
                problem = problem or f"record {records + 1} is a bare value, not a JSON object"
                continue
            records += 1
        else:
            for row in select(value, path):
                rows.read(row if isinstance(row, dict) else {"record": row})
                records += 1
    if records == 0:
        return None
    if not head.whole:
        records = max(records, round(records / head.share))
    return Reading(Format("json", head.compression), columns, records, problem or values.problem)


class Values:
    """The JSON values in a head, in order; `problem` says where something else stood."""

    def __init__(self, head: Head) -> None:
        self._whole = head.whole
        self._data = head.data.removeprefix(b"\xef\xbb\xbf")
        self.problem = ""

    def __iter__(self) -> Iterator[Any]:
        position = 0
        for number, line in enumerate(self._data.splitlines(keepends=True), 1):
            try:
                value = None if line.isspace() else orjson.loads(line)
            except orjson.JSONDecodeError:
                yield from self._walk(self._data[position:].decode("utf-8", "replace"), number)
                return
            position += len(line)
            if value is not None:
                yield value

    def _walk(self, text: str, line: int) -> Iterator[Any]:
        """Values that do not keep to lines; after something else, go on with the line behind it."""
        decoder = json.JSONDecoder()
        position = _behind_space(text, 0)
        while position < len(text):
            try:
                value, position = decoder.raw_decode(text, position)
                yield value
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._whole and _is_cut_off(text, error):
                    return
                self.problem = self.problem or f"line {line + text.count(chr(10), 0, position)} is not JSON"
                position = text.find("\n", position)
                if position < 0:
                    return
            position = _behind_space(text, position)


def _behind_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _is_cut_off(text: str, error: Exception) -> bool:
    """Whether a value could not be read only because the text ends: `tru`, `"abc`, `{"a":1`."""
    return isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(text) - len("false") or error.msg.startswith("Unterminated")
    )


def select(value: Any, path: Sequence[str | int]) -> Iterator[Any]:
    """The values that the steps of a JsonPath lead to."""
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*":
        inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
        for one in inner:
            yield from select(one, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from select(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from select(value[step], rest)
