"""Who is asked: our endpoint and MiniStack's through PyAthena's own cursor, and DuckDB in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from botocore.config import Config
from pyathena import connect

from benchmarks.aggregates import Rows
from benchmarks.endpoint import REGION, Endpoint
from benchmarks.peers import process
from benchmarks.processes import use
from salespipe.errors import SalespipeError
from salespipe.services.pipeline import Pipeline

POLL = 0.01  # seconds between two looks of PyAthena at a query, instead of its 1
THREADS = 2  # of DuckDB, here as in the runtime
_DATABASE = "shop"
_BUCKET = "lake"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Timing:
    """Medians over rounds, in milliseconds: `ms` of wall time, and of the `cpu_ms` of the process that answered, which
    are counted in steps of 10 and so a mean. `scanned` are the bytes that it says it read."""

    ms: float
    cpu_ms: float
    scanned: int | None
    rounds: tuple[float, ...]


class Asked(Protocol):
    """Answers queries over `orders`. `pid` is the process that does the work."""

    pid: int
    scanned: int | None

    def ask(self, sql: str) -> tuple[float, Rows]:
        """Seconds, and the rows. Raises what its client raises."""


@dataclass
class Timer:
    """The rounds of one query with one who is asked."""

    asked: Asked
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    rows: Rows = ()
    scanned: int | None = None
    error: str = ""

    def turn(self, sql: str) -> None:
        """Ask once more; who failed once is not asked again."""
        if self.error:
            return
        before = use(self.asked.pid).cpu_seconds
        try:
            seconds, self.rows = self.asked.ask(sql)
        except Exception as error:  # noqa: BLE001 - whatever it is, the report tells it
            self.error = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            return
        self.cpu += use(self.asked.pid).cpu_seconds - before
        self.scanned = self.asked.scanned
        self.seconds.append(seconds)

    def timing(self) -> Timing | None:
        """None for one that failed."""
        if self.error or not self.seconds:
            return None
        rounds = tuple(seconds * 1000 for seconds in self.seconds)
        return Timing(median(rounds), self.cpu * 1000 / len(rounds), self.scanned, rounds)


class ByPyAthena:
    """An Athena endpoint through a default cursor."""

    def __init__(self, endpoint: str, pid: int, database: str, **where: Any) -> None:
        self.pid = pid
        self.scanned: int | None = None
        self._cursor: Any = connect(
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            schema_name=database,
            poll_interval=POLL,
            config=Config(proxies={}),
            **where,
        ).cursor()

    def ask(self, sql: str) -> tuple[float, Rows]:
        began = time.perf_counter()
        rows = self._cursor.execute(sql).fetchall()
        seconds = time.perf_counter() - began
        self.scanned = self._cursor.data_scanned_in_bytes
        return seconds, rows


def ours(p: Pipeline, endpoint: str, pid: int) -> ByPyAthena:
    """The pipeline's own database and workgroup."""
    return ByPyAthena(endpoint, pid, p.names.database, work_group=p.names.workgroup)


class Directly:
    """DuckDB over files, asked line by line."""

    def __init__(self, running: Any) -> None:
        self.pid: int = running.pid
        self.scanned: int | None = None
        self._running = running

    def ask(self, sql: str) -> tuple[float, Rows]:
        self._running.stdin.write(json.dumps(sql).encode() + b"\n")
        self._running.stdin.flush()
        line = self._running.stdout.readline()
        if not line:
            raise SalespipeError(f"DuckDB by itself ended over: {sql}")
        answer = json.loads(line)
        return float(answer["seconds"]), answer["rows"]


@contextmanager
def directly(pattern: Path) -> Iterator[Directly]:
    """DuckDB in a process of its own, over the files that match `pattern`."""
    with process([sys.executable, "-I", str(_HERE / "duckdb_main.py"), str(pattern), str(THREADS)]) as running:
        yield Directly(running)


def on_peer(endpoint: Endpoint, pid: int, p: Pipeline, table: dict[str, Any], folder: str) -> ByPyAthena:
    """Give another endpoint the objects below `folder` of the pipeline's bucket, and a table `orders` over them like
    the Glue `table`."""
    s3, mine = endpoint.client("s3"), p.aws.client("s3")
    s3.create_bucket(Bucket=_BUCKET)
    for page in mine.get_paginator("list_objects_v2").paginate(Bucket=p.names.bucket, Prefix=folder):
        for each in page.get("Contents", []):
            body = mine.get_object(Bucket=p.names.bucket, Key=each["Key"])["Body"].read()
            s3.put_object(Bucket=_BUCKET, Key=each["Key"], Body=body)
    glue = endpoint.client("glue")
    glue.create_database(DatabaseInput={"Name": _DATABASE})
    storage = {**table["StorageDescriptor"], "Location": f"s3://{_BUCKET}/{folder}"}
    glue.create_table(
        DatabaseName=_DATABASE,
        TableInput={
            "Name": "orders",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": table["PartitionKeys"],
            "StorageDescriptor": storage,
            "Parameters": {"classification": "parquet"},
        },
    )
    return ByPyAthena(endpoint.url, pid, _DATABASE, s3_staging_dir=f"s3://{_BUCKET}/athena/")
