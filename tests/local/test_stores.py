"""What the stores promise: one step or none, rings after commits, versions that are not ours are refused."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from salespipe.local.errors import StoreError
from salespipe.local.stores import Stores
from salespipe.local.stores.bell import Bell
from salespipe.local.stores.objects import StoredObject
from salespipe.local.stores.shards import Entry

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/S"


def test_nested_writes_are_one_step(tmp_path: Path) -> None:
    stores = Stores.open(tmp_path)
    seen = stores.bell.seen(ARN)

    def fail_in_the_middle() -> None:
        with stores.db.write():
            stores.shards.append(ARN, [Entry(0, "k", b"data")])
            stores.positions.save("worker", "0", "1")
            written.append(stores.objects.put("b", "k", b"body"))
            raise RuntimeError("in the middle")

    written: list[StoredObject] = []
    with pytest.raises(RuntimeError, match="in the middle"):
        fail_in_the_middle()

    assert stores.shards.read(ARN, 0, 0, 10, 1000) == []
    assert stores.shards.last(ARN, 0) == 0
    assert stores.positions.get("worker", "0") is None
    assert stores.objects.get("b", "k") is None
    assert not written[0].path.exists()
    assert stores.bell.seen(ARN) == seen
    stores.close()


def test_a_ring_comes_after_the_commit(tmp_path: Path) -> None:
    stores = Stores.open(tmp_path)
    seen = stores.bell.seen(ARN)
    found: list[int] = []

    def reader() -> None:
        stores.bell.wait(ARN, seen, 10)
        found.append(len(stores.shards.read(ARN, 0, 0, 10, 1000)))

    thread = threading.Thread(target=reader)
    thread.start()
    with stores.db.write():
        stores.shards.append(ARN, [Entry(0, "k", b"data")])
    thread.join()
    assert found == [1]
    stores.close()


def test_a_ring_between_two_waits_is_not_missed() -> None:
    bell = Bell()
    seen = bell.seen("x")
    bell.ring("x")
    assert bell.wait("x", seen, 0) == seen + 1


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from salespipe.local.stores import Stores; from salespipe.local.stores.shards import Entry\n"
        "stores = Stores.open(Path(sys.argv[1]))\n"
        f"stores.shards.append({ARN!r}, [Entry(0, 'k', b'kept')])\n"
        "with stores.db.write():\n"
        f"    stores.shards.append({ARN!r}, [Entry(0, 'k', b'lost')])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)

    stores = Stores.open(tmp_path)
    assert [record.data for record in stores.shards.read(ARN, 0, 0, 10, 1000)] == [b"kept"]
    assert stores.shards.append(ARN, [Entry(0, "k", b"next")]) == [2]
    stores.close()


def test_the_store_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    Stores.open(home).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_newer_or_damaged_store_is_refused_with_what_to_do(tmp_path: Path) -> None:
    Stores.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("pragma user_version=99")
    connection.close()
    with pytest.raises(StoreError, match=r"version 99.*SALESPIPE_HOME"):
        Stores.open(tmp_path)

    (tmp_path / "store.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"is damaged.*move it away to begin"):
        Stores.open(tmp_path)


def test_metrics_are_summed_by_the_minute(tmp_path: Path) -> None:
    stores = Stores.open(tmp_path)
    for value, at in ((1, 60), (2, 119.9), (4, 120)):
        stores.metrics.add("AWS/Kinesis", "IncomingRecords", {"StreamName": "S"}, value, at=at)
    first, second = stores.metrics.read("AWS/Kinesis", "IncomingRecords", {"StreamName": "S"}, 0, 1000)
    assert (first.start, first.total, first.samples, first.smallest, first.largest) == (60, 3, 2, 1, 2)
    assert (second.start, second.total) == (120, 4)
    assert stores.metrics.names() == [("AWS/Kinesis", "IncomingRecords", {"StreamName": "S"})]
    stores.close()


def test_a_reader_need_not_wait_for_a_writer(tmp_path: Path) -> None:
    stores = Stores.open(tmp_path)
    seen: list[str | None] = []
    with stores.db.write():
        stores.positions.save("worker", "0", "unseen")
        reader = threading.Thread(target=lambda: seen.append(stores.positions.get("worker", "0")))
        reader.start()
        reader.join(10)
        assert seen == [None]
    stores.close()
