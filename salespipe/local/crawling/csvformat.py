"""The CSV classifier, built in or custom.

Built in: comma, pipe, tab, semicolon or Ctrl-A; at least two columns and two rows; the first row is a header when
every cell of it is text of a usual length and some later cell is not text: where all columns are text the first row is
not different enough. A last column that is always empty is a trailing delimiter and may lack its name
(https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html#classifier-built-in-rules). Whole numbers are bigint.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any

from salespipe.local.crawling.hivetypes import UNKNOWN, HiveType, widen
from salespipe.local.crawling.sampling import Head
from salespipe.local.crawling.schema import Columns, Format, Reading

_DELIMITERS = (",", "|", "\t", ";", "\x01")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LONGEST_HEADER = 150


def read_csv(head: Head, classifier: Mapping[str, Any] | None = None) -> Reading | None:
    """Columns of a delimited text, None when it is none. `classifier` is the `CsvClassifier` of the API."""
    text = head.data.decode("utf-8", "replace")
    if "\x00" in text or "\ufffd" in text[:-4]:
        return None
    if not head.whole:
        text = text[: text.rfind("\n") + 1]
    custom = classifier or {}
    quote = str(custom.get("QuoteSymbol") or '"')
    for delimiter in (str(custom["Delimiter"]),) if custom.get("Delimiter") else _DELIMITERS:
        rows = _rows(text, delimiter, quote)
        if rows and len({len(row) for row in rows}) == 1:
            fewest = 1 if custom.get("AllowSingleColumn") else 2
            if len(rows[0]) >= fewest and (len(rows) >= 2 or custom):
                return _reading(head, rows, delimiter, custom)
    return None


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]]:
    try:
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, quotechar=quote)
        return [row for row in reader if row]
    except csv.Error:
        return []


def _reading(head: Head, rows: list[list[str]], delimiter: str, custom: Mapping[str, Any]) -> Reading:
    presence = custom.get("ContainsHeader") or "UNKNOWN"
    header = presence == "PRESENT" or (presence == "UNKNOWN" and _has_header(rows))
    body = rows[1:] if header else rows
    names: Sequence[str] = [str(name) for name in custom.get("Header") or ()]
    if len(names) != len(rows[0]):
        names = rows[0] if header else [f"col{index}" for index in range(len(rows[0]))]
    trim = not custom.get("DisableValueTrimming")
    columns = Columns()
    for index, name in enumerate(names):
        kind: HiveType = UNKNOWN
        for row in body:
            kind = widen(kind, _kind(row[index], trim))
        columns.add(name.strip() or f"col{index}", kind)
    records = len(body) if head.whole else max(len(body), round(len(body) / head.share))
    options = [("delimiter", delimiter), ("header", "1" if header else "0")]
    if custom.get("Serde") == "OpenCSVSerDe":
        options += [("serde", "open"), ("quote", str(custom.get("QuoteSymbol") or '"'))]
    return Reading(Format("csv", head.compression, tuple(options)), columns, records)


def _has_header(rows: list[list[str]]) -> bool:
    first, rest = rows[0], rows[1:]
    trailing = not any(row[-1].strip() for row in rows)
    named = first[:-1] if trailing else first
    if not rest or any(_kind(cell) != "string" or len(cell) >= _LONGEST_HEADER for cell in named):
        return False
    return any(_kind(cell) not in ("string", UNKNOWN) for row in rest for cell in row)


def _kind(cell: str, trim: bool = True) -> HiveType:
    cell = cell.strip() if trim else cell
    if not cell:
        return UNKNOWN
    if _WHOLE.fullmatch(cell):
        return "bigint"
    return "double" if _NUMBER.fullmatch(cell) else "string"
