"""Orders put into a table whose stream carries both images, one or 25 a call, and that stream read by four readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import orjson

from benchmarks.endpoint import Endpoint
from benchmarks.load import CALLERS, Send, run
from benchmarks.operations.operation import Stage, items, orders, played, split
from salespipe.orders import Order

_BATCH = 25  # the most that one BatchWriteItem takes
_PAGE = 1_000  # the most records that one GetRecords of a table's stream gives


class PutItem:
    name, unit, service, count = "PutItem", "items", "dynamodb", 2_000

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        table = _make_table(endpoint)
        return Stage(
            items(count), _put(table), lambda done: _lost(endpoint, table, count, done), lambda: _drop(endpoint, table)
        )

    def alone(self, count: int) -> tuple[Stage, bytes]:
        return played(items(count), _put("orders")), b"{}"


class BatchWriteItem:
    name, unit, service, count = "BatchWriteItem (25)", "items", "dynamodb", 10_000

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        table = _make_table(endpoint)
        return Stage(
            _batches(count),
            _write(table),
            lambda done: _lost(endpoint, table, count, done),
            lambda: _drop(endpoint, table),
        )

    def alone(self, count: int) -> tuple[Stage, bytes]:
        return played(_batches(count), _write("orders")), b'{"UnprocessedItems":{}}'


class StreamGetRecords:
    """A quarter of the records is written, by four callers, and read four times, by four readers side by side."""

    name, unit, service, count = "DynamoDB Streams GetRecords", "records", "dynamodbstreams", 12_000

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        table, each = _make_table(endpoint), count // CALLERS
        written = run(lambda: endpoint.new_client("dynamodb"), _write(table), _batches(each), "threads").done
        stream = endpoint.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        return Stage(
            [written] * CALLERS,
            _read(stream, _shards(endpoint, stream)),
            lambda _: _lost_images(endpoint, stream, each, written),
            lambda: _drop(endpoint, table),
        )

    def alone(self, count: int) -> tuple[Stage, bytes]:
        page = orjson.dumps(
            {
                "ShardIterator": "iterator",
                "NextShardIterator": "iterator",
                "Records": [_record(number, order) for number, order in enumerate(items(_PAGE))],
            }
        )
        stream = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-20T12:00:00.000"
        shard = "shardId-00000000000000000000-00000000"
        return played([count // CALLERS] * CALLERS, _read(stream, [shard])), page


def _put(table: str) -> Send:
    def send(client: Any, item: Any) -> int:
        client.put_item(TableName=table, Item=item)
        return 1

    return send


def _write(table: str) -> Send:
    def send(client: Any, batch: Any) -> int:
        left = client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"]
        return len(batch) - len(left.get(table, []))

    return send


def _read(stream: str, shards: Sequence[str]) -> Send:
    return lambda client, wanted: sum(len(page["Records"]) for page in _pages(client, stream, shards, wanted))


def _pages(client: Any, stream: str, shards: Sequence[str], wanted: int) -> Iterator[Any]:
    """The stream from its beginning, until `wanted` records were seen or there are no more."""
    for shard in shards:
        asked = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = client.get_shard_iterator(**asked)["ShardIterator"]
        while iterator and wanted > 0:
            page = client.get_records(ShardIterator=iterator)
            if not page["Records"]:
                break
            yield page
            wanted -= len(page["Records"])
            iterator = page.get("NextShardIterator")


def _batches(count: int) -> list[Sequence[Any]]:
    return split([{"PutRequest": {"Item": item}} for item in items(count)], _BATCH)


def _make_table(endpoint: Endpoint) -> str:
    table = f"orders-{uuid4().hex}"
    client = endpoint.client("dynamodb")
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    return table


def _drop(endpoint: Endpoint, table: str) -> None:
    endpoint.client("dynamodb").delete_table(TableName=table)


def _lost(endpoint: Endpoint, table: str, count: int, acknowledged: int) -> int:
    written = {order.orderid: order for order in orders(count)}
    pages = endpoint.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return acknowledged - _as_written(written, (item for page in pages for item in page["Items"]))


def _lost_images(endpoint: Endpoint, stream: str, count: int, acknowledged: int) -> int:
    written = {order.orderid: order for order in orders(count)}
    pages = _pages(endpoint.client("dynamodbstreams"), stream, _shards(endpoint, stream), acknowledged)
    images = (record["dynamodb"]["NewImage"] for page in pages for record in page["Records"])
    return acknowledged - _as_written(written, images)


def _as_written(written: dict[str, Order], found: Iterable[dict[str, Any]]) -> int:
    """How many of the orders are among the items, each counted once; numbers may be written in another way."""
    return len({item["orderid"]["S"] for item in found if written.get(item["orderid"]["S"]) == Order.from_item(item)})


def _shards(endpoint: Endpoint, stream: str) -> list[str]:
    described = endpoint.client("dynamodbstreams").describe_stream(StreamArn=stream)
    return [shard["ShardId"] for shard in described["StreamDescription"]["Shards"]]


def _record(number: int, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_176_000,
            "Keys": {"orderid": item["orderid"]},
            "NewImage": item,
            "SequenceNumber": f"{number:021}",
            "SizeBytes": 300,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
