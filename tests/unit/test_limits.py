"""Throughput limits with a clock of their own: what is given, what is refused, and when there is more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.limits.bucket import Bucket, take
from salespipe.local.limits.rates import AWS, Rates, parse
from salespipe.local.limits.shards import ShardLimits
from salespipe.local.limits.tables import BURST_SECONDS, TableLimits, read_units, write_units
from salespipe.local.limits.throttle import Throttle

MB = 1024 * 1024
SHARD = ("arn:aws:kinesis:us-east-1:123456789012:stream/S", 0)
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/T"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ---- one bucket ----


def test_a_bucket_gives_its_rate_and_no_more() -> None:
    bucket = Bucket(10, 0.0)
    given = [take([(bucket, 1)], tenth / 10) for tenth in range(100)]
    assert sum(given) == 100  # ten were there, and each tenth of a second brings one
    assert sum(take([(bucket, 1)], 9.9) for _ in range(50)) == 9


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0.1, 25)), max_size=60), st.floats(0.5, 50))
def test_never_more_than_the_rate_the_burst_and_one_large_request(
    requests: list[tuple[float, float]], rate: float
) -> None:
    bucket, now, got = Bucket(rate, 0.0), 0.0, []
    for pause, amount in requests:
        now += pause
        if take([(bucket, amount)], now):
            got.append(amount)
    largest = max(got, default=0.0)
    assert sum(got) <= rate + rate * now + max(largest - rate, 0.0) + 1e-6


def test_what_is_larger_than_the_bucket_is_given_when_it_is_full_and_paid_back() -> None:
    bucket = Bucket(10, 0.0)
    assert take([(bucket, 45)], 0.0)
    assert bucket.wait(0.0) == pytest.approx(3.5)
    assert not take([(bucket, 1)], 3.5)
    assert take([(bucket, 1)], 3.6)
    assert not take([(bucket, 45)], 4.0)


def test_of_several_buckets_all_give_or_none() -> None:
    full, empty = Bucket(5, 0.0), Bucket(5, 0.0)
    assert take([(empty, 5), (None, 1_000_000)], 0.0)
    assert not take([(full, 5), (empty, 1)], 0.0)
    assert take([(full, 5)], 0.0)


def test_a_bucket_saves_up_as_long_as_it_may() -> None:
    bucket = Bucket(2, 0.0, burst_seconds=300)
    assert not bucket.has(3, 0.0)  # what was not used before it was there is not saved
    assert not bucket.has(599, 298.4)
    assert bucket.has(599, 298.5)
    assert take([(bucket, 600)], 1000.0)
    assert not bucket.has(1, 1000.4)


# ---- what may be asked for ----


@pytest.mark.parametrize("text", [None, "", "off", " OFF "])
def test_nothing_is_limited_unless_asked_for(text: str | None) -> None:
    assert parse(text) == Rates("off", {}, 1.0)


def test_aws_is_every_documented_limit_and_a_number_a_part_of_each() -> None:
    assert parse("aws").limits == AWS
    tenth = parse("0.1")
    assert tenth.limits == {name: pytest.approx(rate / 10) for name, rate in AWS.items()}
    assert (tenth.text, tenth.factor) == ("0.1", 0.1)


def test_limits_by_name_stand_alone_or_change_the_others() -> None:
    assert parse("shard-records=50, shard-reads=2").limits == {"shard-records": 50, "shard-reads": 2}
    changed = parse("aws,Shard-Reads=off,key-writes=7")
    assert changed.limits == {name: rate for name, rate in AWS.items() if name != "shard-reads"} | {"key-writes": 7}
    assert changed.text == "aws,shard-reads=off,key-writes=7"
    assert parse("shard-reads=off") == Rates()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amazon", "'amazon' is neither aws, off nor a number above 0"),
        ("0", "'0' is neither"),
        ("-1", "'-1' is neither"),
        ("nan", "'nan' is neither"),
        ("inf", "'inf' is neither"),
        ("aws,fast", "'fast' is no name=number"),
        ("shard-records=50,aws", "'aws' is no name=number"),
        ("shard-recodes=50", "'shard-recodes' is no limit; those are shard-records, "),
        ("shard-records=", "'' is neither"),
        ("shard-records=x", "'x' is neither"),
        ("aws,", "'' is no name=number"),
    ],
)
def test_anything_else_is_one_line_that_names_the_word(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="SALESPIPE_LOCAL_THROTTLE") as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- shards ----


def test_a_shard_takes_1000_records_a_second(clock: Clock) -> None:
    shards = ShardLimits(AWS, "shard", clock)
    assert sum(shards.put(SHARD, 100) for _ in range(1500)) == 1000
    assert shards.put((SHARD[0], 1), 100)  # another shard has its own
    clock.now += 0.5
    assert sum(shards.put(SHARD, 100) for _ in range(1500)) == 500


def test_a_shard_takes_a_megabyte_a_second(clock: Clock) -> None:
    shards = ShardLimits(AWS, "shard", clock)
    assert shards.put(SHARD, MB)  # the largest record there is
    assert not shards.put(SHARD, 1)
    clock.now += 0.25
    assert [shards.put(SHARD, MB // 8) for _ in range(3)] == [True, True, False]


def test_a_shard_answers_five_reads_a_second(clock: Clock) -> None:
    shards = ShardLimits(AWS, "shard", clock)
    assert [shards.read(SHARD) for _ in range(6)] == [True] * 5 + [False]
    clock.now += 0.2
    assert [shards.read(SHARD) for _ in range(2)] == [True, False]


def test_ten_megabytes_are_paid_with_five_seconds(clock: Clock) -> None:
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    shards = ShardLimits(AWS, "shard", clock)
    assert shards.read(SHARD)
    shards.was_read(SHARD, 10 * MB)
    clock.now += 4.99
    assert not shards.read(SHARD)
    clock.now += 0.02
    assert shards.read(SHARD)


def test_reads_of_two_megabytes_a_second_are_never_refused_for_their_size(clock: Clock) -> None:
    shards = ShardLimits(AWS, "shard", clock)
    for _ in range(20):
        assert shards.read(SHARD)
        shards.was_read(SHARD, 2 * MB // 5)
        clock.now += 0.2


def test_who_moves_data_inside_waits_instead_and_keeps_the_rate(clock: Clock) -> None:
    shards = ShardLimits({"shard-records": 100}, "shard", clock)
    began, moved = clock.now, 0
    while moved < 5000:
        held = shards.put_all({SHARD: (250, 0), (SHARD[0], 1): (250, 0)})
        if held:
            assert not shards.put(SHARD, 1)  # what was moved in advance counts for every client
            clock.now += held
        else:
            moved += 500
    assert 20 <= clock.now - began <= 26


# ---- tables ----


def test_a_table_on_demand_gives_1000_writes_to_a_range_of_its_keys_and_4000_in_all(clock: Clock) -> None:
    tables = TableLimits(parse("aws"), clock)
    assert [tables.take(TABLE, None, "writes", b"hot", 1) for _ in range(1001)][-2:] == [
        "",
        "KeyRangeThroughputExceeded",
    ]
    given = sum(not tables.take(TABLE, None, "writes", b"%d" % key, 1) for key in range(20_000))
    assert given == 3000
    assert not tables.take(TABLE, None, "reads", b"hot", 3000)
    assert tables.take(TABLE, None, "reads", b"hot", 1)


def test_a_provisioned_table_gives_its_units_and_what_it_saved_for_five_minutes(clock: Clock) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
    tables = TableLimits(parse("aws"), clock)
    units = (5, 10)

    def given() -> int:
        return sum(not tables.take(TABLE, units, "writes", b"%d" % key, 1) for key in range(900))

    assert given() == 5
    assert tables.take(TABLE, units, "writes", b"k", 1) == "ProvisionedThroughputExceeded"
    clock.now += 100
    assert given() == 500
    clock.now += 10 * BURST_SECONDS
    assert given() == 900
    assert tables.take(TABLE, units, "writes", b"x", 300) == "KeyRangeThroughputExceeded"


def test_a_table_with_other_units_begins_anew(clock: Clock) -> None:
    tables = TableLimits(parse("aws"), clock)
    assert not tables.take(TABLE, (1, 1), "writes", b"k", 1)
    assert tables.take(TABLE, (1, 1), "writes", b"k", 1)
    assert not tables.take(TABLE, (7, 1), "writes", b"k", 7)


def test_units_are_whole_kilobytes_written_and_four_read() -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    assert [write_units(size) for size in (0, 1, 1024, 1025, 400 * 1024)] == [1, 1, 1, 2, 400]
    assert write_units(3000, 10) == 3
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert read_units(4097, consistent=False) == 1


# ---- the switch ----


def test_the_switch_is_off_until_a_limit_or_a_squeeze_is_set(clock: Clock) -> None:
    throttle = Throttle(clock)
    assert not throttle.on
    throttle.configure(parse("aws"))
    assert throttle.on
    throttle.configure(parse("off"))
    assert not throttle.on
    throttle.squeeze(TABLE, lambda units: True)
    assert throttle.on
    assert throttle.take(TABLE, None, "writes", b"k", 1) == "KeyRangeThroughputExceeded"
    assert throttle.take(TABLE, (9, 9), "reads", None, 1) == "ProvisionedThroughputExceeded"
    assert throttle.take(TABLE + "2", None, "writes", b"k", 1) == ""
    throttle.squeeze(TABLE, None)
    assert not throttle.on


def test_the_same_limits_once_more_forgive_nothing(clock: Clock) -> None:
    throttle = Throttle(clock)
    throttle.configure(parse("shard-records=1"))
    assert throttle.put(*SHARD, 10)
    throttle.configure(parse("shard-records=1"))
    assert not throttle.put(*SHARD, 10)
    throttle.configure(parse("shard-records=2"))
    assert throttle.put(*SHARD, 10)
