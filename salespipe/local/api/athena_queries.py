"""Athena's queries: started, stopped, and what is known of them.

Refusals have the wording and the codes that were measured on engine version 3 (public notes of the athena-local
project, 2026), in their order: the client token, the place of the result, the text, whether the token is known.
https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from salespipe.local.api.athena_results import AthenaResultsApi
from salespipe.local.athena.errors import SyntaxFailure, checked, refused
from salespipe.local.athena.execution_document import Request
from salespipe.local.athena.executions import Executions
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.statements.parse import parse_statement
from salespipe.local.athena.workgroup import workgroup
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

_LONGEST_QUERY = 262_144
_TOKEN = (32, 128)
_PAGE = 50
_DEFAULT_AGE, _OLDEST = 60, 10_080  # minutes
_NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)


class AthenaQueriesApi:
    """Answers for queries. Executions that an earlier process left unfinished are FAILED as soon as this is made."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto
        self._executions = Executions(stores, moto)
        self._results = AthenaResultsApi(stores.objects, self._executions)

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        return {
            "StartQueryExecution": self.start_query_execution,
            "GetQueryExecution": self.get_query_execution,
            "BatchGetQueryExecution": self.batch_get_query_execution,
            "ListQueryExecutions": self.list_query_executions,
            "StopQueryExecution": self.stop_query_execution,
            **self._results.operations(),
        }

    def warm(self) -> None:
        """Load the engine, in the background."""
        self._executions.warm()

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        self._executions.close()

    def start_query_execution(self, call: Call) -> dict[str, Any]:
        """Accept a query or refuse it: a text that is no statement never becomes an execution."""
        params = call.params
        token, sql = _client_token(params.get("ClientRequestToken")), str(params.get("QueryString") or "")
        if len(sql.encode()) > _LONGEST_QUERY:
            raise refused(f"Query string exceeds the limit of {_LONGEST_QUERY} bytes")
        group = workgroup(self._moto, call.region, params.get("WorkGroup"))
        if group.get("State") == "DISABLED":
            raise refused(f"WorkGroup {group['Name']} is disabled.")
        configuration = group["Configuration"]
        asked_location = str((params.get("ResultConfiguration") or {}).get("OutputLocation") or "")
        location = _location(configuration, asked_location)
        if not sql.strip():
            raise refused("Query string is empty", "MALFORMED_QUERY")
        parameters = [str(value) for value in params.get("ExecutionParameters") or []]
        prepared = PreparedStatements(self._stores.documents, call.region, str(group["Name"]))
        try:
            statement = parse_statement(sql, parameters, prepared.text)
        except SyntaxFailure as failure:
            raise refused(str(failure), "MALFORMED_QUERY") from failure
        context = params.get("QueryExecutionContext") or {}
        catalog, database = str(context.get("Catalog") or ""), str(context.get("Database") or "")
        request = Request(
            sql=sql,
            statement=statement,
            catalog=catalog,
            database=database,
            region=call.region,
            workgroup=str(group["Name"]),
            location=location,
            cutoff=configuration.get("BytesScannedCutoffPerQuery"),
            parameters=parameters,
            token=token,
            asked=[sql, catalog, database, asked_location],
            central=bool(configuration.get("EnforceWorkGroupConfiguration")),
            reuse=_reuse(params.get("ResultReuseConfiguration") or {}),
        )
        return {"QueryExecutionId": self._executions.start(request)}

    def get_query_execution(self, call: Call) -> dict[str, Any]:
        return {"QueryExecution": self._executions.get(str(call.params.get("QueryExecutionId")))["QueryExecution"]}

    def batch_get_query_execution(self, call: Call) -> dict[str, Any]:
        """Ids that are not known come back as such."""
        ids = call.params.get("QueryExecutionIds") or []
        checked((1 <= len(ids) <= _PAGE, "queryExecutionIds", f"have length between 1 and {_PAGE}"))
        found, missing = [], []
        for id in ids:
            try:
                found.append(self._executions.get(id)["QueryExecution"])
            except AwsError as error:
                code = error.details["AthenaErrorCode"]
                missing.append({"QueryExecutionId": id, "ErrorCode": code, "ErrorMessage": error.message})
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, call: Call) -> dict[str, Any]:
        """Ids of a workgroup, newest first; the token is the number of ids before the page."""
        group = workgroup(self._moto, call.region, call.params.get("WorkGroup"))["Name"]
        token, size = str(call.params.get("NextToken") or "0"), int(call.params.get("MaxResults", _PAGE))
        checked(
            (size >= 0, "maxResults", "have value greater than or equal to 0"),
            (size <= _PAGE, "maxResults", f"have value less than or equal to {_PAGE}"),
        )
        if not (token.isascii() and token.isdigit()):
            raise refused(f"The nextPageToken is malformed: {token}")
        start, size = int(token), size or _PAGE
        executions = (document["QueryExecution"] for document in self._executions.all())
        ids = (execution["QueryExecutionId"] for execution in executions if execution["WorkGroup"] == group)
        found = list(islice(ids, start, start + size + 1))
        answer: dict[str, Any] = {"QueryExecutionIds": found[:size]}
        if len(found) > size:
            answer["NextToken"] = str(start + size)
        return answer

    def stop_query_execution(self, call: Call) -> dict[str, Any]:
        self._executions.stop(str(call.params.get("QueryExecutionId")))
        return {}


def _client_token(token: Any) -> str:
    """Athena wants one from every client, and SDKs send it by themselves."""
    if token is None:
        raise refused("clientRequestToken is null or empty")
    shortest, longest = _TOKEN
    checked(
        (len(token) >= shortest, "clientRequestToken", f"have length greater than or equal to {shortest}"),
        (len(token) <= longest, "clientRequestToken", f"have length less than or equal to {longest}"),
    )
    return str(token)


def _location(configuration: dict[str, Any], asked: str) -> str:
    """Where the result goes: an enforcing workgroup's own place, else what the client asks for."""
    own = str((configuration.get("ResultConfiguration") or {}).get("OutputLocation") or "")
    location = own if own and configuration.get("EnforceWorkGroupConfiguration") else asked or own
    if not location:
        raise refused(_NO_LOCATION)
    if not location.startswith("s3://") or not location.removeprefix("s3://").split("/")[0]:
        raise refused("outputLocation is not a valid S3 path.")
    return location


def _reuse(configuration: dict[str, Any]) -> int | None:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultReuseByAgeConfiguration.html"""
    by_age = configuration.get("ResultReuseByAgeConfiguration") or {}
    if not by_age.get("Enabled"):
        return None
    minutes = int(by_age.get("MaxAgeInMinutes", _DEFAULT_AGE))
    name = "resultReuseConfiguration.resultReuseByAgeConfiguration.maxAgeInMinutes"
    checked(
        (minutes >= 0, name, "have value greater than or equal to 0"),
        (minutes <= _OLDEST, name, f"have value less than or equal to {_OLDEST}"),
    )
    return minutes
