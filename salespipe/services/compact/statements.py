"""Athena statements of a compaction: run one to its end, and know which are under way anywhere in the account.

A statement is waited for with a sign of life in between, and stopped at the service when the wait is interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translated
from salespipe.errors import QueryError, TransientError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.text import told_apart

_UNFINISHED = ("QUEUED", "RUNNING")
_AT_ONCE = 50
_HIVE = "CREATE EXTERNAL TABLE"
_LONGEST = timedelta(hours=4)
"""No Athena query runs longer, whatever was asked of the quota (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html:
30 minutes, 240 at most)."""


@dataclass(frozen=True)
class Done:
    """A statement that succeeded: its rows, each value as text or None, without the header; and the bytes read."""

    rows: tuple[tuple[str | None, ...], ...]
    scanned_bytes: int


@dataclass(frozen=True)
class Unfinished:
    """A statement that is queued or running."""

    id: str
    workgroup: str
    sql: str
    submitted: datetime


def execute(p: Pipeline, sql: str, alive: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> Done:
    """Run `sql` to its end, calling `alive` while it runs. Raises QueryError with Athena's reason."""
    athena = p.aws.client("athena")
    with translated():
        try:
            id = athena.start_query_execution(
                QueryString=sql if sql.startswith(_HIVE) else told_apart(sql, "compact"),
                QueryExecutionContext={"Database": p.names.database},
                WorkGroup=p.names.workgroup,
            )["QueryExecutionId"]
        except ClientError as error:
            if error_code(error) != "InvalidRequestException":
                raise
            raise QueryError(" ".join(str(error.response["Error"].get("Message", "")).split())) from error
    try:
        execution = _ended(p, id, alive, sleep)
    except BaseException:
        _stop(p, id)
        raise
    status = execution["Status"]
    if status["State"] != "SUCCEEDED":
        reason = " ".join(str(status.get("StateChangeReason") or "Athena gave no reason").split())
        raise QueryError(f"Athena ended the statement as {status['State']}: {reason}")
    rows = tuple(_rows(p, id)) if execution.get("StatementType") == "DML" and sql.startswith("SELECT") else ()
    return Done(rows, int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)))


def _ended(p: Pipeline, id: str, alive: Callable[[], None], sleep: Callable[[float], None]) -> dict[str, Any]:
    pause = 0.01
    while True:
        with translated():
            execution: dict[str, Any] = p.aws.client("athena").get_query_execution(QueryExecutionId=id)[
                "QueryExecution"
            ]
        if execution["Status"]["State"] not in _UNFINISHED:
            return execution
        alive()
        sleep(pause)
        pause = min(pause * 1.4, 1.0)


def _stop(p: Pipeline, id: str) -> None:
    """As far as it can still be reached: a later run stops and awaits what is left."""
    try:
        with translated():
            p.aws.client("athena").stop_query_execution(QueryExecutionId=id)
    except (QueryError, TransientError):
        return


def _rows(p: Pipeline, id: str) -> Iterator[tuple[str | None, ...]]:
    with translated():
        pages = p.aws.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=id)
        first = True
        for page in pages:
            for row in page["ResultSet"]["Rows"][1 if first else 0 :]:
                yield tuple(datum.get("VarCharValue") for datum in row["Data"])
            first = False


def unfinished(p: Pipeline) -> list[Unfinished]:
    """What is queued or running in any workgroup of the account and Region.

    Ids come newest first; a page on which everything began longer ago than a query can run is the last. Raises
    AccessError where the workgroups may not be listed.
    """
    athena = p.aws.client("athena")
    found = []
    with translated():
        groups = [group["Name"] for page in _pages(athena.list_work_groups, {}) for group in page["WorkGroups"]]
        for group in groups:
            for page in _pages(athena.list_query_executions, {"WorkGroup": group, "MaxResults": _AT_ONCE}):
                ids = page["QueryExecutionIds"]
                if not ids:
                    break
                executions = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
                found += [_unfinished(each) for each in executions if each["Status"]["State"] in _UNFINISHED]
                times = [each["Status"]["SubmissionDateTime"] for each in executions]
                if times and max(times) < datetime.now(times[0].tzinfo) - _LONGEST:
                    break
    return found


def stop_all(p: Pipeline, mark: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Stop every statement whose text holds `mark`, and wait until there is none."""
    pause = 0.02
    while ours := [each for each in unfinished(p) if mark in each.sql]:
        for each in ours:
            _stop(p, each.id)
        sleep(pause)
        pause = min(pause * 1.5, 2.0)


def _unfinished(execution: dict[str, Any]) -> Unfinished:
    return Unfinished(
        execution["QueryExecutionId"],
        execution.get("WorkGroup", ""),
        execution.get("Query", ""),
        execution["Status"]["SubmissionDateTime"],
    )


def _pages(call: Callable[..., Any], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Pages of an operation, which end when there is no token, or an empty one."""
    token: str | None = None
    while True:
        page: dict[str, Any] = call(**params, **({"NextToken": token} if token else {}))
        yield page
        token = page.get("NextToken")
        if not token:
            return
