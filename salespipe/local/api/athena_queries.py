"""Athena's queries and their results.

https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from salespipe.local.athena import results
from salespipe.local.athena.errors import SyntaxFailure
from salespipe.local.athena.executions import Executions, Request
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.statements.parse import parse_statement
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

_CODE = "InvalidRequestException"
_LONGEST_QUERY = 262_144
_DEFAULT_WORKGROUP = "primary"


class AthenaQueriesApi:
    """Answers for queries. Executions that an earlier process left unfinished are FAILED as soon as this is made."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto
        self._executions = Executions(stores, moto)

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        return {
            "StartQueryExecution": self.start_query_execution,
            "GetQueryExecution": self.get_query_execution,
            "BatchGetQueryExecution": self.batch_get_query_execution,
            "ListQueryExecutions": self.list_query_executions,
            "StopQueryExecution": self.stop_query_execution,
            "GetQueryResults": self.get_query_results,
            "GetQueryRuntimeStatistics": self.get_query_runtime_statistics,
        }

    def warm(self) -> None:
        """Load the engine, in the background."""
        self._executions.warm()

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        self._executions.close()

    def start_query_execution(self, call: Call) -> dict[str, Any]:
        """Accept a query or refuse it: a text that is no statement never becomes an execution."""
        sql = str(call.params.get("QueryString") or "")
        if not sql.strip():
            raise AwsError(_CODE, "Query string is empty")
        if len(sql.encode()) > _LONGEST_QUERY:
            raise AwsError(_CODE, f"Query string exceeds the limit of {_LONGEST_QUERY} bytes")
        group = self._workgroup(call)
        context = call.params.get("QueryExecutionContext") or {}
        parameters = [str(value) for value in call.params.get("ExecutionParameters") or []]
        prepared = PreparedStatements(self._stores.documents, call.region, str(group["Name"]))
        try:
            statement = parse_statement(sql, parameters, prepared.text)
        except SyntaxFailure as failure:
            raise AwsError(_CODE, str(failure)) from failure
        request = Request(
            sql=sql,
            statement=statement,
            database=str(context.get("Database") or ""),
            region=call.region,
            workgroup=str(group["Name"]),
            location=_location(group, call.params),
            cutoff=group["Configuration"].get("BytesScannedCutoffPerQuery"),
            parameters=parameters,
            token=str(call.params.get("ClientRequestToken") or ""),
            central=bool(group["Configuration"].get("EnforceWorkGroupConfiguration")),
        )
        return {"QueryExecutionId": self._executions.start(request)}

    def _workgroup(self, call: Call) -> dict[str, Any]:
        name = str(call.params.get("WorkGroup") or _DEFAULT_WORKGROUP)
        found = self._moto.call("athena", "GetWorkGroup", {"WorkGroup": name}, region=call.region).get("WorkGroup")
        if not found:
            raise AwsError(_CODE, f"WorkGroup {name} is not found.")
        if found.get("State") == "DISABLED":
            raise AwsError(_CODE, f"WorkGroup {name} is disabled.")
        return {"Name": name, "Configuration": found.get("Configuration") or {}}

    def get_query_execution(self, call: Call) -> dict[str, Any]:
        return {"QueryExecution": self._executions.get(_id(call))["QueryExecution"]}

    def batch_get_query_execution(self, call: Call) -> dict[str, Any]:
        """Ids that are not known come back as such."""
        found, missing = [], []
        for id in call.params.get("QueryExecutionIds") or []:
            try:
                found.append(self._executions.get(id)["QueryExecution"])
            except AwsError as error:
                missing.append({"QueryExecutionId": id, "ErrorCode": error.code, "ErrorMessage": error.message})
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, call: Call) -> dict[str, Any]:
        """Ids of a workgroup, newest first; the token is the number of ids before the page."""
        group = self._workgroup(call)["Name"]
        executions = (document["QueryExecution"] for document in self._executions.all())
        ids = (execution["QueryExecutionId"] for execution in executions if execution["WorkGroup"] == group)
        start, size = _token(call), int(call.params.get("MaxResults") or 50)
        found = list(islice(ids, start, start + size + 1))
        answer: dict[str, Any] = {"QueryExecutionIds": found[:size]}
        if len(found) > size:
            answer["NextToken"] = str(start + size)
        return answer

    def stop_query_execution(self, call: Call) -> dict[str, Any]:
        self._executions.stop(_id(call))
        return {}

    def get_query_results(self, call: Call) -> dict[str, Any]:
        """A page of at most 1,000 rows; row 1 of a query's first page is its header."""
        document = self._executions.get(_id(call))
        execution = document["QueryExecution"]
        state = execution["Status"]["State"]
        if state != "SUCCEEDED":
            if state in ("QUEUED", "RUNNING"):
                raise AwsError(_CODE, f"Query has not yet finished. Current state: {state}")
            raise AwsError(_CODE, f"Query did not finish successfully. Final query state: {state}")
        if document.get("updated"):
            metadata = {"ColumnInfo": document["columns"]}
            return {"UpdateCount": document["rows"], "ResultSet": {"Rows": [], "ResultSetMetadata": metadata}}
        limit = int(call.params.get("MaxResults") or results.PAGE)
        if not 1 <= limit <= results.PAGE:
            raise AwsError(_CODE, f"MaxResults is more than maximum allowed length {results.PAGE}")
        bucket, _, key = str(execution["ResultConfiguration"]["OutputLocation"]).removeprefix("s3://").partition("/")
        rows, token = results.read_page(self._stores.objects, bucket, key, call.params.get("NextToken"), limit)
        answer: dict[str, Any] = {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": document["columns"]},
            },
        }
        if token is not None:
            answer["NextToken"] = token
        return answer

    def get_query_runtime_statistics(self, call: Call) -> dict[str, Any]:
        """Time and amounts of a finished query."""
        document = self._executions.get(_id(call))
        statistics = document["QueryExecution"]["Statistics"]
        timeline = {
            name: statistics.get(name, 0)
            for name in (
                "QueryQueueTimeInMillis",
                "QueryPlanningTimeInMillis",
                "EngineExecutionTimeInMillis",
                "ServiceProcessingTimeInMillis",
                "TotalExecutionTimeInMillis",
            )
        }
        rows = {
            "InputBytes": statistics.get("DataScannedInBytes", 0),
            "OutputRows": document.get("rows", 0),
            "OutputBytes": document.get("bytes", 0),
        }
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}


def _location(group: dict[str, Any], params: dict[str, Any]) -> str:
    """Where the result goes: an enforcing workgroup's own place, else what the client asks for."""
    configuration = group["Configuration"]
    own = str((configuration.get("ResultConfiguration") or {}).get("OutputLocation") or "")
    asked = str((params.get("ResultConfiguration") or {}).get("OutputLocation") or "")
    location = own if own and configuration.get("EnforceWorkGroupConfiguration") else asked or own
    if not location:
        raise AwsError(
            _CODE,
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input.",
        )
    if not location.startswith("s3://") or not location.removeprefix("s3://").split("/")[0]:
        raise AwsError(_CODE, "OutputLocation is not a valid S3 path.")
    return location


def _id(call: Call) -> str:
    return str(call.params.get("QueryExecutionId") or "")


def _token(call: Call) -> int:
    token = str(call.params.get("NextToken") or "0")
    if not token.isdigit():
        raise AwsError(_CODE, "Invalid NextToken")
    return int(token)
