"""CTAS, INSERT INTO and UNLOAD: what is written, how the catalog tells of it, what is refused and how, and that a
statement is there whole or not at all.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html, /insert-into.html, /unload.html
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from tests.embedded import Embedded
from tests.local.test_athena import Athena

ROWS = (
    '{"orderid": "o1", "amount": 1.10, "region": "north", "dt": "2026-01-01"}',
    '{"orderid": "o2", "amount": 2.20, "region": "south", "dt": "2026-01-01"}',
    '{"orderid": "o3", "amount": null, "region": "south", "dt": "2026-01-02"}',
)
SELECT = "SELECT orderid, CAST(amount AS decimal(10,2)) amount, region, dt FROM raw"


class Writing(Athena):
    """A table `raw` of JSON lines, a workgroup `free` that enforces nothing, and a look at what is in the bucket."""

    def prepare(self) -> None:
        super().prepare()
        self.client.create_work_group(
            Name="free",
            Configuration={
                "ResultConfiguration": {"OutputLocation": "s3://lake/athena/"},
                "EnforceWorkGroupConfiguration": False,
            },
        )
        self.table("raw", {"orderid": "string", "amount": "double", "region": "string", "dt": "string"})
        self.put("raw/a.json", *ROWS)

    def start(self, sql: str, **more: Any) -> str:
        more = {"WorkGroup": "free", "QueryExecutionContext": {"Database": "shop"}} | more
        return str(self.client.start_query_execution(QueryString=sql, **more)["QueryExecutionId"])

    def done(self, sql: str, **more: Any) -> dict[str, Any]:
        execution = self.run(sql, **more)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket="lake", Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def body(self, location: str) -> bytes:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def manifest(self, execution: dict[str, Any]) -> list[str]:
        location = execution["Statistics"]["DataManifestLocation"]
        assert location.endswith(f"{execution['QueryExecutionId']}-manifest.csv")
        return self.body(location).decode().splitlines()

    def entry(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.glue.get_table(DatabaseName="shop", Name=name)["Table"]
        return found

    def partitions(self, name: str) -> dict[tuple[str, ...], str]:
        found = self.glue.get_partitions(DatabaseName="shop", TableName=name)["Partitions"]
        return {tuple(entry["Values"]): entry["StorageDescriptor"]["Location"] for entry in found}


@pytest.fixture
def athena(runtime: Embedded) -> Writing:
    athena = Writing(runtime)
    athena.prepare()
    return athena


def test_a_table_from_a_query_partitioned_and_packed(athena: Writing, tmp_path: Path) -> None:
    execution = athena.done(
        "CREATE TABLE packed WITH (format = 'PARQUET', write_compression = 'ZSTD', "
        f"partitioned_by = ARRAY['region', 'dt'], external_location = 's3://lake/packed/') AS {SELECT}"
    )
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert execution["Statistics"]["DataScannedInBytes"] == len("".join(row + "\n" for row in ROWS))
    keys = athena.keys("packed/")
    assert sorted(key.rpartition("/")[0] for key in keys) == [
        "packed/region=north/dt=2026-01-01",
        "packed/region=south/dt=2026-01-01",
        "packed/region=south/dt=2026-01-02",
    ]
    assert sorted(athena.manifest(execution)) == sorted(f"s3://lake/{key}" for key in keys)
    entry = athena.entry("packed")
    assert entry["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert entry["StorageDescriptor"]["Columns"] == [
        {"Name": "orderid", "Type": "string"},
        {"Name": "amount", "Type": "decimal(10,2)"},
    ]
    assert [key["Name"] for key in entry["PartitionKeys"]] == ["region", "dt"]
    assert entry["Parameters"]["parquet.compression"] == "ZSTD"
    assert athena.partitions("packed")[("south", "2026-01-02")] == "s3://lake/packed/region=south/dt=2026-01-02"
    (tmp_path / "one").write_bytes(athena.body(f"s3://lake/{keys[0]}"))
    metadata = f"SELECT DISTINCT compression FROM parquet_metadata('{tmp_path / 'one'}')"
    assert duckdb.connect().execute(metadata).fetchall() == [("ZSTD",)]
    assert athena.rows("SELECT * FROM packed ORDER BY orderid") == [
        ["o1", "1.10", "north", "2026-01-01"],
        ["o2", "2.20", "south", "2026-01-01"],
        ["o3", None, "south", "2026-01-02"],
    ]


def test_what_a_statement_that_writes_gives_back(athena: Writing) -> None:
    execution = athena.done("CREATE TABLE one AS SELECT 1 x UNION ALL SELECT 2")
    result = athena.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    assert result["UpdateCount"] == 2
    assert result["ResultSet"]["Rows"] == []
    assert [column["Name"] for column in result["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]] == ["rows"]
    location = f"s3://lake/athena/tables/{execution['QueryExecutionId']}"
    assert execution["ResultConfiguration"]["OutputLocation"] == location
    assert athena.entry("one")["StorageDescriptor"]["Location"] == location
    assert all(address.startswith(location + "/") for address in athena.manifest(execution))


def test_a_workgroup_that_enforces_its_location_refuses_another(athena: Writing) -> None:
    sql = "CREATE TABLE t WITH (external_location = 's3://lake/elsewhere/') AS SELECT 1 x"
    assert "enforces a centralized output location" in athena.reason(sql, WorkGroup="people")
    athena.done("CREATE TABLE t AS SELECT 1 x", WorkGroup="people")
    assert athena.rows("SELECT * FROM t") == [["1"]]


VALUES = (
    "SELECT true b, CAST(7 AS tinyint) t, 1.5e0 d, CAST(0.1 AS real) r, DATE '2026-01-31' day, "
    "TIMESTAMP '2026-01-31 09:15:00.500' at, 'q\"\\x' s, X'00ff' bin, CAST(1.10 AS decimal(10,2)) m, "
    "CAST(NULL AS varchar) nothing, nan() n"
)
ANSWER = ["true", "7", "1.5", "0.1", "2026-01-31", "2026-01-31 09:15:00.500", 'q"\\x', "00 ff", "1.10", None, "NaN"]


@pytest.mark.parametrize(
    ("properties", "ending"),
    [
        ("format = 'PARQUET'", ""),
        ("format = 'PARQUET', parquet_compression = 'SNAPPY'", ""),
        ("format = 'JSON'", ".gz"),
        ("format = 'JSON', write_compression = 'NONE'", ""),
        ("format = 'TEXTFILE', field_delimiter = ','", ".gz"),
        ("format = 'TEXTFILE', write_compression = 'ZSTD'", ".zst"),
    ],
)
def test_every_format_gives_back_what_was_written(athena: Writing, properties: str, ending: str) -> None:
    text = "TEXTFILE" in properties
    binary = ", bin" if not text else ""  # which a text table does not read here
    values = VALUES if not text else VALUES.replace("X'00ff' bin, ", "")
    athena.done(f"CREATE TABLE t WITH ({properties}, external_location = 's3://lake/t/') AS {values}")
    (key,) = athena.keys("t/")
    assert Path(key).suffix == ending
    wanted = ANSWER if binary else [value for value in ANSWER if value != "00 ff"]
    assert athena.rows("SELECT * FROM t") == [wanted]
    athena.done(f"INSERT INTO t {values}")
    assert athena.rows("SELECT * FROM t") == [wanted, wanted]
    assert len(athena.keys("t/")) == 2


@pytest.mark.parametrize("format_", ["PARQUET", "JSON"])
def test_nested_values_are_written_and_read_back(athena: Writing, format_: str) -> None:
    athena.done(
        f"CREATE TABLE t WITH (format = '{format_}') AS SELECT ARRAY[1.5e0, nan()] a, MAP(ARRAY['k'], ARRAY[2]) m, "
        "CAST(ROW('x', ARRAY[ROW(1)]) AS row(name varchar, list array(row(i integer)))) r"
    )
    assert athena.entry("t")["StorageDescriptor"]["Columns"] == [
        {"Name": "a", "Type": "array<double>"},
        {"Name": "m", "Type": "map<varchar(1),int>"},
        {"Name": "r", "Type": "struct<name:string,list:array<struct<i:int>>>"},
    ]
    assert athena.rows("SELECT * FROM t") == [["[1.5, NaN]", "{k=2}", "{name=x, list=[{i=1}]}"]]


def test_rows_are_inserted_into_the_partition_where_it_is_and_into_new_ones(athena: Writing) -> None:
    athena.done(
        "CREATE EXTERNAL TABLE lines (orderid string, amount decimal(10,2)) PARTITIONED BY (region string, dt string) "
        "STORED AS PARQUET LOCATION 's3://lake/lines/' TBLPROPERTIES ('parquet.compression' = 'ZSTD')"
    )
    athena.done("ALTER TABLE lines ADD PARTITION (region='south', dt='2026-01-01') LOCATION 's3://lake/else/where/'")
    execution = athena.done(f"INSERT INTO lines {SELECT}")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "INSERT")
    assert athena.partitions("lines") == {
        ("north", "2026-01-01"): "s3://lake/lines/region=north/dt=2026-01-01",
        ("south", "2026-01-01"): "s3://lake/else/where/",
        ("south", "2026-01-02"): "s3://lake/lines/region=south/dt=2026-01-02",
    }
    assert len(athena.keys("else/where/")) == 1
    assert len(athena.manifest(execution)) == 3
    athena.done("INSERT INTO lines (dt, region, orderid) VALUES ('2026-01-02', 'south', 'o4'), (NULL, 'a b/c', 'o5')")
    assert athena.rows("SELECT orderid, amount, region, dt FROM lines WHERE orderid IN ('o4', 'o5') ORDER BY 1") == [
        ["o4", None, "south", "2026-01-02"],
        ["o5", None, "a b/c", None],
    ]
    assert len(athena.keys("lines/region=a b%2Fc/dt=__HIVE_DEFAULT_PARTITION__/")) == 1
    execution = athena.run("SELECT count(*) FROM lines WHERE region = 'north'")
    assert execution["Statistics"]["DataScannedInBytes"] < sum(
        athena.s3.head_object(Bucket="lake", Key=key)["ContentLength"] for key in athena.keys("lines/")
    )


def test_a_table_without_rows(athena: Writing) -> None:
    athena.done(f"CREATE TABLE none WITH (partitioned_by = ARRAY['dt']) AS {SELECT} WITH NO DATA")
    athena.done(f"CREATE TABLE empty AS {SELECT} WHERE orderid = 'x'")
    assert athena.rows("SELECT * FROM none") == athena.rows("SELECT * FROM empty") == []
    athena.done("CREATE TABLE IF NOT EXISTS empty AS SELECT 1 x")
    assert len(athena.entry("empty")["StorageDescriptor"]["Columns"]) == 4


def test_unload(athena: Writing) -> None:
    execution = athena.done(
        f"UNLOAD ({SELECT}) TO 's3://lake/out/' WITH (format = 'JSON', partitioned_by = ARRAY['region', 'dt'])"
    )
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "UNLOAD")
    assert sorted(athena.manifest(execution)) == sorted(f"s3://lake/{key}" for key in athena.keys("out/"))
    (key,) = athena.keys("out/region=north/")
    assert gzip.decompress(athena.body(f"s3://lake/{key}")) == b'{"orderid":"o1","amount":1.1}\n'
    again = f"UNLOAD ({SELECT}) TO 's3://lake/out/' WITH (format = 'PARQUET')"
    assert athena.reason(again).startswith("HIVE_PATH_ALREADY_EXISTS: Target directory for table 'shop.tmp_unload_")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "CREATE TABLE raw AS SELECT 1 x",
            "TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.shop.raw'",
        ),
        ("CREATE TABLE no.t AS SELECT 1 x", "SCHEMA_NOT_FOUND: line 1:1: Schema 'no' does not exist"),
        (
            "CREATE TABLE t WITH (external_location = 's3://lake/raw/') AS SELECT 1 x",
            "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'shop.t' already exists: s3://lake/raw/",
        ),
        ("CREATE TABLE t AS SELECT 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
        (
            "CREATE TABLE t AS SELECT 1 x, 2 X",
            "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'x' specified more than once",
        ),
        ("CREATE TABLE t AS SELECT NULL x", "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position 1"),
        ("CREATE TABLE t AS SELECT now() x", "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"),
        (
            "CREATE TABLE t AS SELECT CAST(now() AS timestamp(6)) x",
            "NOT_SUPPORTED: Incorrect timestamp precision for timestamp(6); the configured precision is MILLISECONDS",
        ),
        (
            "CREATE TABLE t WITH (nonsense = 1) AS SELECT 1 x",
            "INVALID_TABLE_PROPERTY: line 1:1: Catalog 'awsdatacatalog'",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['x']) AS SELECT 1 x, 2 y",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order as "
            "the table properties: [x]",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['p']) AS SELECT 1 x, p FROM UNNEST(sequence(1, 101)) AS u(p)",
            "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions/buckets",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['p']) AS SELECT 1 x, 'ü' p",
            "HIVE_INVALID_PARTITION_VALUE: Hive partition keys can only contain printable ASCII characters",
        ),
        ("CREATE TABLE t AS\n  SELECT missing x FROM raw", "COLUMN_NOT_FOUND: line 2:10: Column 'missing'"),
        ("CREATE TABLE t AS SELECT 1 / (x - x) y FROM (VALUES 1) AS v(x)", "DIVISION_BY_ZERO"),
        ("INSERT INTO none VALUES 1", "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.shop.none' does not exist"),
        ("INSERT INTO raw VALUES ('x', 1e0, 'r', 'd')", "NOT_SUPPORTED: INSERT INTO a table with the SerDe org.openx"),
        (
            "INSERT INTO typed VALUES (1, 2, 3)",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer, varchar(3)], "
            "Query: [integer, integer, integer]",
        ),
        ("INSERT INTO typed VALUES (1.5, 'x')", "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types"),
        ("INSERT INTO typed (i, j) VALUES (1, 'x')", "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist"),
        ("INSERT INTO typed (i, i) VALUES (1, 1)", "DUPLICATE_COLUMN_NAME: line 1:1: Insert column name is specified"),
        ("INSERT INTO typed VALUES (1, 'long')", "INVALID_CAST_ARGUMENT: Cannot truncate non-space characters"),
        ("INSERT INTO looks VALUES 1", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported"),
        ("UNLOAD (SELECT 1 x) TO 's3://lake/o/'", "INVALID_TABLE_PROPERTY: format is a required property"),
    ],
)
def test_what_athena_refuses_leaves_nothing(athena: Writing, sql: str, said: str) -> None:
    if "typed" in sql:
        athena.done("CREATE TABLE typed AS SELECT 1 i, CAST('a' AS varchar(3)) s")
    if "looks" in sql:
        athena.done("CREATE VIEW looks AS SELECT 1 x")
    before = athena.keys("")
    tables = athena.rows("SHOW TABLES")
    assert athena.reason(sql).startswith(said)
    results = ("athena/", "raw/") if "typed" not in sql else ("athena/", "raw/", "athena/tables/")
    assert [key for key in athena.keys("") if key not in before and not key.startswith(results)] == []
    assert not [key for key in athena.keys("athena/tables/") if key not in before]
    assert athena.rows("SHOW TABLES") == tables
    files = [path for path in (athena.runtime.home / "objects").rglob("*") if path.is_file()]
    assert len(files) == len(athena.keys(""))


def test_a_text_that_only_loses_blanks_is_inserted(athena: Writing) -> None:
    athena.done("CREATE TABLE typed AS SELECT 1 i, CAST('a' AS varchar(3)) s")
    athena.done("INSERT INTO typed VALUES (2, 'abc  '), (3, NULL)")
    assert athena.rows("SELECT * FROM typed ORDER BY i") == [["1", "a"], ["2", "abc"], ["3", None]]


def test_the_catalog_failing_in_the_last_step_leaves_nothing(
    athena: Writing, runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is made, then its partitions cannot be: neither is there, and no object is."""
    call = Moto.call

    def failing(self: Moto, service: str, operation: str, params: dict[str, Any], *, region: str) -> dict[str, Any]:
        if operation == "BatchCreatePartition":
            raise AwsError("InternalServiceException", "out of order")
        return call(self, service, operation, params, region=region)

    with monkeypatch.context() as patch:
        patch.setattr(Moto, "call", failing)
        sql = f"CREATE TABLE t WITH (partitioned_by = ARRAY['dt'], external_location = 's3://lake/t/') AS {SELECT}"
        assert "out of order" in athena.reason(sql)
    assert athena.keys("t/") == athena.keys("athena/tables/") == []
    assert athena.rows("SHOW TABLES") == [["raw"]]
    files = [path for path in (runtime.home / "objects").rglob("*") if path.is_file()]
    assert len(files) == len(athena.keys(""))
    runtime.restart()
    again = Writing(runtime)
    again.done(sql)
    assert again.rows("SELECT count(*) FROM t") == [["3"]]


def test_json_lines_that_need_a_second_look_are_written_once(athena: Writing) -> None:
    athena.put("raw/b.json", '{"OrderId": "o4", "amount": 4, "region": "east", "dt": "2026-01-03"}{"orderid": "o5"}')
    athena.done(f"CREATE TABLE t WITH (partitioned_by = ARRAY['dt']) AS {SELECT}")
    assert athena.rows("SELECT orderid FROM t ORDER BY 1") == [["o1"], ["o2"], ["o3"], ["o4"]]


def test_text_written_raw_as_the_serde_reads_it(athena: Writing) -> None:
    athena.done(
        "CREATE TABLE t WITH (format = 'TEXTFILE', write_compression = 'NONE', external_location = 's3://lake/t/') AS "
        "SELECT 'a' x, CAST(NULL AS integer) y, 1.5e0 z"
    )
    (key,) = athena.keys("t/")
    assert athena.body(f"s3://lake/{key}") == b"a\x01\\N\x011.5\n"
