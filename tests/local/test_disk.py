"""A disk that is full or read-only: what was acknowledged is kept, what is not is refused with a reason, and all goes
on by itself once there is room again."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import runtime as processes
from salespipe.local.stores.documents import Documents
from tests.aws import new_session
from tests.cli.process import salespipe
from tests.embedded import Embedded
from tests.local.disk import Disk
from tests.local.single import once

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
        while processes.alive(pid):
            time.sleep(0.01)

    def until(self, true: Callable[[], bool]) -> None:
        while not true():
            time.sleep(0.05)


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


def lake(p: OnDisk) -> list[dict[str, Any]]:
    """Every row in the lake, error objects included."""
    s3 = p.client("s3")
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("salespipe"))
    rows = []
    for prefix in ("orders/", "errors/"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for one in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
                rows += [json.loads(line) for line in gzip.decompress(body).splitlines()]
    return rows


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
    p.until(lambda: wanted <= {row.get("orderid") for row in lake(p)})
    rows = [row for row in lake(p) if row["orderid"].startswith(side)]
    assert len({row["event_id"] for row in rows}) == len(rows)
    # What was refused may have been done all the same, as on AWS; it is there once then.
    assert len(rows) - len(wanted) in (0, 1)
    p.until(lambda: not p.health()["errors"])
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
    before = len(lake(p))
    written = disk.salespipe("generate", "--count", "50", "--rate", "1000", "--quiet")
    assert written.returncode == 0
    disk.fill()
    pid = p.state["pid"]
    os.kill(pid, signal.SIGTERM)
    while processes.alive(pid):
        time.sleep(0.01)

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
    p.until(lambda: len(lake(p)) == before + 50)


def test_a_read_only_disk_is_refused_in_one_line_until_it_can_be_written(pipeline: OnDisk) -> None:
    p, disk = pipeline, pipeline.disk
    before = len(lake(p))
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
    p.until(lambda: len(lake(p)) == before + 50)


# ---- without a disk of its own ----


class Limited:
    """A pipeline whose process can be kept from writing to any file, as by a disk that fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "state"
        running = processes.find(self.home)
        assert running is not None
        self.running = running
        self.store = self.home / "store.db"

    def client(self, service: str) -> Any:
        return once(service, self.running.endpoint)

    def salespipe(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return salespipe(*arguments, home=self.folder)

    @contextmanager
    def unwritable(self) -> Iterator[None]:
        none, all_ = (0, resource.RLIM_INFINITY), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE, none)
        try:
            yield
        finally:
            resource.prlimit(self.running.pid, resource.RLIMIT_FSIZE, all_)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    if not hasattr(resource, "prlimit"):
        pytest.skip("the limits of another process cannot be set here")
    folder = tmp_path_factory.mktemp("limited")
    up = salespipe("up", "--quiet", home=folder)
    assert up.returncode == 0, up.stderr
    yield Limited(folder)
    processes.stop(folder / "state")


def test_what_becomes_unwritable_while_it_runs_is_refused_and_goes_on_when_it_can(limited: Limited) -> None:
    """As when the kernel makes a disk read-only after an error: every write fails, reads go on."""
    dynamodb = limited.client("dynamodb")
    dynamodb.put_item(TableName=TABLE, Item={"orderid": {"S": "before"}})
    with limited.unwritable():
        for _ in range(3):
            with pytest.raises(ClientError, match=r"store\.db cannot be read or written .*: see to its disk") as caught:
                dynamodb.put_item(TableName=TABLE, Item={"orderid": {"S": "refused"}})
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert dynamodb.get_item(TableName=TABLE, Key={"orderid": {"S": "before"}})["Item"]
        assert f"problem: {limited.store} cannot be read or written" in limited.salespipe("status").stdout
        refused = limited.salespipe("query", "SELECT 1")
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.startswith(f"salespipe: error: StartQueryExecution: InternalServerException: {limited.store}")

    dynamodb.put_item(TableName=TABLE, Item={"orderid": {"S": "after"}})
    found = dynamodb.scan(TableName=TABLE)["Items"]
    assert sorted(item["orderid"]["S"] for item in found) == ["after", "before"]
    assert processes.find(limited.home) == limited.running


ROLE = "arn:aws:iam::123456789012:role/r"
CHANGES: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "dynamodb",
        "create_table",
        "InternalServerError",
        {
            "TableName": "T",
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    ),
    ("dynamodb", "put_item", "InternalServerError", {"TableName": "T", "Item": {"a": {"S": "1"}}}),
    (
        "dynamodb",
        "update_table",
        "InternalServerError",
        {"TableName": "T", "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}},
    ),
    ("dynamodb", "delete_table", "InternalServerError", {"TableName": "T"}),
    ("kinesis", "create_stream", "InternalFailure", {"StreamName": "S", "ShardCount": 1, "Tags": {"a": "b"}}),
    ("kinesis", "put_record", "InternalFailure", {"StreamName": "S", "Data": b"x", "PartitionKey": "k"}),
    ("kinesis", "delete_stream", "InternalFailure", {"StreamName": "S"}),
    ("s3", "create_bucket", "InternalError", {"Bucket": "bucket"}),
    ("s3", "put_object", "InternalError", {"Bucket": "bucket", "Key": "k", "Body": b"x"}),
    ("s3", "put_bucket_tagging", "InternalError", {"Bucket": "bucket", "Tagging": {"TagSet": []}}),
    ("s3", "delete_object", "InternalError", {"Bucket": "bucket", "Key": "k"}),
    ("s3", "delete_bucket", "InternalError", {"Bucket": "bucket"}),
    ("iam", "create_role", "ServiceFailure", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
    ("iam", "delete_role", "ServiceFailure", {"RoleName": "r"}),
    ("sqs", "create_queue", "InternalFailure", {"QueueName": "q"}),
    ("logs", "create_log_group", "ServiceUnavailableException", {"logGroupName": "g"}),
    ("glue", "create_database", "InternalServiceException", {"DatabaseInput": {"Name": "d"}}),
    (
        "glue",
        "create_crawler",
        "InternalServiceException",
        {
            "Name": "c",
            "Role": ROLE,
            "DatabaseName": "d",
            "Targets": {"S3Targets": [{"Path": "s3://nothing/"}]},
            "Tags": {"a": "b"},
        },
    ),
    ("glue", "delete_crawler", "InternalServiceException", {"Name": "c"}),
    ("athena", "create_work_group", "InternalServerException", {"Name": "w"}),
    (
        "firehose",
        "create_delivery_stream",
        "InternalFailure",
        {"DeliveryStreamName": "f", "S3DestinationConfiguration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"}},
    ),
    (
        "pipes",
        "create_pipe",
        "InternalException",
        {
            "Name": "p",
            "Source": "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/x",
            "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
            "Target": "arn:aws:kinesis:us-east-1:123456789012:stream/S",
            "RoleArn": ROLE,
        },
    ),
]


def test_every_change_is_refused_whole_and_done_when_it_is_asked_for_again(limited: Limited) -> None:
    for service, operation, code, asked in CHANGES:
        call = getattr(limited.client(service), operation)
        with limited.unwritable():
            for _ in range(2):
                with pytest.raises(ClientError, match="see to its disk, then try again") as caught:
                    call(**asked)
                assert (operation, caught.value.response["Error"]["Code"]) == (operation, code)
                assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        call(**asked)


def test_a_message_that_was_refused_is_not_in_the_queue(limited: Limited) -> None:
    sqs = limited.client("sqs")
    queue = sqs.create_queue(QueueName="messages")["QueueUrl"]
    with limited.unwritable(), pytest.raises(ClientError, match="see to its disk"):
        sqs.send_message(QueueUrl=queue, MessageBody="refused")
    sqs.send_message(QueueUrl=queue, MessageBody="accepted")
    bodies = [one["Body"] for one in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
    assert bodies == ["accepted"]


def test_clients_that_try_again_get_through_when_there_is_room(limited: Limited) -> None:
    """What every SDK does by itself, with its default settings."""
    patient = new_session().client("dynamodb", endpoint_url=limited.running.endpoint)
    tries: list[int] = []

    def lift(**event: Any) -> None:
        tries.append(event["response_dict"]["status_code"])
        if len(tries) == 2:
            room.close()

    patient.meta.events.register("before-parse.dynamodb.PutItem", lift)
    with ExitStack() as room:
        room.enter_context(limited.unwritable())
        patient.put_item(TableName=TABLE, Item={"orderid": {"S": "patient"}})
    assert tries == [500, 500, 200]


class Room:
    """Whether documents for which `refused` is true find room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: Callable[[dict[str, Any]], bool]) -> None:
        self.none = threading.Event()
        self.none.set()
        self.met = threading.Event()
        put = Documents.put

        def limited(documents: Documents, kind: str, id: str, document: dict[str, Any]) -> None:
            if self.none.is_set() and refused(document):
                self.met.set()
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            put(documents, kind, id, document)

        monkeypatch.setattr(Documents, "put", limited)


def test_a_query_without_room_for_its_end_ends_when_there_is(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ("SUCCEEDED", "FAILED")
    room = Room(monkeypatch, lambda doc: doc.get("QueryExecution", {}).get("Status", {}).get("State") in ended)
    athena, s3 = runtime.client("athena"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    wanted = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"}}
    id = athena.start_query_execution(**wanted)["QueryExecutionId"]
    assert room.met.wait(30)
    assert athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] == "RUNNING"
    room.none.clear()
    while (status := athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"])["State"] == "RUNNING":
        time.sleep(0.01)
    assert status["State"] == "FAILED"
    assert "is full: make room on it" in status["StateChangeReason"]
    assert status["AthenaError"]["Retryable"] is True


def test_a_crawl_without_room_for_its_end_ends_when_there_is(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, lambda document: document.get("State") == "READY" and "LastCrawl" in document)
    glue, s3 = runtime.client("glue"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    glue.create_database(DatabaseInput={"Name": "d"})
    target = {"S3Targets": [{"Path": "s3://bucket/"}]}
    glue.create_crawler(Name="c", Role=ROLE, DatabaseName="d", Targets=target)
    glue.start_crawler(Name="c")
    assert room.met.wait(30)
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "RUNNING"
    room.none.clear()
    while (crawler := glue.get_crawler(Name="c")["Crawler"])["State"] != "READY":
        time.sleep(0.01)
    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED"
    glue.start_crawler(Name="c")


def test_the_runtime_ends_though_a_query_and_a_crawl_find_no_room(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ("SUCCEEDED", "FAILED")
    room = Room(monkeypatch, lambda doc: doc.get("QueryExecution", {}).get("Status", {}).get("State") in ended)
    athena, s3 = runtime.client("athena"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    wanted = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"}}
    id = athena.start_query_execution(**wanted)["QueryExecutionId"]
    assert room.met.wait(30)
    runtime.stop()
    room.none.clear()
    runtime.start()
    status = runtime.client("athena").get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"
