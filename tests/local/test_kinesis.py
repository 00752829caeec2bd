"""Kinesis records, as a boto3 client of the endpoint sees them."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.api.iterators import Iterators, Position
from salespipe.local.errors import AwsError
from tests.embedded import Embedded


@pytest.fixture
def stream(runtime: Embedded) -> str:
    runtime.client("kinesis").create_stream(StreamName="Changes", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    return "Changes"


def read_shard(runtime: Embedded, shard: str, **start: Any) -> list[dict[str, Any]]:
    client = runtime.client("kinesis")
    token = client.get_shard_iterator(
        StreamName="Changes", ShardId=shard, **(start or {"ShardIteratorType": "TRIM_HORIZON"})
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while token:
        page = client.get_records(ShardIterator=token, Limit=100)
        found += page["Records"]
        token = page.get("NextShardIterator")
        if page["MillisBehindLatest"] == 0 and not page["Records"]:
            break
    return found


def shards(runtime: Embedded) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = runtime.client("kinesis").list_shards(StreamName="Changes")["Shards"]
    return found


def test_a_record_goes_to_the_shard_of_its_key_and_comes_back_whole(runtime: Embedded, stream: str) -> None:
    client = runtime.client("kinesis")
    records = [{"Data": bytes([n]) * n, "PartitionKey": f"order-{n}"} for n in range(1, 101)]

    answer = client.put_records(StreamName=stream, Records=records)

    assert answer["FailedRecordCount"] == 0
    for record, placed in zip(records, answer["Records"], strict=True):
        place = int.from_bytes(hashlib.md5(str(record["PartitionKey"]).encode()).digest())
        (home,) = [
            shard["ShardId"]
            for shard in shards(runtime)
            if int(shard["HashKeyRange"]["StartingHashKey"]) <= place <= int(shard["HashKeyRange"]["EndingHashKey"])
        ]
        assert placed["ShardId"] == home
        assert len(placed["SequenceNumber"]) == 56
    back = [record for shard in shards(runtime) for record in read_shard(runtime, shard["ShardId"])]
    assert {(record["PartitionKey"], record["Data"]) for record in back} == {
        (record["PartitionKey"], record["Data"]) for record in records
    }


def test_concurrent_writers_lose_nothing_and_sequence_numbers_rise(runtime: Embedded, stream: str) -> None:
    client = runtime.client("kinesis")

    def put(writer: int) -> None:
        for batch in range(5):
            client.put_records(
                StreamName=stream,
                Records=[{"Data": f"{writer}/{batch}/{n}".encode(), "PartitionKey": str(n)} for n in range(100)],
            )

    threads = [threading.Thread(target=put, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    seen = []
    for shard in shards(runtime):
        found = read_shard(runtime, shard["ShardId"])
        numbers = [record["SequenceNumber"] for record in found]
        assert numbers == sorted(set(numbers))
        seen += [record["Data"] for record in found]
    assert len(seen) == len(set(seen)) == 2000


def test_reading_can_begin_anywhere(runtime: Embedded, stream: str) -> None:
    client = runtime.client("kinesis")
    placed = [client.put_record(StreamName=stream, Data=str(n).encode(), PartitionKey="one") for n in range(5)]
    shard = placed[0]["ShardId"]

    def data(**start: Any) -> list[bytes]:
        return [record["Data"] for record in read_shard(runtime, shard, **start)]

    at = {"StartingSequenceNumber": placed[2]["SequenceNumber"]}
    assert data(ShardIteratorType="AT_SEQUENCE_NUMBER", **at) == [b"2", b"3", b"4"]
    assert data(ShardIteratorType="AFTER_SEQUENCE_NUMBER", **at) == [b"3", b"4"]
    assert data(ShardIteratorType="LATEST") == []
    arrived = read_shard(runtime, shard)[0]["ApproximateArrivalTimestamp"]
    assert data(ShardIteratorType="AT_TIMESTAMP", Timestamp=arrived)[0] == b"0"


def test_a_closed_shard_ends_and_names_its_children(runtime: Embedded, stream: str) -> None:
    client = runtime.client("kinesis")
    placed = client.put_record(StreamName=stream, Data=b"before", PartitionKey="one")
    parent = next(shard for shard in shards(runtime) if shard["ShardId"] == placed["ShardId"])
    middle = (int(parent["HashKeyRange"]["StartingHashKey"]) + int(parent["HashKeyRange"]["EndingHashKey"])) // 2
    client.split_shard(StreamName=stream, ShardToSplit=parent["ShardId"], NewStartingHashKey=str(middle))

    after = client.put_record(StreamName=stream, Data=b"after", PartitionKey="one")

    assert after["ShardId"] != parent["ShardId"]
    token = client.get_shard_iterator(StreamName=stream, ShardId=parent["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    page = client.get_records(ShardIterator=token)
    assert [record["Data"] for record in page["Records"]] == [b"before"]
    assert "NextShardIterator" not in page
    assert after["ShardId"] in {child["ShardId"] for child in page["ChildShards"]}


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{"Data": b"x", "PartitionKey": "k"}] * 501, "less than or equal to 500"),
        ([{"Data": b"x" * 1_048_577, "PartitionKey": "k"}], "exceeds the maximum"),
    ],
)
def test_limits_are_those_of_aws(runtime: Embedded, stream: str, records: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        runtime.client("kinesis").put_records(StreamName=stream, Records=records)


def test_a_missing_stream_is_named(runtime: Embedded) -> None:
    with pytest.raises(ClientError, match="Stream Nowhere under account 123456789012 not found"):
        runtime.client("kinesis").put_record(StreamName="Nowhere", Data=b"x", PartitionKey="k")


def test_records_are_there_after_a_restart_and_numbers_go_on(runtime: Embedded, stream: str) -> None:
    first = runtime.client("kinesis").put_record(StreamName=stream, Data=b"a", PartitionKey="one")

    runtime.restart()

    second = runtime.client("kinesis").put_record(StreamName=stream, Data=b"b", PartitionKey="one")
    assert second["SequenceNumber"] > first["SequenceNumber"]
    assert [record["Data"] for record in read_shard(runtime, first["ShardId"])] == [b"a", b"b"]


def test_an_iterator_expires() -> None:
    now = [1000.0]
    iterators = Iterators(300, clock=lambda: now[0])
    token = iterators.make(Position("arn", 2, 7))
    now[0] += 299
    assert iterators.read(token) == Position("arn", 2, 7)
    now[0] += 2
    with pytest.raises(AwsError, match="ExpiredIteratorException"):
        iterators.read(token)
    with pytest.raises(AwsError, match="InvalidArgumentException"):
        iterators.read("nonsense")
