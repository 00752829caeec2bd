"""Athena's clients against the endpoint: PyAthena and the aws command line."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.embedded import Embedded

SQL = """
SELECT 1 AS whole, CAST(3000000000 AS bigint) AS large, 1.50 AS exact, 2.5e0 AS near, true AS truth, 'x' AS word,
  '' AS empty, CAST(NULL AS varchar) AS missing, DATE '2024-02-29' AS day,
  CAST('2024-02-29 01:02:03.456' AS timestamp) AS at, from_iso8601_timestamp('2024-02-29T01:02:03Z') AS instant,
  ARRAY[1, 2] AS many, map(ARRAY['k'], ARRAY[1]) AS pairs, to_utf8('ab') AS bytes,
  CAST(ROW(1, 'a') AS row(n integer, s varchar)) AS named
"""


@pytest.fixture
def endpoint(runtime: Embedded) -> str:
    runtime.client("s3").create_bucket(Bucket="lake")
    runtime.client("glue").create_database(DatabaseInput={"Name": "shop"})
    runtime.client("athena").create_work_group(
        Name="people", Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/athena/"}}
    )
    return runtime.endpoint


def _connect(endpoint: str) -> Any:
    import pyathena

    return pyathena.connect(
        work_group="people",
        schema_name="shop",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        s3_staging_dir="",
        poll_interval=0.01,
    )


def test_pyathena_gives_every_type(endpoint: str) -> None:
    cursor = _connect(endpoint).cursor()
    cursor.execute(SQL)
    row = dict(zip([entry[0] for entry in cursor.description], cursor.fetchone(), strict=True))
    assert row == {
        "whole": 1,
        "large": 3000000000,
        "exact": Decimal("1.50"),
        "near": 2.5,
        "truth": True,
        "word": "x",
        "empty": "",
        "missing": None,
        "day": datetime.date(2024, 2, 29),
        "at": datetime.datetime(2024, 2, 29, 1, 2, 3, 456000),
        "instant": datetime.datetime(2024, 2, 29, 1, 2, 3, tzinfo=row["instant"].tzinfo),
        "many": [1, 2],
        "pairs": {"k": "1"},  # PyAthena reads elements as text unless it is told their types
        "bytes": b"ab",
        "named": {"n": "1", "s": "a"},
    }
    assert row["instant"].utcoffset() == datetime.timedelta(0)
    assert cursor.fetchone() is None


def test_pyathena_reads_every_page_and_passes_parameters(endpoint: str) -> None:
    cursor = _connect(endpoint).cursor()
    cursor.execute("SELECT n, ? FROM UNNEST(sequence(1, 2345)) t(n)", ["'it''s'"], paramstyle="qmark")
    found = cursor.fetchall()
    assert len(found) == 2345
    assert found[-1] == (2345, "it's")
    cursor.execute("SELECT %(word)s", {"word": "it's"})
    assert cursor.fetchall() == [("it's",)]


def test_pyathena_raises_what_athena_says(endpoint: str) -> None:
    from pyathena.error import OperationalError

    cursor = _connect(endpoint).cursor()
    with pytest.raises(OperationalError, match="TABLE_NOT_FOUND: line 1:15"):
        cursor.execute("SELECT * FROM nothing")


def test_the_aws_command_line(endpoint: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }

    def aws(*arguments: str) -> dict[str, Any]:
        command = [str(Path(sys.executable).with_name("aws")), "athena", *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    started = aws("start-query-execution", "--query-string", "SELECT 7 / 2 AS half", "--work-group", "people")
    id = started["QueryExecutionId"]
    while aws("get-query-execution", "--query-execution-id", id)["QueryExecution"]["Status"]["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        pass
    page = aws("get-query-results", "--query-execution-id", id, "--max-items", "1")
    following = aws("get-query-results", "--query-execution-id", id, "--starting-token", page["NextToken"])
    rows = page["ResultSet"]["Rows"] + following["ResultSet"]["Rows"]
    assert [[cell["VarCharValue"] for cell in row["Data"]] for row in rows] == [["half"], ["3"]]
