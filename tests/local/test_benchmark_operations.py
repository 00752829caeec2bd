"""The operations that the benchmark measures do what they say, and tell what is lost or altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.endpoint import Endpoint
from benchmarks.load import run
from benchmarks.operations import OPERATIONS
from benchmarks.operations.operation import Stage, items
from tests.embedded import Embedded

COUNT = 100
EACH = [
    name if name in ("put-item", "put-object") else pytest.param(name, marks=pytest.mark.heavy) for name in OPERATIONS
]
RECORDS = ("stream-get-records", "put-records", "get-records")


@pytest.fixture
def endpoint(runtime: Embedded) -> Iterator[Endpoint]:
    made = Endpoint(runtime.endpoint)
    yield made
    made.close()


def done(endpoint: Endpoint, name: str, stage: Stage) -> int:
    return run(lambda: endpoint.new_client(OPERATIONS[name].service), stage.send, stage.calls, "threads").done


@pytest.mark.parametrize("name", EACH)
def test_all_is_done_nothing_is_lost_and_what_was_made_is_removed(name: str, endpoint: Endpoint) -> None:
    def kept() -> list[Any]:
        return [
            endpoint.client("dynamodb").list_tables()["TableNames"],
            endpoint.client("kinesis").list_streams()["StreamNames"],
            endpoint.client("s3").list_buckets()["Buckets"],
        ]

    before = kept()
    stage = OPERATIONS[name].stage(endpoint, COUNT)

    assert done(endpoint, name, stage) == COUNT
    assert stage.lost(COUNT) == 0
    assert kept() != before
    stage.remove()
    assert kept() == before


def alter_item(endpoint: Endpoint) -> None:
    dynamodb = endpoint.client("dynamodb")
    (table,) = dynamodb.list_tables()["TableNames"]
    dynamodb.delete_item(TableName=table, Key={"orderid": items(COUNT)[3]["orderid"]})
    dynamodb.put_item(TableName=table, Item=items(COUNT)[4] | {"amount": {"N": "0.01"}})


def alter_object(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    (bucket,) = s3.list_buckets()["Buckets"]
    s3.delete_object(Bucket=bucket["Name"], Key="3")
    s3.put_object(Bucket=bucket["Name"], Key="4", Body=b"something else")


@pytest.mark.parametrize(
    ("name", "alter"),
    [
        ("put-item", alter_item),
        pytest.param("batch-write-item", alter_item, marks=pytest.mark.heavy),
        ("put-object", alter_object),
    ],
)
def test_what_was_deleted_or_altered_is_lost(name: str, alter: Callable[[Endpoint], None], endpoint: Endpoint) -> None:
    stage = OPERATIONS[name].stage(endpoint, COUNT)
    done(endpoint, name, stage)
    alter(endpoint)

    assert stage.lost(COUNT) == 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.heavy) if name != "put-records" else name for name in RECORDS]
)
def test_a_record_more_than_there_are_is_lost(name: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """As records cannot be deleted, one is hidden from whoever reads."""
    stage = OPERATIONS[name].stage(endpoint, COUNT)
    done(endpoint, name, stage)
    client = endpoint.client("dynamodbstreams" if name == "stream-get-records" else "kinesis")
    read = client.get_records

    def all_but_one(**asked: Any) -> Any:
        page = read(**asked)
        hidden = {items(COUNT)[3]["orderid"]["S"]}
        kept = [each for each in page["Records"] if hidden.isdisjoint(_keys(each))]
        return page | {"Records": kept}

    monkeypatch.setattr(client, "get_records", all_but_one)

    assert stage.lost(COUNT) == 1


def _keys(record: Any) -> set[str]:
    return {record["PartitionKey"]} if "PartitionKey" in record else {record["dynamodb"]["Keys"]["orderid"]["S"]}


@pytest.mark.parametrize("name", EACH)
def test_the_client_alone_is_asked_for_the_same(name: str) -> None:
    from benchmarks.peers import null_server

    stage, answer = OPERATIONS[name].alone(COUNT)
    with null_server(answer) as server:
        assert done(server.endpoint, name, stage) >= COUNT
