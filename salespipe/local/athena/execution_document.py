"""What is kept of a query: the QueryExecution that GetQueryExecution shows, and what only we need to know.

A document has `QueryExecution`; `columns`, the ColumnInfo of its result; `rows` and `bytes` of it; `asked`, what a
request with the same client token must repeat. https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from salespipe.local.athena.errors import SYSTEM, QueryFailure
from salespipe.local.athena.results import Written, result_name
from salespipe.local.athena.statements.context import Statement
from salespipe.local.stores.documents import Documents

Document = dict[str, Any]
KIND = "athena-query"
"""Under which documents are stored."""
UNFINISHED = ("QUEUED", "RUNNING")
CANCELLED = "Query cancelled by user"
_VERSION = "Athena engine version 3"


@dataclass(frozen=True)
class Request:
    """A query that was accepted. `cutoff` is the workgroup's limit of bytes scanned, None without one; `central`:
    it enforces its own location; `reuse` are the minutes that an earlier result may be old to be given again, None if
    that is not wanted."""

    sql: str
    statement: Statement
    catalog: str
    database: str
    region: str
    workgroup: str
    location: str
    cutoff: int | None
    parameters: list[str]
    token: str
    asked: list[str]
    central: bool = False
    reuse: int | None = None


def execution_ids(documents: Documents, region: str, workgroup: str) -> list[str]:
    """Of the queries that a workgroup was asked."""
    return [
        id
        for id, document in documents.all(KIND).items()
        if document["region"] == region and document["QueryExecution"]["WorkGroup"] == workgroup
    ]


def new(id: str, request: Request) -> Document:
    """A query that waits for its turn."""
    statement, age = request.statement, request.reuse
    by_age: dict[str, Any] = {"Enabled": age is not None} | ({} if age is None else {"MaxAgeInMinutes": age})
    context = {"Catalog": request.catalog.lower(), "Database": request.database}
    location = request.location if request.location.endswith("/") else request.location + "/"
    execution: dict[str, Any] = {
        "QueryExecutionId": id,
        "Query": request.sql,
        "StatementType": statement.type,
        "ResultConfiguration": {"OutputLocation": location + result_name(statement, id)},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": by_age},
        "QueryExecutionContext": {name: value for name, value in context.items() if value},
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"DataScannedInBytes": 0, "TotalExecutionTimeInMillis": 0},
        "WorkGroup": request.workgroup,
        "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": _VERSION},
        "SubstatementType": statement.subtype,
    }
    if request.parameters:
        execution["ExecutionParameters"] = request.parameters
    return {
        "QueryExecution": execution,
        "columns": [],
        "rows": 0,
        "token": request.token,
        "asked": request.asked,
        "location": location,
        "region": request.region,
    }


def begin(document: Document) -> None:
    """It has its turn."""
    status = document["QueryExecution"]["Status"]
    status["State"] = "RUNNING"
    queued = int((time.time() - float(status["SubmissionDateTime"])) * 1000)
    document["QueryExecution"]["Statistics"]["QueryQueueTimeInMillis"] = queued


def planned(document: Document, scanned: int, started: float) -> None:
    """It is known what will be read, in bytes."""
    planning = int((time.time() - started) * 1000)
    document["QueryExecution"]["Statistics"] |= {"DataScannedInBytes": scanned, "QueryPlanningTimeInMillis": planning}


def finish(
    document: Document, state: str, reason: str, failure: QueryFailure | None = None, started: float | None = None
) -> None:
    """It ends without a result; `failure` is why it FAILED."""
    execution = document["QueryExecution"]
    status = execution["Status"]
    status |= {"State": state, "StateChangeReason": reason, "CompletionDateTime": time.time()}
    if failure is not None:
        status["AthenaError"] = {
            "ErrorCategory": failure.category,
            "ErrorType": failure.type,
            "Retryable": failure.category == SYSTEM,
            "ErrorMessage": reason,
        }
    _time(execution, started)


def stopped(document: Document, share: float | None, started: float) -> None:
    """It was cancelled after having read that share of what it was to read, if that is known."""
    finish(document, "CANCELLED", CANCELLED, started=started)
    if share is not None:
        statistics = document["QueryExecution"]["Statistics"]
        statistics["DataScannedInBytes"] = int(statistics["DataScannedInBytes"] * share)


def cut_off(document: Document, limit: int, started: float) -> None:
    """It would read more than its workgroup allows: the limit is what it is charged for."""
    finish(document, "CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded", started=started)
    document["QueryExecution"]["Statistics"]["DataScannedInBytes"] = limit


def succeed(document: Document, written: Written, started: float) -> None:
    """Its result is in place."""
    execution = document["QueryExecution"]
    execution["Status"] |= {"State": "SUCCEEDED", "CompletionDateTime": time.time()}
    execution["ResultConfiguration"]["OutputLocation"] = written.location
    document |= {"columns": written.columns, "rows": written.rows, "bytes": written.bytes}
    if written.manifest:
        execution["Statistics"]["DataManifestLocation"] = written.manifest
        document["updated"] = True
    _time(execution, started)


def reuse(document: Document, earlier: Document, started: float) -> None:
    """The result of `earlier` is its result; nothing was read."""
    succeed(
        document,
        Written(
            earlier["QueryExecution"]["ResultConfiguration"]["OutputLocation"],
            earlier["columns"],
            earlier["rows"],
            earlier.get("bytes", 0),
        ),
        started,
    )
    document["QueryExecution"]["Statistics"] |= {
        "DataScannedInBytes": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": True},
    }


def _time(execution: dict[str, Any], started: float | None) -> None:
    now, statistics = time.time(), execution["Statistics"]
    engine = int((now - started) * 1000) if started is not None else 0
    total = int((now - float(execution["Status"]["SubmissionDateTime"])) * 1000)
    # What writing down that it runs takes is counted once.
    queued = min(int(statistics.get("QueryQueueTimeInMillis", total)), max(0, total - engine))
    statistics |= {
        "EngineExecutionTimeInMillis": engine,
        "TotalExecutionTimeInMillis": total,
        "QueryQueueTimeInMillis": queued,
        "QueryPlanningTimeInMillis": int(statistics.get("QueryPlanningTimeInMillis", 0)),
        "ServicePreProcessingTimeInMillis": 0,
        "ServiceProcessingTimeInMillis": max(0, total - engine - queued),
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }
