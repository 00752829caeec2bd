"""The background process: one per home, found again, started again after a kill, stopped in order."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.local import runtime
from tests.aws import new_session
from tests.cli.process import salespipe


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    yield home
    runtime.stop(home)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[runtime.Running]:
    """One for the tests that only ask it something: a start costs a second of CPU."""
    home = tmp_path_factory.mktemp("standing")
    yield runtime.ensure(home)
    runtime.stop(home)


def client(running: runtime.Running, service: str) -> Any:
    return new_session().client(service, endpoint_url=running.endpoint)


def kill(running: runtime.Running) -> None:
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)


def test_it_starts_once_is_found_and_stops(home: Path) -> None:
    first = runtime.ensure(home)
    assert runtime.ensure(home) == first == runtime.find(home)
    assert runtime.is_active(home)

    assert runtime.stop(home)

    assert runtime.find(home) is None
    assert not runtime.is_active(home)
    assert not (home / "runtime.json").exists()
    assert not runtime.stop(home)


def test_two_commands_at_once_start_one(home: Path) -> None:
    found: list[runtime.Running] = []
    threads = [threading.Thread(target=lambda: found.append(runtime.ensure(home))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_second_process_over_the_same_home_is_refused(home: Path) -> None:
    runtime.ensure(home)
    (home / "runtime.json").rename(home / "hidden")
    with pytest.raises(runtime.RuntimeStartError, match="another runtime has"):
        runtime.ensure(home)
    (home / "hidden").rename(home / "runtime.json")


def test_after_a_kill_everything_acknowledged_is_there_on_the_same_port(home: Path) -> None:
    before = runtime.ensure(home)
    client(before, "dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    client(before, "dynamodb").put_item(TableName="Orders", Item={"orderid": {"S": "kept"}})
    client(before, "s3").create_bucket(Bucket="a-bucket")
    client(before, "s3").put_object(Bucket="a-bucket", Key="k", Body=b"kept")
    client(before, "sqs").create_queue(QueueName="q", tags={"a": "b"})
    client(before, "kinesis").create_stream(StreamName="S", ShardCount=2)
    client(before, "kinesis").put_record(StreamName="S", Data=b"kept", PartitionKey="k")
    table = client(before, "dynamodb").describe_table(TableName="Orders")["Table"]
    kill(before)

    after = runtime.ensure(home)

    assert after.pid != before.pid
    assert after.port == before.port
    again = client(after, "dynamodb")
    assert again.describe_table(TableName="Orders")["Table"] == table
    assert again.scan(TableName="Orders")["Items"] == [{"orderid": {"S": "kept"}}]
    assert again.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert client(after, "s3").get_object(Bucket="a-bucket", Key="k")["Body"].read() == b"kept"
    url = client(after, "sqs").get_queue_url(QueueName="q")["QueueUrl"]
    assert client(after, "sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    shards = client(after, "kinesis").list_shards(StreamName="S")["Shards"]
    assert len(shards) == 2
    records = []
    for shard in shards:
        iterator = client(after, "kinesis").get_shard_iterator(
            StreamName="S", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += client(after, "kinesis").get_records(ShardIterator=iterator)["Records"]
    assert [record["Data"] for record in records] == [b"kept"]


def test_a_taken_port_and_a_stale_state_file_are_in_nobodys_way(home: Path) -> None:
    before = runtime.ensure(home)
    kill(before)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before.port))
        other.listen()
        # The state file names a process that is gone and a port that belongs to somebody else now.
        state = json.loads((home / "runtime.json").read_text())
        assert state["port"] == before.port
        after = runtime.ensure(home)
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()  # which never answers, and is not asked
    assert after.port != before.port
    assert after.moved_from == before.port
    assert runtime.ensure(home).moved_from is None
    found = runtime.find(home)
    assert found is not None
    assert (found.pid, found.port) == (after.pid, after.port)


def test_a_command_says_that_the_port_of_last_time_is_taken(tmp_path: Path) -> None:
    home = tmp_path / "state"
    before = runtime.ensure(home)
    kill(before)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", before.port))
            other.listen()
            done = salespipe("env", "--json", home=tmp_path)
        after = runtime.ensure(home)
        assert done.returncode == 0
        assert json.loads(done.stdout)["AWS_ENDPOINT_URL"] == after.endpoint
        assert done.stderr == (
            f'warning: port {before.port} is taken, now on {after.port}; run eval "$(salespipe env)" again\n'
        )
        assert salespipe("env", "--json", home=tmp_path).stderr == ""
    finally:
        runtime.stop(home)


def test_a_damaged_store_is_named_with_what_to_do(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "store.db").write_bytes(b"no database" * 500)
    with pytest.raises(runtime.RuntimeStartError, match=r"is damaged.*move it away to begin"):
        runtime.ensure(home)


def test_names_that_only_resolve_to_this_machine_are_refused(standing: runtime.Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", standing.port)
    connection.request("GET", "/", headers={"Host": f"evil.example:{standing.port}"})
    assert connection.getresponse().status == 403
    connection.close()


def test_it_listens_on_loopback_only(standing: runtime.Running) -> None:
    wildcard = f"00000000:{standing.port:04X}"
    listening = {line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    assert wildcard not in listening
    six = {line.split()[1] for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]}
    assert not [address for address in six if address.endswith(f":{standing.port:04X}")]
    assert f"0100007F:{standing.port:04X}" in listening


def test_web_pages_cannot_drive_it(standing: runtime.Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", standing.port)
    for method in ("OPTIONS", "POST"):
        connection.request(method, "/a-bucket?delete", headers={"Origin": "http://evil.example"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    connection.close()
