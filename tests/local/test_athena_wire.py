"""What Athena's clients see of queries beside their rows: refusals, files, history, workgroups, reuse.

Facts that no documentation has were measured on Athena engine version 3 by the athena-local project (public notes).
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.athena.column_info import column_info, metadata
from salespipe.local.athena.execution_document import KIND
from salespipe.local.athena.statements.context import ResultColumn
from salespipe.local.athena.type_names import parse_type
from tests.embedded import Embedded

WAITS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
    "CROSS JOIN UNNEST(sequence(1, 10000)) c(z) WHERE x < y"
)


class Wire:
    """A workgroup, a database and a bucket."""

    def __init__(self, runtime: Embedded) -> None:
        self.runtime = runtime
        self.client = runtime.client("athena")
        self.s3 = runtime.client("s3")
        self.s3.create_bucket(Bucket="lake")
        runtime.client("glue").create_database(DatabaseInput={"Name": "shop"})
        self.client.create_work_group(
            Name="people",
            Configuration={
                "ResultConfiguration": {"OutputLocation": "s3://lake/athena/"},
                "EnforceWorkGroupConfiguration": False,
            },
        )

    def start(self, sql: str, **more: Any) -> str:
        given = {"WorkGroup": "people", "QueryExecutionContext": {"Database": "shop"}} | more
        return str(self.client.start_query_execution(QueryString=sql, **given)["QueryExecutionId"])

    def get(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        return found

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        id, deadline = self.start(sql, **more), time.monotonic() + 30
        while (found := self.get(id))["Status"]["State"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < deadline
        return found

    def body(self, location: str) -> bytes:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        found: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return found


@pytest.fixture
def wire(runtime: Embedded) -> Wire:
    return Wire(runtime)


def _refusal(call: Any, **params: Any) -> tuple[str, str]:
    """AthenaErrorCode and message."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    response = refused.value.response
    assert response["Error"]["Code"] == "InvalidRequestException"
    return response["AthenaErrorCode"], response["Error"]["Message"]


# measured: the message of `SELECT` of these columns, without the id of the query in front
MEASURED = [
    ("i", "integer", "221d0a04686976652201692a01693207696e7465676572380a400048035000"),
    ("ti", "tinyint", "221f0a0468697665220274692a027469320774696e79696e743803400048035000"),
    ("r", "real", "221b0a04686976652201722a01723205666c6f61743811400048035000"),
    ("dc", "decimal(10,2)", "221f0a0468697665220264632a0264633207646563696d616c380a400248035000"),
    ("b", "boolean", "22190a04686976652201622a01623207626f6f6c65616e48035000"),
    ("vc", "varchar(10)", "221f0a0468697665220276632a027663320776617263686172380a400048035001"),
    ("dt", "date", "221a0a0468697665220264742a026474320464617465400048035000"),
    ("ts", "timestamp", "22210a0468697665220274732a027473320974696d657374616d703803400048035000"),
    ("arr", "array(bigint)", "22190a046869766522036172722a03617272320561727261794803"),
    ("vb", "varbinary", "22250a0468697665220276622a027662320976617262696e617279388080808004400048035000"),
]


@pytest.mark.parametrize(("name", "type_", "measured"), MEASURED)
def test_metadata_is_what_athena_writes(name: str, type_: str, measured: str) -> None:
    info = column_info(ResultColumn(name, parse_type(type_)))
    assert metadata("q1", [info]).hex() == "0a027131" + measured


def test_metadata_of_an_update_and_of_long_names() -> None:
    rows = column_info(ResultColumn("rows", parse_type("bigint")))
    written = "0a0271311206494e53455254180022220a04686976652204726f77732a04726f77733206626967696e743813400048035000"
    assert metadata("q1", [rows], ("INSERT", 0)).hex() == written
    long = column_info(ResultColumn("é" * 65, parse_type("integer")))
    assert metadata("q1", [long]).hex().startswith("0a02713122a1020a0468697665228201c3a9")


def test_result_files(wire: Wire) -> None:
    selected = wire.run("SELECT 1 AS n UNION ALL SELECT NULL ORDER BY 1")["ResultConfiguration"]["OutputLocation"]
    assert wire.body(selected) == b'"n"\n"1"\n\n'
    assert b"integer" in wire.body(f"{selected}.metadata")
    shown = wire.run("SHOW DATABASES")
    location = shown["ResultConfiguration"]["OutputLocation"]
    assert (location.rpartition(".")[2], wire.body(location)) == ("txt", b"shop")
    made = wire.run("CREATE DATABASE other")["ResultConfiguration"]["OutputLocation"]
    assert wire.body(made) == b""
    with pytest.raises(ClientError, match="NoSuchKey"):
        wire.body(f"{made}.metadata")


def test_pages_are_full_until_the_last_and_requests_are_looked_at_in_athenas_order(wire: Wire) -> None:
    ask = wire.client.get_query_results
    id = wire.run("SELECT n FROM UNNEST(sequence(1, 3)) t(n)")["QueryExecutionId"]
    failed = wire.run("SELECT * FROM nothing")["QueryExecutionId"]
    first = ask(QueryExecutionId=id, MaxResults=4)
    assert (len(first["ResultSet"]["Rows"]), first["UpdateCount"]) == (4, 0)
    last = ask(QueryExecutionId=id, MaxResults=4, NextToken=first["NextToken"])
    assert last["ResultSet"]["Rows"] == []
    assert "NextToken" not in last
    assert _refusal(ask, QueryExecutionId="x", MaxResults=1001)[0] == "QUERY_EXECUTION_NOT_FOUND"
    too_many = ("INVALID_INPUT", "MaxResults is more than maximum allowed length 1000")
    assert _refusal(ask, QueryExecutionId=failed, MaxResults=1001) == too_many
    unsuccessful = "Query did not finish successfully. Final query state: FAILED"
    assert _refusal(ask, QueryExecutionId=failed, NextToken="x") == ("INVALID_QUERY_EXECUTION_STATE", unsuccessful)
    assert _refusal(ask, QueryExecutionId=id, NextToken="x") == ("INVALID_INPUT", "Malformed nextPageToken x")
    nothing = wire.run("SHOW TABLES")["QueryExecutionId"]
    assert ask(QueryExecutionId=nothing, NextToken="x")["ResultSet"]["Rows"] == []


def test_cells_that_a_chunk_ends_within(wire: Wire) -> None:
    sql = "SELECT rpad(CAST(n AS varchar), 100000, '\"') || chr(10) AS x, NULL AS y FROM UNNEST(sequence(1, 9)) t(n)"
    id = wire.run(sql)["QueryExecutionId"]
    pages = wire.client.get_paginator("get_query_results").paginate(
        QueryExecutionId=id, PaginationConfig={"PageSize": 2}
    )
    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert rows[1:] == [[{"VarCharValue": f"{n}".ljust(100_000, '"') + "\n"}, {}] for n in range(1, 10)]


def test_refusals_before_a_query_begins(wire: Wire) -> None:
    start = wire.client.start_query_execution
    place = {"ResultConfiguration": {"OutputLocation": "s3://lake/x"}}
    long = "SELECT '" + "x" * 262_144 + "'"
    assert _refusal(start, QueryString=long, **place)[1] == "Query string exceeds the limit of 262144 bytes"
    code, message = _refusal(start, QueryString="SELEC 1", **place)
    assert (code, message[:30]) == ("MALFORMED_QUERY", "line 1:1: mismatched input 'SE")
    elsewhere = {"ResultConfiguration": {"OutputLocation": "lake"}}
    assert _refusal(start, QueryString="SELEC", **elsewhere)[1] == "outputLocation is not a valid S3 path."
    assert _refusal(start, QueryString="SELECT 1", WorkGroup="none") == ("INVALID_INPUT", "WorkGroup is not found.")
    old = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 10081}}}
    assert "less than or equal to 10080" in _refusal(start, QueryString="SELECT 1", **place, **old)[1]


def test_a_client_token_is_for_one_text_database_and_location(wire: Wire) -> None:
    token = {"ClientRequestToken": "t" * 32}
    id = wire.start("SELECT 1", **token)
    assert wire.start("SELECT 1", **token) == id
    mismatch = ("IDEMPOTENT_PARAMETER_MISMATCH", "Idempotent parameters do not match")
    for other in (
        {"QueryString": "SELECT 2"},
        {"QueryExecutionContext": {"Database": "shop", "Catalog": "AwsDataCatalog"}},
        {"ResultConfiguration": {"OutputLocation": "s3://lake/athena/"}},
    ):
        given = {"QueryString": "SELECT 1", "WorkGroup": "people", "QueryExecutionContext": {"Database": "shop"}}
        assert _refusal(wire.client.start_query_execution, **(given | other), **token) == mismatch


def test_failures_have_athenas_types(wire: Wire) -> None:
    types = {
        "SELECT * FROM nothing": 1301,
        "SELECT * FROM nowhere.t": 1301,
        "SELECT x FROM (VALUES 1) t(y)": 1006,
        "SELECT 1 / 0": 1001,
        "SELECT CAST('x' AS integer)": 1100,
    }
    for sql, expected in types.items():
        status = wire.run(sql)["Status"]
        assert (status["State"], status["AthenaError"]["ErrorType"]) == ("FAILED", expected), sql
        assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]
    reason = wire.run("SELECT x FROM (VALUES 1) t(y)")["Status"]["StateChangeReason"]
    assert reason.startswith("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved")
    other = wire.run("SELECT 1", QueryExecutionContext={"Catalog": "Other"})
    assert other["Status"]["StateChangeReason"] == "CATALOG_NOT_FOUND: Catalog 'Other' does not exist"
    assert other["QueryExecutionContext"] == {"Catalog": "other"}


def test_a_stopped_query_has_no_result_and_tells_what_it_had_read(wire: Wire) -> None:
    stopped = [wire.start(WAITS) for _ in range(6)]  # more than run at once: some have not begun
    for id in stopped:
        wire.client.stop_query_execution(QueryExecutionId=id)
    deadline = time.monotonic() + 20
    while any(wire.get(id)["Status"]["State"] in ("QUEUED", "RUNNING") for id in stopped):
        assert time.monotonic() < deadline
    for id in stopped:
        found = wire.get(id)
        assert (found["Status"]["State"], found["Status"]["StateChangeReason"]) == (
            "CANCELLED",
            "Query cancelled by user",
        )
        assert "AthenaError" not in found["Status"]
        refusal = _refusal(wire.client.get_query_results, QueryExecutionId=id)
        assert refusal == ("RESULT_NOT_FOUND", "Could not find results")
    unknown = _refusal(wire.client.stop_query_execution, QueryExecutionId="x")
    assert unknown == ("QUERY_EXECUTION_NOT_FOUND", "QueryExecution x was not found")


REUSE = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 60}}}


def _reused(execution: dict[str, Any]) -> bool:
    return bool(execution["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"])


def test_an_earlier_result_is_given_again_only_on_request_and_while_it_is_young_and_there(wire: Wire) -> None:
    first = wire.run("SELECT now()")
    assert not _reused(wire.run("SELECT now()"))
    again = wire.run("SELECT now()", **REUSE)
    assert _reused(again)
    assert again["Statistics"]["DataScannedInBytes"] == 0
    location = again["ResultConfiguration"]["OutputLocation"]
    assert location.startswith("s3://lake/athena/")
    assert location != first["ResultConfiguration"]["OutputLocation"], "the newest is taken"
    rows = wire.client.get_query_results(QueryExecutionId=again["QueryExecutionId"])["ResultSet"]["Rows"]
    assert len(rows) == 2
    others: list[dict[str, Any]] = [
        {"QueryExecutionContext": {}},
        {"ResultConfiguration": {"OutputLocation": "s3://lake/else/"}},
        {"QueryExecutionContext": {"Database": "shop", "Catalog": "AwsDataCatalog"}},
    ]
    for other in others:
        assert not _reused(wire.run("SELECT now()", **(REUSE | other)))
    assert not _reused(wire.run("SELECT  now()", **REUSE))
    none = {"ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 0}}}
    assert not _reused(wire.run("SELECT now()", **none))
    for document in wire.runtime.stores.documents.all(KIND).values():
        bucket, _, key = str(document["QueryExecution"]["ResultConfiguration"]["OutputLocation"])[5:].partition("/")
        wire.s3.delete_object(Bucket=bucket, Key=key)
    assert not _reused(wire.run("SELECT now()", **REUSE))
    wire.run("CREATE VIEW seen AS SELECT 1 AS n")
    wire.run("SELECT * FROM seen")
    assert _reused(wire.run("SELECT * FROM seen", **REUSE))
    wire.run("CREATE OR REPLACE VIEW seen AS SELECT 'x' AS n")
    assert not _reused(wire.run("SELECT * FROM seen", **REUSE))
    wire.run("DROP VIEW seen")
    assert wire.run("SELECT * FROM seen", **REUSE)["Status"]["State"] == "FAILED"


def test_statistics_add_up(wire: Wire) -> None:
    found = wire.run("SELECT count(*) FROM UNNEST(sequence(1, 10000)) t(n)")
    statistics = found["Statistics"]
    parts = ("QueryQueueTimeInMillis", "EngineExecutionTimeInMillis", "ServiceProcessingTimeInMillis")
    assert abs(sum(statistics[part] for part in parts) - statistics["TotalExecutionTimeInMillis"]) <= 3
    assert statistics["QueryPlanningTimeInMillis"] <= statistics["EngineExecutionTimeInMillis"]
    told = wire.client.get_query_runtime_statistics(QueryExecutionId=found["QueryExecutionId"])[
        "QueryRuntimeStatistics"
    ]
    assert told["Rows"] == {"InputBytes": 0, "OutputBytes": 16, "OutputRows": 1}
    assert told["Timeline"]["TotalExecutionTimeInMillis"] == statistics["TotalExecutionTimeInMillis"]


def test_workgroups(wire: Wire) -> None:
    client = wire.client
    client.create_work_group(Name="a", Description="first", Configuration={})
    listed = client.list_work_groups()["WorkGroups"]
    assert [(group["Name"], group["State"]) for group in listed] == [
        ("a", "ENABLED"),
        ("people", "ENABLED"),
        ("primary", "ENABLED"),
    ]
    client.update_work_group(WorkGroup="people", State="DISABLED", Description="no more")
    assert client.get_work_group(WorkGroup="people")["WorkGroup"]["Description"] == "no more"
    assert "disabled" in _refusal(wire.start, sql="SELECT 1")[1]
    client.update_work_group(WorkGroup="people", State="ENABLED")
    assert wire.run("SELECT 1")["Status"]["State"] == "SUCCEEDED"
    query = client.create_named_query(Name="q", Database="shop", QueryString="SELECT 1", WorkGroup="a")["NamedQueryId"]
    assert _refusal(client.delete_work_group, WorkGroup="a")[1] == "WorkGroup a is not empty"
    client.delete_work_group(WorkGroup="a", RecursiveDeleteOption=True)
    token = {"QueryString": "SELECT 1", "WorkGroup": "people", "ClientRequestToken": "w" * 32}
    asked = client.start_query_execution(**token)["QueryExecutionId"]
    assert _refusal(client.delete_work_group, WorkGroup="people")[1] == "WorkGroup people is not empty"
    client.delete_work_group(WorkGroup="people", RecursiveDeleteOption=True)
    assert _refusal(client.get_query_execution, QueryExecutionId=asked)[0] == "QUERY_EXECUTION_NOT_FOUND"
    results = {"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}
    client.create_work_group(Name="people", Configuration=results)
    assert client.list_query_executions(WorkGroup="people")["QueryExecutionIds"] == []
    assert client.start_query_execution(**token)["QueryExecutionId"] != asked
    assert _refusal(client.get_work_group, WorkGroup="a") == ("INVALID_INPUT", "WorkGroup is not found.")
    assert _refusal(client.get_named_query, NamedQueryId=query)[0] == "NAMED_QUERY_NOT_FOUND"


def test_named_queries(wire: Wire) -> None:
    client = wire.client
    given = {"Name": "open", "Database": "shop", "QueryString": "SELECT 1", "WorkGroup": "people"}
    token = {"ClientRequestToken": "t" * 32}
    id = client.create_named_query(**given, **token)["NamedQueryId"]
    assert client.create_named_query(**given, **token)["NamedQueryId"] == id
    assert _refusal(client.create_named_query, **given | {"Name": "x"}, **token)[0] == "IDEMPOTENT_PARAMETER_MISMATCH"
    client.update_named_query(NamedQueryId=id, Name="closed", QueryString="SELECT 2", Description="d")
    changed = given | {"NamedQueryId": id, "Name": "closed", "QueryString": "SELECT 2", "Description": "d"}
    assert client.get_named_query(NamedQueryId=id)["NamedQuery"] == changed
    wire.runtime.restart()
    client = wire.runtime.client("athena")
    second = client.create_named_query(**given)["NamedQueryId"]
    page = client.list_named_queries(WorkGroup="people", MaxResults=1)
    assert page["NamedQueryIds"] == [second]
    rest = client.list_named_queries(WorkGroup="people", NextToken=page["NextToken"])
    assert rest["NamedQueryIds"] == [id]
    assert client.list_named_queries()["NamedQueryIds"] == []
    batch = client.batch_get_named_query(NamedQueryIds=[id, "unknown"])
    assert batch["NamedQueries"] == [changed]
    assert batch["UnprocessedNamedQueryIds"][0]["ErrorCode"] == "NAMED_QUERY_NOT_FOUND"
    client.delete_named_query(NamedQueryId=id)
    assert _refusal(client.get_named_query, NamedQueryId=id)[1] == f"NamedQuery {id} was not found"
