"""A lake with the TPC-H tables as Parquet, catalogued by the crawler, and Athena over it.

The data come from tpchgen-cli, which makes what TPC's own dbgen makes (https://github.com/clflushopt/tpchgen-rs).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.embedded import Embedded

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
QUERIES = {
    int(path.stem[1:]): path.read_text().strip() for path in sorted(Path(__file__).with_name("queries").glob("q*.sql"))
}
Row = list[str | None]


def generate(folder: Path, scale: str) -> None:
    """`<folder>/<table>.parquet` for every table."""
    tool = shutil.which("tpchgen-cli", path=str(Path(sys.executable).parent))
    assert tool, "tpchgen-cli is not there: pip install -e '.[test]'"
    subprocess.run([tool, "parquet", "-s", scale, "-o", str(folder)], check=True, capture_output=True)


class Lake:
    """The tables in one prefix of one bucket; what is a table there, the crawler decides."""

    def __init__(self, runtime: Embedded) -> None:
        self._s3 = runtime.client("s3")
        self._glue = runtime.client("glue")
        self._athena = runtime.client("athena")
        self.columns: dict[str, dict[str, str]] = {}
        self._answers: dict[int, list[Row]] = {}

    def fill(self, folder: Path) -> None:
        self._s3.create_bucket(Bucket="lake")
        for table in TABLES:
            self._s3.upload_file(str(folder / f"{table}.parquet"), "lake", f"tpch/{table}/{table}.parquet")

    def crawl(self) -> None:
        """Run a crawler; `columns` are those of the tables that it made, with their types."""
        self._glue.create_database(DatabaseInput={"Name": "tpch"})
        self._glue.create_crawler(
            Name="tpch", Role="crawler", DatabaseName="tpch", Targets={"S3Targets": [{"Path": "s3://lake/tpch/"}]}
        )
        self._glue.start_crawler(Name="tpch")
        deadline = time.monotonic() + 60
        while (crawler := self._glue.get_crawler(Name="tpch")["Crawler"])["State"] != "READY":
            assert time.monotonic() < deadline
        assert crawler["LastCrawl"]["Status"] == "SUCCEEDED", crawler["LastCrawl"]
        tables = self._glue.get_tables(DatabaseName="tpch")["TableList"]
        self.columns = {
            table["Name"]: {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
            for table in tables
        }

    def answer(self, number: int) -> list[Row]:
        """The rows of one of the 22 queries; asked once."""
        if number not in self._answers:
            self._answers[number] = self.rows(QUERIES[number])
        return self._answers[number]

    def rows(self, sql: str) -> list[Row]:
        """A query's rows, as Athena writes their values."""
        id = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": "tpch"},
            ResultConfiguration={"OutputLocation": "s3://lake/athena/"},
        )["QueryExecutionId"]
        deadline = time.monotonic() + 120
        while True:
            status: dict[str, Any] = self._athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            assert time.monotonic() < deadline
        assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=id)
        rows = [
            [cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return rows[1:]
