"""The operations that are measured side by side, each called with a stock boto3 client from several threads at once.

An operation is a function that makes what it needs, times the calls alone, and counts what was acknowledged and is not
there afterwards. A further one is one function and one line in OPERATIONS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

import orjson

from benchmarks.peers import Server
from benchmarks.processes import use
from salespipe.orders.simulator import simulate

THREADS = 4
_ITEMS = 25  # the most that one BatchWriteItem takes
_RECORDS = 500  # the most that one PutRecords takes
_SHARDS = 4


@dataclass(frozen=True)
class Run:
    """What putting all items or records took: wall time, CPU time of the server; and how many were lost."""

    seconds: float
    server_cpu_seconds: float
    lost: int


Operation = Callable[[Server, int], Run]
"""Takes the peer and how many items or records to write."""


def batch_write_item(server: Server, count: int) -> Run:
    """Orders put into a table whose stream carries both images, 25 a call."""
    client, table = server.clients.client("dynamodb"), f"orders-{uuid4().hex}"
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    requests = [{"PutRequest": {"Item": item}} for item in _items(count)]

    def put(batch: Sequence[Any]) -> int:
        left = client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"]
        return len(batch) - len(left.get(table, []))

    seconds, cpu, written = _timed(server, put, requests, _ITEMS)
    pages = client.get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return Run(seconds, cpu, written - sum(page["Count"] for page in pages))


def put_records(server: Server, count: int) -> Run:
    """Orders put on a stream of four shards, 500 a call."""
    client, stream = server.clients.client("kinesis"), f"orders-{uuid4().hex}"
    client.create_stream(StreamName=stream, ShardCount=_SHARDS)
    client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    records = [{"Data": orjson.dumps(item), "PartitionKey": item["orderid"]["S"]} for item in _items(count)]

    def put(batch: Sequence[Any]) -> int:
        return len(batch) - int(client.put_records(StreamName=stream, Records=batch)["FailedRecordCount"])

    seconds, cpu, written = _timed(server, put, records, _RECORDS)
    return Run(seconds, cpu, written - _records_on(client, stream))


OPERATIONS: dict[str, Operation] = {"BatchWriteItem": batch_write_item, "PutRecords": put_records}


def _items(count: int) -> Iterator[dict[str, Any]]:
    inserts = (operation.order for operation in simulate(1) if operation.kind == "insert")
    return (order.item() for order in islice(inserts, count))


def _timed(
    server: Server, put: Callable[[Sequence[Any]], int], entries: Sequence[Any], size: int
) -> tuple[float, float, int]:
    """Put all entries, `size` a call: wall seconds, CPU seconds of the server, how many were acknowledged."""
    batches = [entries[begin : begin + size] for begin in range(0, len(entries), size)]
    cpu = use(server.pid).cpu_seconds
    with ThreadPoolExecutor(THREADS, thread_name_prefix="put") as pool:
        began = time.perf_counter()
        written = sum(pool.map(put, batches))
        seconds = time.perf_counter() - began
    return seconds, use(server.pid).cpu_seconds - cpu, written


def _records_on(client: Any, stream: str) -> int:
    total = 0
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        asked = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = client.get_shard_iterator(**asked)["ShardIterator"]
        while True:
            page = client.get_records(ShardIterator=iterator)
            total += len(page["Records"])
            if not page["Records"] and not page["MillisBehindLatest"]:
                break
            iterator = page["NextShardIterator"]
    return total
