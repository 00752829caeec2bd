"""GetQueryResults and GetQueryRuntimeStatistics.

A request is looked at in Athena's order: its members, the id, the page's size, the query's state, the token (measured
on engine version 3; public notes of the athena-local project, 2026).
https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local.athena import results
from salespipe.local.athena.errors import checked, refused
from salespipe.local.athena.execution_document import UNFINISHED, Document
from salespipe.local.athena.executions import Executions
from salespipe.local.call import Call, Handler
from salespipe.local.stores.objects import ObjectStore

_LARGEST = 100_000  # what the framework accepts, above what Athena does
_TIMES = (
    "QueryQueueTimeInMillis",
    "QueryPlanningTimeInMillis",
    "EngineExecutionTimeInMillis",
    "ServiceProcessingTimeInMillis",
    "TotalExecutionTimeInMillis",
)


class AthenaResultsApi:
    """What came out of a query."""

    def __init__(self, objects: ObjectStore, executions: Executions) -> None:
        self._objects = objects
        self._executions = executions

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        return {
            "GetQueryResults": self.get_query_results,
            "GetQueryRuntimeStatistics": self.get_query_runtime_statistics,
        }

    def get_query_results(self, call: Call) -> dict[str, Any]:
        """A page of at most 1,000 rows; row 1 of a query's first page is its header."""
        token, limit = call.params.get("NextToken"), int(call.params.get("MaxResults", results.PAGE))
        checked(
            (token != "", "nextToken", "have length greater than or equal to 1"),
            (limit >= 1, "maxResults", "have value greater than or equal to 1"),
            (limit <= _LARGEST, "maxResults", f"have value less than or equal to {_LARGEST}"),
        )
        document = self._executions.get(str(call.params.get("QueryExecutionId")))
        if limit > results.PAGE:
            raise refused(f"MaxResults is more than maximum allowed length {results.PAGE}")
        execution = document["QueryExecution"]
        _insist_on_a_result(execution["Status"]["State"])
        if "updated" in document:
            metadata = {"ColumnInfo": document["columns"]}
            return {"UpdateCount": document["rows"], "ResultSet": {"Rows": [], "ResultSetMetadata": metadata}}
        bucket, _, key = str(execution["ResultConfiguration"]["OutputLocation"]).removeprefix("s3://").partition("/")
        rows, following = results.read_page(self._objects, bucket, key, token, limit)
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": document["columns"]},
            },
        }
        if _has_update_count(execution):
            answer["UpdateCount"] = 0
        if following is not None:
            answer["NextToken"] = following
        return answer

    def get_query_runtime_statistics(self, call: Call) -> dict[str, Any]:
        """Times and amounts; the rows that were read are not known here, so they are left out."""
        document = self._executions.get(str(call.params.get("QueryExecutionId")))
        statistics = document["QueryExecution"]["Statistics"]
        found: dict[str, Any] = {"Timeline": {name: statistics.get(name, 0) for name in _TIMES}}
        if document["QueryExecution"]["Status"]["State"] == "SUCCEEDED":
            found["Rows"] = _rows(document)
        return {"QueryRuntimeStatistics": found}


def _insist_on_a_result(state: str) -> None:
    if state == "CANCELLED":
        raise refused("Could not find results", "RESULT_NOT_FOUND")
    if state in UNFINISHED:
        raise refused(f"Query has not yet finished. Current state: {state}", "INVALID_QUERY_EXECUTION_STATE")
    if state != "SUCCEEDED":
        said = f"Query did not finish successfully. Final query state: {state}"
        raise refused(said, "INVALID_QUERY_EXECUTION_STATE")


def _has_update_count(execution: dict[str, Any]) -> bool:
    """0 for SELECT and SHOW, none for DDL, EXPLAIN, DESCRIBE and SHOW CREATE TABLE."""
    kind = str(execution["SubstatementType"])
    return kind == "SELECT" or (kind.startswith("SHOW_") and kind != "SHOW_CREATE_TABLE")


def _rows(document: Document) -> dict[str, int]:
    return {
        "InputBytes": document["QueryExecution"]["Statistics"].get("DataScannedInBytes", 0),
        "OutputRows": document["rows"],
        "OutputBytes": document.get("bytes", 0),
    }
