"""Kills and races between the control plane and the data: nothing acknowledged is lost, nothing deleted comes back."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import moto_inside
from salespipe.local.stores import Stores, database
from salespipe.local.stores.items import Table, TableGoneError, Write
from salespipe.local.stores.shards import Entry
from tests.embedded import Embedded

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/S"


def create(runtime: Embedded) -> Any:
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return client


def declared(stores: Stores) -> Table:
    stores.items.declare(TABLE, ("id", "S"), None, f"{TABLE}/stream/x", "NEW_IMAGE")
    table = stores.items.table(TABLE)
    assert table is not None
    return table


@pytest.fixture
def stores(tmp_path: Path) -> Any:
    opened = Stores.open(tmp_path)
    yield opened
    opened.close()


def test_a_table_deleted_by_half_comes_back_empty(runtime: Embedded) -> None:
    client = create(runtime)
    client.put_item(TableName="Orders", Item={"id": {"S": "old"}})
    # Killed between the two steps of DeleteTable: moto has forgotten the table, the store has not.
    runtime.runtime.moto.call("dynamodb", "DeleteTable", {"TableName": "Orders"}, region="us-east-1")
    runtime.restart()

    client = create(runtime)
    assert client.scan(TableName="Orders")["Items"] == []


def test_a_table_created_by_half_can_be_written(runtime: Embedded) -> None:
    create(runtime)
    # Killed between the two steps of CreateTable: moto has the table, the store has not.
    runtime.stores.items.drop(TABLE)
    runtime.restart()

    runtime.client("dynamodb").put_item(TableName="Orders", Item={"id": {"S": "a"}})
    assert runtime.client("dynamodb").scan(TableName="Orders")["Items"] == [{"id": {"S": "a"}}]


def test_a_write_that_comes_after_the_table_is_gone_is_refused_and_leaves_no_ghost(stores: Stores) -> None:
    held = declared(stores)
    stores.items.drop(TABLE)
    declared(stores)
    with pytest.raises(TableGoneError):
        stores.items.apply(held, [Write({"id": {"S": "ghost"}}, False, 7)])
    table = stores.items.table(TABLE)
    assert table is not None
    assert list(stores.items.scan(table)) == []


def test_records_of_a_deleted_stream_do_not_come_back_but_its_numbers_go_on(stores: Stores) -> None:
    before = stores.shards.append(STREAM, [Entry(0, "k", b"old")] * 5)
    stores.shards.drop(STREAM)
    after = stores.shards.append(STREAM, [Entry(0, "k", b"new")] * 12)
    assert after[0] > before[-1]
    # A reader that had come to the end of the old stream misses nothing of the new one.
    assert [r.data for r in stores.shards.read(STREAM, 0, before[-1], 100, 10_000)] == [b"new"] * 12
    assert [r.data for r in stores.shards.read(STREAM, 0, 0, 100, 10_000)] == [b"new"] * 12


def test_a_put_to_a_stream_that_is_deleted_meanwhile_is_refused(runtime: Embedded) -> None:
    kinesis = runtime.client("kinesis")
    kinesis.create_stream(StreamName="S", ShardCount=1)
    kinesis.put_record(StreamName="S", Data=b"x", PartitionKey="k")
    kinesis.delete_stream(StreamName="S")
    with pytest.raises(ClientError, match="not found"):
        kinesis.put_record(StreamName="S", Data=b"x", PartitionKey="k")
    assert STREAM not in moto_inside.streams()


def test_a_full_disk_fails_the_write_and_nothing_else(stores: Stores) -> None:
    kept = stores.objects.put("b", "k", b"kept")
    with stores.db.write() as connection:
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count={pages}")

    def overwrite() -> None:
        with stores.db.write():
            stores.objects.put("b", "k", b"replacement")
            stores.documents.put("kind", "id", {"large": "x" * 1_000_000})

    with pytest.raises(sqlite3.OperationalError, match="full"):
        overwrite()

    with stores.db.write() as connection:
        connection.execute("pragma max_page_count=1000000")
        stores.positions.save("w", "0", "1")
    found = stores.objects.get("b", "k")
    assert found == kept
    assert found is not None
    assert found.read() == b"kept"
    overwrite()
    assert stores.documents.get("kind", "id") is not None


def test_a_store_is_closed_also_while_its_log_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = Stores.open(tmp_path)
    db: Any = stores.db
    looked = threading.Event()

    def closed_meanwhile(timeout: float) -> bool:
        db._closing.set()
        db._written.set()
        looked.set()
        return False

    monkeypatch.setattr(db._closing, "wait", closed_meanwhile)
    for value in range(100):  # the look at the opening of the store may swallow the first
        stores.positions.save("w", "0", str(value))
        if looked.wait(0.1):
            break
    db._folder.join(10)
    assert not db._folder.is_alive()
    stores.close()


def test_read_connections_end_with_their_threads(stores: Stores) -> None:
    def look() -> None:
        stores.positions.get("w", "0")

    look()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count of names, no paths
    for _ in range(30):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208


def test_arrival_times_never_go_back(stores: Stores) -> None:
    def put() -> None:
        for _ in range(50):
            stores.shards.append(STREAM, [Entry(0, "k", b"x")])

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = stores.shards.read(STREAM, 0, 0, 1000, 10**6)
    times = [record.arrived_ms for record in records]
    assert times == sorted(times)
    for record in records[::20]:
        first = next(one.sequence for one in records if one.arrived_ms >= record.arrived_ms)
        assert stores.shards.at_or_after(STREAM, 0, record.arrived_ms) == first
    assert stores.shards.at_or_after(STREAM, 0, times[-1] + 1) == 201


def test_the_schema_is_that_of_its_version() -> None:
    """A change of the schema needs a new VERSION (and this line): older stores are refused, not misread."""
    digest = hashlib.sha256(" ".join(database.SCHEMA.split()).encode()).hexdigest()
    assert (database.VERSION, digest[:16]) == (3, "603ef1d142400e00")


def test_looking_at_what_is_not_there_makes_nothing_known(stores: Stores) -> None:
    before = stores.db.read().execute("select count(*) from arns").fetchone()
    assert stores.shards.read(STREAM, 0, 0, 10, 1000) == []
    assert stores.shards.last(STREAM, 0) == stores.shards.first(STREAM, 0) == stores.shards.arrived(STREAM, 0, 0) == 0
    changes = "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/gone"
    assert stores.changes.read(changes, 0, 10) == []
    assert stores.changes.first(changes) == stores.changes.last(changes) == 0
    assert stores.items.counts("arn:aws:dynamodb:us-east-1:123456789012:table/T") == (0, 0)
    assert stores.db.read().execute("select count(*) from arns").fetchone() == before


def test_readers_keep_few_pages(stores: Stores) -> None:
    """Each of some forty threads may come to read everything there is: together they stay below 50 MB."""
    kept_kb = -stores.db.read().execute("pragma cache_size").fetchone()[0]
    assert 0 < 45 * kept_kb < 50_000
