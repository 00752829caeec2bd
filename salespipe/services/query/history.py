"""What was asked in the pipeline's workgroup, by anyone. Athena keeps it for 45 days.

https://docs.aws.amazon.com/athena/latest/APIReference/API_ListQueryExecutions.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translate, translated
from salespipe.errors import NotThereError, TransientError
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.errors import failure
from salespipe.services.query.listing import BATCH, ids
from salespipe.services.query.results import Answer, Result


@dataclass(frozen=True)
class Execution:
    """One run of a statement. `seconds` is all of it in Athena, `error` why it FAILED or was CANCELLED."""

    id: str
    state: str
    submitted: datetime
    seconds: float
    scanned_bytes: int
    sql: str
    error: str


def history(p: Pipeline, limit: int) -> list[Execution]:
    """The newest `limit` queries, newest first. Raises NotThereError when the pipeline is not there."""
    athena = p.aws.client("athena")
    found: list[Execution] = []
    newest = islice(ids(p, "list_query_executions", "QueryExecutionIds"), limit)
    while batch := list(islice(newest, BATCH)):
        with translated():
            answer = athena.batch_get_query_execution(QueryExecutionIds=batch)
        by_id = {str(each["QueryExecutionId"]): each for each in answer["QueryExecutions"]}
        found += [_execution(by_id[id]) for id in batch if id in by_id]
    return found


def again(p: Pipeline, id: str, *, nested: bool = False) -> Answer:
    """The rows of an earlier query, out of its result: it does not run again.

    Raises NotThereError for one that is not the workgroup's, TransientError while it runs, QueryError if it failed.
    """
    try:
        execution = p.aws.client("athena").get_query_execution(QueryExecutionId=id)["QueryExecution"]
    except ClientError as error:
        if error_code(error) != "InvalidRequestException":
            raise translate(error) from error
        provision.require(p)
        raise _not_there(id) from error
    if execution.get("WorkGroup") != p.names.workgroup:
        raise _not_there(id)
    status = execution["Status"]
    if status["State"] in ("QUEUED", "RUNNING"):
        raise TransientError(f"the query {id} is still {status['State']}", "run the same command again")
    if status["State"] != "SUCCEEDED":
        said = str(status.get("StateChangeReason") or f"the query was {status['State']}")
        raise failure(p, str(execution["Query"]), said, execution.get("ExecutionParameters", []))
    return Result(p, execution).answer({} if nested else None)


def _execution(found: Mapping[str, Any]) -> Execution:
    status, statistics = found["Status"], found.get("Statistics", {})
    return Execution(
        id=str(found["QueryExecutionId"]),
        state=str(status["State"]),
        submitted=status["SubmissionDateTime"],
        seconds=int(statistics.get("TotalExecutionTimeInMillis", 0)) / 1000,
        scanned_bytes=int(statistics.get("DataScannedInBytes", 0)),
        sql=str(found["Query"]),
        error=" ".join(str(status.get("StateChangeReason") or "").split()) if status["State"] != "SUCCEEDED" else "",
    )


def _not_there(id: str) -> NotThereError:
    return NotThereError(f"there is no query {id} in this pipeline", "list them with: salespipe query history")
