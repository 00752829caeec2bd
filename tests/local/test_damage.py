"""Damaged files: what cannot be read is named, with what to do; the rest goes on, and all of it once it is put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import runtime as processes
from salespipe.local.errors import StoreError
from salespipe.local.moto_inside import VERSION
from salespipe.local.stores import Stores
from tests.cli.process import salespipe
from tests.embedded import Embedded
from tests.local.single import once

BODY = b'{"a": 1, "only_here": 1}\n' * 1000
LOST = "is damaged: its file .* put a copy of the file back, or delete the object"


# ---- objects ----


@pytest.fixture
def s3(runtime: Embedded) -> Any:
    client = once("s3", runtime.endpoint)
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="folder/one.json", Body=BODY)
    client.put_object(Bucket="bucket", Key="folder/two.json", Body=b'{"a": 2, "b": "x"}\n')
    return client


@pytest.fixture
def file(runtime: Embedded, s3: Any) -> Path:
    """The file of the first object."""
    stored = runtime.stores.objects.get("bucket", "folder/one.json")
    assert stored is not None
    return stored.path


def shortened(path: Path) -> Callable[[], object]:
    """Cut a file; what is returned puts it back."""
    whole = path.read_bytes()
    os.truncate(path, len(whole) // 2)
    return lambda: path.write_bytes(whole)


def lost(path: Path) -> Callable[[], object]:
    """Take a file away; what is returned puts it back."""
    aside = path.with_name("aside")
    path.rename(aside)
    return lambda: aside.rename(path)


def lengthened(path: Path) -> Callable[[], object]:
    """Add to a file; what is returned puts it back."""
    size = path.stat().st_size
    with path.open("ab") as opened:
        opened.write(b"{}\n")
    return lambda: os.truncate(path, size)


DAMAGES = [shortened, lost, lengthened]


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_object_that_is_not_whole_is_an_error_and_never_short(
    s3: Any, file: Path, damage: Callable[[Path], Callable[[], object]]
) -> None:
    repair = damage(file)
    attempts: list[tuple[str, dict[str, str]]] = [
        ("get_object", {"Key": "folder/one.json"}),
        ("get_object", {"Key": "folder/one.json", "Range": "bytes=0-9"}),
        ("copy_object", {"Key": "copy", "CopySource": "bucket/folder/one.json"}),
    ]
    for operation, asked in attempts:
        with pytest.raises(ClientError, match=LOST) as caught:
            getattr(s3, operation)(Bucket="bucket", **asked)
        assert caught.value.response["Error"]["Code"] == "InternalError"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert "s3://bucket/folder/one.json" in str(caught.value)
        assert str(file) in str(caught.value)
    with pytest.raises(ClientError, match="500"):
        s3.head_object(Bucket="bucket", Key="folder/one.json")
    listed = s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert [one["Size"] for one in listed] == [len(BODY), 19]

    repair()

    assert s3.get_object(Bucket="bucket", Key="folder/one.json")["Body"].read() == BODY


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_can_be_replaced_and_deleted(
    s3: Any, file: Path, damage: Callable[[Path], Callable[[], object]]
) -> None:
    damage(file)
    s3.put_object(Bucket="bucket", Key="folder/one.json", Body=b"new")
    assert s3.get_object(Bucket="bucket", Key="folder/one.json")["Body"].read() == b"new"
    s3.delete_object(Bucket="bucket", Key="folder/one.json")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["folder/two.json"]


def test_an_upload_with_a_damaged_part_is_not_completed(runtime: Embedded, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="bucket", Key="large")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket="bucket", Key="large", UploadId=upload, PartNumber=number, Body=BODY)["ETag"],
        }
        for number in (1, 2)
    ]
    (row,) = runtime.stores.db.read().execute("select path from objects where key like ? limit 1", (f"{upload}/%",))
    repair = shortened(runtime.home / "objects" / row[0])
    whole = {"Bucket": "bucket", "Key": "large", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    with pytest.raises(ClientError, match=LOST):
        s3.complete_multipart_upload(**whole)
    repair()
    s3.complete_multipart_upload(**whole)
    assert s3.get_object(Bucket="bucket", Key="large")["Body"].read() == BODY * 2


def query(runtime: Embedded, sql: str) -> dict[str, Any]:
    """Run a query to its end."""
    athena = once("athena", runtime.endpoint)
    started = athena.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": "s3://bucket/results/"}
    )
    while True:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])
        if found["QueryExecution"]["Status"]["State"] not in ("QUEUED", "RUNNING"):
            return dict(found["QueryExecution"])


def crawl(runtime: Embedded) -> list[str]:
    """Crawl the folder; the lines of the log of this run."""
    glue, logs = once("glue", runtime.endpoint), once("logs", runtime.endpoint)
    if not glue.get_crawlers()["Crawlers"]:
        glue.create_database(DatabaseInput={"Name": "d"})
        target = {"S3Targets": [{"Path": "s3://bucket/folder/"}]}
        glue.create_crawler(Name="c", Role="arn:aws:iam::123456789012:role/r", DatabaseName="d", Targets=target)
    glue.start_crawler(Name="c")
    while glue.get_crawler(Name="c")["Crawler"]["State"] != "READY":
        pass
    last = glue.get_crawler(Name="c")["Crawler"]["LastCrawl"]
    assert last["Status"] == "SUCCEEDED"
    events = logs.get_log_events(logGroupName=last["LogGroup"], logStreamName=last["LogStream"])["events"]
    return [event["message"] for event in events if last["MessagePrefix"] in event["message"]]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_query_and_a_crawl_name_the_damaged_object(
    runtime: Embedded, s3: Any, file: Path, damage: Callable[[Path], Callable[[], object]]
) -> None:
    repair = damage(file)
    (warning,) = [line for line in crawl(runtime) if "WARN" in line]
    assert "s3://bucket/folder/one.json" in warning
    assert "put a copy of the file back" in warning

    status = query(runtime, "SELECT count(*) FROM d.folder")["Status"]

    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(
        "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split: the object s3://bucket/"
    )
    assert str(file) in status["StateChangeReason"]

    repair()

    assert not [line for line in crawl(runtime) if "WARN" in line]
    table = once("glue", runtime.endpoint).get_table(DatabaseName="d", Name="folder")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["a", "b", "only_here"]
    assert query(runtime, "SELECT count(*) FROM d.folder")["Status"]["State"] == "SUCCEEDED"


def told(runtime: Embedded) -> str | None:
    """What `status` shows of the storage."""
    found: str | None = runtime.runtime.health()["storage"]
    return found


def get_in_vain(client: Any) -> None:
    with pytest.raises(ClientError, match=LOST):
        client.get_object(Bucket="bucket", Key="folder/one.json")


def put(client: Any) -> object:
    return client.put_object(Bucket="bucket", Key="folder/one.json", Body=BODY)


def delete(client: Any) -> object:
    return client.delete_object(Bucket="bucket", Key="folder/one.json")


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_object_that_a_reader_found_damaged_is_a_problem_until_it_is_put_right(
    runtime: Embedded, s3: Any, file: Path, damage: Callable[[Path], Callable[[], object]]
) -> None:
    crawl(runtime)
    readers: list[Callable[[], object]] = [
        lambda: query(runtime, "SELECT count(*) FROM d.folder"),
        lambda: get_in_vain(s3),
    ]
    for read in readers:
        repair = damage(file)
        assert told(runtime) is None
        read()
        for _ in range(2):
            said = told(runtime)
            assert said is not None
            assert "the object s3://bucket/folder/one.json is damaged: its file " in said
        repair()
        assert told(runtime) is None


@pytest.mark.parametrize("end", [put, delete])
def test_a_damaged_object_that_a_crawl_found_is_a_problem_until_it_is_replaced_or_deleted(
    runtime: Embedded, s3: Any, file: Path, end: Callable[[Any], object]
) -> None:
    lost(file)
    crawl(runtime)
    assert "s3://bucket/folder/one.json is damaged" in str(told(runtime))
    end(s3)
    assert told(runtime) is None


# ---- the database ----


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    processes.stop(home)


def client(home: Path, service: str) -> Any:
    return once(service, processes.ensure(home).endpoint)


def filled(home: Path) -> dict[str, bytes]:
    """A store with a table of a hundred orders, stopped in order; the bytes of its files."""
    dynamodb = client(home, "dynamodb")
    dynamodb.create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    items = [
        {"orderid": {"S": f"order-{number:03}"}, "note": {"S": f"needle-{number:03} " + "x" * 1500}}
        for number in range(100)
    ]
    for start in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        assert not dynamodb.batch_write_item(RequestItems={"Orders": puts})["UnprocessedItems"]
    processes.stop(home)
    return {path.name: path.read_bytes() for path in home.glob("store.db*")}


def test_a_damaged_page_is_an_error_for_what_is_on_it_only(home: Path) -> None:
    whole = filled(home)["store.db"]
    page = whole.index(b"needle-050") // 4096 * 4096
    damaged = whole[:page] + b"\xff" * 64 + whole[page + 64 :]
    (home / "store.db").write_bytes(damaged)
    dynamodb = client(home, "dynamodb")

    with pytest.raises(ClientError, match=r"store\.db is damaged .* put a copy of .* back, or move it away") as caught:
        dynamodb.get_item(TableName="Orders", Key={"orderid": {"S": "order-050"}})
    assert caught.value.response["Error"]["Code"] == "InternalServerError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert dynamodb.get_item(TableName="Orders", Key={"orderid": {"S": "order-099"}})["Item"]
    running = processes.find(home)
    assert running is not None
    health = processes.health(running)
    assert health is not None
    assert "store.db is damaged" in health["storage"]

    processes.stop(home)
    (home / "store.db").write_bytes(whole)
    item = client(home, "dynamodb").get_item(TableName="Orders", Key={"orderid": {"S": "order-050"}})["Item"]
    assert item["note"]["S"].startswith("needle-050")


@pytest.mark.heavy
def test_a_runtime_whose_home_is_moved_ends_and_leaves_the_next_one_alone(home: Path, tmp_path: Path) -> None:
    before = processes.ensure(home)
    once("s3", before.endpoint).create_bucket(Bucket="bucket")
    moved = home.rename(tmp_path / "moved")
    after = processes.ensure(home)

    while processes.alive(before.pid):
        time.sleep(0.02)

    assert after.pid != before.pid
    assert processes.find(home) == after
    buckets = client(home, "s3").list_buckets()["Buckets"]
    assert buckets == []
    processes.stop(home)
    assert client(home, "s3").list_buckets()["Buckets"] == []
    processes.stop(home)
    try:
        assert [one["Name"] for one in client(moved, "s3").list_buckets()["Buckets"]] == ["bucket"]
    finally:
        processes.stop(moved)


def newer(home: Path) -> None:
    with sqlite3.connect(home / "store.db") as connection:
        connection.execute("pragma user_version=99")
    connection.close()


def garbled(home: Path) -> None:
    (home / "store.db").write_bytes(b"this is no database at all" * 100)


def halved(home: Path) -> None:
    os.truncate(home / "store.db", (home / "store.db").stat().st_size // 2 // 4096 * 4096)


def emptied(home: Path) -> None:
    os.truncate(home / "store.db", 0)


def removed(home: Path) -> None:
    (home / "store.db").unlink()
    (home / "store.lock").touch()  # as every runtime leaves it


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (newer, "has version 99, this salespipe reads version .*: use the salespipe that wrote it, or another SALES"),
        (garbled, "is damaged .*: put a copy of .* back, or move it away to begin with an empty one"),
        (halved, "is damaged .*: put a copy of .* back, or move it away to begin with an empty one"),
        (emptied, r"store\.db is gone, but .*objects of it is there: put it back, or move .* away"),
        (removed, r"store\.db is gone, but .*objects of it is there: put it back, or move .* away"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    home = tmp_path / "home"
    stores = Stores.open(home)
    with stores.db.write():
        for number in range(100):
            stores.positions.save("worker", str(number), "x" * 1000)
    kept = stores.objects.put("b", "k", b"kept")
    stores.close()
    whole = shutil.copytree(home, tmp_path / "copy")
    damage(home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    for _ in range(2):
        with pytest.raises(StoreError, match=says):
            Stores.open(home)

    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    shutil.copyfile(whole / "store.db", home / "store.db")
    stores = Stores.open(home)
    assert stores.positions.get("worker", "99") == "x" * 1000
    found = stores.objects.get("b", "k")
    assert found is not None
    assert (found.path, found.read()) == (kept.path, b"kept")
    stores.close()


@pytest.mark.parametrize("damage", [newer, pytest.param(garbled, marks=pytest.mark.heavy)])
def test_the_command_line_says_what_is_wrong_and_what_to_do(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    state = tmp_path / "state"
    Stores.open(state).close()
    (state / "active").touch()
    damage(state)

    done = salespipe("status", home=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error.startswith("salespipe: error: the local runtime could not be started: ")
    assert str(state / "store.db") in error
    assert hint == f"  hint: its log is {state / 'runtime.log'}"
    assert (state / "runtime.log").read_text().count("\n") == 1


def scribbled(home: Path) -> None:
    """Over the rows that every start reads."""
    content = (home / "store.db").read_bytes()
    page = content.index(b"a state") // 4096 * 4096
    (home / "store.db").write_bytes(content[:page] + b"\xff" * 64 + content[page + 64 :])


@pytest.mark.parametrize(
    "damage", [garbled, removed, *(pytest.param(one, marks=pytest.mark.heavy) for one in (halved, scribbled, newer))]
)
def test_a_damaged_store_in_which_nothing_runs_is_not_called_a_pipeline_that_is_not_there(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    state = tmp_path / "state"
    stores = Stores.open(state)
    with stores.db.write():
        for number in range(100):
            stores.positions.save("worker", str(number), "x" * 1000)
        stores.control.save("s3", b"a state")
    stores.close()
    assert salespipe("status", home=tmp_path).returncode == 3
    damage(state)
    (state / "accept-loss").touch()
    before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}

    for command in (["status"], ["query", "SELECT 1"]):
        done = salespipe(*command, home=tmp_path)

        assert done.returncode == 1, done.stderr
        (error,) = done.stderr.splitlines()
        assert error.startswith("salespipe: error: the local runtime cannot be used: ")
        assert str(state / "store.db") in error
        assert ("accept-loss is for a log that was cut" in error) == (damage in (garbled, halved, scribbled))
    assert {path: path.read_bytes() for path in state.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (f"{VERSION}\n".encode() + b"\x80\x05\xff" * 50, "store.db is damaged: its sqs resources cannot be read ("),
        pytest.param(b"\xff" * 400, "store.db is damaged: its sqs resources cannot be read (", marks=pytest.mark.heavy),
        pytest.param(
            f"{VERSION}\n".encode() + b"\x80\x05",
            "store.db is damaged: its sqs resources cannot be read (",
            marks=pytest.mark.heavy,
        ),
        (b"0.9.1\n" + b"\x80\x05\xff", "were written with moto 0.9.1 and cannot be read with moto "),
    ],
)
def test_resources_that_cannot_be_read_are_damage_unless_another_version_wrote_them(
    tmp_path: Path, state: bytes, says: str
) -> None:
    home = tmp_path / "state"
    stores = Stores.open(home)
    stores.control.save("sqs", state)
    stores.close()

    done = salespipe("up", home=tmp_path)

    assert done.returncode == 1
    error, _ = done.stderr.splitlines()
    assert says in error
    what = "install the other version" if "0.9.1" in says else f"put a copy of {home} back, or move it away"
    assert what in error
