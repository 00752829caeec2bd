"""What has reached its age goes, a step at a time; who comes too late is told or goes on at the oldest; space is given
back. Nothing here waits: what is stored is made older instead."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import loss
from salespipe.local.stores import Stores, aging
from salespipe.local.stores.items import Table, Write
from salespipe.local.stores.metric_ages import MetricAges
from salespipe.local.stores.shards import Entry
from salespipe.local.stores.space import SLACK, Space
from salespipe.local.workers.lifecycle import Rule, read_rules
from salespipe.local.workers.retention import EVERY_SECONDS, HISTORY_KEPT, LOG_BYTES, LOOKS, Retention
from salespipe.local.workers.spared import Spared
from salespipe.local.workers.trimming import Reader, Readers, Trimming
from salespipe.services.pipeline import Pipeline
from tests.embedded import Embedded

HOUR = 3600
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders"
CHANGES = f"{TABLE}/stream/2026-01-01T00:00:00.000"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/changes"
PIPE = Reader("pipe p", "arn:pipe@1", "0", {"PipeName": "p"})


def age(stores: Stores, hours: float) -> None:
    """Make everything that is stored so much older."""
    with stores.db.write() as connection:
        connection.execute("update changes set created = created - ?", (hours * HOUR,))
        connection.execute("update records set arrived_ms = arrived_ms - ?", (hours * HOUR * 1000,))
        connection.execute("update documents set at = at - ?", (hours * HOUR,))
        connection.execute("update objects set modified = modified - ?", (hours * HOUR,))


def finish(retention: Retention) -> int:
    """Poll until a pass is over; how many steps it took."""
    for steps in range(100_000):
        if retention.poll() == EVERY_SECONDS:
            return steps
    raise AssertionError("the pass does not end")


@pytest.fixture
def stores(tmp_path: Any) -> Iterator[Stores]:
    opened = Stores.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def orders(runtime: Embedded) -> str:
    """The ARN of the stream of a table."""
    made = runtime.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    arn: str = made["TableDescription"]["LatestStreamArn"]
    return arn


def retention(runtime: Embedded) -> Retention:
    """In place of the runtime's own, for us to poll; past the first hour, in which readers are spared."""
    own = runtime.runtime.supervisor._retention
    own.signal()
    own.join()
    made = Retention(runtime.stores, runtime.runtime.moto, runtime.runtime.supervisor.readers)
    made._spared._began -= 2 * HOUR
    return made


def put(runtime: Embedded, *ids: str) -> None:
    for id in ids:
        runtime.client("dynamodb").put_item(TableName="Orders", Item={"id": {"S": id}})


def iterator(runtime: Embedded, arn: str, **start: Any) -> str:
    streams = runtime.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    token: str = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **start)["ShardIterator"]
    return token


def ids(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]


# ---- changes of a table ----


def test_changes_go_after_24_hours_and_who_comes_for_them_is_told(runtime: Embedded, orders: str) -> None:
    streams = runtime.client("dynamodbstreams")
    put(runtime, "a", "b")
    at_first = iterator(runtime, orders, ShardIteratorType="TRIM_HORIZON")
    first = streams.get_records(ShardIterator=at_first, Limit=1)
    number = first["Records"][0]["dynamodb"]["SequenceNumber"]
    age(runtime.stores, 25)
    put(runtime, "c")
    finish(retention(runtime))

    horizon = iterator(runtime, orders, ShardIteratorType="TRIM_HORIZON")
    left = streams.get_records(ShardIterator=horizon)["Records"]
    assert ids(left) == ["c"]
    assert left[0]["dynamodb"]["SequenceNumber"] > number
    for lost in (at_first, first["NextShardIterator"]):
        with pytest.raises(ClientError, match="TrimmedDataAccessException"):
            streams.get_records(ShardIterator=lost)
    with pytest.raises(ClientError, match="TrimmedDataAccessException"):
        iterator(runtime, orders, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=number)


def test_a_reader_at_the_end_misses_nothing_when_everything_before_it_goes(runtime: Embedded, orders: str) -> None:
    streams = runtime.client("dynamodbstreams")
    put(runtime, "a")
    page = streams.get_records(ShardIterator=iterator(runtime, orders, ShardIteratorType="TRIM_HORIZON"))
    last = page["Records"][-1]["dynamodb"]["SequenceNumber"]
    age(runtime.stores, 25)
    finish(retention(runtime))
    runtime.restart()
    streams = runtime.client("dynamodbstreams")

    put(runtime, "b")
    latest = iterator(runtime, orders, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=last)
    for token in (page["NextShardIterator"], latest):
        assert ids(streams.get_records(ShardIterator=token)["Records"]) == ["b"]
    described = streams.describe_stream(StreamArn=orders)["StreamDescription"]
    assert described["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"] > last


def test_an_iterator_at_the_end_of_an_empty_stream_is_good(runtime: Embedded, orders: str) -> None:
    put(runtime, "a")
    age(runtime.stores, 25)
    finish(retention(runtime))
    token = iterator(runtime, orders, ShardIteratorType="LATEST")
    put(runtime, "b")
    assert ids(runtime.client("dynamodbstreams").get_records(ShardIterator=token)["Records"]) == ["b"]


def test_a_closed_stream_is_readable_to_its_end_for_24_hours(runtime: Embedded, orders: str) -> None:
    dynamodb, streams = runtime.client("dynamodb"), runtime.client("dynamodbstreams")
    put(runtime, "a", "b")
    dynamodb.update_table(TableName="Orders", StreamSpecification={"StreamEnabled": False})
    put(runtime, "unseen")
    runtime.restart()
    dynamodb, streams = runtime.client("dynamodb"), runtime.client("dynamodbstreams")

    described = streams.describe_stream(StreamArn=orders)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert described["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert orders in [one["StreamArn"] for one in streams.list_streams(TableName="Orders")["Streams"]]
    page = streams.get_records(ShardIterator=iterator(runtime, orders, ShardIteratorType="TRIM_HORIZON"), Limit=1)
    rest = streams.get_records(ShardIterator=page["NextShardIterator"])
    assert ids(page["Records"] + rest["Records"]) == ["a", "b"]
    assert "NextShardIterator" not in rest
    ending = described["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"]
    assert ending == rest["Records"][-1]["dynamodb"]["SequenceNumber"]

    age(runtime.stores, 25)
    finish(retention(runtime))
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        streams.describe_stream(StreamArn=orders)
    assert streams.list_streams(TableName="Orders")["Streams"] == []


def test_the_stream_of_a_deleted_table_is_readable_and_that_of_the_next_table_is_its_own(
    runtime: Embedded, orders: str
) -> None:
    put(runtime, "a")
    runtime.client("dynamodb").delete_table(TableName="Orders")
    token = iterator(runtime, orders, ShardIteratorType="TRIM_HORIZON")
    assert ids(runtime.client("dynamodbstreams").get_records(ShardIterator=token)["Records"]) == ["a"]
    listed = runtime.client("dynamodbstreams").list_streams(TableName="Orders")["Streams"]
    assert [one["StreamArn"] for one in listed] == [orders]
    assert [one["StreamArn"] for one in runtime.client("dynamodbstreams").list_streams()["Streams"]] == [orders]


# ---- records of a stream ----


@pytest.fixture
def stream(runtime: Embedded) -> Any:
    kinesis = runtime.client("kinesis")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    return kinesis


def records(kinesis: Any, **start: Any) -> list[bytes]:
    token = kinesis.get_shard_iterator(StreamName="changes", ShardId="shardId-000000000000", **start)["ShardIterator"]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=token)["Records"]]


def test_records_go_after_the_streams_own_retention_period(runtime: Embedded, stream: Any) -> None:
    stream.put_record(StreamName="changes", Data=b"old", PartitionKey="k")
    stream.increase_stream_retention_period(StreamName="changes", RetentionPeriodHours=48)
    age(runtime.stores, 30)
    stream.put_record(StreamName="changes", Data=b"new", PartitionKey="k")

    finish(retention(runtime))
    assert records(stream, ShardIteratorType="TRIM_HORIZON") == [b"old", b"new"]
    stream.decrease_stream_retention_period(StreamName="changes", RetentionPeriodHours=24)
    finish(retention(runtime))
    assert records(stream, ShardIteratorType="TRIM_HORIZON") == [b"new"]


def test_a_reader_behind_the_horizon_goes_on_at_the_oldest_record(runtime: Embedded, stream: Any) -> None:
    first = stream.put_record(StreamName="changes", Data=b"old", PartitionKey="k")["SequenceNumber"]
    stale = stream.get_shard_iterator(
        StreamName="changes", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    age(runtime.stores, 30)
    second = stream.put_record(StreamName="changes", Data=b"new", PartitionKey="k")["SequenceNumber"]
    finish(retention(runtime))

    assert [record["Data"] for record in stream.get_records(ShardIterator=stale)["Records"]] == [b"new"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert records(stream, ShardIteratorType=kind, StartingSequenceNumber=first) == [b"new"]
    assert records(stream, ShardIteratorType="AT_TIMESTAMP", Timestamp=time.time() - 40 * HOUR) == [b"new"]

    age(runtime.stores, 30)
    finish(retention(runtime))
    runtime.restart()
    third = runtime.client("kinesis").put_record(StreamName="changes", Data=b"newest", PartitionKey="k")
    assert first < second < third["SequenceNumber"]


# ---- who reads ----


def append(stores: Stores, *ids: str, data: bytes = b"") -> None:
    stores.shards.append(STREAM, [Entry(0, "k", id.encode() + data) for id in ids])


class Clocks:
    """The machine's, and who is spared by them."""

    def __init__(self, wall: float | None = None) -> None:
        self.wall = time.time() if wall is None else wall
        self.monotonic = 5.0
        self.spared = Spared(lambda _: False, lambda: self.wall, lambda: self.monotonic)

    def run(self, seconds: float) -> float:
        """Let time pass while somebody looks twice a minute, as a runtime does; what time it is."""
        end = self.monotonic + seconds
        while self.monotonic < end:
            step = min(30.0, end - self.monotonic)
            self.wall += step
            self.monotonic += step
            self.spared.lasts()
        return self.wall


def later() -> bool:
    """Nobody is spared any more."""
    return False


def trim(trimming: Trimming, now: float, readers: Readers) -> None:
    for _ in trimming.records(now, readers):
        pass


def test_what_a_worker_has_not_read_is_spared_for_an_hour_after_a_start_and_counted_afterwards(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    for id in "abcd":
        append(stores, id)
    stores.positions.save(PIPE.worker, "0", "1")
    age(stores, 72)  # the machine was off
    append(stores, "e")
    clocks = Clocks()
    started = clocks.wall
    trimming = Trimming(stores, clocks.spared.lasts, lambda _: 24)
    readers = {(STREAM, 0): [PIPE]}

    trim(trimming, clocks.run(10), readers)
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"b", b"c", b"d", b"e"]
    trim(trimming, clocks.run(HOUR), readers)
    assert [record.data for record in stores.shards.read(STREAM, 0, 1, 100, 100)] == [b"e"]
    (expired,) = stores.metrics.read("Salespipe", "Expired", {"PipeName": "p"}, 0, started + 2 * HOUR)
    assert expired.total == 3
    assert "pipe p: 3 records went at the age of 24 hours before it had passed them on" in caplog.text


def asleep(clocks: Clocks) -> None:
    """The lid is closed, or the virtual machine paused, for two days."""
    clocks.wall += 48 * HOUR


def stopped(clocks: Clocks) -> None:
    """The process alone is: `docker pause`, a debugger."""
    clocks.wall += 48 * HOUR
    clocks.monotonic += 48 * HOUR


def nodding(clocks: Clocks) -> None:
    """Two days in naps of a minute and a half, each shorter than what is seen at once."""
    for _ in range(48 * 40):
        clocks.wall += 90
        clocks.run(1)


def set_back_and_forth(clocks: Clocks) -> None:
    clocks.wall -= 48 * HOUR
    clocks.run(60)
    clocks.wall += 96 * HOUR


@pytest.mark.parametrize("away", [asleep, stopped, nodding, set_back_and_forth])
def test_what_grew_old_while_the_machine_slept_or_its_clock_was_set_is_spared_for_an_hour(
    stores: Stores, away: Callable[[Clocks], None]
) -> None:
    clocks = Clocks()
    trimming = Trimming(stores, clocks.spared.lasts, lambda _: 24)
    readers = {(STREAM, 0): [PIPE]}
    append(stores, "a")
    clocks.run(2 * HOUR)
    away(clocks)

    trim(trimming, clocks.wall, readers)
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"a"]
    trim(trimming, clocks.run(HOUR - 60), readers)
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"a"]
    trim(trimming, clocks.run(120), readers)
    assert stores.shards.read(STREAM, 0, 0, 100, 100) == []


def test_a_clock_that_is_set_right_after_the_boot_ends_no_hour() -> None:
    clocks = Clocks(wall=0.0)  # no battery
    clocks.run(5)
    clocks.wall += 20_000 * 24 * HOUR
    assert clocks.spared.lasts()


def test_a_clock_that_is_slewed_or_a_pass_that_takes_long_spares_nobody_for_ever() -> None:
    clocks = Clocks()
    for _ in range(70):
        clocks.run(60)
        clocks.wall += 0.03  # 500 ppm
    assert not clocks.spared.lasts()


def test_a_machine_that_sleeps_in_the_middle_of_a_pass_loses_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the step before the sleep did not reach is spared."""
    monkeypatch.setattr(aging, "deadline", lambda: lambda: True)
    clocks = Clocks()
    clocks.run(2 * HOUR)
    append(stores, "a")
    append(stores, "b")
    age(stores, 30)
    steps = Trimming(stores, clocks.spared.lasts, lambda _: 24).records(clocks.wall, {(STREAM, 0): [PIPE]})
    while stores.shards.first(STREAM, 0) == 1:
        next(steps)
    asleep(clocks)
    for _ in steps:
        pass
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"b"]


@pytest.mark.parametrize("seen", [True, False])
def test_nothing_unread_goes_while_the_storage_hinders_writing_nor_within_an_hour_of_it(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    """Three days of a disk that is full, or of one whose errors are all there is to be seen of it."""
    clocks = Clocks()
    monkeypatch.setattr(stores.storage, "_clock", lambda: clocks.monotonic)
    clocks.spared = Spared(stores.storage.hinders, lambda: clocks.wall, lambda: clocks.monotonic)
    trimming = Trimming(stores, clocks.spared.lasts, lambda _: 24)
    readers = {(STREAM, 0): [PIPE]}
    append(stores, "a")
    clocks.run(2 * HOUR)
    loss.note(stores.home, "what was lost hinders nobody")
    with monkeypatch.context() as trouble:
        if seen:
            trouble.setattr("salespipe.local.trouble.look", lambda home: "the disk is full")
        for _ in range(72 * 30):
            if not seen:
                assert stores.storage.words(OSError(errno.EIO, "Input/output error"))
            clocks.run(120)
        trim(trimming, clocks.wall, readers)

    trim(trimming, clocks.run(HOUR - 60), readers)
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"a"]
    trim(trimming, clocks.run(240), readers)
    assert stores.shards.read(STREAM, 0, 0, 100, 100) == []


def test_a_worker_that_has_read_everything_loses_nothing(stores: Stores, caplog: pytest.LogCaptureFixture) -> None:
    append(stores, "a", "b", "c")
    stores.positions.save(PIPE.worker, "0", "3")
    age(stores, 25)
    trim(Trimming(stores, later, lambda _: 24), time.time(), {(STREAM, 0): [PIPE]})
    assert stores.shards.first(STREAM, 0) == 0
    assert stores.metrics.names("Salespipe") == []
    assert not caplog.records


def test_the_retention_period_is_final_and_each_lost_record_is_counted_once(stores: Stores) -> None:
    for id in "abcd":
        append(stores, id)
    stores.positions.save(PIPE.worker, "0", "1")
    age(stores, 25)
    append(stores, "e")
    now = time.time()
    trimming = Trimming(stores, later, lambda _: 24)

    for _ in range(2):
        trim(trimming, now, {(STREAM, 0): [PIPE]})
        assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 100)] == [b"e"]
        assert stores.positions.get(PIPE.worker, "0") == "4"
    (expired,) = stores.metrics.read("Salespipe", "Expired", {"PipeName": "p"}, 0, now + HOUR)
    assert expired.total == 3


def test_nothing_goes_within_the_retention_period_and_a_shard_that_nobody_can_deliver_does_not_grow(
    stores: Stores,
) -> None:
    """A week in which S3 fails, an hour and a record at a time."""
    stores.positions.save(PIPE.worker, "0", "0")
    now = time.time()
    trimming = Trimming(stores, later, lambda _: 24)
    for hour in range(7 * 24):
        append(stores, f"{hour}")
        trim(trimming, now, {(STREAM, 0): [PIPE]})
        held = [record.data for record in stores.shards.read(STREAM, 0, 0, 1000, 10_000)]
        assert held == [f"{one}".encode() for one in range(max(0, hour - 23), hour + 1)]
        age(stores, 1.001)
    (expired,) = stores.metrics.read("Salespipe", "Expired", {"PipeName": "p"}, 0, now + HOUR)
    assert expired.total == 7 * 24 - 24


def test_looking_at_a_stream_that_is_gone_does_not_make_it_known(stores: Stores) -> None:
    append(stores, "a")
    stores.shards.drop(STREAM)
    assert stores.shards.stored(STREAM) == []
    assert stores.shards.oldest(STREAM, 0) is None
    assert stores.shards.trim(STREAM, 0, float("inf"), None).batches == []
    assert stores.shards.arns() == []
    assert (stores.changes.size(CHANGES), stores.changes.oldest(CHANGES), stores.changes.arns()) == (0, None, [])


def test_a_batch_goes_whole_once_its_last_record_may(stores: Stores) -> None:
    append(stores, "a", "b", "c")
    append(stores, "d")
    age(stores, 25)
    stores.positions.save(PIPE.worker, "0", "2")
    now = time.time()
    trim(Trimming(stores, Spared(stores.storage.hinders).lasts, lambda _: 24), now, {(STREAM, 0): [PIPE]})
    assert stores.shards.first(STREAM, 0) == 1
    stores.positions.save(PIPE.worker, "0", "3")
    trim(Trimming(stores, Spared(stores.storage.hinders).lasts, lambda _: 24), now, {(STREAM, 0): [PIPE]})
    assert stores.shards.first(STREAM, 0) == 4


def test_the_pipeline_goes_on_behind_the_horizon(
    standing: Embedded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A pipe that could not put for a day: the rest arrives, the loss is counted."""
    from salespipe.aws.waiting import poll_until
    from salespipe.services.generate import generate

    p = standing.pipeline()
    monkeypatch.setattr(standing.stores.shards, "append", _refuse)
    for _ in generate(p, rate=2000, count=100, seed=1):
        pass
    supervisor = standing.runtime.supervisor
    poll_until(lambda: "disk refuses" in str(supervisor.errors()) or None, "the pipe to fail", timeout=30, most=0.1)
    age(standing.stores, 25)
    finish(retention(standing))
    assert "100 records went at the age of 24 hours" in caplog.text

    standing.restart()
    p = standing.pipeline()
    for _ in generate(p, rate=2000, count=50, seed=2):
        pass
    poll_until(lambda: _delivered(standing, p) == 50 or None, "the rest", timeout=60, most=0.1)
    assert _total(standing, "Salespipe", "Expired", {"PipeName": p.names.pipe}) == 100


@pytest.mark.parametrize("killed", [False, True])
def test_what_cannot_be_delivered_within_the_retention_period_is_lost_and_status_says_how_much(
    standing: Embedded, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """S3 could not be written for a day: what came since is delivered once it can, whatever was in memory."""
    from salespipe.aws.waiting import poll_until
    from salespipe.services.generate import generate
    from salespipe.services.status import status

    p = standing.pipeline()
    shards = standing.stores.shards

    def incoming(count: int) -> bool | None:
        """Whether the pipe has put everything."""
        return sum(shards.last(*place) for place in standing.runtime.supervisor.readers() or {}) == count or None

    with monkeypatch.context() as patched:
        patched.setattr(standing.stores.objects, "before_write", _refuse)
        for _ in generate(p, rate=2000, count=100, seed=1):
            pass
        poll_until(lambda: incoming(100), "a hundred in the stream", timeout=30, most=0.1)
        supervisor = standing.runtime.supervisor
        poll_until(lambda: "refuses" in str(supervisor.errors()) or None, "a delivery to fail", timeout=30, most=0.1)
        age(standing.stores, 25)
        for _ in generate(p, rate=2000, count=50, seed=2):
            pass
        poll_until(lambda: incoming(150), "fifty more", timeout=30, most=0.1)
        finish(retention(standing))
        if killed:
            standing.restart()  # what is buffered is not written then
    p = standing.pipeline()
    poll_until(lambda: _delivered(standing, p) == 50 or None, "the rest", timeout=60, most=0.1)
    assert _total(standing, "Salespipe", "Expired", {"DeliveryStreamName": p.names.delivery}) == 100
    seen = status(p)
    assert not seen.healthy
    said = "delivery: 100 records reached the end of their retention before they were passed on, and are lost"
    assert said in seen.problems
    assert {hop.name: hop.lag for hop in seen.hops}["delivery"] == 0


def _delivered(runtime: Embedded, p: Pipeline) -> float:
    return _total(runtime, "AWS/Firehose", "DeliveryToS3.Records", {"DeliveryStreamName": p.names.delivery})


def _total(runtime: Embedded, namespace: str, metric: str, name: dict[str, str]) -> float:
    start = time.time() - 2 * HOUR
    return sum(one.total for one in runtime.stores.metrics.read(namespace, metric, name, start, start + 4 * HOUR))


def _refuse(*_: Any) -> None:
    raise OSError("the disk refuses")


# ---- everything else that grows ----


def test_a_query_is_forgotten_after_45_days_and_its_result_is_not(runtime: Embedded) -> None:
    s3, athena = runtime.client("s3"), runtime.client("athena")
    s3.create_bucket(Bucket="results")
    asked = {
        "QueryString": "SELECT 1",
        "ClientRequestToken": "t" * 32,
        "ResultConfiguration": {"OutputLocation": "s3://results/"},
    }
    id = athena.start_query_execution(**asked)["QueryExecutionId"]
    assert athena.start_query_execution(**asked)["QueryExecutionId"] == id
    deadline = time.monotonic() + 60
    while athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
        assert time.monotonic() < deadline
    runtime.runtime.athena.close()
    age(runtime.stores, HISTORY_KEPT / HOUR - 1)
    finish(retention(runtime))
    assert athena.list_query_executions()["QueryExecutionIds"] == [id]

    age(runtime.stores, 2)
    finish(retention(runtime))
    assert athena.list_query_executions()["QueryExecutionIds"] == []
    assert runtime.stores.documents.all("athena-token") == {}
    assert s3.list_objects_v2(Bucket="results")["KeyCount"] == 2


def test_objects_expire_by_the_rule_of_their_bucket_and_new_ones_of_the_same_name_stay(runtime: Embedded) -> None:
    s3 = runtime.client("s3")
    s3.create_bucket(Bucket="lake")
    for key in ("athena/a.csv", "athena/b.csv", "orders/a"):
        s3.put_object(Bucket="lake", Key=key, Body=b"x")
    upload = s3.create_multipart_upload(Bucket="lake", Key="athena/c.csv")["UploadId"]
    s3.upload_part(Bucket="lake", Key="athena/c.csv", UploadId=upload, PartNumber=1, Body=b"x")
    age(runtime.stores, 24 * 3)
    _make_upload_older(runtime.stores, upload, 24 * 3)
    s3.put_object(Bucket="lake", Key="athena/b.csv", Body=b"new")
    held = retention(runtime)
    finish(held)
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 3

    rule = {
        "Status": "Enabled",
        "Filter": {"Prefix": "athena/"},
        "Expiration": {"Days": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket="lake", LifecycleConfiguration={"Rules": [rule]})
    finish(held)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="lake")["Contents"]]
    assert keys == ["athena/b.csv", "orders/a"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="lake")
    assert [path.name for path in (runtime.home / "objects").rglob("*a.csv")] == []


def _make_upload_older(stores: Stores, upload: str, hours: float) -> None:
    document = stores.documents.get("s3-upload", upload)
    assert document is not None
    stores.documents.put("s3-upload", upload, {**document, "Initiated": document["Initiated"] - hours * HOUR})


@pytest.mark.parametrize("filter", [{"ObjectSizeLessThan": 5}, {"And": {"Prefix": "a", "ObjectSizeGreaterThan": 5}}])
def test_a_rule_by_size_is_refused_instead_of_being_for_every_object(runtime: Embedded, filter: dict[str, Any]) -> None:
    s3 = runtime.client("s3")
    s3.create_bucket(Bucket="lake")
    rule = {"Status": "Enabled", "Filter": filter, "Expiration": {"Days": 1}}
    with pytest.raises(ClientError, match="by object size are not supported"):
        s3.put_bucket_lifecycle_configuration(Bucket="lake", LifecycleConfiguration={"Rules": [rule]})
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="lake")


def test_objects_expire_at_the_midnight_after_their_age() -> None:
    # The example of https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    written = 1389781800.0  # 15 January 2014, 10:30 UTC
    assert Rule("", 3, None, None).expires(written) == 1390089600  # 19 January 2014, 00:00 UTC
    assert Rule("", None, 5.0, None).expires(written) == 5.0
    assert Rule("", None, None, 1).expires(written) == float("inf")
    assert Rule("", None, None, 1).aborts(1389744000.0) == 1389830400.0


def test_rules_that_are_for_no_object_here_are_left_out() -> None:
    def rule(*inside: str) -> str:
        return f"<Rule>{''.join(inside)}</Rule>"

    document = "".join(
        (
            '<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
            rule("<Status>Disabled</Status><Prefix>a</Prefix><Expiration><Days>1</Days></Expiration>"),
            rule(
                "<Status>Enabled</Status><Filter><Tag><Key>k</Key></Tag></Filter><Expiration><Days>1</Days>",
                "</Expiration>",
            ),
            rule(
                "<Status>Enabled</Status><Filter><And><Prefix>b/</Prefix></And></Filter>",
                "<Expiration><Days>2</Days></Expiration>",
            ),
            rule("<Status>Enabled</Status><Filter/><Expiration><Date>2026-01-01T00:00:00Z</Date></Expiration>"),
            rule(
                "<Status>Enabled</Status><Prefix>c/</Prefix><AbortIncompleteMultipartUpload><DaysAfterInitiation>7",
                "</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
            ),
            "</LifecycleConfiguration>",
        )
    )
    assert read_rules(document.encode()) == [
        Rule("b/", 2, None, None),
        Rule("", None, 1767225600.0, None),
        Rule("c/", None, None, 7),
    ]


def test_messages_go_after_the_retention_period_of_their_queue(runtime: Embedded) -> None:
    sqs = runtime.client("sqs")
    url = sqs.create_queue(QueueName="letters", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    made = retention(runtime)
    finish(made)
    assert _waiting(sqs, url) == "1"
    made._clock = lambda: time.time() + 61
    finish(made)
    assert _waiting(sqs, url) == "0"
    runtime.restart()
    assert _waiting(runtime.client("sqs"), url) == "0"


def _waiting(sqs: Any, url: str) -> str:
    names = ["ApproximateNumberOfMessages"]
    waiting: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][names[0]]
    return waiting


def test_the_log_of_the_runtime_is_bounded(runtime: Embedded) -> None:
    path = runtime.home / "runtime.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * (LOG_BYTES + 1))
        finish(retention(runtime))
        writer.write(b"next\n")
    assert path.read_bytes() == b"next\n"
    assert path.with_name("runtime.log.1").stat().st_size == LOG_BYTES + 1


def test_metrics_become_coarser_and_then_go(stores: Stores) -> None:
    metrics, ages, day = stores.metrics, MetricAges(stores.db, stores.metrics), 86400
    now = 1_800_000_000 // HOUR * HOUR

    def values(days_ago: int) -> list[tuple[float, float, float, float]]:
        start = now - days_ago * day
        found = metrics.read("T", "m", {}, start, start + 2 * HOUR)
        return [(one.total, one.samples, one.smallest, one.largest) for one in found]

    def pass_at(moment: float) -> None:
        for _ in ages.steps(moment):
            pass

    for days_ago, minutes in ((1, 10), (20, 10), (100, 120), (500, 10)):
        for minute in range(minutes):
            metrics.add("T", "m", {}, minute, at=now - days_ago * day + minute * 60)
    pass_at(now)
    assert len(values(1)) == 10
    assert values(20) == [(10, 5, 0, 4), (35, 5, 5, 9)]
    assert values(100) == [(1770, 60, 0, 59), (5370, 60, 60, 119)]
    assert values(500) == []
    pass_at(now + 50 * day)
    assert values(1) == [(10, 5, 0, 4), (35, 5, 5, 9)]
    assert values(20) == [(45, 10, 0, 9)]
    pass_at(now + 600 * day)
    assert metrics.names() == []


def test_one_part_that_fails_does_not_keep_the_others_from_being_done(
    runtime: Embedded, orders: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(runtime, "a")
    age(runtime.stores, 25)
    made = retention(runtime)

    def fail(now: float) -> Iterator[None]:
        raise ValueError("no history")
        yield

    monkeypatch.setattr(made, "_history", fail)
    (runtime.home / "runtime.log").write_bytes(b"x" * (LOG_BYTES + 1))
    with pytest.raises(ValueError, match="no history"):
        finish(made)
    assert runtime.stores.changes.first(orders) == 0
    assert (runtime.home / "runtime.log").stat().st_size == 0


# ---- steps, bytes and space ----


def declared(stores: Stores) -> Table:
    stores.items.declare(TABLE, ("id", "S"), None, CHANGES, "NEW_AND_OLD_IMAGES")
    table = stores.items.table(TABLE)
    assert table is not None
    return table


def write(stores: Stores, table: Table, *ids: str) -> None:
    stores.items.apply(table, [Write({"id": {"S": id}, "pad": {"S": "x" * 400}}, False, 410) for id in ids])


def test_a_step_that_is_over_gives_way_and_the_next_goes_on(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short a step is, it removes something; between two of them others write."""
    for id in range(20):
        append(stores, str(id))
    age(stores, 25)
    monkeypatch.setattr(aging, "deadline", lambda: lambda: True)
    now = time.time()
    steps = 0
    for _ in Trimming(stores, later, lambda _: 24).records(now, {}):
        append(stores, f"new {steps}")
        steps += 1
    assert steps >= 20
    assert [record.data for record in stores.shards.read(STREAM, 0, 0, 100, 10_000)] == [
        f"new {step}".encode() for step in range(steps)
    ]


def test_a_table_with_all_its_items_goes_in_one_step_and_its_rows_later(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from salespipe.local.stores import dropped

    write(stores, declared(stores), *map(str, range(30)))
    stores.items.drop(TABLE)
    table = declared(stores)
    write(stores, table, "new")
    monkeypatch.setattr(dropped, "deadline", lambda: lambda: True)
    rows = dropped.Dropped(stores.db)
    steps = 0
    while rows.remove():
        steps += 1
        assert [item["id"]["S"] for item in stores.items.scan(table)] == ["new"]
    assert steps >= 30
    count = stores.db.read().execute("select count(*) from items").fetchone()
    assert count == (1,)


@pytest.mark.parametrize("seed", range(5))
def test_the_bytes_of_a_log_are_those_of_its_rows(stores: Stores, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    monkeypatch.setattr(aging, "_COUNT", 3)
    monkeypatch.setattr(aging, "_LOOK", 4)
    for _ in range(200):
        match random.randrange(4):
            case 0 | 1:
                append(stores, *("x" * random.randrange(50) for _ in range(random.randrange(1, 4))))
            case 2:
                stores.shards.count(STREAM, 0)
            case 3:
                keep = random.choice([None, stores.shards.last(STREAM, 0) - random.randrange(5)])
                stores.shards.trim(STREAM, 0, float("inf"), keep)
        sql = "select coalesce(sum(length(keys) + length(sizes) + length(data)), 0) from records"
        assert (stores.shards.size(STREAM),) == stores.db.read().execute(sql).fetchone()


def test_pages_that_nobody_uses_leave_the_file_and_others_do_not(stores: Stores) -> None:
    space = Space(stores.db, LOOKS)
    for id in range(100):
        append(stores, str(id), data=b"x" * 100_000)
    full = space.pages()
    age(stores, 25)
    now = time.time()
    trim(Trimming(stores, later, lambda _: 24), now, {})
    assert space.pages().free > 2000 > SLACK

    for _ in range(LOOKS - 1):
        space.look()
    assert not space.give_back()
    for id in range(80):  # they are used again: the next look finds few
        append(stores, str(id), data=b"x" * 100_000)
    space.look()
    assert not space.give_back()
    assert space.pages().total == full.total

    age(stores, 25)
    trim(Trimming(stores, later, lambda _: 24), now, {})
    for _ in range(LOOKS):
        space.look()
    before = space.pages()
    while space.give_back():
        pass
    after = space.pages()
    assert after.free == SLACK
    assert after.total <= before.total - (before.free - SLACK)


def test_a_step_of_giving_back_is_longer_while_nobody_asks_for_the_turn(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadline(seconds: float = aging.STEP_SECONDS) -> Callable[[], bool]:
        """The short time is always over, the long one never."""
        return lambda: seconds == aging.STEP_SECONDS

    monkeypatch.setattr("salespipe.local.stores.space.deadline", deadline)
    for id in range(60):
        append(stores, str(id), data=b"x" * 100_000)
    age(stores, 25)
    now = time.time()
    trim(Trimming(stores, later, lambda _: 24), now, {})
    space = Space(stores.db, 1)
    space.look()
    free = space.pages().free
    turn = stores.db.turn

    def ask() -> None:
        with turn:
            pass

    with turn:
        waiter = threading.Thread(target=ask)
        waiter.start()
        while not turn.wanted:
            time.sleep(0)
        assert space.give_back()
        assert space.pages().free == free - 1
    waiter.join()
    assert not space.give_back()
    assert space.pages().free == SLACK


def test_a_home_in_which_nothing_is_left_is_small_and_its_numbers_go_on(runtime: Embedded, orders: str) -> None:
    dynamodb, kinesis = runtime.client("dynamodb"), runtime.client("kinesis")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    first = kinesis.put_record(StreamName="changes", Data=b"x", PartitionKey="k")["SequenceNumber"]
    for id in range(30):
        dynamodb.put_item(TableName="Orders", Item={"id": {"S": str(id)}, "pad": {"S": "x" * 300_000}})
    token = iterator(runtime, orders, ShardIteratorType="LATEST")
    dynamodb.delete_table(TableName="Orders")
    kinesis.delete_stream(StreamName="changes")
    runtime.restart()

    pages = Space(runtime.stores.db, 1).pages()
    assert pages.free < SLACK
    assert (runtime.home / "store.db").stat().st_size < 2_000_000
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        runtime.client("dynamodbstreams").get_records(ShardIterator=token)
    kinesis = runtime.client("kinesis")
    kinesis.create_stream(StreamName="changes", ShardCount=1)
    assert kinesis.put_record(StreamName="changes", Data=b"x", PartitionKey="k")["SequenceNumber"] > first
