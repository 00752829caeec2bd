"""A disk that is full or read-only: what was acknowledged is kept, what is not is refused with a reason, and all goes
on by itself once there is room again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import runtime as processes
from tests.cli.process import ROOT, environment
from tests.local.disk import Disk
from tests.local.single import lake, once, until

SIZE = "48m"
TABLE = "OrdersRawTable"


class OnDisk:
    """A pipeline that is up, on a disk of its own."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def client(self, service: str) -> Any:
        return once(service, self.state["endpoint"])

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.disk.outside / "home" / "runtime.json").read_text())
        return found

    def health(self) -> dict[str, Any]:
        found = processes.health(processes.Running(self.state["pid"], self.state["port"], ""))
        assert found is not None
        return found

    def kill(self) -> None:
        pid = self.state["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not processes.alive(pid))

    def changes(self) -> int:
        """How many the table's stream ever had."""
        hops = json.loads(self.disk.salespipe("status", "--json").stdout)["hops"]
        return int(next(hop["records"] for hop in hops if hop["name"] == "stream"))

    def lake(self) -> list[dict[str, Any]]:
        return lake(self.state["endpoint"])


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnDisk]:
    """Shared: each test leaves it running, with room on its disk."""
    disk = Disk(tmp_path_factory.mktemp("disk") / "disk", SIZE)
    try:
        up = disk.salespipe("up", "--quiet")
        assert up.returncode == 0, up.stderr
        made = OnDisk(disk)
        yield made
        made.kill()
    finally:
        disk.close()


def write_until_refused(put: Callable[[int], Any], kept: list[int], refused: list[ClientError]) -> None:
    """Write one after the other until one is refused; notes what was acknowledged."""
    number = 0
    while True:
        try:
            put(number)
        except ClientError as error:
            refused.append(error)
            return
        kept.append(number)
        number += 1


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.heavy)])
def test_what_was_acknowledged_while_the_disk_filled_is_there(pipeline: OnDisk, killed: bool) -> None:
    p, disk = pipeline, pipeline.disk
    side = f"side-{killed}".lower()
    dynamodb, kinesis, s3 = p.client("dynamodb"), p.client("kinesis"), p.client("s3")
    s3.create_bucket(Bucket=side)
    kinesis.create_stream(StreamName=side, ShardCount=1)
    order = {"quantity": {"N": "1"}, "price": {"N": "9.99"}, "note": {"S": "x" * 800}}
    writers: dict[str, Callable[[int], Any]] = {
        "dynamodb": lambda n: dynamodb.put_item(TableName=TABLE, Item={"orderid": {"S": f"{side}-{n}"}, **order}),
        "kinesis": lambda n: kinesis.put_records(
            StreamName=side, Records=[{"Data": b"%d" % n + b"y" * 2000, "PartitionKey": "k"}] * 2
        ),
        "s3": lambda n: s3.put_object(Bucket=side, Key=f"{n:06}", Body=b"%d" % n + b"z" * 20_000),
    }
    kept: dict[str, list[int]] = {name: [] for name in writers}
    refused: dict[str, list[ClientError]] = {name: [] for name in writers}
    disk.fill(leave=6_000_000)
    threads = [
        threading.Thread(target=write_until_refused, args=(put, kept[name], refused[name]))
        for name, put in writers.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for name, code in (("dynamodb", "InternalServerError"), ("kinesis", "InternalFailure"), ("s3", "InternalError")):
        (error,) = refused[name]
        assert error.response["Error"]["Code"] == code
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert disk.full in str(error)
        assert len(kept[name]) > 10

    if killed:
        p.kill()
        disk.free()
        assert disk.salespipe("status").returncode == 0
        dynamodb, kinesis, s3 = p.client("dynamodb"), p.client("kinesis"), p.client("s3")
    else:
        # All can be read while nothing can be written, and status says why.
        check(dynamodb, kinesis, s3, side, kept)
        disk.fill()
        status = disk.salespipe("status")
        assert f"problem: {disk.full}" in status.stdout
        assert "not healthy" in status.stdout
        disk.free()

    check(dynamodb, kinesis, s3, side, kept)
    writers["dynamodb"](1_000_000)
    wanted = {f"{side}-{n}" for n in (*kept["dynamodb"], 1_000_000)}
    until(lambda: wanted <= {row.get("orderid") for row in p.lake()})
    rows = [row for row in p.lake() if row["orderid"].startswith(side)]
    assert len({row["event_id"] for row in rows}) == len(rows)
    # What was refused may have been done all the same, as on AWS; it is there once then.
    assert len(rows) - len(wanted) in (0, 1)
    until(lambda: not p.health()["errors"])
    assert p.health()["storage"] is None
    (waiting,) = (
        hop for hop in json.loads(disk.salespipe("status", "--json").stdout)["hops"] if hop["name"] == "dead letters"
    )
    assert waiting["records"] == 0


def check(dynamodb: Any, kinesis: Any, s3: Any, side: str, kept: dict[str, list[int]]) -> None:
    """Everything that was acknowledged is there, whole."""
    found = {
        item["orderid"]["S"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        for item in page["Items"]
    }
    assert {f"{side}-{n}" for n in kept["dynamodb"]} <= found
    iterator = kinesis.get_shard_iterator(
        StreamName=side, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    data: list[bytes] = []
    while batch := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
        data += [record["Data"] for record in batch]
        iterator = answer["NextShardIterator"]
    numbers = [int(one.split(b"y")[0]) for one in data]
    assert numbers[: 2 * len(kept["kinesis"])] == [n for n in kept["kinesis"] for _ in range(2)]
    assert all(len(one) == len(b"%d" % n) + 2000 for one, n in zip(data, numbers, strict=True))
    for n in kept["s3"]:
        assert s3.get_object(Bucket=side, Key=f"{n:06}")["Body"].read() == b"%d" % n + b"z" * 20_000


@pytest.mark.heavy
def test_a_full_disk_lets_the_runtime_end_and_start_only_with_room(pipeline: OnDisk) -> None:
    p, disk = pipeline, pipeline.disk
    before = len(p.lake())
    written = disk.salespipe("generate", "--count", "50", "--rate", "1000", "--quiet")
    assert written.returncode == 0
    disk.fill()
    pid = p.state["pid"]
    os.kill(pid, signal.SIGTERM)
    until(lambda: not processes.alive(pid))

    fill_last_block(disk.outside / "home" / "runtime.log")
    for _ in range(2):
        refused = disk.salespipe("status")
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[0] == (
            f"salespipe: error: the local runtime could not be started: {disk.full}: make room on it, then try again; "
            "nothing that was acknowledged is lost"
        )
        assert refused.stdout == ""

    disk.free()
    assert disk.salespipe("status").returncode == 0
    until(lambda: len(p.lake()) == before + 50)


def test_writers_say_after_some_seconds_why_they_wait_and_go_on_when_there_is_room(pipeline: OnDisk) -> None:
    disk = pipeline.disk
    disk.fill()
    arguments = (sys.executable, "-m", "salespipe", "generate", "--count", "3000", "--rate", "5000", "--json")
    home = disk.path / "home"
    writing = subprocess.Popen(
        disk.command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(home, SALESPIPE_HOME=str(home)),
    )
    assert writing.stderr is not None
    while not (line := writing.stderr.readline()).startswith("warning: "):
        assert line, "it ended without a word"
    disk.free()
    out, rest = writing.communicate(timeout=120)
    assert line.startswith(
        f"warning: BatchWriteItem: InternalServerError: {disk.full}: make room on it, then try again"
    )
    assert "warning: " not in rest
    assert writing.returncode == 0, rest
    assert json.loads(out)["retried"] > 0


def fill_last_block(path: Path) -> None:
    """So that not a single line more can be written to a file on a full disk."""
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\n")


def test_a_read_only_disk_is_refused_in_one_line_until_it_can_be_written(pipeline: OnDisk) -> None:
    p, disk = pipeline, pipeline.disk
    until(lambda: p.changes() == len(p.lake()))  # what the tests before this one wrote is there
    before = len(p.lake())
    written = disk.salespipe("generate", "--count", "50", "--rate", "1000", "--quiet")
    assert written.returncode == 0
    p.kill()
    disk.remount("ro")
    for command in (["status"], ["down", "--yes"]):
        refused = disk.salespipe(*command)
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"salespipe: error: the local runtime cannot be used: {disk.path / 'home'}")
        assert line.endswith(
            "is on a read-only file system: make it writable, then try again; nothing that was acknowledged is lost"
        )
    disk.remount("rw")
    assert disk.salespipe("status").returncode == 0
    until(lambda: len(p.lake()) == before + 50)


SPILL = """
import os, sys
from pathlib import Path
from salespipe.local.athena.engine import Engine
from salespipe.local.athena.errors import QueryFailure
folder, filler = map(Path, sys.argv[1:])
engine = Engine(folder / "spill", memory="60MB")
def count():
    with engine.session() as session:
        sql = "SELECT max(x) FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS x FROM range(3000000) AS t(i))"
        return session.rows(sql)[0][0]
try:
    count()
except QueryFailure as failure:
    print(failure)
filler.unlink()
print(count())
"""


@pytest.mark.heavy
def test_a_query_too_large_for_memory_and_disk_fails_until_there_is_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", "600m")
    try:
        disk.fill(leave=5_000_000)
        place = [str(disk.path), str(disk.path / "filler")]
        done = disk.run(sys.executable, "-c", SPILL, *place, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.stdout.splitlines() == [
            "EXCEEDED_SPILL_LIMIT: The disk is full: make room on it and try again",
            "3000000",
        ]
    finally:
        disk.close()
