"""An Athena that answers one query with given columns and rows, a thousand a page, or fails as it is told.

Shapes: https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html. As there, the first row of
a SELECT's first page repeats the column names, and a NULL is a datum without `VarCharValue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.scripted_aws import Script


class FakeAthena:
    """Answers every query with `columns` (name, type, precision, scale) and `rows`, or FAILED with `reason`."""

    def __init__(
        self,
        columns: Sequence[tuple[str, str, int, int]] = (),
        rows: Sequence[Sequence[str | None]] = (),
        *,
        reason: str = "",
        refusal: tuple[str, str] | None = None,
        interrupt: bool = False,
    ) -> None:
        self._columns = columns
        self._rows = [[name for name, *_ in columns], *rows]
        self._reason = reason
        self._refusal = refusal
        self._interrupt = interrupt
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        if self._refusal:
            code, message = self._refusal
            raise ClientError({"Error": {"Code": code, "Message": message}}, "StartQueryExecution")
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        if self._interrupt and not self.stopped:
            raise KeyboardInterrupt
        state = "CANCELLED" if self.stopped else "FAILED" if self._reason else "SUCCEEDED"
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Query": "x",
                "StatementType": "DML",
                "Status": {"State": state, "StateChangeReason": self._reason},
                "Statistics": {"DataScannedInBytes": 4096},
            }
        }

    def stop_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        self.stopped.append(QueryExecutionId)
        return {}

    def get_query_results(self, QueryExecutionId: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:
        at = int(NextToken)
        page = self._rows[at : at + MaxResults]
        info = [
            {"Name": name, "Type": kind, "Precision": precision, "Scale": scale, "Nullable": "UNKNOWN"}
            for name, kind, precision, scale in self._columns
        ]
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in page],
                "ResultSetMetadata": {"ColumnInfo": info},
            }
        }
        if at + MaxResults < len(self._rows):
            answer["NextToken"] = str(at + MaxResults)
        return answer

    def list_table_metadata(self, **_: Any) -> dict[str, Any]:
        tables = [
            {"Name": "orders", "Columns": [{"Name": "orderid"}, {"Name": "amount"}], "PartitionKeys": [{"Name": "dt"}]},
            {"Name": "people", "Columns": [{"Name": "amounts"}]},
        ]
        return {"TableMetadataList": tables}


class FakeSession:
    """A boto3 session whose only service is the given one, over a bucket in which one object lies."""

    region_name = "eu-central-1"

    def __init__(self, athena: FakeAthena) -> None:
        self._athena = athena

    def client(self, service: str, **_: Any) -> Any:
        bucket = Script({"list_objects_v2": {"Contents": [{"Key": "x"}]}})
        return {"athena": self._athena, "s3": bucket}[service]
