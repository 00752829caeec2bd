"""The JSON classifier: reads the values at the start of an object, one a line or simply one behind the other.

Without a JsonPath (and with `$`) each value is a row; an array becomes the one column `array`. With a JsonPath the
values that it selects are the rows, and one that is no object becomes the column `record`
(https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html#custom-classifier-json). A JsonPath that is a list
of paths with commas is taken by AWS and does nothing: the table has all fields, as without it.

Athena's SerDes want one object a line whatever the classifier says
(https://docs.aws.amazon.com/athena/latest/ug/parsing-json-data.html): what does not keep to that is read here, as
crawlers do, and reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from salespipe.local.crawling.runs import Runs
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


def read_json(head: Head, path: tuple[str | int, ...] = (), runs: Runs | None = None) -> Reading | None:
    """What the start of an object shows; None when it does not begin as JSON or the path selects nothing.

    Without a path rows that `runs` passes over are counted; their columns are those of rows that it learnt from.
    Text that is not JSON, or not one value a line, is the reading's `problem`; what is cut off at the end is not.
    """
    columns = Columns()
    rows = RowReader(columns)
    records = 0
    problem = ""
    values = Values(head, None if path else runs)
    for value in values:
        if not path:
            if isinstance(value, dict):
                rows.read(value)
            elif isinstance(value, list):
                rows.read({"array": value})
            else:
                problem = problem or f"record {records + values.passed + 1} is a bare value, not a JSON object"
                continue
            records += 1
        else:
            for row in select(value, path):
                rows.read(row if isinstance(row, dict) else {"record": row})
                records += 1
    records += values.passed
    if records == 0:
        return None
    if not head.whole:
        records = max(records, round(records / head.share))
    return Reading(Format("json", head.compression), columns, records, problem or values.problem)


class Values:
    """The JSON values in a head, in order, but for `passed` rows that `runs` passed over.

    `problem` says where something else stood, or where a line did not hold one value.
    """

    def __init__(self, head: Head, runs: Runs | None = None) -> None:
        self._whole = head.whole
        self._data = head.data.removeprefix(b"\xef\xbb\xbf")
        self._runs = runs
        self.passed = 0
        self.problem = ""

    def __iter__(self) -> Iterator[Any]:
        data, runs = self._data, self._runs
        position = line = 0
        while position < len(data):
            if runs is not None and (end := runs.end(data, position)) > position:
                rows = data.count(b"\n", position, end)
                self.passed += rows
                line += rows
                position = end
                continue
            end = data.find(b"\n", position) + 1 or len(data)
            text = data[position:end]
            line += 1
            try:
                value = None if text.isspace() else orjson.loads(text)
            except orjson.JSONDecodeError:
                yield from self._walk(data[position:].decode("utf-8", "replace"), line)
                return
            position = end
            if value is not None:
                if runs is not None and isinstance(value, dict):
                    runs.learn(value)
                yield value

    def _walk(self, text: str, line: int) -> Iterator[Any]:
        """Values that do not keep to lines; after something else, go on with the line behind it."""
        decoder = json.JSONDecoder()
        start = _behind_space(text, 0)
        end = -1  # of the value before; none yet
        while start < len(text):
            line += text.count("\n", max(end, 0), start)
            if end >= 0 and "\n" not in text[end:start]:
                self._report(f"line {line} has more than one value: Athena reads the first of a line only")
            try:
                value, end = decoder.raw_decode(text, start)
                yield value
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._whole and _is_cut_off(text, error):
                    return
                self._report(f"line {line} is not JSON")
                end = text.find("\n", start)
                if end < 0:
                    return
            else:
                if "\n" in text[start:end]:
                    self._report(f"the value at line {line} goes over several lines: Athena reads one a line")
                    line += text.count("\n", start, end)
            start = _behind_space(text, end)

    def _report(self, problem: str) -> None:
        self.problem = self.problem or problem


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
