"""What cannot be written, and why, is told to whoever asks; nothing is half done, and all goes on when it can."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import runtime as processes
from salespipe.local.athena.execution_document import KIND
from salespipe.local.functions import unpack
from salespipe.local.log_file import turn_over
from salespipe.local.stores.documents import Documents
from salespipe.local.stores.items import ItemStore
from salespipe.local.stores.metrics import Metrics
from salespipe.local.stores.shards import ShardLog
from tests.aws import new_session
from tests.cli.process import COMMAND, salespipe
from tests.embedded import Embedded
from tests.local.rights import without_root
from tests.local.single import lake, once, until
from tests.local.test_functions import Deployed, make_zip

TABLE = "OrdersRawTable"


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


@pytest.mark.heavy
def test_rights_that_are_taken_away_are_named_until_they_are_given_back(tmp_path: Path) -> None:
    bound = [*without_root(), *COMMAND]
    assert salespipe("up", "--quiet", home=tmp_path, command=bound).returncode == 0
    home = tmp_path / "state"
    try:
        running = processes.find(home)
        assert running is not None
        s3, dynamodb = once("s3", running.endpoint), once("dynamodb", running.endpoint)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"before")
        with _read_only(home):
            dynamodb.put_item(TableName=TABLE, Item={"orderid": {"S": "o"}, "quantity": {"N": "1"}})
            with pytest.raises(
                ClientError, match=r"objects/bucket/.* may not be written by this user: .*chmod"
            ) as caught:
                s3.put_object(Bucket="bucket", Key="k", Body=b"refused")
            assert caught.value.response["Error"]["Code"] == "InternalError"
            assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"before"
            status = salespipe("status", home=tmp_path, command=bound)
            assert f"problem: {home} may not be written by this user: give the right back" in status.stdout
        s3.put_object(Bucket="bucket", Key="k", Body=b"after")
        # Delivered once, by workers that waited meanwhile.
        until(lambda: [row["orderid"] for row in lake(running.endpoint)] == ["o"])

        os.kill(running.pid, signal.SIGKILL)
        until(lambda: not processes.alive(running.pid))
        with _read_only(home):
            refused = salespipe("status", home=tmp_path, command=bound)
            assert refused.returncode == 1
            assert "may not be written by this user: give the right back (chmod u+rwX)" in refused.stderr
        assert salespipe("status", home=tmp_path, command=bound).returncode == 0
    finally:
        processes.stop(home)


@contextmanager
def _read_only(home: Path) -> Iterator[None]:
    """As `chmod -R a-w` leaves it."""
    paths = [home, *home.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        path.chmod(modes[path] & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(modes[path])


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


def test_metrics_that_cannot_be_read_are_an_error_of_cloudwatch(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    Room(monkeypatch, Metrics, "names")
    with pytest.raises(ClientError, match="is full: make room on it") as caught:
        once("cloudwatch", runtime.endpoint).list_metrics(Namespace="AWS/Kinesis")
    assert caught.value.response["Error"]["Code"] == "InternalServiceError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


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
    """Whether calls of a store's method find room; by default those for which `refused` is true do not."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: type,
        method: str,
        refused: Callable[..., bool] = lambda *arguments: True,
    ) -> None:
        self.none = threading.Event()
        self.none.set()
        self.refusals = 0
        original = getattr(owner, method)

        def limited(store: Any, *arguments: Any) -> Any:
            if self.none.is_set() and refused(*arguments):
                self.refusals += 1
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return original(store, *arguments)

        monkeypatch.setattr(owner, method, limited)


def ends_a_query(kind: str, id: str, document: dict[str, Any]) -> bool:
    state = document.get("QueryExecution", {}).get("Status", {}).get("State")
    return state in ("SUCCEEDED", "FAILED")


def ends_a_crawl(kind: str, id: str, document: dict[str, Any]) -> bool:
    return document.get("State") == "READY" and "LastCrawl" in document


STREAM = {"StreamName": "S", "ShardCount": 1, "Tags": {"a": "b"}}
CRAWLER = {"Name": "c", "Role": ROLE, "DatabaseName": "d", "Targets": {"S3Targets": [{"Path": "s3://bucket/"}]}}


@pytest.mark.parametrize(
    ("owner", "method", "service", "before", "operation", "asked"),
    [
        (ItemStore, "declare", "dynamodb", None, "create_table", CHANGES[0][3]),
        (ItemStore, "drop", "dynamodb", ("create_table", CHANGES[0][3]), "delete_table", {"TableName": "T"}),
        (ShardLog, "drop", "kinesis", ("create_stream", STREAM), "delete_stream", {"StreamName": "S"}),
        (Documents, "put", "glue", None, "create_crawler", CRAWLER),
        (Documents, "delete", "glue", ("create_crawler", CRAWLER), "delete_crawler", {"Name": "c"}),
    ],
)
def test_of_a_change_in_two_steps_both_are_undone_when_the_second_finds_no_room(
    runtime: Embedded,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    service: str,
    before: tuple[str, dict[str, Any]] | None,
    operation: str,
    asked: dict[str, Any],
) -> None:
    client = once(service, runtime.endpoint)
    if before is not None:
        getattr(client, before[0])(**before[1])
    room = Room(monkeypatch, owner, method)
    for _ in range(2):
        with pytest.raises(ClientError, match="is full: make room on it"):
            getattr(client, operation)(**asked)
    assert room.refusals == 2
    room.none.clear()
    getattr(client, operation)(**asked)
    with pytest.raises(ClientError, match=r"exist|(?i:not found)"):
        getattr(client, operation)(**asked)


def test_a_query_without_room_for_its_end_is_answered_and_its_end_stored_when_there_is(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, Documents, "put", ends_a_query)
    athena, s3 = runtime.client("athena"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    wanted = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"}}
    id = athena.start_query_execution(**wanted)["QueryExecutionId"]
    ids = [id, *(athena.start_query_execution(**wanted)["QueryExecutionId"] for _ in range(6))]  # more than run at once

    def status(id: str) -> dict[str, Any]:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
        return found

    until(lambda: all(status(id)["State"] == "FAILED" for id in ids))
    for id in ids:
        athena.stop_query_execution(QueryExecutionId=id)
        assert "is full: make room on it" in status(id)["StateChangeReason"]
        assert status(id)["AthenaError"]["Retryable"] is True
    until(lambda: room.refusals > 16)
    ends = [status(id) for id in ids]
    room.none.clear()
    stored = runtime.stores.documents

    def state(id: str) -> str:
        found = stored.get(KIND, id)
        assert found is not None
        return str(found["QueryExecution"]["Status"]["State"])

    until(lambda: all(state(id) == "FAILED" for id in ids))
    assert [status(id) for id in ids] == ends


def test_a_crawl_without_room_for_its_end_ends_when_there_is(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, Documents, "put", ends_a_crawl)
    glue, s3 = runtime.client("glue"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    glue.create_database(DatabaseInput={"Name": "d"})
    glue.create_crawler(**CRAWLER)
    glue.start_crawler(Name="c")
    until(lambda: room.refusals > 2)
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "RUNNING"
    room.none.clear()
    while (crawler := glue.get_crawler(Name="c")["Crawler"])["State"] != "READY":
        time.sleep(0.01)
    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED"
    glue.start_crawler(Name="c")


def test_the_runtime_ends_though_a_query_and_a_crawl_find_no_room(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, Documents, "put", ends_a_query)
    athena, s3 = runtime.client("athena"), runtime.client("s3")
    s3.create_bucket(Bucket="bucket")
    wanted = {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://bucket/results/"}}
    id = athena.start_query_execution(**wanted)["QueryExecutionId"]
    until(lambda: room.refusals > 2)
    runtime.stop()
    room.none.clear()
    runtime.start()
    status = runtime.client("athena").get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"


def test_what_a_function_prints_when_it_cannot_be_kept_is_no_failure_of_it(tmp_path: Path) -> None:
    source = """
        import logging, resource, sys
        def handler(event, context):
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            if event == "full":
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
            print("printed", event)
            logging.error("logged %s", event)
            sys.stderr.write("written")
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            return event
    """
    deployed = Deployed(tmp_path)
    deployed.deploy(source)
    try:
        assert deployed.call("full")[0] == "full"
        answer, made = deployed.call("room")
        assert answer == "room"
        assert "printed room" in made.log_tail
        assert "full" not in made.log_tail
    finally:
        deployed.functions.stop()


def test_code_that_finds_no_room_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def extract(archive: zipfile.ZipFile, folder: Path) -> None:
        folder.mkdir()
        (folder / "half").touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(zipfile.ZipFile, "extractall", extract)
        with pytest.raises(OSError, match="No space"):
            unpack(make_zip("x = 1"), tmp_path / "functions")
    assert list((tmp_path / "functions").iterdir()) == []
    assert (unpack(make_zip("x = 1"), tmp_path / "functions") / "app.py").read_text() == "x = 1"


def test_a_log_that_finds_no_room_for_its_copy_loses_its_old_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    log = tmp_path / "log"
    log.write_bytes(b"x" * 100)
    turn_over(log, 100)
    assert log.stat().st_size == 100
    monkeypatch.setattr(shutil, "copyfile", copy)
    turn_over(log, 99)
    assert log.stat().st_size == 0
    assert list(tmp_path.iterdir()) == [log]
