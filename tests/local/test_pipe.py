"""The pipe over real stores: what it moves, where it begins, how it goes on after a kill, how it fails."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from salespipe.local.errors import AwsError
from salespipe.local.itemsize import item_size
from salespipe.local.limits.refusals import HeldError
from salespipe.local.stores import Stores
from salespipe.local.stores.items import Write
from salespipe.local.stores.shards import Entry
from salespipe.local.workers.pipe import LONGEST_HELD, STEP, BatchFailedError, PipePoller, SourceGoneError
from salespipe.local.workers.pipe_config import PipeConfig, PipeConfigError
from salespipe.local.workers.worker import Worker

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
SOURCE = f"{TABLE}/stream/2026-11-20T12:00:00.000"
TARGET = "arn:aws:kinesis:eu-west-1:123456789012:stream/changes"
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:dead"
CONFIG = PipeConfig(
    name="p",
    arn="arn:aws:pipes:eu-west-1:123456789012:pipe/p",
    created=0.0,
    source_arn=SOURCE,
    target_arn=TARGET,
    partition_key="$.dynamodb.Keys.orderid.S",
    starting_position="TRIM_HORIZON",
    batch_size=10,
    window=0,
    retries=2,
    max_age=-1,
    bisect=False,
    dead_letter_arn=QUEUE,
    filters=(),
    template=None,
)


class Bench:
    """A table with a stream, a Kinesis stream of one shard that can be made to refuse, and a queue."""

    def __init__(self, home: Path) -> None:
        self.stores = Stores.open(home)
        self.stores.items.declare(TABLE, ("orderid", "S"), None, SOURCE, "NEW_AND_OLD_IMAGES")
        table = self.stores.items.table(TABLE)
        assert table is not None
        self.table = table
        self.letters: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        self.target_is_there = True
        self.puts: list[int] = []

    def write(self, *ids: str, status: str = "placed") -> None:
        for id in ids:
            item = {"orderid": {"S": id}, "status": {"S": status}, "quantity": {"N": "12"}}
            self.stores.items.apply(self.table, [Write(item, False, item_size(item))])

    def put(self, stream_arn: str, records: Sequence[tuple[str, bytes]]) -> None:
        if not self.target_is_there:
            raise AwsError("ResourceNotFoundException", "Stream changes not found.")
        self.puts.append(len(records))
        self.stores.shards.append(stream_arn, [Entry(0, key, data) for key, data in records])
        for key, _ in records:
            if key in self.refused:
                raise AwsError("ValidationException", f"refused {key}")

    def send(self, queue_arn: str, body: str) -> None:
        assert queue_arn == QUEUE
        self.letters.append(json.loads(body))

    def pipe(self, config: PipeConfig = CONFIG, *, since: float = 0.0, **changes: Any) -> PipePoller:
        changed = replace(config, **changes)
        return PipePoller(changed, self.stores, self.put, self.send, "shardId-1", since)

    def records(self) -> list[tuple[str, bytes]]:
        found = self.stores.shards.read(TARGET, 0, 0, 100_000, 1 << 30)
        return [(record.partition_key, record.data) for record in found]

    def delivered(self) -> list[str]:
        return [key for key, _ in self.records()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.stores.close()


def drain(pipe: PipePoller, most: int = 1000) -> list[str]:
    """Poll until there is nothing left; return the failures on the way."""
    failures: list[str] = []
    for _ in range(most):
        try:
            if pipe.poll() > 0:
                return failures
        except BatchFailedError as error:
            failures.append(str(error))
    raise AssertionError("the pipe does not come to an end")


def test_one_record_a_change_in_order_with_the_bytes_aws_writes(bench: Bench) -> None:
    bench.write("o1", "o2")
    bench.write("o1", status="paid")
    bench.stores.items.apply(bench.table, [Write({"orderid": {"S": "o2"}}, True, 0)])
    drain(bench.pipe())
    records = bench.records()
    assert [key for key, _ in records] == ["o1", "o2", "o1", "o2"]
    events = [json.loads(data) for _, data in records]
    assert [event["eventName"] for event in events] == ["INSERT", "INSERT", "MODIFY", "REMOVE"]
    assert list(events[2]) == [
        "eventID",
        "eventName",
        "eventVersion",
        "eventSource",
        "awsRegion",
        "dynamodb",
        "eventSourceARN",
    ]
    assert events[2]["dynamodb"]["OldImage"]["status"] == {"S": "placed"}
    assert events[2]["eventSourceARN"] == SOURCE
    assert not any(b"\n" in data or b": " in data for _, data in records)


def test_a_new_worker_goes_on_exactly_where_the_killed_one_was(bench: Bench) -> None:
    ids = [f"a{i:04}" for i in range(3 * STEP)]
    with bench.stores.db.write():
        bench.write(*ids)
    killed = bench.pipe()
    killed.poll()
    assert bench.delivered() == ids[:STEP]  # and two more steps are waiting
    drain(bench.pipe())
    assert bench.delivered() == ids


def test_a_failure_that_lasts_is_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.write("o1")
    bench.target_is_there = False
    pipe = bench.pipe(retries=-1)
    polls: list[float] = []

    class Watched:
        topic = pipe.topic

        def poll(self) -> float:
            polls.append(time.monotonic())
            return pipe.poll()

    worker = Worker("pipe p", Watched(), bench.stores.bell, threading.Event())
    worker.start()
    deadline = time.monotonic() + 15
    while len(polls) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.signal()
    worker.join()
    assert len(polls) >= 4
    assert len(caplog.records) == 1


def test_large_changes_come_in_pieces(bench: Bench) -> None:
    for number in range(20):
        item = {"orderid": {"S": f"o{number:02}"}, "note": {"S": "x" * 390_000}}
        bench.stores.items.apply(bench.table, [Write(item, False, item_size(item))])
    assert len(bench.stores.changes.read(SOURCE, 0, 500, 1 << 20)) == 2
    assert len(bench.stores.changes.read(SOURCE, 0, 500, 1000)) == 1
    pipe = bench.pipe(batch_size=500, window=60)
    assert pipe.poll() == 0  # 6 MB are a batch: there is no waiting for more
    assert bench.puts == [16]
    assert 0 < pipe.poll() <= 60


def test_a_kill_between_put_and_position_leaves_neither(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write("o1", "o2")
    pipe = bench.pipe()

    class Killed(BaseException):
        """What no handler catches, as a kill."""

    def dies(worker: str, shard: str, value: str) -> None:
        if shard == "0" and value != "0":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(type(bench.stores.positions), "save", lambda self, *given: dies(*given))
        with pytest.raises(Killed):
            pipe.poll()
    assert bench.puts == [2]
    assert bench.delivered() == []
    drain(bench.pipe())
    assert bench.delivered() == ["o1", "o2"]


def test_latest_begins_at_the_creation_of_the_pipe_whenever_it_comes_to_run(bench: Bench) -> None:
    bench.write(*(f"before{i}" for i in range(5)))
    time.sleep(0.002)  # the clock decides here, so it has to move on
    created = time.time()
    bench.write("after1", "after2")
    drain(bench.pipe(starting_position="LATEST", created=created))
    assert bench.delivered() == ["after1", "after2"]


@pytest.mark.parametrize("written", [0, 3])
def test_latest_with_nothing_after(bench: Bench, written: int) -> None:
    bench.write(*(f"before{i}" for i in range(written)))
    pipe = bench.pipe(starting_position="LATEST", created=time.time() + 1)
    drain(pipe)
    assert bench.delivered() == []
    bench.write("after")
    drain(pipe)
    assert bench.delivered() == ["after"]


def test_a_pipe_made_anew_begins_anew(bench: Bench) -> None:
    bench.write("o1")
    drain(bench.pipe(created=1.0))
    drain(bench.pipe(created=2.0))
    assert bench.delivered() == ["o1", "o1"]


def test_filters_are_alternatives_and_what_they_stop_is_passed(bench: Bench) -> None:
    bench.write("o1", "o2", "x3")
    bench.write("o1", status="paid")
    pipe = bench.pipe(
        filters=(
            '{"eventName":["MODIFY"]}',
            '{"eventName":["INSERT"],"dynamodb":{"Keys":{"orderid":{"S":[{"prefix":"x"}]}}}}',
        )
    )
    drain(pipe)
    assert bench.delivered() == ["x3", "o1"]
    bench.write("o9")
    drain(bench.pipe(filters=('{"eventName":["MODIFY"]}',)))
    assert bench.delivered() == ["x3", "o1"]


@pytest.mark.parametrize(
    ("partition_key", "seen"),
    [("constant", "constant"), ("$.dynamodb.NewImage.quantity.N", "12"), ("$.dynamodb.SizeBytes", "40")],
)
def test_partition_keys(bench: Bench, partition_key: str, seen: str) -> None:
    bench.write("o1")
    drain(bench.pipe(partition_key=partition_key))
    assert bench.delivered() == [seen]


def test_the_template_makes_the_data_and_the_key_is_from_the_event(bench: Bench) -> None:
    bench.write("o1")
    template = '{"pipe":"<aws.pipes.pipe-name>","id":"<$.dynamodb.Keys.orderid.S>","n":<$.dynamodb.NewImage.quantity>}'
    drain(bench.pipe(template=template))
    assert bench.records() == [("o1", b'{"pipe":"p","id":"o1","n":{"N":"12"}}')]


def test_a_window_collects_a_batch(bench: Bench) -> None:
    bench.write("o1")
    pipe = bench.pipe(window=0.2, batch_size=3)
    rest = pipe.poll()
    assert 0 < rest <= 0.2 + 1e-6
    assert bench.delivered() == []
    bench.write("o2", "o3")
    assert pipe.poll() == 0
    assert bench.delivered() == ["o1", "o2", "o3"]
    bench.write("o4")
    deadline = time.monotonic() + 5
    while "o4" not in bench.delivered():
        assert time.monotonic() < deadline
        pipe.poll()


def test_a_batch_that_fails_is_repeated_and_then_given_up(bench: Bench) -> None:
    bench.write(*(f"o{i}" for i in range(25)))
    bench.refused = {"o12"}
    failures = drain(bench.pipe())
    assert len(failures) == 2
    assert failures[0] == failures[1]
    assert "10 records from sequence 11 are tried again" in failures[1]
    assert "refused o12" in failures[1]
    kept = bench.delivered()
    assert kept == [f"o{i}" for i in range(25) if not 10 <= i < 20]
    (letter,) = bench.letters
    info = letter["DDBStreamBatchInfo"]
    assert letter["context"] == {"partnerResourceArn": CONFIG.arn, "condition": "RetryAttemptsExhausted"}
    assert letter["version"] == "1.0"
    assert (info["batchSize"], info["streamArn"], info["shardId"]) == (10, SOURCE, "shardId-1")
    assert int(info["endSequenceNumber"]) - int(info["startSequenceNumber"]) == 9
    assert info["approximateArrivalOfFirstRecord"].endswith("Z")


def test_bisecting_gives_up_the_bad_record_alone(bench: Bench) -> None:
    ids = [f"o{i:03}" for i in range(120)]
    bench.write(*ids)
    bench.refused = {"o012", "o077"}
    failures = drain(bench.pipe(bisect=True, retries=1))
    assert bench.delivered() == [id for id in ids if id not in bench.refused]
    assert [letter["DDBStreamBatchInfo"]["batchSize"] for letter in bench.letters] == [1, 1]
    assert len(failures) == 2


def test_bisecting_goes_on_after_a_kill_without_loss_or_repeat(bench: Bench) -> None:
    ids = [f"o{i:02}" for i in range(40)]
    bench.write(*ids)
    bench.refused = {"o07"}
    for polls in range(1, 40):
        # A new worker each time: nothing but what is in the store is remembered.
        pipe = bench.pipe(bisect=True, retries=0, batch_size=1)
        for _ in range(polls):
            pipe.poll()
    assert bench.delivered() == [id for id in ids if id != "o07"]
    assert len(bench.letters) == 1


def test_a_key_that_leads_nowhere_fails_the_record(bench: Bench) -> None:
    bench.write("o1", "o2")
    bench.stores.items.apply(bench.table, [Write({"orderid": {"S": "o1"}}, True, 0)])
    drain(bench.pipe(partition_key="$.dynamodb.NewImage.orderid.S", bisect=True, retries=0))
    assert bench.delivered() == ["o1", "o2"]
    assert len(bench.letters) == 1


def test_without_a_queue_what_is_given_up_is_gone_and_the_rest_flows(bench: Bench) -> None:
    bench.write("o1", "o2", "o3")
    bench.refused = {"o2"}
    drain(bench.pipe(bisect=True, retries=0, dead_letter_arn=None))
    assert bench.delivered() == ["o1", "o3"]


def test_for_ever_means_that_nothing_is_given_up(bench: Bench) -> None:
    bench.write("o1")
    bench.target_is_there = False
    pipe = bench.pipe(retries=-1)
    for _ in range(50):
        with pytest.raises(BatchFailedError, match="ResourceNotFoundException"):
            pipe.poll()
    bench.target_is_there = True
    drain(pipe)
    assert bench.delivered() == ["o1"]
    assert bench.letters == []


@pytest.mark.parametrize("seconds", [0.4, 500.0])
def test_a_held_pipe_makes_nothing_until_it_may_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    asked: list[int] = []

    def holds(stream_arn: str, records: Sequence[tuple[str, bytes]]) -> None:
        asked.append(len(records))
        raise HeldError(seconds)

    bench.write("o1")
    with monkeypatch.context() as patched:
        patched.setattr(bench, "put", holds)
        pipe = bench.pipe()
    assert pipe.poll() == min(seconds, LONGEST_HELD)
    pipe._held_until += 60  # however slow this machine is
    for i in range(20):
        bench.write(f"p{i}")  # each rings
        assert pipe.poll() > 0
    assert asked == [1]
    pipe._put = bench.put
    pipe._held_until = time.monotonic()
    drain(pipe)
    assert bench.delivered() == ["o1", *(f"p{i}" for i in range(20))]


@pytest.mark.parametrize("bisect", [False, True])
def test_a_batch_that_fails_for_ever_is_remembered_once(bench: Bench, bisect: bool) -> None:
    ids = [f"o{i:03}" for i in range(100)]
    bench.write(*ids)
    bench.target_is_there = False
    pipe = bench.pipe(retries=-1, bisect=bisect)

    def fail(times: int) -> list[int]:
        for _ in range(times):
            with contextlib.suppress(BatchFailedError):
                pipe.poll()
        return list(pipe._until)

    assert fail(20) == fail(200)
    bench.target_is_there = True
    drain(pipe)
    assert bench.delivered() == ids


def test_a_dead_letter_that_cannot_be_sent_holds_the_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write("o1", "o2")
    bench.refused = {"o1"}

    def no_queue(queue_arn: str, body: str) -> None:
        raise AwsError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")

    sends = bench.send
    monkeypatch.setattr(bench, "send", no_queue)
    pipe = bench.pipe(retries=0, batch_size=1)
    for _ in range(5):
        with pytest.raises(AwsError, match="NonExistentQueue"):
            drain(pipe)
    monkeypatch.setattr(bench, "send", sends)
    drain(bench.pipe(retries=0, batch_size=1))
    assert bench.delivered() == ["o2"]
    assert len(bench.letters) == 1


def test_records_that_are_too_old_are_given_up(bench: Bench) -> None:
    bench.write("o1", "o2")
    pipe = bench.pipe(max_age=60)
    later = time.time() + 61
    aged = PipePoller(replace(CONFIG, max_age=60), bench.stores, bench.put, bench.send, "s", 0.0, lambda: later)
    drain(aged)
    assert bench.delivered() == []
    assert bench.letters[0]["context"]["condition"] == "RecordAgeExceeded"
    assert bench.letters[0]["DDBStreamBatchInfo"]["batchSize"] == 2
    bench.write("o3")
    drain(pipe)
    assert bench.delivered() == ["o3"]


def test_the_time_in_which_the_machine_was_off_does_not_age_records(bench: Bench) -> None:
    bench.write("o1")
    later = time.time() + 3600
    pipe = PipePoller(replace(CONFIG, max_age=60), bench.stores, bench.put, bench.send, "s", later, lambda: later + 59)
    drain(pipe)
    assert bench.delivered() == ["o1"]


def test_a_disabled_stream_is_read_to_its_end_and_then_reported(bench: Bench) -> None:
    bench.write("o1")
    drain(bench.pipe())
    bench.write("o2")
    bench.stores.items.declare(TABLE, ("orderid", "S"), None, f"{TABLE}/stream/2027", "NEW_IMAGE")
    pipe = bench.pipe()
    assert pipe.poll() == 0
    assert bench.delivered() == ["o1", "o2"]
    assert b'"StreamViewType":"NEW_AND_OLD_IMAGES"' in bench.records()[1][1]
    with pytest.raises(SourceGoneError, match="is not there"):
        pipe.poll()


def test_a_stream_that_never_was(bench: Bench) -> None:
    with pytest.raises(SourceGoneError, match="is not there"):
        bench.pipe(source_arn=SOURCE.replace("Orders", "Others")).poll()


def test_metrics_are_exact(bench: Bench) -> None:
    bench.write(*(f"o{i}" for i in range(25)))
    bench.refused = {"o12"}
    drain(bench.pipe())
    sums = {
        metric: sum(m.total for m in bench.stores.metrics.read(namespace, metric, {"PipeName": "p"}, 0, 1e11))
        for namespace, metric, _ in bench.stores.metrics.names("AWS/EventBridge/Pipes")
    }
    assert sums["EventCount"] == 15
    assert sums["EventSize"] == sum(len(data) for _, data in bench.records())
    assert sums["ExecutionFailed"] == sums["TargetStageFailed"] == 3


DESCRIPTION = {
    "Name": "p",
    "Arn": CONFIG.arn,
    "CreationTime": 5.5,
    "Source": SOURCE,
    "Target": TARGET,
    "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
    "TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.eventID"}},
}


def test_defaults_of_a_description() -> None:
    made = PipeConfig.from_description(DESCRIPTION)
    assert (made.batch_size, made.window, made.retries, made.max_age, made.bisect) == (1, 0, -1, -1, False)
    assert (made.region, made.starting_position, made.filters, made.template) == ("eu-west-1", "LATEST", (), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Target": "arn:aws:sqs:eu-west-1:1:q"}, "the local target moves DynamoDB streams to Kinesis"),
        ({"Enrichment": "arn:aws:lambda:eu-west-1:1:function:f"}, "enrichment is not available"),
        ({"SourceParameters": {}}, "DynamoDBStreamParameters Missing required parameter"),
        ({"TargetParameters": {}}, "PartitionKey Missing required parameter"),
        ({"SourceParameters": {"DynamoDBStreamParameters": {"BatchSize": 501}}}, "greater than the max supported 500"),
        (
            {"SourceParameters": {"DynamoDBStreamParameters": {"DeadLetterConfig": {"Arn": "arn:aws:sns:eu:1:t"}}}},
            "dead letters go to an SQS queue",
        ),
        (
            {"SourceParameters": {"DynamoDBStreamParameters": {}, "FilterCriteria": {"Filters": [{}]}}},
            "a filter has no Pattern",
        ),
    ],
)
def test_descriptions_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PipeConfigError, match=message):
        PipeConfig.from_description(DESCRIPTION | changes)
