"""Athena SQL over the lake, through PyAthena.

Values keep their types: decimals stay Decimal, NULL is None and never an empty string. Rows are fetched page by
page (1,000 a page is Athena's most) and none is left out. Interrupting cancels the query at the service, so that
it stops scanning. Raises QueryError with Athena's own reason.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translate
from salespipe.errors import QueryError, SalespipeError, UsageError
from salespipe.services import provision
from salespipe.services.empty_lake import why_empty
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import CURRENT_VIEW, LAKE_TABLE

# PyAthena logs each failure with its traceback; here the failure leaves as an error.
logging.getLogger("pyathena").addHandler(logging.NullHandler())

_LITERAL = re.compile(
    r"-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|((date|timestamp|decimal)\s+)?'([^']|'')*'", re.IGNORECASE
)
_MISSING_TABLE = re.compile(r"TABLE_NOT_FOUND|Table '?[\w.\"]+'? does not exist", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of a result: its name and Athena type, e.g. `varchar`, `decimal(18,2)`."""

    name: str
    type: str


@dataclass(frozen=True)
class QueryResult:
    """A whole result. `seconds` is the wall time from asking to the last row; `scanned_bytes` is what is billed."""

    columns: tuple[Column, ...]
    rows: list[tuple[object, ...]]
    seconds: float
    scanned_bytes: int
    query_id: str


@dataclass(frozen=True)
class Answer:
    """A finished query whose rows are fetched as they are taken; `rows` can be gone through once."""

    columns: tuple[Column, ...]
    rows: Iterator[tuple[object, ...]]
    scanned_bytes: int
    query_id: str


def query(p: Pipeline, sql: str, *, params: Sequence[str] = ()) -> QueryResult:
    """Run `sql` and return all its rows. Errors and parameters as for `run`."""
    began = time.monotonic()
    answer = run(p, sql, params=params)
    rows = list(answer.rows)
    return QueryResult(answer.columns, rows, time.monotonic() - began, answer.scanned_bytes, answer.query_id)


def run(p: Pipeline, sql: str, *, params: Sequence[str] = ()) -> Answer:
    """Run `sql` to its end and return its columns with rows that are fetched while they are read.

    Each `?` in the statement takes the next of `params`: numbers, true, false, quoted strings and DATE/TIMESTAMP
    literals go in as they are, anything else as a string (write `'5905'` for the string of a number).
    Raises NotThereError when the pipeline is not there, UsageError for an empty statement and QueryError when
    Athena refuses or fails it.
    """
    if not sql.strip():
        raise UsageError("the SQL statement is empty", "give a statement, e.g. SELECT count(*) FROM orders")
    connection = _connect(p)
    cursor = connection.cursor()
    try:
        with _told(p):
            cursor.execute(sql.strip(), [literal(value) for value in params] or None, paramstyle="qmark")
    except BaseException:
        connection.close()
        raise
    return Answer(
        columns=tuple(_column(*entry) for entry in cursor.description or ()),
        rows=_rows(p, connection, cursor),
        scanned_bytes=cursor.data_scanned_in_bytes or 0,
        query_id=str(cursor.query_id),
    )


def literal(value: str) -> str:
    """The SQL literal for one parameter as a person types it; see `run`."""
    if _LITERAL.fullmatch(value.strip()):
        return value.strip()
    return "'" + value.replace("'", "''") + "'"


def _connect(p: Pipeline) -> Any:
    import pyathena  # 0.1 s, which only queries should pay

    return pyathena.connect(
        session=p.aws.session,
        region_name=p.aws.region,
        endpoint_url=p.aws.endpoint_url,
        config=p.aws.config,
        s3_staging_dir="",  # the workgroup names the place of the results
        work_group=p.names.workgroup,
        schema_name=p.names.database,
        poll_interval=0,
        on_poll=_Patience(),
    )


class _Patience:
    """Waits between two looks at a running query: short ones are answered at once, long ones are not pestered
    (Athena allows 100 GetQueryExecution a second for the whole account)."""

    def __init__(self, first: float = 0.005, most: float = 1.0) -> None:
        self._pause = first
        self._most = most

    def __call__(self, execution: Any) -> None:
        if execution.state in execution.TERMINAL_STATES:
            return
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.4, self._most)


def _column(name: str, kind: str, _size: None, _width: None, precision: int, scale: int, _null: str) -> Column:
    return Column(name, f"decimal({precision},{scale})" if kind == "decimal" else kind)


def _rows(p: Pipeline, connection: Any, cursor: Any) -> Iterator[tuple[object, ...]]:
    with closing(connection):
        while True:
            with _told(p):
                page = cursor.fetchmany()
            if not page:
                return
            yield from (_fitted(row, len(cursor.description)) for row in page)


def _fitted(row: tuple[object, ...], width: int) -> tuple[object, ...]:
    """A row as wide as its columns: DESCRIBE and its like name several columns but answer in lines with tabs."""
    if len(row) == width:
        return row
    values = [part.strip() for part in "\t".join(map(str, row)).split("\t")]
    return tuple([*values, *[""] * width][:width])


@contextmanager
def _told(p: Pipeline) -> Iterator[None]:
    """Let PyAthena's errors leave as ours."""
    from pyathena.error import Error

    try:
        yield
    except Error as error:
        raise _translate(p, error) from error


def _translate(p: Pipeline, error: Exception) -> SalespipeError:
    cause = error.__cause__
    if not isinstance(cause, Exception):
        return _reason(p, str(error))
    if not isinstance(cause, ClientError) or error_code(cause) != "InvalidRequestException":
        return translate(cause)
    said = str(cause.response["Error"].get("Message", ""))
    if "workgroup" in said.lower():
        provision.require(p)
        return QueryError(" ".join(said.split()), "repair the pipeline with: salespipe up")
    return _reason(p, said)


def _reason(p: Pipeline, said: str) -> QueryError:
    line = " ".join(said.split()) or "Athena gave no reason"
    if not _MISSING_TABLE.search(line):
        return QueryError(line)
    if re.search(rf"\b({LAKE_TABLE}|{CURRENT_VIEW})\b", line):
        return QueryError(line, _why_empty(p) or "the crawler makes it from delivered orders; run: salespipe crawl")
    return QueryError(line, "list the tables with: salespipe query 'SHOW TABLES'")


def _why_empty(p: Pipeline) -> str:
    """The same for who may query but not look into the bucket: empty."""
    try:
        return why_empty(p)
    except SalespipeError:
        return ""
