"""Many processes at once: nothing is lost, nothing is counted twice, everything keeps its order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from salespipe.orders.simulator import simulate
from tests.local import clients, ledger
from tests.local.crashing import NAMES, Home, end
from tests.local.ledger import Audit

COUNT = 600


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def shards(home: Home, stream: str) -> dict[str, list[dict[str, Any]]]:
    """All records of a stream by shard, as GetRecords gives them."""
    kinesis = home.client("kinesis")
    found: dict[str, list[dict[str, Any]]] = {}
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[dict[str, Any]] = []
        while page := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
            records += page
            iterator = answer["NextShardIterator"]
        found[shard["ShardId"]] = records
    return found


def assert_numbered(found: dict[str, list[dict[str, Any]]]) -> None:
    """Sequence numbers rise within a shard and are used once in all of them."""
    numbers = {shard: [record["SequenceNumber"] for record in records] for shard, records in found.items()}
    assert {shard: sorted(them, key=int) for shard, them in numbers.items()} == numbers
    every = [number for them in numbers.values() for number in them]
    assert len(set(every)) == len(every)


def test_three_writers_while_others_tail_crawl_and_query(home: Home) -> None:
    home.json("up")
    operations = [operation for seed in (1, 2, 3) for operation in islice(simulate(seed), COUNT)]
    tail = home.begin("tail", "--from", "trim_horizon", "--limit", str(len(operations)))
    writers = [
        home.begin("generate", "--count", str(COUNT), "--rate", "300", "--seed", str(seed)) for seed in (1, 2, 3)
    ]
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        if home.json("crawl", "--no-wait")["tables"]:
            (counted,) = home.json("query", "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM orders")
            assert counted["n"] == counted["ids"] >= seen[-1]
            seen.append(counted["n"])
    for writer in writers:
        written = end(writer)
        assert written["inserted"] + written["updated"] + written["deleted"] == COUNT
    told = end(tail)
    assert ledger.audit(operations, [ledger.told(event) for event in told]) == Audit(events=len(operations))
    assert list(ledger.disordered(map(ledger.told, told))) == []

    home.json("crawl")
    lake = ledger.Lake(NAMES.bucket)
    assert ledger.audit(operations, lake.rows(home.client("s3"))) == Audit(events=len(operations))
    found = shards(home, NAMES.stream)
    assert_numbered(found)
    assert sum(map(len, found.values())) == len(operations)
    (counted,) = home.json("query", "SELECT count(*) AS n FROM orders")
    assert counted["n"] == len(operations)
    assert max(seen) > 0, "the queries ran while orders came in"


def test_no_update_of_several_processes_is_lost(home: Home) -> None:
    home.start()
    dynamodb = home.client("dynamodb")
    dynamodb.create_table(
        TableName="Counters",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    dynamodb.put_item(TableName="Counters", Item={"id": {"S": "counter"}, "n": {"N": "0"}, "blind": {"N": "0"}})
    endpoint, times, processes = dynamodb.meta.endpoint_url, 60, 3
    beaten = clients.side_by_side(clients.count_up, *[(endpoint, "Counters", times)] * processes)

    found = dynamodb.get_item(TableName="Counters", Key={"id": {"S": "counter"}})["Item"]
    assert int(found["n"]["N"]) == times * processes
    assert int(found["blind"]["N"]) == times * processes + sum(beaten)
    assert sum(beaten) > 0, "they were never in each other's way"


@pytest.mark.heavy
def test_records_of_several_processes_are_all_there_in_their_order(home: Home) -> None:
    home.start()
    home.client("kinesis").create_stream(StreamName="shared", ShardCount=3)
    endpoint = home.client("kinesis").meta.endpoint_url
    told = clients.side_by_side(clients.put_records, *[(endpoint, "shared", writer, 40) for writer in "abc"])

    found = shards(home, "shared")
    assert_numbered(found)
    acknowledged = {(shard, number): data for answers in told for shard, number, data in answers}
    stored = {(shard, r["SequenceNumber"]): r["Data"].decode() for shard, records in found.items() for r in records}
    assert stored == acknowledged
    assert len(stored) == 3 * 40 * 20
    for records in found.values():
        for key in {record["PartitionKey"] for record in records}:
            own = [record["Data"] for record in records if record["PartitionKey"] == key]
            assert own == sorted(own)
