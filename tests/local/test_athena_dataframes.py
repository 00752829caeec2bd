"""PyAthena's other cursors, SQLAlchemy and awswrangler against the endpoint: they read the result files themselves."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.embedded import Embedded

OPENX = "org.openx.data.jsonserde.JsonSerDe"
SQL = """
SELECT 1 AS whole, CAST(1.50 AS decimal(5,2)) AS exact, 2.5e0 AS near, true AS truth, 'a"b,
c' AS word, '' AS empty, CAST(NULL AS varchar) AS missing, DATE '2024-02-29' AS day,
  CAST('2024-02-29 01:02:03.456' AS timestamp) AS at
UNION ALL SELECT 2, NULL, NULL, false, 'é', 'x', 'y', NULL, NULL ORDER BY 1
"""
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.fixture
def endpoint(runtime: Embedded, monkeypatch: pytest.MonkeyPatch) -> str:
    """As `salespipe env` says it: these clients make S3 clients of their own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", runtime.endpoint)
    runtime.client("s3").create_bucket(Bucket="lake")
    glue = runtime.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(
        DatabaseName="shop",
        TableInput={
            "Name": "orders",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"comment": "what was sold"},
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [
                    {"Name": "orderid", "Type": "string", "Comment": "its key"},
                    {"Name": "amount", "Type": "decimal(10,2)"},
                ],
                "Location": "s3://lake/orders/",
                "SerdeInfo": {"SerializationLibrary": OPENX},
            },
        },
    )
    location = {"OutputLocation": "s3://lake/athena/"}
    runtime.client("athena").create_work_group(Name="people", Configuration={"ResultConfiguration": location})
    return runtime.endpoint


@contextmanager
def _cursor(kind: Any) -> Iterator[Any]:
    import pyathena

    connection = pyathena.connect(
        work_group="people",
        schema_name="shop",
        s3_staging_dir="",
        poll_interval=0.01,
        cursor_class=kind,
        **KEYS,
    )
    with connection, connection.cursor() as cursor:
        yield cursor


@pytest.mark.usefixtures("endpoint")
def test_pyathena_dict_cursor() -> None:
    from pyathena.cursor import DictCursor

    with _cursor(DictCursor) as cursor:
        first, second = cursor.execute(SQL).fetchall()
    assert (first["exact"], first["word"], first["empty"], first["missing"]) == (Decimal("1.50"), 'a"b,\nc', "", None)
    assert second == {**dict.fromkeys(first), "whole": 2, "truth": False, "word": "é", "empty": "x", "missing": "y"}


@pytest.mark.usefixtures("endpoint")
def test_pyathena_pandas_cursor() -> None:
    from pyathena.pandas.cursor import PandasCursor

    with _cursor(PandasCursor) as cursor:
        frame = cursor.execute(SQL).as_pandas()
        assert frame["whole"].tolist() == [1, 2]
        assert frame["exact"].tolist()[0] == Decimal("1.50")
        assert frame["word"].tolist() == ['a"b,\nc', "é"]
        assert frame["at"].tolist()[0] == datetime.datetime(2024, 2, 29, 1, 2, 3, 456000)
        assert cursor.execute("SHOW TABLES").fetchall() == [("orders",)]


def test_pyathena_arrow_cursor(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyarrow's own S3 client does not look at AWS_ENDPOINT_URL, and PyAthena has no way to tell it."""
    from pyarrow import fs
    from pyathena.arrow.cursor import ArrowCursor

    monkeypatch.setattr(fs, "S3FileSystem", partial(fs.S3FileSystem, endpoint_override=endpoint))
    with _cursor(ArrowCursor) as cursor:
        table = cursor.execute(SQL).as_arrow()
        assert table.column("whole").to_pylist() == [1, 2]
        assert table.column("empty").to_pylist() == ["", "x"]
        assert table.column("day").to_pylist() == [datetime.date(2024, 2, 29), None]
        assert cursor.execute("SELECT DECIMAL '1.50', CAST(NULL AS date)").fetchall() == [(Decimal("1.50"), None)]
        assert cursor.execute("SHOW DATABASES").fetchall() == [("shop",)]
        assert cursor.execute("SELECT orderid FROM orders").fetchall() == []


@pytest.mark.usefixtures("endpoint")
def test_pyathena_s3fs_and_asynchronous_cursors() -> None:
    import pyathena
    from pyathena.aio.cursor import AioCursor
    from pyathena.async_cursor import AsyncCursor
    from pyathena.s3fs.cursor import S3FSCursor

    with _cursor(S3FSCursor) as cursor:
        assert [row[4] for row in cursor.execute(SQL).fetchall()] == ['a"b,\nc', "é"]
    with _cursor(AsyncCursor) as cursor:
        _, future = cursor.execute("SELECT 7")
        assert future.result().fetchall() == [(7,)]

    async def ask() -> list[Any]:
        connection = await pyathena.aio_connect(work_group="people", s3_staging_dir="", poll_interval=0.01, **KEYS)
        async with connection, connection.cursor(AioCursor) as cursor:
            await cursor.execute("SELECT 8")
            found: list[Any] = await cursor.fetchall()
            return found

    assert asyncio.run(ask()) == [(8,)]


def test_sqlalchemy(endpoint: str) -> None:
    import sqlalchemy as sa

    url = sa.URL.create(
        "awsathena+rest",
        username="test",
        password="test",
        host="athena.us-east-1.amazonaws.com",
        port=443,
        database="shop",
        query={"work_group": "people", "s3_staging_dir": "s3://lake/athena/", "endpoint_url": endpoint},
    )
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        assert inspector.get_schema_names() == ["shop"]
        assert inspector.get_table_names() == ["orders"]
        assert [column["name"] for column in inspector.get_columns("orders")] == ["orderid", "amount", "dt"]
        orders = sa.Table("orders", sa.MetaData(), autoload_with=connection)
        assert connection.execute(sa.select(sa.func.count()).select_from(orders)).scalar() == 0
        numbers = sa.select(sa.literal(5).label("n"), sa.literal("it's").label("word"))
        assert connection.execute(numbers).one() == (5, "it's")
    engine.dispose()


@pytest.mark.filterwarnings("ignore:The (inplace|copy) keyword")  # awswrangler's use of pandas
@pytest.mark.usefixtures("endpoint")
def test_awswrangler_reads_and_writes() -> None:
    import awswrangler as wr
    import boto3
    import pandas as pd

    session = boto3.Session(**KEYS)
    sold = pd.DataFrame({"id": [1, 2, 3], "item": ["lamp", "hub", None], "dt": ["a", "a", "b"]})
    wr.s3.to_parquet(
        sold,
        path="s3://lake/sold/",
        dataset=True,
        database="shop",
        table="sold",
        partition_cols=["dt"],
        boto3_session=session,
    )
    asked = {"database": "shop", "workgroup": "people", "boto3_session": session, "ctas_approach": False}
    frame = wr.athena.read_sql_query("SELECT id, item, dt FROM sold ORDER BY id", **asked)
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["item"].isna().tolist() == [False, False, True]
    assert frame["dt"].astype(str).tolist() == ["a", "a", "b"]
    again = wr.athena.read_sql_query(
        "SELECT id, item, dt FROM sold ORDER BY id", **asked, athena_cache_settings={"max_cache_seconds": 900}
    )
    assert again.query_metadata["QueryExecutionId"] == frame.query_metadata["QueryExecutionId"]
    chunks = wr.athena.read_sql_query("SELECT * FROM sold", chunksize=2, **asked)
    assert sum(len(chunk) for chunk in chunks) == 3
    of_a = wr.athena.read_sql_query("SELECT count(*) n FROM sold WHERE dt = :dt", params={"dt": "a"}, **asked)
    assert of_a["n"].tolist() == [2]
    assert wr.catalog.tables(database="shop", boto3_session=session)["Table"].tolist() == ["orders", "sold"]
    described = wr.athena.describe_table(table="orders", database="shop", workgroup="people", boto3_session=session)
    assert described["Column Name"].tolist()[:2] == ["orderid", "amount"]
    assert wr.athena.show_create_table("sold", database="shop", workgroup="people", boto3_session=session)


@pytest.mark.filterwarnings("ignore:The (inplace|copy) keyword")  # awswrangler's use of pandas
@pytest.mark.parametrize(
    "approach",
    [{"ctas_approach": True}, {"ctas_approach": False, "unload_approach": True, "s3_output": "s3://lake/unload/"}],
    ids=["ctas", "unload"],
)
def test_awswrangler_reads_through_a_table_of_parquet(
    endpoint: str, runtime: Embedded, approach: dict[str, Any]
) -> None:
    """By default awswrangler lets Athena write Parquet and reads that; the table it makes for it is gone afterwards."""
    import awswrangler as wr
    import boto3

    frame = wr.athena.read_sql_query(
        SQL, database="shop", workgroup="people", boto3_session=boto3.Session(**KEYS), **approach
    )
    by_word = frame.set_index("whole")
    assert by_word.loc[1, ["exact", "near", "truth", "word", "empty", "day"]].tolist() == [
        Decimal("1.50"), 2.5, True, 'a"b,\nc', "", datetime.date(2024, 2, 29),
    ]  # fmt: skip
    assert by_word.loc[1, "at"] == datetime.datetime(2024, 2, 29, 1, 2, 3, 456000)
    assert by_word.loc[2, ["exact", "near", "missing", "day", "at"]].isna().tolist() == [True, True, False, True, True]
    tables = runtime.client("glue").get_tables(DatabaseName="shop")["TableList"]
    assert [table["Name"] for table in tables] == ["orders"]
