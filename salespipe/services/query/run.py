"""Athena SQL over the lake.

Values keep their types: decimals stay Decimal, NULL is None and never an empty string. Rows are fetched while they
are taken, and none is left out. Interrupting stops the query at the service, so that it reads no more. Raises
QueryError with Athena's own reason.
https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from salespipe.errors import QueryError, UsageError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.errors import failure, told
from salespipe.services.query.results import Answer, Column, Result
from salespipe.services.query.text import literal, placeholders, statements, told_apart

_RUNNING = ("QUEUED", "RUNNING")


@dataclass(frozen=True)
class QueryResult:
    """A whole result. `seconds` is the wall time from asking to the last row; `scanned_bytes` is what is billed."""

    columns: tuple[Column, ...]
    rows: list[tuple[object, ...]]
    seconds: float
    scanned_bytes: int
    query_id: str


def query(p: Pipeline, sql: str, *, params: Sequence[str] = ()) -> QueryResult:
    """Run `sql` and return all its rows, lists and dicts among them. Errors and parameters as for `run`."""
    began = time.monotonic()
    answer = run(p, sql, params=params, nested=True)
    rows = list(answer.rows)
    return QueryResult(answer.columns, rows, time.monotonic() - began, answer.scanned_bytes, answer.query_id)


def run(p: Pipeline, sql: str, *, params: Sequence[str] = (), nested: bool = False) -> Answer:
    """Run `sql` to its end and return its columns with rows that are fetched while they are read.

    Each `?` in the statement takes the next of `params`; see `literal` for how they are written. JSON, times, arrays,
    maps and rows are Athena's text; with `nested` they are values of their types, of arrays, maps and rows where
    `nested` can read them, for which their types are asked with a second query that reads nothing. Raises
    NotThereError when the pipeline is not there, UsageError for what is not one statement or has other than as many
    `?`, and QueryError when Athena refuses or fails.
    """
    text = _one(sql, params)
    values = [literal(value) for value in params]
    result = Result(p, _execute(p, text, values))
    if not nested:
        return result.answer()
    return result.answer(_nested_types(p, text, values, result) if result.nested else {})


def _one(sql: str, params: Sequence[str]) -> str:
    found = statements(sql)
    if not found:
        raise UsageError("the SQL statement is empty", "give a statement, e.g. SELECT count(*) FROM orders")
    if len(found) > 1:
        raise UsageError(f"there are {len(found)} statements, and Athena runs one at a time", "run each by itself")
    wanted = placeholders(found[0])
    quantified = "match_recognize" in found[0].lower()  # where a ? may also be a quantifier
    if len(params) > wanted or (len(params) < wanted and not quantified):
        raise UsageError(
            f"the statement has {wanted} ? and {len(params)} values are given",
            "each ? takes one --param, e.g. --param 5 --param \"'paid'\"",
        )
    return found[0]


def _execute(p: Pipeline, sql: str, values: list[str]) -> dict[str, Any]:
    """The execution of `sql` after its success. Interrupted, it is stopped."""
    athena = p.aws.client("athena")
    request: dict[str, Any] = {
        "QueryString": sql,
        "WorkGroup": p.names.workgroup,
        "QueryExecutionContext": {"Database": p.names.database},
        "ClientRequestToken": str(uuid.uuid4()),
    }
    if values:
        request["ExecutionParameters"] = values
    id = ""
    with told(p, sql, values):
        try:
            id = str(athena.start_query_execution(**request)["QueryExecutionId"])
            execution = _settled(athena, id)
        except KeyboardInterrupt:
            # Whether stopping it works or not, who interrupts is to be let go.
            with suppress(ClientError, BotoCoreError):
                # If it struck while the query was started, the same token gives its id.
                id = id or str(athena.start_query_execution(**request)["QueryExecutionId"])
                athena.stop_query_execution(QueryExecutionId=id)
            raise
    status = execution["Status"]
    if status["State"] != "SUCCEEDED":
        raise failure(p, sql, str(status.get("StateChangeReason") or f"the query was {status['State']}"), values)
    return execution


def _settled(athena: Any, id: str) -> dict[str, Any]:
    """The execution when it has ended. Short ones are answered at once, long ones are not pestered: Athena allows 100
    GetQueryExecution a second for the whole account."""
    pause = 0.005
    while True:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        if execution["Status"]["State"] not in _RUNNING:
            return execution
        time.sleep(pause)
        pause = min(pause * 1.4, 1.0)


def _nested_types(p: Pipeline, sql: str, values: list[str], result: Result) -> dict[int, str]:
    """The whole types of nested columns, by their number; none where the statement cannot stand in another one.

    The outer join gives one row of typed NULLs, and LIMIT 0 has nothing read for it.
    """
    names = ", ".join(f"c{number}" for number in range(len(result.columns)))
    asked = ", ".join(f"typeof(c{number})" for number in result.nested)
    probe = (
        f"SELECT {asked} FROM (VALUES 1) AS one(n) LEFT JOIN "
        f"(SELECT * FROM (\n{sql}\n) AS whole LIMIT 0) AS t({names}) ON true"
    )
    try:
        (types,) = Result(p, _execute(p, told_apart(probe, "types of nested columns"), values)).answer().rows
    except QueryError:
        return {}
    return {number: str(type) for number, type in zip(result.nested, types, strict=True)}
