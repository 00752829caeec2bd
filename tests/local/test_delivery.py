"""The delivery over real stores: objects, names, errors, restarts. The function is played by Python callables."""

from __future__ import annotations

import base64
import errno
import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from salespipe.local.errors import AwsError
from salespipe.local.functions import Invocation
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import ObjectStore, StoredObject
from salespipe.local.stores.shards import Entry
from salespipe.local.workers.delivery import DeliveryPoller
from salespipe.local.workers.delivery_config import DeliveryConfig, DeliveryConfigError, LambdaProcessor
from salespipe.local.workers.transform import InterruptedTransformError, Transform
from salespipe.local.workers.trimming import Trimming, readers_of

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/changes"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
PROCESSOR = LambdaProcessor(FUNCTION, retries=3, buffer_bytes=1 << 20, buffer_seconds=1)
CONFIG = DeliveryConfig(
    name="hose",
    arn="arn:aws:firehose:eu-west-1:123456789012:deliverystream/hose",
    version="1",
    created=0.0,
    source_arn=STREAM,
    bucket="lake",
    prefix="orders/",
    error_prefix="errors/!{firehose:error-output-type}/",
    buffer_bytes=5 << 20,
    buffer_seconds=1,
    gzip=False,
    extension="",
    time_zone="UTC",
    processor=None,
    delimiter=b"",
)

Function = Callable[[dict[str, Any]], Any]


class Bench:
    """A Kinesis stream, a bucket, a function, and a clock that moves when it is told to."""

    def __init__(self, home: Path) -> None:
        self.stores = Stores.open(home)
        self.now = 100.0
        self.bucket_is_there = True
        self.function: Function = upper
        self.events: list[dict[str, Any]] = []
        self.pauses: list[float] = []
        self.stopping = False

    def put(self, *data: bytes, shard: int = 0) -> None:
        self.stores.shards.append(STREAM, [Entry(shard, "key", one) for one in data])

    def invoke(self, region: str, name: str, payload: bytes) -> Invocation:
        assert (region, name) == ("eu-west-1", FUNCTION)
        event = json.loads(payload)
        self.events.append(event)
        answer = self.function(event)
        if isinstance(answer, Invocation):
            return answer
        return Invocation(answer if isinstance(answer, bytes) else json.dumps(answer).encode(), None, "", 1.0)

    def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return self.stopping

    def delivery(self, shard: int = 0, *, transformed: bool = False, **changes: Any) -> DeliveryPoller:
        if transformed:
            changes = {"processor": PROCESSOR} | changes
        config = replace(CONFIG, **changes)
        transform = None
        if config.processor is not None:
            transform = Transform(config, config.processor, self.invoke, self.pause, self.stores.db.turn)
        return DeliveryPoller(
            config, shard, self.stores, transform, lambda bucket: self.bucket_is_there, lambda: self.now
        )

    def drain(self, delivery: DeliveryPoller) -> None:
        """Let time pass until everything is written."""
        for _ in range(3):
            self.poll(delivery)
            self.now += 2

    @staticmethod
    def poll(delivery: DeliveryPoller) -> float:
        for _ in range(100_000):
            rest = delivery.poll()
            if rest > 0:
                return rest
        raise AssertionError("the delivery does not come to rest")

    def keys(self, prefix: str = "") -> list[str]:
        return [stored.key for stored in self.stores.objects.list("lake", prefix)]

    def data(self, prefix: str = "orders/") -> bytes:
        return b"".join(stored.read() for stored in self.stores.objects.list("lake", prefix))

    def errors(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.data("errors/").splitlines()]

    def sums(self) -> dict[str, float]:
        return {
            metric: sum(m.total for m in self.stores.metrics.read(namespace, metric, dimensions, 0, 1e11))
            for namespace, metric, dimensions in self.stores.metrics.names("AWS/Firehose")
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.stores.close()


def decoded(record: dict[str, Any]) -> bytes:
    return base64.b64decode(record["data"])


def result(record: dict[str, Any], word: str = "Ok", data: bytes = b"") -> dict[str, Any]:
    return {"recordId": record["recordId"], "result": word, "data": base64.b64encode(data).decode()}


def one_of_each(event: dict[str, Any]) -> dict[str, Any]:
    """Of two records the first is taken over and the second has failed."""
    first, second = event["records"]
    return {"records": [result(first, "Ok", decoded(first)), result(second, "ProcessingFailed", decoded(second))]}


def upper(event: dict[str, Any]) -> dict[str, Any]:
    return {"records": [result(record, "Ok", decoded(record).upper() + b"\n") for record in event["records"]]}


# ---- objects ------------------------------------------------------------------------------------------------------


def test_records_are_joined_verbatim(bench: Bench) -> None:
    bench.put(b'{"a":1}', b'{"b":2}', b"\xff")
    bench.drain(bench.delivery())
    assert bench.data() == b'{"a":1}{"b":2}\xff'


def test_the_delimiter_is_put_behind_each_record(bench: Bench) -> None:
    bench.put(b"a", b"b")
    bench.drain(bench.delivery(delimiter=b"\n"))
    assert bench.data() == b"a\nb\n"


def test_key_and_name_say_when_the_oldest_record_arrived(bench: Bench) -> None:
    bench.put(b"a")
    arrived = time.gmtime(bench.stores.shards.arrived(STREAM, 0, 0) / 1000)
    bench.drain(bench.delivery(version="3", extension=".json"))
    (key,) = bench.keys()
    assert re.fullmatch(
        time.strftime(r"orders/%Y/%m/%d/%H/hose-3-%Y-%m-%d-%H-%M-%S-", arrived) + r"[0-9a-f-]{36}\.json", key
    )


def test_gzip(bench: Bench) -> None:
    bench.put(b"a", b"b")
    bench.drain(bench.delivery(gzip=True, extension=".gz"))
    (key,) = bench.keys()
    assert key.endswith(".gz")
    assert gzip.decompress(bench.data()) == b"ab"


def test_each_shard_has_its_own_objects(bench: Bench) -> None:
    bench.put(b"a", shard=0)
    bench.put(b"b", shard=1)
    for shard in (0, 1):
        bench.drain(bench.delivery(shard))
    assert sorted(stored.read() for stored in bench.stores.objects.list("lake")) == [b"a", b"b"]


def test_a_buffer_waits_for_its_age(bench: Bench) -> None:
    bench.put(b"a")
    delivery = bench.delivery(buffer_seconds=60)
    assert bench.poll(delivery) == pytest.approx(60)
    bench.now += 59
    bench.put(b"b")
    assert bench.poll(delivery) == pytest.approx(1)
    assert bench.keys() == []
    bench.now += 1
    bench.poll(delivery)
    assert bench.data() == b"ab"


def test_a_full_buffer_does_not_wait(bench: Bench) -> None:
    bench.put(*[b"x" * 1000] * 3000)
    bench.poll(bench.delivery(buffer_seconds=900, buffer_bytes=1 << 20))
    sizes = [stored.size for stored in bench.stores.objects.list("lake")]
    assert len(sizes) == 1
    assert 1 << 20 <= sizes[0] < 3 << 20


def test_while_there_is_more_to_read_only_the_size_counts(bench: Bench) -> None:
    bench.put(*[b"x" * 1000] * 4500)
    delivery = bench.delivery(buffer_seconds=0)
    bench.poll(delivery)
    assert len(bench.keys()) == 1


def test_a_delivery_that_never_catches_up_writes_at_twice_its_interval(bench: Bench) -> None:
    delivery = bench.delivery(buffer_seconds=10, buffer_bytes=128 << 20)
    written = []
    for _ in range(45):
        bench.put(*[b"x" * 10_000] * 220)  # more than one read takes
        delivery.poll()
        bench.now += 1
        written.append(len(bench.keys()))
    assert written[18] == 0
    assert written[22] == 1
    assert written[-1] == 2


def test_the_age_of_what_is_held_is_published_while_it_is_held_and_nothing_once_it_is_not(bench: Bench) -> None:
    """AWS: DeliveryToS3.DataFreshness is the age (from getting into Firehose to now) of the oldest record in Firehose.
    https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html"""

    def told() -> list[float]:
        of = {"DeliveryStreamName": CONFIG.name}
        found = bench.stores.metrics.read("AWS/Firehose", "DeliveryToS3.DataFreshness", of, 0, 1e11)
        samples, total = sum(each.samples for each in found), sum(each.total for each in found)
        return [samples, total, found[-1].smallest if found else -1]

    bench.put(b"a")
    delivery = bench.delivery(buffer_seconds=300)
    assert bench.poll(delivery) == pytest.approx(60)
    bench.now += 60
    assert bench.poll(delivery) == pytest.approx(60)
    once = told()
    assert once[0] == 1
    bench.bucket_is_there = False
    bench.now += 300
    for tries in (2, 3):  # the minute's, and with each attempt that failed
        with pytest.raises(AwsError):
            bench.poll(delivery)
        assert told()[0] >= tries
    assert told()[1] > once[1]
    bench.bucket_is_there = True
    assert bench.poll(delivery) == pytest.approx(60)
    flushed = told()[0]
    bench.now += 60
    bench.poll(delivery)
    bench.now += 600
    bench.poll(delivery)
    assert told()[0] == flushed + 1
    assert told()[2] == 0


def test_other_writers_do_not_wait_while_an_object_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[bool] = []
    real = ObjectStore.write

    def watched(self: ObjectStore, *args: Any, **kwargs: Any) -> StoredObject:
        writer = threading.Thread(target=lambda: bench.stores.positions.save("another", "0", "1"))
        writer.start()
        writer.join(3)
        waiting.append(writer.is_alive())
        return real(self, *args, **kwargs)

    bench.put(b"1")
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "write", watched)
        bench.drain(bench.delivery())
    assert bench.data() == b"1"
    assert waiting == [False]


def test_a_flush_that_fails_leaves_no_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ObjectStore.write

    def full(self: ObjectStore, bucket: str, key: str, *args: Any, **kwargs: Any) -> StoredObject:
        if key.startswith("errors/"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, bucket, key, *args, **kwargs)

    bench.put(b"good", b"bad")
    bench.function = lambda event: {
        "records": [result(r, "Ok" if decoded(r) == b"good" else "ProcessingFailed", b"x") for r in event["records"]]
    }
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "write", full)
        with pytest.raises(OSError, match="No space"):
            bench.drain(bench.delivery(transformed=True))
    assert [path for path in (bench.stores.home / "objects").rglob("*") if path.is_file()] == []
    bench.drain(bench.delivery(transformed=True))
    assert bench.data() == b"x"
    assert len(bench.errors()) == 1


def test_both_buffers_run_from_the_reading_of_a_record(bench: Bench) -> None:
    bench.put(b"a")
    delivery = bench.delivery(transformed=True, buffer_seconds=1)
    assert bench.poll(delivery) == pytest.approx(1)
    assert bench.events == []
    bench.now += 1
    bench.poll(delivery)
    assert bench.data() == b"A\n"


# ---- where it begins and goes on ----------------------------------------------------------------------------------


def test_it_begins_with_what_was_put_after_its_creation(bench: Bench) -> None:
    bench.put(b"before")
    time.sleep(0.002)  # the clock decides here, so it has to move on
    created = time.time()
    bench.put(b"after")
    bench.drain(bench.delivery(created=created))
    assert bench.data() == b"after"


def test_a_new_worker_goes_on_where_the_killed_one_had_written(bench: Bench) -> None:
    bench.put(b"1", b"2")
    bench.drain(bench.delivery())
    bench.put(b"3")
    bench.poll(bench.delivery())  # reads, but is killed before it writes
    bench.put(b"4")
    bench.drain(bench.delivery())
    bench.drain(bench.delivery())
    assert sorted(stored.read() for stored in bench.stores.objects.list("lake")) == [b"12", b"34"]


def test_a_kill_between_object_and_position_leaves_neither(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """What no handler catches, as a kill."""

    def dies(self: ObjectStore, *written: StoredObject) -> None:
        real(self, *written)
        raise Killed

    bench.put(b"1", b"2")
    real = ObjectStore.index
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "index", dies)
        with pytest.raises(Killed):
            bench.drain(bench.delivery())
    assert bench.keys() == []
    bench.drain(bench.delivery())
    assert bench.data() == b"12"


def test_the_name_follows_from_the_records(bench: Bench, tmp_path: Path) -> None:
    bench.put(b"1", b"2")
    bench.drain(bench.delivery())
    before = bench.keys()
    bench.stores.positions.clear(f"{CONFIG.arn}@{CONFIG.created}")
    bench.drain(bench.delivery())
    assert bench.keys() == before


def test_a_bucket_that_is_missing_loses_nothing(bench: Bench) -> None:
    bench.put(b"1")
    bench.bucket_is_there = False
    delivery = bench.delivery()
    for _ in range(3):
        with pytest.raises(AwsError, match="NoSuchBucket"):
            bench.drain(delivery)
    bench.put(b"2")
    bench.bucket_is_there = True
    bench.drain(delivery)
    assert sorted(stored.read() for stored in bench.stores.objects.list("lake")) == [b"1", b"2"]


def test_a_bucket_deleted_while_an_object_is_written_leaves_nothing_behind(bench: Bench) -> None:
    bench.put(b"1", b"2")
    delivery = bench.delivery(transformed=True)
    bench.function = one_of_each

    def before_write(bucket: str) -> None:
        bench.bucket_is_there = False

    bench.stores.objects.before_write = before_write
    with pytest.raises(AwsError, match="NoSuchBucket"):
        bench.drain(delivery)
    assert bench.keys() == []
    assert [path for path in (bench.stores.home / "objects").rglob("*") if path.is_file()] == []

    bench.stores.objects.before_write = None
    bench.bucket_is_there = True
    bench.drain(delivery)
    assert (bench.data(), [base64.b64decode(line["rawData"]) for line in bench.errors()]) == (b"1", [b"2"])
    assert bench.sums()["DeliveryToS3.Records"] == 1


@pytest.mark.parametrize("transformed", [False, True])
def test_what_expires_while_the_bucket_is_missing_is_not_written_later(bench: Bench, transformed: bool) -> None:
    delivery = bench.delivery(transformed=transformed)
    bench.poll(delivery)
    bench.bucket_is_there = False
    bench.put(b"old")
    with bench.stores.db.write() as connection:
        connection.execute("update records set arrived_ms = arrived_ms - ?", (25 * 3600 * 1000,))
    bench.put(b"new")
    delivery.poll()  # has read both
    for _ in range(3):
        bench.now += 2
        with pytest.raises(AwsError, match="NoSuchBucket"):
            bench.drain(delivery)

    now = time.time()
    trimming = Trimming(bench.stores, lambda: False, lambda _: 24)
    for _ in trimming.records(now, readers_of([(CONFIG, 0)])):
        pass
    (expired,) = bench.stores.metrics.read("Salespipe", "Expired", {"DeliveryStreamName": "hose"}, 0, now + 60)
    assert expired.total == 1

    bench.bucket_is_there = True
    bench.drain(delivery)
    assert bench.data().lower().strip() == b"new"
    assert bench.sums()["DeliveryToS3.Records"] == 1
    assert len([path for path in (bench.stores.home / "objects").rglob("*") if path.is_file()]) == 1


def test_a_stream_made_anew_under_its_name(bench: Bench) -> None:
    bench.put(b"1", b"2")
    delivery = bench.delivery()
    bench.drain(delivery)
    bench.stores.shards.drop(STREAM)
    bench.poll(delivery)
    bench.put(b"3")
    bench.drain(delivery)
    assert sorted(stored.read() for stored in bench.stores.objects.list("lake")) == [b"12", b"3"]


# ---- the function -------------------------------------------------------------------------------------------------


def test_the_event_has_the_shape_of_firehose(bench: Bench) -> None:
    bench.put(b"x", b"y", shard=2)
    bench.drain(bench.delivery(2, transformed=True))
    (event,) = bench.events
    assert set(event) == {"invocationId", "sourceKinesisStreamArn", "deliveryStreamArn", "region", "records"}
    assert (event["sourceKinesisStreamArn"], event["deliveryStreamArn"]) == (STREAM, CONFIG.arn)
    first, second = event["records"]
    metadata = first["kinesisRecordMetadata"]
    assert decoded(first) == b"x"
    assert re.fullmatch(r"\d{56}", metadata["sequenceNumber"])
    assert first["recordId"] == metadata["sequenceNumber"] + "000000" < second["recordId"]
    assert metadata == {
        "sequenceNumber": metadata["sequenceNumber"],
        "subsequenceNumber": 0,
        "partitionKey": "key",
        "shardId": "shardId-000000000002",
        "approximateArrivalTimestamp": first["approximateArrivalTimestamp"],
    }
    assert abs(first["approximateArrivalTimestamp"] / 1000 - time.time()) < 60


def test_an_invocation_takes_no_more_than_its_buffer(bench: Bench) -> None:
    bench.put(*[b"x" * 1000] * 3000)
    bench.put(*[b"y"] * 7000)
    bench.drain(bench.delivery(transformed=True))
    assert sum(len(event["records"]) for event in bench.events) == 10_000
    for event in bench.events:
        assert sum(len(decoded(record)) for record in event["records"]) <= 1 << 20
        assert len(json.dumps(event)) < 6 << 20
    assert bench.data().count(b"\n") == 10_000


def test_ok_dropped_and_failed_records(bench: Bench) -> None:
    def sorts(event: dict[str, Any]) -> dict[str, Any]:
        words = {b"good": "Ok", b"drop": "Dropped", b"bad": "ProcessingFailed"}
        return {"records": [result(r, words[decoded(r)], decoded(r) + b"\n") for r in reversed(event["records"])]}

    bench.function = sorts
    bench.put(b"good", b"bad", b"drop", b"good")
    bench.drain(bench.delivery(transformed=True))
    assert bench.data() == b"good\ngood\n"
    (line,) = bench.errors()
    assert base64.b64decode(line["rawData"]) == b"bad"
    assert {k: line[k] for k in ("attemptsMade", "errorCode", "errorMessage", "lambdaArn")} == {
        "attemptsMade": 1,
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "lambdaArn": FUNCTION,
    }
    assert line["arrivalTimestamp"] <= line["attemptEndingTimestamp"]
    assert bench.keys("errors/")[0].startswith("errors/processing-failed/hose-1-")
    sums = bench.sums()
    assert (sums["DataReadFromKinesisStream.Records"], sums["SucceedProcessing.Records"]) == (4, 3)
    assert (sums["DeliveryToS3.Records"], sums["DeliveryToS3.Bytes"]) == (2, 10)


def test_a_batch_of_nothing_but_dropped_records_is_passed(bench: Bench) -> None:
    bench.function = lambda event: {"records": [result(record, "Dropped") for record in event["records"]]}
    bench.put(b"a", b"b")
    bench.drain(bench.delivery(transformed=True))
    assert bench.keys() == []
    bench.function = upper
    bench.put(b"c")
    bench.drain(bench.delivery(transformed=True))
    assert bench.data() == b"C\n"
    assert len(bench.events) == 2


FAILED = Invocation(b'{"errorType":"ValueError"}', "Unhandled", "", 1.0)
TIMED_OUT = Invocation(b'{"errorType": "Sandbox.Timedout", "errorMessage": "x"}', "Unhandled", "", 1.0)


def no_function(event: dict[str, Any]) -> Any:
    raise AwsError("ResourceNotFoundException", "Function not found", 404)


def first_only(event: dict[str, Any]) -> Any:
    return {"records": [result(event["records"][0], "Ok", b"kept")]}


def doubled(event: dict[str, Any]) -> Any:
    return {"records": [result(record) for record in event["records"] * 2]}


def misspelt(event: dict[str, Any]) -> Any:
    return {"records": [result(record, "TranformationsFailed") for record in event["records"]]}


def not_base64(event: dict[str, Any]) -> Any:
    return {"records": [result(record) | {"data": "a"} for record in event["records"]]}


@pytest.mark.parametrize(
    ("function", "code", "attempts", "failing"),
    [
        (lambda event: FAILED, "Lambda.FunctionError", 4, [b"a", b"b"]),
        (lambda event: TIMED_OUT, "Lambda.FunctionTimedOut", 4, [b"a", b"b"]),
        (no_function, "Lambda.ResourceNotFound", 4, [b"a", b"b"]),
        (lambda event: b"{nope", "Lambda.JsonProcessingException", 1, [b"a", b"b"]),
        (not_base64, "Lambda.JsonProcessingException", 1, [b"a", b"b"]),
        (lambda event: {"rows": []}, "Lambda.FunctionError", 1, [b"a", b"b"]),
        (lambda event: None, "Lambda.FunctionError", 1, [b"a", b"b"]),
        (lambda event: {"records": [1]}, "Lambda.FunctionError", 1, [b"a", b"b"]),
        (misspelt, "Lambda.FunctionError", 1, [b"a", b"b"]),
        (doubled, "Lambda.DuplicatedRecordId", 1, [b"a", b"b"]),
        (first_only, "Lambda.MissingRecordId", 1, [b"b"]),
    ],
)
def test_what_fails_lands_under_the_error_prefix(
    bench: Bench, function: Function, code: str, attempts: int, failing: list[bytes]
) -> None:
    bench.function = function
    bench.put(b"a", b"b")
    delivery = bench.delivery(transformed=True)
    bench.drain(delivery)
    assert [base64.b64decode(line["rawData"]) for line in bench.errors()] == failing
    assert {(line["errorCode"], line["attemptsMade"]) for line in bench.errors()} == {(code, attempts)}
    assert len(bench.events) == attempts
    bench.function = upper
    bench.put(b"later")
    bench.drain(delivery)
    assert bench.data().endswith(b"LATER\n")


def test_a_function_that_recovers_within_its_retries(bench: Bench) -> None:
    answers: list[Any] = [FAILED, FAILED, None]
    bench.function = lambda event: answers.pop(0) or upper(event)
    bench.put(b"a")
    bench.drain(bench.delivery(transformed=True))
    assert bench.data() == b"A\n"
    assert [pause for pause in bench.pauses if pause] == [0.1, 0.2]


def test_a_stop_during_retries_leaves_the_batch_for_the_next_start(bench: Bench) -> None:
    bench.function = lambda event: FAILED
    bench.stopping = True
    bench.put(b"a")
    with pytest.raises(InterruptedTransformError):
        bench.drain(bench.delivery(transformed=True))
    bench.function = upper
    bench.drain(bench.delivery(transformed=True))
    assert bench.data() == b"A\n"
    assert bench.errors() == []


def test_without_an_error_prefix_errors_go_below_the_data_prefix(bench: Bench) -> None:
    bench.function = lambda event: FAILED
    bench.put(b"a")
    bench.drain(bench.delivery(transformed=True, error_prefix=""))
    assert re.match(r"orders/processing-failed/\d{4}/\d\d/\d\d/\d\d/hose-1-", bench.keys()[0])


# ---- the description ----------------------------------------------------------------------------------------------

DESTINATION: dict[str, Any] = {"BucketARN": "arn:aws:s3:::lake"}


def description(**s3: Any) -> dict[str, Any]:
    return {
        "DeliveryStreamName": "hose",
        "DeliveryStreamARN": CONFIG.arn,
        "VersionId": "1",
        "CreateTimestamp": 5.5,
        "Source": {"KinesisStreamSourceDescription": {"KinesisStreamARN": STREAM}},
        "Destinations": [{"ExtendedS3DestinationDescription": DESTINATION | s3}],
    }


def test_defaults_of_a_description() -> None:
    made = DeliveryConfig.from_description(description())
    assert (made.buffer_bytes, made.buffer_seconds) == (5 << 20, 300)
    assert (made.bucket, made.region, made.gzip, made.extension) == ("lake", "eu-west-1", False, "")
    assert (made.processor, made.delimiter) == (None, b"")


def processing(*processors: dict[str, Any], enabled: bool = True) -> dict[str, Any]:
    return {"ProcessingConfiguration": {"Enabled": enabled, "Processors": list(processors)}}


LAMBDA: dict[str, Any] = {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": FUNCTION}]}


def with_parameter(name: str, value: str) -> dict[str, Any]:
    return LAMBDA | {"Parameters": [*LAMBDA["Parameters"], {"ParameterName": name, "ParameterValue": value}]}


def test_processors() -> None:
    delimiter = {
        "Type": "AppendDelimiterToRecord",
        "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
    }
    made = DeliveryConfig.from_description(description(**processing(LAMBDA, delimiter)))
    assert made.processor == LambdaProcessor(FUNCTION, 3, 1 << 20, 60)
    assert made.delimiter == b"\n"
    off = DeliveryConfig.from_description(description(**processing(LAMBDA, enabled=False)))
    assert off.processor is None


@pytest.mark.parametrize(
    ("s3", "message"),
    [
        ({"CompressionFormat": "Snappy"}, "compression Snappy is not available"),
        ({"CustomTimeZone": "Mars/Olympus"}, "custom time zone is not supported"),
        ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix cannot be null"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "dynamic partitioning is not available"),
        ({"DataFormatConversionConfiguration": {"Enabled": True}}, "format conversion is not available"),
        ({"S3BackupMode": "Enabled"}, "backup of source records is not available"),
        (processing({"Type": "Decompression"}), "processor Decompression is not available"),
        (processing({"Type": "Lambda"}), "LambdaArn is required when Lambda processor is used"),
        (processing({"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn"}]}), "LambdaArn is required"),
        (processing(with_parameter("NumberOfRetries", "often")), "NumberOfRetries 'often' is not a number of 0 or"),
        (processing(with_parameter("BufferSizeInMBs", "-1")), "BufferSizeInMBs '-1' is not a number of 0 or above"),
        (processing(with_parameter("BufferIntervalInSeconds", "inf")), "BufferIntervalInSeconds 'inf' is not a num"),
        (
            processing(
                {
                    "Type": "AppendDelimiterToRecord",
                    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\"}],
                }
            ),
            "Delimiter .* cannot be read",
        ),
    ],
)
def test_descriptions_that_are_refused(s3: dict[str, Any], message: str) -> None:
    with pytest.raises(DeliveryConfigError, match=message):
        DeliveryConfig.from_description(description(**s3))


def test_a_description_without_a_destination_is_refused() -> None:
    with pytest.raises(DeliveryConfigError, match="delivers to S3 only"):
        DeliveryConfig.from_description(description() | {"Destinations": []})
