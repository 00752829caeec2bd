"""Several shards at once: nothing lost, each shard in order, parents before children, an end when asked for."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from salespipe.errors import AccessError, NotThereError
from salespipe.services.follow import follow
from salespipe.services.shards import TRIM_HORIZON, Start
from tests.unit.fake_kinesis import FakeKinesis


def following(
    kinesis: FakeKinesis, start: Start = TRIM_HORIZON, *, shard: str | None = None, to_tip: bool = True
) -> Generator[tuple[str, bytes], None, None]:
    for name, records in follow(kinesis, "orders", start, shard=shard, to_tip=to_tip, poll_seconds=0.001):
        for record in records:
            yield name, record["Data"]


def test_every_shard_is_read_to_its_tip_and_each_in_order() -> None:
    kinesis = FakeKinesis("a", "b", "c", page=7)
    for number in range(100):
        kinesis.put("abc"[number % 3], b"%d" % number)
    seen = list(following(kinesis))
    for index, name in enumerate("abc"):
        assert [int(data) for shard, data in seen if shard == name] == list(range(index, 100, 3))


def test_an_empty_stream_ends_at_once() -> None:
    assert list(following(FakeKinesis("a", "b"))) == []


def test_children_come_after_their_parents_through_two_generations() -> None:
    kinesis = FakeKinesis("a", page=2)
    for number in range(5):
        kinesis.put("a", b"a%d" % number)
    kinesis.reshard(("a",), ("b", "c"))
    kinesis.put("b", b"b0")
    kinesis.put("c", b"c0")
    kinesis.reshard(("b", "c"), ("d",))
    kinesis.put("d", b"d0")
    seen = [data for _, data in following(kinesis)]
    assert seen[:5] == [b"a0", b"a1", b"a2", b"a3", b"a4"]
    assert sorted(seen[5:7]) == [b"b0", b"c0"]
    assert seen[7:] == [b"d0"]


def test_a_shard_that_splits_while_it_is_followed_is_followed_on() -> None:
    kinesis = FakeKinesis("a")
    kinesis.put("a", b"old")
    seen = following(kinesis, Start("LATEST"), to_tip=False)

    def later() -> None:
        wait_for(kinesis, ("read", "a"))
        kinesis.put("a", b"last of a")
        kinesis.reshard(("a",), ("b", "c"))
        kinesis.put("b", b"first of b")

    thread = threading.Thread(target=later)
    thread.start()
    assert [next(seen), next(seen)] == [("a", b"last of a"), ("b", b"first of b")]
    thread.join()
    seen.close()


def test_now_is_one_moment_for_all_shards_however_many() -> None:
    names = [f"s{number:02d}" for number in range(40)]
    kinesis = FakeKinesis(*names)
    assert list(following(kinesis, Start("LATEST"))) == []
    assert sorted(kinesis.events[:40]) == [("LATEST", name) for name in names]
    assert {kind for kind, _ in kinesis.events[40:]} == {"read"}


def wait_for(kinesis: FakeKinesis, event: tuple[str, str]) -> None:
    pause = threading.Event()
    for _ in range(10_000):
        if event in kinesis.events:
            return
        pause.wait(0.001)
    raise AssertionError(f"{event} never came")


def test_one_shard_alone_can_be_followed() -> None:
    kinesis = FakeKinesis("a", "b")
    kinesis.put("a", b"1")
    kinesis.put("b", b"2")
    assert list(following(kinesis, shard="b")) == [("b", b"2")]


def test_a_shard_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(NotThereError, match="'z'") as caught:
        list(following(FakeKinesis("a", "b"), shard="z"))
    assert "a, b" in caught.value.hint


def test_a_failure_in_one_shard_ends_the_whole() -> None:
    kinesis = FakeKinesis("a", "b")
    kinesis.fail("b", "AccessDeniedException")
    with pytest.raises(AccessError):
        list(following(kinesis, to_tip=False))


def test_closing_lets_no_thread_linger() -> None:
    kinesis = FakeKinesis("a", "b")
    kinesis.put("a", b"1")
    kinesis.fail("b", *["ProvisionedThroughputExceededException"] * 1000)
    seen = following(kinesis, to_tip=False)
    next(seen)
    seen.close()
    for thread in threading.enumerate():
        if thread.name.startswith("shard"):
            thread.join(timeout=5)
            assert not thread.is_alive()
