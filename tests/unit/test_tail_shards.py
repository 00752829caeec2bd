"""Where a tail begins and how one shard and its descendants are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.errors import AccessError, UsageError
from salespipe.services.shards import TRIM_HORIZON, Lineage, Shard, ShardReader, Start, list_shards, parse_start
from tests.unit.fake_kinesis import FakeKinesis

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("latest", Start("LATEST")),
        (" LATEST ", Start("LATEST")),
        ("trim_horizon", TRIM_HORIZON),
        ("30s", Start("AT_TIMESTAMP", NOW - timedelta(seconds=30))),
        ("5m", Start("AT_TIMESTAMP", NOW - timedelta(minutes=5))),
        ("1.5h", Start("AT_TIMESTAMP", NOW - timedelta(minutes=90))),
        ("1d", Start("AT_TIMESTAMP", NOW - timedelta(days=1))),
        ("999999999999d", TRIM_HORIZON),
        ("999999999999s", TRIM_HORIZON),
        ("2026-11-20T11:00:00Z", Start("AT_TIMESTAMP", NOW - timedelta(hours=1))),
        ("2026-11-20T11:00:00", Start("AT_TIMESTAMP", NOW - timedelta(hours=1))),
        ("2026-11-20 13:00:00+02:00", Start("AT_TIMESTAMP", NOW - timedelta(hours=1))),
        ("2026-11-20", Start("AT_TIMESTAMP", NOW - timedelta(hours=12))),
        ("0001-01-01", TRIM_HORIZON),
    ],
)
def test_a_start_is_understood(text: str, start: Start) -> None:
    assert parse_start(text, NOW) == start


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "5", "-5m", "5 m", "5y", "2026-13-01", "2026-11-20T12:00:01Z", "9999-12-31T23:59:59-01:00"],
)
def test_a_bad_start_names_itself_and_the_accepted_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_start(text, NOW)
    assert repr(text) in str(caught.value)
    assert "trim_horizon" in caught.value.hint
    assert "5m" in caught.value.hint


@given(st.text(max_size=30))
def test_any_text_is_a_start_or_a_usage_error(text: str) -> None:
    try:
        start = parse_start(text, NOW)
    except UsageError:
        return
    assert start.at is None or start.at <= NOW


def reader(kinesis: FakeKinesis, start: Start, naps: list[float] | None = None) -> ShardReader:
    kept = [] if naps is None else naps
    return ShardReader(kinesis, "orders", Shard("a", frozenset(), False), start, sleep=kept.append)


def taken(one: ShardReader, reads: int) -> list[bytes]:
    return [record["Data"] for _ in range(reads) for record in one.read().records]


def test_an_expired_iterator_is_renewed_after_the_last_record() -> None:
    kinesis = FakeKinesis("a", page=2)
    for number in range(5):
        kinesis.put("a", b"%d" % number)
    one = reader(kinesis, TRIM_HORIZON)
    first = taken(one, 1)
    kinesis.expire()
    assert first + taken(one, 2) == [b"0", b"1", b"2", b"3", b"4"]
    assert ("AFTER_SEQUENCE_NUMBER", "a") in kinesis.events


def test_a_latest_iterator_that_expires_before_its_first_record_loses_nothing() -> None:
    kinesis = FakeKinesis("a")
    kinesis.put("a", b"old", at=NOW)
    one = reader(kinesis, Start("LATEST"))
    assert taken(one, 1) == []
    kinesis.put("a", b"new")
    kinesis.expire()
    assert taken(one, 1) == [b"new"]


def test_throttling_is_waited_out_with_growing_pauses() -> None:
    kinesis = FakeKinesis("a")
    kinesis.put("a", b"x")
    kinesis.fail("a", *["ProvisionedThroughputExceededException"] * 8)
    naps: list[float] = []
    assert taken(reader(kinesis, TRIM_HORIZON, naps), 1) == [b"x"]
    assert len(naps) == 8
    assert 0.1 <= naps[0] <= 0.2
    assert 2.5 <= naps[-1] <= 5.0


def test_another_failure_leaves_as_ours() -> None:
    kinesis = FakeKinesis("a")
    kinesis.fail("a", "AccessDeniedException")
    with pytest.raises(AccessError, match="GetRecords"):
        reader(kinesis, TRIM_HORIZON).read()


def test_a_full_answer_is_not_taken_for_the_tip() -> None:
    kinesis = FakeKinesis("a")
    for _ in range(10_000):
        kinesis.put("a", b"x", at=NOW)
    one = reader(kinesis, TRIM_HORIZON)
    assert [one.read().at_tip, one.read().at_tip] == [False, True]


def test_the_listing_is_read_to_its_last_page() -> None:
    kinesis = FakeKinesis("c", "a", "b")
    kinesis.reshard(("a", "b"), ("d",))
    listing = list_shards(kinesis, "orders")
    assert [shard.shard_id for shard in listing] == ["a", "b", "c", "d"]
    assert listing[3].parents == {"a", "b"}
    assert [shard.closed for shard in listing] == [True, True, False, False]


def shards(*rows: tuple[str, str, bool]) -> list[Shard]:
    return [Shard(name, frozenset(parents), closed) for name, parents, closed in rows]


def test_children_wait_for_all_their_parents() -> None:
    lineage = Lineage(TRIM_HORIZON)
    listing = shards(("a", "", True), ("b", "", True), ("m", "ab", False))
    a, b, m = listing
    assert lineage.ready(listing) == [(a, TRIM_HORIZON), (b, TRIM_HORIZON)]
    lineage.ended(a)
    assert lineage.ready(listing) == []
    lineage.ended(b)
    assert lineage.ready(listing) == [(m, TRIM_HORIZON)]
    assert lineage.ready(listing) == []


def test_a_parent_past_retention_holds_nobody_up() -> None:
    (child,) = shards(("c", "a", False))
    assert Lineage(TRIM_HORIZON).ready([child]) == [(child, TRIM_HORIZON)]


def test_latest_skips_what_was_closed_and_reads_later_children_whole() -> None:
    lineage = Lineage(Start("LATEST"))
    closed, opened = shards(("a", "", True), ("b", "a", False))
    assert lineage.ready([closed, opened]) == [(opened, Start("LATEST"))]
    (child,) = shards(("c", "b", False))
    assert lineage.ready([child]) == []
    lineage.ended(opened)
    assert lineage.ready([child]) == [(child, TRIM_HORIZON)]
