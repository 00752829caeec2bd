"""The result of a finished query: its columns, and its rows while they are taken.

What a page does not hold comes out of the file that Athena writes (`resultfile`), or page by page where that cannot be
read: who may not read it, encrypted results that only Athena can read, results that Athena keeps itself.
https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from salespipe.aws.errors import translated
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import nested
from salespipe.services.query.resultfile import Line, ResultFile
from salespipe.services.query.values import Convert, converter

_PAGE = 1_000
_TEXTS = ("json", "time", "timestamp", "timestamp with time zone")
_LEAST_CHARGED = 10_000_000
_DOLLARS_A_BYTE = Decimal("0.000000000005")


@dataclass(frozen=True)
class Column:
    """A column of a result: its name and Athena type, e.g. `varchar`, `decimal(18,2)`; `array`, `map` and `row` are
    all that Athena says of these, `array(integer)` is one whose values were read."""

    name: str
    type: str


@dataclass(frozen=True)
class Answer:
    """A finished query. Its rows are fetched as they are taken, and anew when `rows` is gone through once more.
    `charged` is whether it costs anything on AWS, which statements that read nothing do not; `written` is how many rows
    a statement that writes put somewhere. `as_text` gives it once more with times and what is nested as Athena's text,
    where that is not what it has."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[object, ...]]
    scanned_bytes: int
    query_id: str
    charged: bool = True
    written: int | None = None
    as_text: Callable[[], Answer] | None = None

    @property
    def dollars(self) -> Decimal:
        """Its list price in us-east-1: $5 a TB, 10 MB at least. https://aws.amazon.com/athena/pricing/"""
        return max(self.scanned_bytes, _LEAST_CHARGED) * _DOLLARS_A_BYTE if self.charged else Decimal(0)

    @property
    def reads(self) -> bool:
        """Whether it is the answer to a SELECT."""
        return self.charged and self.written is None and bool(self.columns)

    @property
    def unread(self) -> list[str]:
        """The names of columns whose arrays, maps and rows are Athena's text."""
        return [column.name for column in self.columns if column.type in nested.NESTED]


class Result:
    """The first page of the result of an execution, by which its columns are known."""

    def __init__(self, p: Pipeline, execution: Mapping[str, Any]) -> None:
        self._aws = p.aws
        self._athena = p.aws.client("athena")
        self._execution = execution
        self._page = self._fetch()
        info = self._page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
        self.columns = tuple(_column(entry) for entry in info)

    @property
    def nested(self) -> list[int]:
        """Which columns are arrays, maps or rows."""
        return [number for number, column in enumerate(self.columns) if column.type in nested.NESTED]

    def answer(self, types: Mapping[int, str] | None = None) -> Answer:
        """The result; `types` are the whole types of nested columns, as far as they are known. Without it these, JSON
        and times are Athena's text: of a time that is the digits and the name of the zone that it has."""
        columns: list[Column] = []
        readers: list[Convert] = []
        for number, column in enumerate(self.columns):
            signature = (types or {}).get(number, "")
            kind = nested.kind_of(signature) if signature else None
            if kind is not None and kind.is_certain:
                columns.append(Column(column.name, signature))
                readers.append(nested.reader(kind))
            else:
                columns.append(column)
                is_text = types is None and column.type in _TEXTS
                readers.append(str if is_text else converter(column.type.partition("(")[0]))
        return Answer(
            columns=tuple(columns),
            rows=_Rows(lambda: self._rows(readers)) if self._written is None else [(self._written,)],
            scanned_bytes=int(self._execution.get("Statistics", {}).get("DataScannedInBytes", 0)),
            query_id=self._id,
            charged=self._is_dml or self._execution.get("SubstatementType") == "CREATE_TABLE_AS_SELECT",
            written=self._written,
            as_text=None if types is None else self.answer,
        )

    @property
    def _written(self) -> int | None:
        """Statements that write have a column `rows` and no row in it: the number is beside it."""
        has_count = [column.name for column in self.columns] == ["rows"] and not self._page["ResultSet"]["Rows"]
        return int(self._page["UpdateCount"]) if has_count and "UpdateCount" in self._page else None

    @property
    def _id(self) -> str:
        return str(self._execution["QueryExecutionId"])

    @property
    def _is_dml(self) -> bool:
        return self._execution.get("StatementType") == "DML"

    def _fetch(self, token: str | None = None) -> dict[str, Any]:
        more = {"NextToken": token} if token else {}
        with translated():
            page: dict[str, Any] = self._athena.get_query_results(QueryExecutionId=self._id, MaxResults=_PAGE, **more)
        return page

    def _rows(self, readers: list[Convert]) -> Iterator[tuple[object, ...]]:
        names = [column.name for column in self.columns]
        for number, lines in enumerate(self._lines(names)):
            # The first row of a SELECT is its header.
            start = 1 if number == 0 and self._is_dml and lines and list(lines[0]) == names else 0
            yield from _converted([_fitted(line, len(names)) for line in lines[start:]], readers)

    def _lines(self, names: list[str]) -> Iterator[list[Line]]:
        if self._page.get("NextToken") and (file := self._file()) is not None:
            lines = file.lines()
            first = next(lines, [])
            if first and list(first[0]) == names:
                yield first
                yield from lines
                return
        yield from self._pages()

    def _pages(self) -> Iterator[list[Line]]:
        page = self._page
        while True:
            yield [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
            token = page.get("NextToken")
            if not token:
                return
            page = self._fetch(token)

    def _file(self) -> ResultFile | None:
        """The file of a SELECT, if it can be read."""
        where = self._execution.get("ResultConfiguration", {})
        place = str(where.get("OutputLocation", ""))
        option = where.get("EncryptionConfiguration", {}).get("EncryptionOption")
        if not self._is_dml or not place.endswith(".csv") or option == "CSE_KMS":
            return None
        try:
            return ResultFile(self._aws.client("s3"), place)
        except (ClientError, BotoCoreError, HTTPClientError):
            return None


class _Rows:
    def __init__(self, begin: Callable[[], Iterator[tuple[object, ...]]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return self._begin()


def _converted(lines: list[Line], readers: list[Convert]) -> Iterator[tuple[object, ...]]:
    """The values of many rows, a column at a time: texts, which most are, stay as they are."""
    columns: list[Iterable[object]] = []
    for cells, read in zip(zip(*lines, strict=True), readers, strict=False):
        if read is str:
            columns.append(cells)
        elif None in cells:
            columns.append([None if cell is None else read(cell) for cell in cells])
        else:
            columns.append(list(map(read, cells)))
    return zip(*columns, strict=True)


def _column(entry: Mapping[str, Any]) -> Column:
    kind = str(entry["Type"])
    return Column(str(entry["Name"]), f"decimal({entry['Precision']},{entry['Scale']})" if kind == "decimal" else kind)


def _fitted(line: Line, width: int) -> Line:
    """A row as wide as its columns: DESCRIBE and its like name several columns but answer in lines with tabs."""
    if len(line) == width:
        return line
    values: list[str | None] = [part.strip() for part in "\t".join(cell or "" for cell in line).split("\t")]
    return [*values, *[""] * width][:width]
