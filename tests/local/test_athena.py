"""Athena through the endpoint, as boto3 sees it: life of a query, results, tables over objects, statements.

What AWS does is from AWS-documented behaviour named beside each rule in `salespipe/local/athena`.
"""

from __future__ import annotations

import csv
import gzip
import io
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.athena.execution_document import KIND, UNFINISHED
from salespipe.local.athena.executions import Executions
from tests.embedded import Embedded

OPENX = "org.openx.data.jsonserde.JsonSerDe"


class Athena:
    """A workgroup, a database and a bucket to try statements in."""

    def __init__(self, runtime: Embedded) -> None:
        self.runtime = runtime
        self.client = runtime.client("athena")
        self.glue = runtime.client("glue")
        self.s3 = runtime.client("s3")

    def prepare(self) -> None:
        self.s3.create_bucket(Bucket="lake")
        self.glue.create_database(DatabaseInput={"Name": "shop"})
        self.client.create_work_group(
            Name="people",
            Configuration={
                "ResultConfiguration": {"OutputLocation": "s3://lake/athena/"},
                "EnforceWorkGroupConfiguration": True,
                "BytesScannedCutoffPerQuery": 10_000_000,
            },
        )

    def table(
        self,
        name: str,
        columns: dict[str, str],
        keys: dict[str, str] | None = None,
        serde: dict[str, str] | None = None,
    ) -> None:
        self.glue.create_table(
            DatabaseName="shop",
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in (keys or {}).items()],
                "StorageDescriptor": {
                    "Columns": [{"Name": key, "Type": kind} for key, kind in columns.items()],
                    "Location": f"s3://lake/{name}/",
                    "SerdeInfo": {"SerializationLibrary": OPENX, "Parameters": serde or {}},
                },
            },
        )

    def partition(self, table: str, folder: str, *values: str) -> None:
        self.glue.create_partition(
            DatabaseName="shop",
            TableName=table,
            PartitionInput={
                "Values": list(values),
                "StorageDescriptor": {
                    "Location": f"s3://lake/{table}/{folder}/",
                    "SerdeInfo": {"SerializationLibrary": OPENX},
                },
            },
        )

    def put(self, key: str, *lines: str, body: bytes | None = None) -> int:
        content = body if body is not None else "".join(line + "\n" for line in lines).encode()
        self.s3.put_object(Bucket="lake", Key=key, Body=content)
        return len(content)

    def start(self, sql: str, **more: Any) -> str:
        return str(
            self.client.start_query_execution(
                QueryString=sql, WorkGroup="people", QueryExecutionContext={"Database": "shop"}, **more
            )["QueryExecutionId"]
        )

    def end(self, id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            execution: dict[str, Any] = self.client.get_query_execution(QueryExecutionId=id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
        raise AssertionError("the query did not end")

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        return self.end(self.start(sql, **more))

    def rows(self, sql: str, **more: Any) -> list[list[str | None]]:
        execution = self.run(sql, **more)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        found = [row for page in pages for row in page["ResultSet"]["Rows"]]
        values = [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]
        return values[1:] if execution["StatementType"] == "DML" else values

    def reason(self, sql: str, **more: Any) -> str:
        status = self.run(sql, **more)["Status"]
        assert status["State"] == "FAILED"
        return str(status["StateChangeReason"])


@pytest.fixture
def athena(runtime: Embedded) -> Athena:
    athena = Athena(runtime)
    athena.prepare()
    return athena


def test_a_query_over_json_objects_plain_and_gzipped(athena: Athena) -> None:
    athena.table("orders", {"orderid": "string", "quantity": "int", "price": "double", "paid": "boolean"})
    size = athena.put("orders/a.json", '{"orderid": "o1", "quantity": 2, "price": 1.5, "paid": true}')
    packed = gzip.compress(b'{"orderid": "o2", "quantity": 3, "extra": 1}\n')
    size += athena.put("orders/b.json.gz", body=packed)
    athena.put("orders/_SUCCESS", "{")
    athena.put("orders/.hidden/x.json", "{")
    execution = athena.run("SELECT * FROM orders ORDER BY orderid")
    assert execution["Statistics"]["DataScannedInBytes"] == size
    assert athena.rows("SELECT * FROM orders ORDER BY orderid") == [
        ["o1", "2", "1.5", "true"],
        ["o2", "3", None, None],
    ]


def test_the_result_file_is_csv_as_athena_writes_it(athena: Athena) -> None:
    execution = athena.run("SELECT 'a\"b' AS x, '' AS y, NULL AS z, ARRAY[1, NULL] AS w")
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://lake/athena/{execution['QueryExecutionId']}.csv"
    key = location.removeprefix("s3://lake/")
    body = athena.s3.get_object(Bucket="lake", Key=key)["Body"].read().decode()
    assert body == '"x","y","z","w"\n"a""b","",,"[1, null]"\n'
    assert athena.s3.head_object(Bucket="lake", Key=f"{key}.metadata")["ContentLength"] > 0


def test_results_come_in_pages_with_the_header_on_the_first(athena: Athena) -> None:
    id = athena.run("SELECT n, 'line\nbreak' FROM UNNEST(sequence(1, 2500)) t(n)")["QueryExecutionId"]
    page = athena.client.get_query_results(QueryExecutionId=id)
    assert [cell["VarCharValue"] for cell in page["ResultSet"]["Rows"][0]["Data"]] == ["n", "_col1"]
    sizes, last = [len(page["ResultSet"]["Rows"])], page
    while "NextToken" in last:
        last = athena.client.get_query_results(QueryExecutionId=id, NextToken=last["NextToken"], MaxResults=1000)
        sizes.append(len(last["ResultSet"]["Rows"]))
    assert sizes == [1000, 1000, 501]
    assert last["ResultSet"]["Rows"][-1]["Data"] == [{"VarCharValue": "2500"}, {"VarCharValue": "line\nbreak"}]


def test_column_info(athena: Athena) -> None:
    sql = (
        "SELECT true a, cast(1 as tinyint) b, cast(1 as smallint) c, 1 d, cast(1 as bigint) e, cast(1 as "
        "real) f, 1e0 g, "
        "cast('x' as varchar) h, now() i, date '2024-01-01' j, to_utf8('x') k, ARRAY[1] l, map() m, row(1) n, "
        "cast(1 as decimal(18,4)) o, cast('2024-01-01' as timestamp) p"
    )
    id = athena.run(sql.replace("map() m", "map(ARRAY[1], ARRAY[1]) m"))["QueryExecutionId"]
    columns = athena.client.get_query_results(QueryExecutionId=id)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Type"], column["Precision"], column["Scale"]) for column in columns] == [
        ("boolean", 0, 0),
        ("tinyint", 3, 0),
        ("smallint", 5, 0),
        ("integer", 10, 0),
        ("bigint", 19, 0),
        ("float", 17, 0),
        ("double", 17, 0),
        ("varchar", 2147483647, 0),
        ("timestamp with time zone", 3, 0),
        ("date", 0, 0),
        ("varbinary", 1073741824, 0),
        ("array", 0, 0),
        ("map", 0, 0),
        ("row", 0, 0),
        ("decimal", 18, 4),
        ("timestamp", 3, 0),
    ]
    assert {column["Nullable"] for column in columns} == {"UNKNOWN"}


def test_a_failed_query_says_why(athena: Athena) -> None:
    status = athena.run("SELECT * FROM nothing")["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"] == (
        "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.shop.nothing' does not exist"
    )
    assert status["AthenaError"]["ErrorCategory"] == 2
    assert status["AthenaError"]["ErrorType"] == 1301
    assert status["AthenaError"]["Retryable"] is False
    assert athena.reason("SELECT * FROM nowhere.t").startswith("SCHEMA_NOT_FOUND: line 1:15")
    assert athena.reason("SELECT 1 / 0") == "DIVISION_BY_ZERO: Division by zero"
    with pytest.raises(ClientError, match=r"Query did not finish successfully\. Final query state: FAILED"):
        athena.client.get_query_results(QueryExecutionId=athena.run("SELECT x")["QueryExecutionId"])


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "line 1:1: mismatched input 'SELEC'. Expecting: 'ALTER', "),
        ("SELECT 1 FROM", "line 1:14: mismatched input '<EOF>'"),
        ("   ", "Query string is empty"),
    ],
)
def test_what_is_no_statement_is_refused_as_it_is_sent(athena: Athena, sql: str, message: str) -> None:
    with pytest.raises(ClientError) as error:
        athena.start(sql)
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
    assert message in error.value.response["Error"]["Message"]


def test_parameters_are_literals(athena: Athena) -> None:
    assert athena.rows("SELECT ? || '?', ? + 1 -- ?", ExecutionParameters=["'o''1'", "41"]) == [["o'1?", "42"]]


def test_a_running_query_stops(athena: Athena) -> None:
    id = athena.start(
        "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
        "CROSS JOIN UNNEST(sequence(1, 10000)) c(z) "
        "WHERE x % 7 = y % 11"
    )
    while athena.client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] == "QUEUED":
        pass
    athena.client.stop_query_execution(QueryExecutionId=id)
    began = time.monotonic()
    assert athena.end(id)["Status"]["State"] == "CANCELLED"
    assert time.monotonic() - began < 5
    athena.client.stop_query_execution(QueryExecutionId=id)


def test_a_query_that_ends_while_it_is_asked_to_stop_stays_what_it_became(
    athena: Athena, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = athena.start("SELECT 1")
    asked: list[Executions] = []

    def read_before_the_end(self: Executions, id: str) -> dict[str, Any]:
        """What it was when it was read; by the time the caller goes on, it has ended."""
        asked.append(self)
        while True:
            document = self._stores.documents.get(KIND, id) or {}
            status = document["QueryExecution"]["Status"]
            if status["State"] not in UNFINISHED and id not in self._sessions:
                status["State"] = "RUNNING"
                return document

    with monkeypatch.context() as patched:
        patched.setattr(Executions, "get", read_before_the_end)
        athena.client.stop_query_execution(QueryExecutionId=id)
    assert athena.end(id)["Status"]["State"] == "SUCCEEDED"
    assert asked[0]._stopped == set()


def test_a_bucket_that_is_deleted_before_the_result_is_there_fails_the_query(athena: Athena, runtime: Embedded) -> None:
    client = athena.client
    athena.s3.create_bucket(Bucket="results")
    location = {"OutputLocation": "s3://results/"}
    client.create_work_group(Name="own", Configuration={"ResultConfiguration": location})

    def before_write(bucket: str) -> None:
        runtime.stores.objects.before_write = None
        athena.s3.delete_bucket(Bucket=bucket)

    runtime.stores.objects.before_write = before_write
    id = client.start_query_execution(QueryString="SELECT 1", WorkGroup="own")["QueryExecutionId"]
    status = athena.end(id)["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("The S3 location provided to save your query results is invalid.")
    athena.s3.create_bucket(Bucket="results")
    assert athena.s3.list_objects_v2(Bucket="results")["KeyCount"] == 0
    assert list((runtime.home / "objects").rglob("*.csv")) == []


def test_the_workgroup_decides_where_results_go_and_how_much_is_read(athena: Athena) -> None:
    asked = {"ResultConfiguration": {"OutputLocation": "s3://elsewhere/x/"}}
    assert athena.run("SELECT 1", **asked)["ResultConfiguration"]["OutputLocation"].startswith("s3://lake/athena/")
    athena.client.update_work_group(WorkGroup="people", ConfigurationUpdates={"BytesScannedCutoffPerQuery": 10_000_000})
    athena.table("big", {"x": "string"})
    athena.put("big/a.json", body=b'{"x": "' + b"a" * 1_000_000 + b'"}\n')
    for copy in range(10):
        athena.s3.copy_object(Bucket="lake", Key=f"big/{copy}.json", CopySource="lake/big/a.json")
    status = athena.run("SELECT count(*) FROM big")["Status"]
    assert status["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in status["StateChangeReason"]
    with pytest.raises(ClientError, match="WorkGroup is not found"):
        athena.client.start_query_execution(QueryString="SELECT 1", WorkGroup="nobody")
    with pytest.raises(ClientError, match="No output location provided"):
        athena.client.start_query_execution(QueryString="SELECT 1")
    with pytest.raises(ClientError, match="not a valid S3 path"):
        athena.client.start_query_execution(
            QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "/tmp/results"}
        )


def test_partitions_are_typed_and_only_the_matching_objects_are_read(athena: Athena) -> None:
    athena.table("events", {"id": "int"}, {"dt": "date", "hour": "int", "partition_2": "string"})
    sizes = {}
    for day in ("2026-01-01", "2026-01-02"):
        for hour in ("08", "09"):
            folder = f"dt={day}/hour={hour}/x"
            sizes[day, hour] = athena.put(f"events/{folder}/a.json", *['{"id": 1}'] * (int(hour) + int(day[-1])))
            athena.partition("events", folder, day, hour, "x")

    def scanned(condition: str) -> int:
        execution = athena.run(f"SELECT count(id) FROM events e WHERE {condition}")
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return int(execution["Statistics"]["DataScannedInBytes"])

    assert scanned("dt = DATE '2026-01-02'") == sizes["2026-01-02", "08"] + sizes["2026-01-02", "09"]
    assert scanned("e.hour + 1 = 10 AND dt < DATE '2026-01-02'") == sizes["2026-01-01", "09"]
    assert scanned("partition_2 LIKE 'y%'") == 0
    assert scanned("hour = 8 OR id = 5") == sum(sizes.values())
    assert athena.rows("SELECT dt, hour, count(*) FROM events GROUP BY 1, 2 ORDER BY 1, 2") == [
        ["2026-01-01", "8", "9"],
        ["2026-01-01", "9", "10"],
        ["2026-01-02", "8", "10"],
        ["2026-01-02", "9", "11"],
    ]


def test_a_condition_on_the_outer_side_of_a_join_does_not_prune(athena: Athena) -> None:
    athena.table("days", {"id": "int"}, {"dt": "string"})
    athena.put("days/dt=a/a.json", '{"id": 1}')
    athena.partition("days", "dt=a", "a")
    assert athena.rows("SELECT t.x FROM (VALUES 1) t(x) LEFT JOIN days ON id = x WHERE dt IS NULL") == []


JSON_LINES = [
    # what the SerDe reads: https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html and Trino's tests of it
    ('{"Id": 1, "NAME": "x"}', ["1", "x", None, None]),
    ('{"id": 2} {"id": 99}', ["2", None, None, None]),
    ('{"id": "3", "name": 5.50}', ["3", "5.5", None, None]),
    ('{"id": 4.9, "name": {"a": [1]}}', ["4", '{"a":[1]}', None, None]),
    ('{"id": 5, "tags": ["a", null]}', ["5", None, "[a, null]", None]),
    ('{"id": 6, "more": {"X": 1, "y": {"k": 2.5}}}', ["6", None, None, "{x=1, y={k=2.5}}"]),
    ('{"id": 7, "name": null}', ["7", None, None, None]),
    ('[8, "n"]', ["8", "n", None, None]),
    ('{"id": 9, "name": "quote \\" and \\u00e9"}', ["9", 'quote " and é', None, None]),
]


def test_json_lines_are_read_as_the_serde_reads_them(athena: Athena) -> None:
    columns = {"id": "int", "name": "string", "tags": "array<string>", "more": "struct<x:int,y:map<string,double>>"}
    athena.table("things", columns)
    for number, (line, _) in enumerate(JSON_LINES):
        athena.put(f"things/{number}.json", line)
    assert athena.rows("SELECT * FROM things ORDER BY id") == [row for _, row in JSON_LINES]


def test_a_blank_line_is_a_row_of_nulls(athena: Athena) -> None:
    athena.table("blank", {"id": "int"})
    athena.put("blank/a.json", '{"id": 1}', "", '{"id": 2}')
    assert athena.rows("SELECT count(*), count(id) FROM blank") == [["3", "2"]]


@pytest.mark.parametrize("line", ['{"id": 1', "not json", '{"id": }'])
def test_a_malformed_line_fails_unless_the_table_ignores_them(athena: Athena, line: str) -> None:
    athena.table("strict", {"id": "int"})
    athena.table("lenient", {"id": "int"}, serde={"ignore.malformed.json": "TRUE"})
    for table in ("strict", "lenient"):
        athena.put(f"{table}/a.json", '{"id": 7}', line)
    said = "HIVE_CURSOR_ERROR: Failed to read file at s3://lake/strict/a.json: line 2: Row is not a valid JSON Object"
    assert athena.reason("SELECT * FROM strict").startswith(said)
    assert athena.reason("SELECT count(*) FROM strict").startswith(said)
    assert athena.rows("SELECT * FROM lenient ORDER BY id") == [["7"], [None]]


def test_a_value_that_does_not_fit_its_type_fails(athena: Athena) -> None:
    athena.table("typed", {"id": "int"})
    athena.put("typed/a.json", '{"id": "abc"}')
    for name in "bcdef":
        athena.put(f"typed/{name}.json", '{"id": 1}')
    athena.put("typed/e.json", '{"id": 1}', '{"id": "abc"}', '{"ID": 2}')
    said = "HIVE_BAD_DATA: Failed to read file at s3://lake/typed/{}.json: Error parsing column 'id' as integer: abc"
    assert athena.reason("SELECT * FROM typed") == said.format("a")
    assert athena.reason("SELECT sum(id) FROM typed WHERE \"$path\" LIKE '%/e.json'") == said.format("e")
    assert athena.rows("SELECT count(*) FROM typed") == [["8"]]


def test_mapped_keys(athena: Athena) -> None:
    athena.table("mapped", {"ts": "string"}, serde={"mapping.ts": "time"})
    athena.put("mapped/a.json", '{"time": "now"}')
    assert athena.rows("SELECT ts FROM mapped") == [["now"]]


def test_old_partitions_keep_their_schema(athena: Athena) -> None:
    athena.table("late", {"price": "double"}, {"dt": "string"})
    athena.put("late/dt=a/a.json", '{"price": 1}')
    athena.glue.create_partition(
        DatabaseName="shop",
        TableName="late",
        PartitionInput={
            "Values": ["a"],
            "StorageDescriptor": {
                "Columns": [{"Name": "price", "Type": "int"}],
                "Location": "s3://lake/late/dt=a/",
                "SerdeInfo": {"SerializationLibrary": OPENX},
            },
        },
    )
    reason = athena.reason("SELECT * FROM late")
    assert reason.startswith("HIVE_PARTITION_SCHEMA_MISMATCH")
    assert "declared as type 'double', but partition 'dt=a' declared column 'price' as type 'int'" in reason


def test_thousands_of_small_objects(athena: Athena) -> None:
    athena.table("many", {"id": "int"}, {"hour": "int"})
    with athena.runtime.stores.db.write():
        for number in range(3000):
            line = b'{"id": %d}\n' % number
            athena.runtime.stores.objects.put("lake", f"many/hour={number % 24:02}/{number}.json", line)
    for hour in range(24):
        athena.partition("many", f"hour={hour:02}", f"{hour:02}")
    assert athena.rows("SELECT count(*), sum(id), count(DISTINCT hour) FROM many") == [["3000", "4498500", "24"]]
    assert athena.rows("SELECT count(*) FROM many WHERE hour = 5") == [["125"]]


def test_capitals_in_the_keys_of_a_map_or_of_json_in_a_text_are_left_alone(athena: Athena) -> None:
    athena.table("events", {"id": "string", "tags": "map<string,int>", "raw": "string"})
    athena.put("events/a.json", '{"ID": "e", "tags": {"K": 1, "k": 2}, "raw": {"B": [1]}}', '{"raw": {"C": 1}}')
    assert athena.rows("SELECT id, tags['K'], json_extract_scalar(raw, '$.B[0]') FROM events") == [
        ["e", "1", "1"],
        [None, None, None],
    ]
    assert athena.rows("SELECT raw FROM events WHERE id IS NULL") == [['{"C":1}']]


def test_csv_tables(athena: Athena) -> None:
    athena.rows(
        "CREATE EXTERNAL TABLE plain (id int, name string, price decimal(10,2), day date) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/plain/' "
        "TBLPROPERTIES ('skip.header.line.count'='1')"
    )
    athena.put("plain/a.csv", "id,name,price,day", '1,"a",1.50,2024-01-02', "x,,,", "3")
    assert athena.rows("SELECT * FROM plain ORDER BY id") == [
        ["1", '"a"', "1.50", "2024-01-02"],
        ["3", None, None, None],
        [None, "", None, None],
    ]
    athena.rows(
        "CREATE EXTERNAL TABLE quoted (id int, name string) ROW FORMAT SERDE "
        "'org.apache.hadoop.hive.serde2.OpenCSVSerde' LOCATION 's3://lake/quoted/'"
    )
    athena.put("quoted/a.csv", '"1","a, ""b"""', "2,c")
    assert athena.rows("SELECT * FROM quoted ORDER BY id") == [["1", 'a, "b"'], ["2", "c"]]


def test_odd_lines_of_csv_are_read_as_hive_reads_them_or_refused(athena: Athena) -> None:
    """`LongEncoding`, `HiveFormatUtils` and `CsvDeserializer` in Trino's `lib/trino-hive-formats`."""
    athena.rows(
        "CREATE EXTERNAL TABLE plain (i int, d double, m decimal(5,2), t date, s timestamp, x varchar(3)) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://lake/plain/'"
    )
    athena.put(
        "plain/a.csv", "1.9,1d,1.005,2020-2-30,2020-01-01 1:2:3.0009,abcd", " 1,inf, 1,2020/01/01,2020-01-01 10:00,", ""
    )
    assert athena.rows("SELECT * FROM plain") == [
        ["1", "1.0", "1.01", "2020-03-01", "2020-01-01 01:02:03.001", "abc"],
        [None, None, None, None, None, ""],
        [None, None, None, None, None, None],
    ]
    athena.rows(
        "CREATE EXTERNAL TABLE quoted (a string, b string, n int) ROW FORMAT SERDE "
        "'org.apache.hadoop.hive.serde2.OpenCSVSerde' LOCATION 's3://lake/quoted/'"
    )
    athena.put("quoted/a.csv", "x", "", '"",,"7"')
    assert athena.rows("SELECT * FROM quoted") == [["x", None, None], [None, None, None], ["", "", "7"]]
    for line in ('a,"b', '"a"b,c,1', ' "a",b,1', "a\\,b,1"):
        athena.put("quoted/a.csv", line)
        assert athena.reason("SELECT * FROM quoted").startswith("NOT_SUPPORTED: such quotes or escapes"), line
    athena.put("quoted/a.csv", "a,b,1.5")
    assert athena.reason("SELECT * FROM quoted").startswith("HIVE_BAD_DATA")


def test_folders_are_partitions_where_they_are(athena: Athena) -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html: not those with capitals in their keys."""
    athena.rows(
        f"CREATE EXTERNAL TABLE odd (n int) PARTITIONED BY (s string) ROW FORMAT SERDE '{OPENX}' LOCATION 's3://lake/odd/'"
    )
    athena.put("odd/s=a%2Fb%3Dc d/a.json", '{"n": 1}')
    athena.put("odd/S=up/a.json", '{"n": 2}')
    athena.rows("MSCK REPAIR TABLE odd")
    assert athena.rows("SELECT s, n FROM odd") == [["a/b=c d", "1"]]


def test_parquet_tables(athena: Athena, tmp_path: Path) -> None:
    import duckdb

    file = tmp_path / "a.parquet"
    duckdb.sql(
        "COPY (SELECT 1 AS ID, 'a' AS name, 1.50::DECIMAL(10,2) AS price, [1, 2] AS l, TIMESTAMP '2024-01-01 "
        "01:02:03' AS t) "
        f"TO '{file}' (FORMAT parquet)"
    )
    athena.put("pq/a.parquet", body=file.read_bytes())
    athena.rows(
        "CREATE EXTERNAL TABLE pq (id bigint, name string, price decimal(10,2), l array<int>, t timestamp, "
        "gone string) "
        "STORED AS PARQUET LOCATION 's3://lake/pq/'"
    )
    assert athena.rows("SELECT * FROM pq") == [["1", "a", "1.50", "[1, 2]", "2024-01-01 01:02:03.000", None]]


@pytest.mark.parametrize(
    ("stored", "declared"), [("1.5::DOUBLE", "int"), ("1", "string"), ("true", "int"), ("1", "double")]
)
def test_a_column_of_parquet_of_another_kind_is_refused(
    athena: Athena, tmp_path: Path, stored: str, declared: str
) -> None:
    """https://repost.aws/knowledge-center/athena-hive-bad-data-parquet"""
    import duckdb

    file = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT {stored} AS x, 7 AS y) TO '{file}' (FORMAT parquet)")
    athena.put("pq/a.parquet", body=file.read_bytes())
    athena.rows(f"CREATE EXTERNAL TABLE pq (x {declared}, y bigint) STORED AS PARQUET LOCATION 's3://lake/pq/'")
    assert athena.reason("SELECT x FROM pq").startswith("HIVE_BAD_DATA: Field x's type")
    assert athena.rows("SELECT y FROM pq") == [["7"]]


def test_parquet_is_read_with_the_digits_of_its_columns(athena: Athena, tmp_path: Path) -> None:
    """TimestampMicrosColumnReader and ShortDecimalColumnReader in Trino's source."""
    import duckdb

    file = tmp_path / "a.parquet"
    moment = "TIMESTAMP '1969-12-31 23:59:59.9995'"
    duckdb.sql(
        f"COPY (SELECT {moment} AS t, [{moment}] AS l, {{'t': {moment}, 'd': 1.5::DECIMAL(9,2)}} AS r, "
        f"1.25::DECIMAL(9,2) AS x, 7 AS d) TO '{file}' (FORMAT parquet)"
    )
    athena.put("pq/a.parquet", body=file.read_bytes())
    athena.rows(
        "CREATE EXTERNAL TABLE pq (t timestamp, l array<timestamp>, r struct<t:timestamp,d:decimal(9,2)>, x bigint, "
        "d int) STORED AS PARQUET LOCATION 's3://lake/pq/'"
    )
    rounded = "1970-01-01 00:00:00.000"
    assert athena.rows("SELECT t, l, r.t, d FROM pq WHERE t = TIMESTAMP '1970-01-01 00:00:00'") == [
        [rounded, f"[{rounded}]", rounded, "7"]
    ]
    assert athena.reason("SELECT x FROM pq").startswith("NOT_SUPPORTED: Unsupported Trino column type (bigint)")
    athena.table("js", {"t": "timestamp", "l": "array<timestamp>"})
    athena.put("js/a.json", '{"t":"2020-01-01 00:00:00.1235","l":["2020-01-01T00:00:00.9999Z"]}')
    found = athena.rows("SELECT * FROM js WHERE t = TIMESTAMP '2020-01-01 00:00:00.124'")
    assert found == [["2020-01-01 00:00:00.124", "[2020-01-01 00:00:01.000]"]]


def test_views(athena: Athena) -> None:
    athena.table("orders", {"orderid": "string", "price": "double", "sequence_number": "string"})
    athena.put(
        "orders/a.json",
        '{"orderid": "o", "price": 1.1, "sequence_number": "9"}',
        '{"orderid": "o", "price": 2.2, "sequence_number": "10"}',
    )
    latest = (
        "CREATE OR REPLACE VIEW latest AS SELECT orderid, CAST(price AS decimal(18,4)) AS price FROM (SELECT *, "
        "row_number() OVER (PARTITION BY orderid ORDER BY length(sequence_number) DESC, sequence_number DESC) AS n "
        "FROM orders) WHERE n = 1"
    )
    athena.rows(latest)
    athena.rows(latest)
    athena.rows("CREATE VIEW doubled AS SELECT orderid, price * 2 AS price FROM latest")
    assert athena.rows("SELECT d.price, l.* FROM doubled d JOIN latest l USING (orderid)") == [["4.4000", "2.2000"]]
    entry = athena.glue.get_table(DatabaseName="shop", Name="latest")["Table"]
    assert entry["TableType"] == "VIRTUAL_VIEW"
    assert entry["ViewOriginalText"].startswith("/* Presto View: ")
    assert [(c["Name"], c["Type"]) for c in entry["StorageDescriptor"]["Columns"]] == [
        ("orderid", "string"),
        ("price", "decimal(18,4)"),
    ]
    assert "View already exists: 'awsdatacatalog.shop.latest'" in athena.reason("CREATE VIEW latest AS SELECT 1 x")
    assert athena.reason("CREATE VIEW bad AS SELECT 1").startswith("MISSING_COLUMN_NAME")
    assert athena.rows("SHOW VIEWS") == [["doubled"], ["latest"]]
    athena.rows("DROP VIEW latest")
    assert "TABLE_NOT_FOUND" in athena.reason("SELECT * FROM doubled")
    athena.rows("DROP VIEW IF EXISTS latest")
    assert athena.reason("DROP VIEW latest").startswith("TABLE_NOT_FOUND")


def test_databases_tables_and_partitions_by_statement(athena: Athena) -> None:
    athena.rows("CREATE DATABASE IF NOT EXISTS other")
    athena.rows(
        "CREATE EXTERNAL TABLE other.clicks (`id` int COMMENT 'the id', tags array<struct<k:string,v:int>>) "
        "PARTITIONED BY (dt string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        "WITH SERDEPROPERTIES ('ignore.malformed.json'='true') LOCATION 's3://lake/clicks/'"
    )
    athena.put("clicks/dt=2026-01-01/a.json", '{"id": 1}')
    athena.put("clicks/dt=2026-01-02/a.json", '{"id": 2}')
    athena.rows("ALTER TABLE other.clicks ADD IF NOT EXISTS PARTITION (dt='2026-01-01')")
    assert athena.rows("SELECT id, dt FROM other.clicks") == [["1", "2026-01-01"]]
    repaired = athena.rows("MSCK REPAIR TABLE other.clicks")
    assert repaired[-1] == ["Repair: Added partition to metastore other.clicks:dt=2026-01-02"]
    assert athena.rows("SHOW PARTITIONS other.clicks") == [["dt=2026-01-01"], ["dt=2026-01-02"]]
    assert athena.rows("SHOW TABLES IN other 'cl*'") == [["clicks"]]
    assert [row[0] for row in athena.rows("SHOW DATABASES")] == ["other", "shop"]
    assert str(athena.rows("DESCRIBE other.clicks")[0][0]).split() == ["id", "int", "the", "id"]
    assert athena.rows("SHOW CREATE TABLE other.clicks")[0] == ["CREATE EXTERNAL TABLE `clicks`("]
    assert athena.rows(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'other' ORDER BY "
        "ordinal_position"
    ) == [["id", "integer"], ["tags", "array(row(k varchar, v integer))"], ["dt", "varchar"]]
    assert "is not empty" in athena.reason("DROP DATABASE other")
    athena.rows("ALTER TABLE other.clicks DROP PARTITION (dt='2026-01-02')")
    athena.rows("DROP TABLE other.clicks")
    athena.rows("DROP DATABASE other")
    assert athena.rows("SHOW DATABASES") == [["shop"]]


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 x", "ORC"),
        ("CREATE TABLE t WITH (bucketed_by = ARRAY['x'], bucket_count = 2) AS SELECT 1 x", "bucketed_by"),
        ("UNLOAD (SELECT 1 x) TO 's3://lake/x/' WITH (format = 'AVRO')", "AVRO"),
        ("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE"),
        ("CREATE EXTERNAL TABLE t (x int) STORED AS ORC LOCATION 's3://lake/x/'", "STORED AS ORC"),
        ("SELECT soundex('x')", "soundex"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(athena: Athena, sql: str, named: str) -> None:
    reason = athena.reason(sql)
    assert reason.startswith("NOT_SUPPORTED")
    assert named in reason


def test_explain_shows_a_plan(athena: Athena) -> None:
    assert athena.rows("EXPLAIN SELECT 1")


def test_history_survives_and_what_was_running_has_failed(athena: Athena, runtime: Embedded) -> None:
    done = athena.run("SELECT 42 AS answer")["QueryExecutionId"]
    documents = runtime.stores.documents
    cut_off = dict(documents.get(KIND, done) or {})
    cut_off["QueryExecution"] = {
        **cut_off["QueryExecution"],
        "QueryExecutionId": "killed",
        "Status": {"State": "RUNNING", "SubmissionDateTime": time.time()},
    }
    documents.put(KIND, "killed", cut_off)
    runtime.restart()
    again = Athena(runtime)
    page = again.client.get_query_results(QueryExecutionId=done)
    assert page["ResultSet"]["Rows"][1]["Data"] == [{"VarCharValue": "42"}]
    status = again.client.get_query_execution(QueryExecutionId="killed")["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"
    assert "stopped while the query was running" in status["StateChangeReason"]
    assert set(again.client.list_query_executions(WorkGroup="people")["QueryExecutionIds"]) == {done, "killed"}


def test_the_same_client_token_is_the_same_query(athena: Athena) -> None:
    token = "t" * 32
    assert athena.start("SELECT 1", ClientRequestToken=token) == athena.start("SELECT 1", ClientRequestToken=token)
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start("SELECT 2", ClientRequestToken=token)


def test_history_in_batches_and_statistics(athena: Athena) -> None:
    ids = [athena.run(f"SELECT {number}")["QueryExecutionId"] for number in range(3)]
    listed = athena.client.list_query_executions(WorkGroup="people", MaxResults=2)
    assert listed["QueryExecutionIds"] == [ids[2], ids[1]]
    rest = athena.client.list_query_executions(WorkGroup="people", NextToken=listed["NextToken"])
    assert rest["QueryExecutionIds"] == [ids[0]]
    batch = athena.client.batch_get_query_execution(QueryExecutionIds=[ids[0], "unknown"])
    assert [execution["Query"] for execution in batch["QueryExecutions"]] == ["SELECT 0"]
    assert [entry["QueryExecutionId"] for entry in batch["UnprocessedQueryExecutionIds"]] == ["unknown"]
    statistics = athena.client.get_query_runtime_statistics(QueryExecutionId=ids[0])["QueryRuntimeStatistics"]
    assert statistics["Rows"]["OutputRows"] == 1
    with pytest.raises(ClientError, match="was not found"):
        athena.client.get_query_execution(QueryExecutionId="unknown")


def test_the_catalog_through_athena(athena: Athena) -> None:
    athena.table("orders", {"orderid": "string"}, {"dt": "string"})
    listed = athena.client.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]
    assert [database["Name"] for database in listed] == ["shop"]
    table = athena.client.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="shop", TableName="orders")
    assert table["TableMetadata"]["Columns"] == [{"Name": "orderid", "Type": "string"}]
    assert table["TableMetadata"]["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    with pytest.raises(ClientError) as error:
        athena.client.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="shop", TableName="none")
    assert error.value.response["Error"]["Code"] == "MetadataException"
    found = athena.client.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="shop", Expression="or.*")
    assert [entry["Name"] for entry in found["TableMetadataList"]] == ["orders"]


def test_results_are_read_by_any_csv_reader(athena: Athena) -> None:
    id = athena.run("SELECT 'a,b' x, 1.50 y UNION ALL SELECT 'c\nd', NULL ORDER BY 1")["QueryExecutionId"]
    body = athena.s3.get_object(Bucket="lake", Key=f"athena/{id}.csv")["Body"].read().decode()
    assert list(csv.reader(io.StringIO(body))) == [["x", "y"], ["a,b", "1.50"], ["c\nd", ""]]
