"""Orders put on a stream of four shards, 500 a call, and each shard read by a reader of its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import orjson

from benchmarks.endpoint import Endpoint
from benchmarks.load import CALLERS, Send, run
from benchmarks.operations.operation import Stage, items, played, split

_BATCH = 500  # the most that one PutRecords takes
_SHARDS = CALLERS
_PASSES = 5  # so often is each shard read, so that reading takes long enough to be measured
_SHARD = "shardId-000000000000"


class PutRecords:
    name, unit, service, count = "Kinesis PutRecords (500)", "records", "kinesis", 30_000

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        stream = _make_stream(endpoint)
        return Stage(
            split(_records(count), _BATCH),
            _put(stream),
            lambda done: _lost(endpoint, stream, count, done),
            lambda: _drop(endpoint, stream),
        )

    def alone(self, count: int) -> tuple[Stage, bytes]:
        results = [{"SequenceNumber": f"{number:056}", "ShardId": _SHARD} for number in range(_BATCH)]
        answer = {"FailedRecordCount": 0, "EncryptionType": "NONE", "Records": results}
        return played(split(_records(count), _BATCH), _put("orders")), orjson.dumps(answer)


class GetRecords:
    """A fifth of the records is written, by four callers, and read five times, each shard by its own reader."""

    name, unit, service, count = "Kinesis GetRecords", "records", "kinesis", 100_000

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        stream, each = _make_stream(endpoint), count // _PASSES
        written = run(
            lambda: endpoint.new_client("kinesis"), _put(stream), split(_records(each), _BATCH), "threads"
        ).done
        return Stage(
            _shards(endpoint, stream) * _PASSES,
            _read(stream),
            lambda _: _lost(endpoint, stream, each, written),
            lambda: _drop(endpoint, stream),
        )

    def alone(self, count: int) -> tuple[Stage, bytes]:
        records = [
            {
                "SequenceNumber": f"{number:056}",
                "ApproximateArrivalTimestamp": 1_795_176_000.125,
                "Data": base64.b64encode(record["Data"]).decode(),
                "PartitionKey": record["PartitionKey"],
                "EncryptionType": "NONE",
            }
            for number, record in enumerate(_records(count // _PASSES // _SHARDS))
        ]
        page = {"ShardIterator": "iterator", "NextShardIterator": "iterator", "MillisBehindLatest": 0}
        return played([_SHARD] * _SHARDS * _PASSES, _read("orders")), orjson.dumps({**page, "Records": records})


def _put(stream: str) -> Send:
    def send(client: Any, batch: Any) -> int:
        return len(batch) - int(client.put_records(StreamName=stream, Records=batch)["FailedRecordCount"])

    return send


def _read(stream: str) -> Send:
    return lambda client, shard: sum(len(page["Records"]) for page in _pages(client, stream, shard))


def _pages(client: Any, stream: str, shard: str, *, sure: bool = False) -> Iterator[Any]:
    """The shard from its beginning to where it says that nothing is behind; with `sure` until nothing comes either."""
    asked = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = client.get_shard_iterator(**asked)["ShardIterator"]
    while True:
        page = client.get_records(ShardIterator=iterator)
        yield page
        if not page["MillisBehindLatest"] and not (sure and page["Records"]):
            return
        iterator = page["NextShardIterator"]


def _records(count: int) -> list[dict[str, Any]]:
    return [{"Data": orjson.dumps(item), "PartitionKey": item["orderid"]["S"]} for item in items(count)]


def _make_stream(endpoint: Endpoint) -> str:
    client, stream = endpoint.client("kinesis"), f"orders-{uuid4().hex}"
    client.create_stream(StreamName=stream, ShardCount=_SHARDS)
    client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    return stream


def _drop(endpoint: Endpoint, stream: str) -> None:
    endpoint.client("kinesis").delete_stream(StreamName=stream)


def _lost(endpoint: Endpoint, stream: str, count: int, acknowledged: int) -> int:
    written = {record["PartitionKey"]: record["Data"] for record in _records(count)}
    client = endpoint.client("kinesis")
    found = {
        record["PartitionKey"]
        for shard in _shards(endpoint, stream)
        for page in _pages(client, stream, shard, sure=True)
        for record in page["Records"]
        if written.get(record["PartitionKey"]) == record["Data"]
    }
    return acknowledged - len(found)


def _shards(endpoint: Endpoint, stream: str) -> list[str]:
    shards: Sequence[Any] = endpoint.client("kinesis").list_shards(StreamName=stream)["Shards"]
    return [shard["ShardId"] for shard in shards]
