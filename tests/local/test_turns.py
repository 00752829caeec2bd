"""Who moves data works one at a time, in the order of asking, and never waits for the control plane; the log stays
short under writers that never rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.local.errors import StoreError
from salespipe.local.stores import Stores, database
from salespipe.local.stores.changes import NewChange
from salespipe.local.stores.items import SameItemError, Write
from salespipe.local.stores.shards import Entry
from salespipe.local.stores.turn import Turn
from tests.embedded import Embedded

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/S"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/T"
CHANGES = f"{TABLE}/stream/2026-11-20T12:00:00.000"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores.open(tmp_path)
    yield opened
    opened.close()


def test_turns_go_round_in_the_order_of_asking() -> None:
    turn, order, waiting = Turn(), list[int](), list[threading.Thread]()

    def work(number: int) -> None:
        with turn:
            order.append(number)

    turn.take()
    for number in range(5):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        waiting.append(thread)
        while len(turn._waiting) <= number:
            time.sleep(0)
    turn.take()  # its owner may take it again ...
    turn.give()
    assert order == []  # ... and has it until it was given back as often
    turn.give()
    # Whoever asks now comes after those who have waited: nobody is overtaken for ever.
    with turn:
        assert order == [0, 1, 2, 3, 4]
    for thread in waiting:
        thread.join()
    assert not turn.mine


def test_data_moves_while_the_control_plane_is_busy(runtime: Embedded) -> None:
    dynamodb, kinesis = runtime.client("dynamodb"), runtime.client("kinesis")
    kinesis.create_stream(StreamName="S", ShardCount=1)
    dynamodb.create_table(
        TableName="Tab",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    busy, done = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        assert done.wait(30)

    holder = threading.Thread(target=runtime.runtime.moto.change, args=("iam", hold))
    holder.start()
    assert busy.wait(10)
    try:
        # More calls of the control plane than the endpoint has threads: they wait, and nothing else does.
        clients = [threading.Thread(target=runtime.client("iam").list_roles) for _ in range(20)]
        for client in clients:
            client.start()
        dynamodb.put_item(TableName="Tab", Item={"id": {"S": "a"}})
        dynamodb.batch_write_item(RequestItems={"Tab": [{"PutRequest": {"Item": {"id": {"S": "b"}}}}]})
        assert dynamodb.get_item(TableName="Tab", Key={"id": {"S": "b"}})["Item"] == {"id": {"S": "b"}}
        kinesis.put_record(StreamName="S", PartitionKey="k", Data=b"data")
        iterator = kinesis.get_shard_iterator(
            StreamName="S", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        assert [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]] == [b"data"]
        assert holder.is_alive()
    finally:
        done.set()
        holder.join()
        for client in clients:
            client.join()


def test_the_log_is_folded_under_writers_that_never_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_LOG_BYTES", 1024 * 1024)
    monkeypatch.setattr(database, "_LOG_LOOK_SECONDS", 0.001)
    stores = Stores.open(tmp_path)
    log_file, largest, written, began = tmp_path / "store.db-wal", 0, 0, 0
    data = b"x" * 100_000
    folded, until = 0, time.monotonic() + 30
    while folded < 3 and time.monotonic() < until:
        stores.shards.append(STREAM, [Entry(0, "k", data)])
        written += 1
        size = log_file.stat().st_size
        folded += size < began
        began, largest = size, max(largest, size)
    assert folded == 3, f"{written} records were written, and the log is {largest} bytes"
    assert stores.shards.last(STREAM, 0) == written
    stores.close()
    again = Stores.open(tmp_path)
    assert [again.shards.read(STREAM, 0, at, 1, 1_000_000)[0].data == data for at in range(written)] == [True] * written
    again.close()


@given(
    batches=st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=6), min_size=1, max_size=8),
    limit=st.integers(1, 12),
    max_bytes=st.integers(1, 900),
)
@settings(max_examples=60, deadline=None)
def test_a_shard_reads_the_same_however_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], limit: int, max_bytes: int
) -> None:
    """Rows are batches, readers see records: any position, limit and number of bytes cuts them the same way."""
    stores = Stores.open(tmp_path_factory.mktemp("store"))
    expected: list[bytes] = []
    for sizes in batches:
        made = [bytes([len(expected) % 256]) * size for size in sizes]
        sequences = stores.shards.append(STREAM, [Entry(0, f"k{len(one)}", one) for one in made])
        assert sequences == list(range(len(expected) + 1, len(expected) + len(made) + 1))
        expected += made
    after, found = 0, list[bytes]()
    while got := stores.shards.read(STREAM, 0, after, limit, max_bytes):
        assert len(got) <= limit
        assert len(got) == 1 or sum(len(one.data) for one in got) <= max_bytes
        assert [one.sequence for one in got] == list(range(after + 1, after + 1 + len(got)))
        assert [one.partition_key for one in got] == [f"k{len(one.data)}" for one in got]
        following = after + len(got)
        if len(got) < limit and following < len(expected):
            assert sum(len(one.data) for one in got) + len(expected[following]) > max_bytes
        found += [one.data for one in got]
        after = following
    assert found == expected
    stores.close()


@given(
    counts=st.lists(st.integers(1, 5), min_size=1, max_size=8), limit=st.integers(1, 9), max_bytes=st.integers(1, 3000)
)
@settings(max_examples=60, deadline=None)
def test_a_change_log_reads_the_same_however_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], limit: int, max_bytes: int
) -> None:
    stores = Stores.open(tmp_path_factory.mktemp("store"))
    total = 0
    for count in counts:
        made = [NewChange(b"INSERT", b'{"id":{"S":"%d"}}' % (total + at), b"{}", None, 1) for at in range(count)]
        with stores.db.write() as connection:
            # Another stream's changes in between take numbers of their own.
            stores.changes.append(connection, f"{TABLE}2/stream/x", "NEW_IMAGE", 1.0, made[:1])
            stores.changes.append(connection, CHANGES, "NEW_IMAGE", 1.0, made)
        total += count
    after, keys = 0, list[bytes]()
    while got := stores.changes.read(CHANGES, after, limit, max_bytes):
        assert len(got) <= limit
        assert len(got) == 1 or sum(len(one.record) for one in got) <= max_bytes
        assert all(b'"SequenceNumber":"1' + b"%020d" % one.sequence in one.record for one in got)
        keys += [one.keys for one in got]
        after = got[-1].sequence
    assert keys == [b'{"id":{"S":"%d"}}' % at for at in range(total)]
    assert stores.changes.first(CHANGES) > 1
    stores.close()


def test_numbers_of_changes_never_come_again(stores: Stores) -> None:
    made = [NewChange(b"INSERT", b"{}", b"{}", None, 1)] * 3

    def append(*, fail: bool = False) -> int:
        with stores.db.write() as connection:
            stores.changes.append(connection, CHANGES, "NEW_IMAGE", 1.0, made)
            if fail:
                raise StoreError("undone")
        return stores.changes.last(CHANGES)

    assert append() == 3
    stores.changes.drop(CHANGES)
    assert append() == 6
    with pytest.raises(StoreError, match="undone"):
        append(fail=True)
    assert append() == 9


def test_two_writes_of_one_item_are_refused_before_anything_is_written(stores: Stores) -> None:
    stores.items.declare(TABLE, ("id", "S"), None, CHANGES, "NEW_IMAGE")
    table = stores.items.table(TABLE)
    assert table is not None
    with pytest.raises(SameItemError):
        stores.items.apply(table, [Write({"id": {"S": "a"}}, False, 3), Write({"id": {"S": "a"}}, True, 0)])
    assert stores.items.counts(TABLE) == (0, 0)
    assert stores.changes.last(CHANGES) == 0
