"""The result of a finished query: its columns, and its rows page by page while they are taken.

https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from salespipe.aws.errors import translated
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import nested
from salespipe.services.query.values import Convert, converter

_PAGE = 1_000
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
    `charged` is whether it costs anything on AWS, which statements that are no DML do not."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[object, ...]]
    scanned_bytes: int
    query_id: str
    charged: bool = True

    @property
    def dollars(self) -> Decimal:
        """Its list price in us-east-1: $5 a TB, 10 MB at least. https://aws.amazon.com/athena/pricing/"""
        return max(self.scanned_bytes, _LEAST_CHARGED) * _DOLLARS_A_BYTE if self.charged else Decimal(0)

    @property
    def unread(self) -> list[str]:
        """The names of columns whose arrays, maps and rows are Athena's text."""
        return [column.name for column in self.columns if column.type in nested.NESTED]


class Result:
    """The first page of the result of an execution, by which its columns are known."""

    def __init__(self, p: Pipeline, execution: Mapping[str, Any]) -> None:
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
        """The result; `types` are the whole types of nested columns, as far as they are known. Without it these and
        JSON are Athena's text."""
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
                is_text = types is None and column.type == "json"
                readers.append(str if is_text else converter(column.type.partition("(")[0]))
        return Answer(
            columns=tuple(columns),
            rows=_Rows(lambda: self._rows(readers)),
            scanned_bytes=int(self._execution.get("Statistics", {}).get("DataScannedInBytes", 0)),
            query_id=self._id,
            charged=self._is_dml,
        )

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
        page = self._page
        lines = _lines(page)
        # The first row of a SELECT is its header.
        if self._is_dml and lines and lines[0] == [column.name for column in self.columns]:
            del lines[0]
        while True:
            for line in lines:
                yield tuple(
                    None if cell is None else read(cell)
                    for cell, read in zip(_fitted(line, len(readers)), readers, strict=True)
                )
            token = page.get("NextToken")
            if not token:
                return
            page = self._fetch(token)
            lines = _lines(page)


class _Rows:
    def __init__(self, begin: Callable[[], Iterator[tuple[object, ...]]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return self._begin()


def _lines(page: dict[str, Any]) -> list[list[str | None]]:
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]


def _column(entry: Mapping[str, Any]) -> Column:
    kind = str(entry["Type"])
    return Column(str(entry["Name"]), f"decimal({entry['Precision']},{entry['Scale']})" if kind == "decimal" else kind)


def _fitted(line: list[str | None], width: int) -> list[str | None]:
    """A row as wide as its columns: DESCRIBE and its like name several columns but answer in lines with tabs."""
    if len(line) == width:
        return line
    values: list[str | None] = [part.strip() for part in "\t".join(cell or "" for cell in line).split("\t")]
    return [*values, *[""] * width][:width]
