"""Each fault as people and clients meet it: what is seen while it lasts, and that everything is there afterwards."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from salespipe import __version__
from salespipe.aws.clients import Clients
from salespipe.aws.waiting import poll_until
from salespipe.errors import QueryError
from salespipe.local.faults.control import Control, ask, set_limits
from salespipe.local.faults.registry import FaultError
from salespipe.local.runtime import Running
from salespipe.services import chaos, provision
from salespipe.services.faults import KILL, KNOWN
from salespipe.services.generate import generate
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from salespipe.services.status import in_flight, status
from salespipe.services.tail import TailEvent, tail
from salespipe.services.write import WriteResult
from tests.aws import new_session
from tests.embedded import Embedded


class Bench:
    """A pipeline in a runtime of its own, and the faults of that pipeline."""

    def __init__(self, runtime: Embedded) -> None:
        self.runtime = runtime
        self.p = runtime.pipeline()
        self._once = Clients(new_session(), runtime.endpoint, attempts=1)

    @property
    def faults(self) -> Control:
        return control(self.runtime, self.p)

    def start(self, name: str, seconds: float | None = None, **options: float) -> chaos.Active:
        return chaos.start(self.p, self.faults, name, seconds=seconds, options=options)

    def stop(self, name: str) -> None:
        assert self.faults.stop(name) == [name]

    def hits(self, name: str) -> int:
        return chaos.look(self.faults).active[name].hits

    def generate(self, count: int, seed: int) -> WriteResult:
        *_, result = generate(self.p, rate=5000, count=count, seed=seed)
        assert isinstance(result, WriteResult)
        assert result.inserted + result.updated + result.deleted == count
        return result

    def settle(self) -> None:
        poll_until(lambda: in_flight(self.p) == 0 or None, "nothing in flight", timeout=60, most=0.2)

    def hop(self, name: str) -> Any:
        return next(hop for hop in status(self.p).hops if hop.name == name)

    def lines(self, prefix: str) -> list[dict[str, Any]]:
        """The JSON lines of all objects under a prefix."""
        s3 = self.p.aws.client("s3")
        found: list[dict[str, Any]] = []
        for one in s3.list_objects_v2(Bucket=self.p.names.bucket, Prefix=prefix).get("Contents", []):
            body = s3.get_object(Bucket=self.p.names.bucket, Key=one["Key"])["Body"].read()
            body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            found += [json.loads(line) for line in body.splitlines()]
        return found

    def lake_has(self, count: int) -> bool:
        """Each of so many changes once, and nothing else."""
        self.settle()
        ids = Counter(line["event_id"] for line in self.lines("orders/"))
        return len(ids) == sum(ids.values()) == count

    def once(self, service: str) -> Any:
        """A client that repeats nothing by itself."""
        return self._once.client(service)

    def close(self) -> None:
        self._once.close()


def running(runtime: Embedded) -> Running:
    return Running(0, runtime.runtime.port, __version__)


def control(runtime: Embedded, p: Pipeline) -> Control:
    return Control(running(runtime), p.names.pipeline, chaos.resources(p.names))


@pytest.fixture
def bench(standing: Embedded) -> Iterator[Bench]:
    made = Bench(standing)
    yield made
    made.close()


def error_code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_the_runtime_has_every_fault_that_is_documented_and_no_other(runtime: Embedded) -> None:
    kinds = runtime.runtime.faults.kinds
    documented = {fault.name: fault for fault in KNOWN if fault.name != KILL}
    assert kinds.keys() == documented.keys()
    for name, kind in kinds.items():
        assert set(kind.options) == set(documented[name].options), name
        assert (kind.end is not None) == documented[name].lasts, name


# ---- the table ----


def test_a_throttled_table_makes_generate_send_again_and_every_order_is_there(bench: Bench) -> None:
    assert bench.start("throttle-table").options == {"share": 0.5}
    bench.start("throttle-table", share=0.3)
    result = bench.generate(80, seed=1)
    assert result.retried > 0
    assert bench.hits("throttle-table") >= result.retried
    bench.stop("throttle-table")
    assert bench.lake_has(80)
    assert bench.generate(50, seed=2).retried == 0


def test_a_table_that_refuses_everything_says_so_with_the_code_of_a_table_on_demand(bench: Bench) -> None:
    bench.start("throttle-table", share=1.0)
    with pytest.raises(ClientError) as caught:
        bench.once("dynamodb").get_item(TableName=bench.p.names.table, Key={"orderid": {"S": "a"}})
    assert error_code(caught) == "ThrottlingException"


def test_a_rate_lets_so_many_units_through(bench: Bench) -> None:
    bench.start("throttle-table", rate=200.0)
    began = time.monotonic()
    result = bench.generate(500, seed=3)
    assert result.retried > 0
    assert time.monotonic() - began >= (500 - 200 - 25) / 200
    bench.stop("throttle-table")
    assert bench.lake_has(500)


def test_another_pipelines_table_is_left_alone(bench: Bench) -> None:
    bench.start("throttle-table", share=1.0)
    bench.once("dynamodb").create_table(
        TableName="Other",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    bench.once("dynamodb").put_item(TableName="Other", Item={"id": {"S": "a"}})
    other = control(bench.runtime, bench.runtime.pipeline("other"))
    assert chaos.look(other).active == {}
    assert other.stop(None) == []
    assert bench.faults.stop(None) == ["throttle-table"]


# ---- the function ----


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("fail-lambda", "Lambda.FunctionError", "RuntimeError"),
        pytest.param("time-out-lambda", "Lambda.FunctionTimedOut", "Sandbox.Timedout", marks=pytest.mark.heavy),
    ],
)
def test_a_failing_function_sends_records_to_errors_after_its_retries(
    bench: Bench, name: str, code: str, kind: str
) -> None:
    """https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html (failure handling)"""
    bench.start(name)
    answer = bench.once("lambda").invoke(FunctionName=bench.p.names.function, Payload=b'{"records":[]}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == kind
    bench.generate(40, seed=4)
    bench.settle()
    failed = bench.lines("errors/")
    assert len(failed) == 40
    assert {(line["errorCode"], line["attemptsMade"]) for line in failed} == {(code, 4)}
    events = [json.loads(base64.b64decode(line["rawData"])) for line in failed]
    assert len({event["eventID"] for event in events}) == 40
    assert any("40 records failed" in problem for problem in status(bench.p).problems)

    bench.stop(name)
    bench.generate(30, seed=5)
    assert bench.lake_has(30)


def test_a_function_that_fails_now_and_then_is_called_again(bench: Bench) -> None:
    bench.start("fail-lambda", share=0.3)
    invoked = bench.once("lambda")
    answers = [invoked.invoke(FunctionName=bench.p.names.function, Payload=b'{"records":[]}') for _ in range(30)]
    assert 0 < sum("FunctionError" in answer for answer in answers) == bench.hits("fail-lambda") < 30
    bench.generate(20, seed=6)
    bench.settle()
    assert len(bench.lines("orders/")) + len(bench.lines("errors/")) == 20


# ---- S3 ----


def test_a_failing_bucket_holds_the_delivery_which_goes_on_afterwards(bench: Bench) -> None:
    bench.start("fail-s3")
    with pytest.raises(ClientError) as caught:
        bench.once("s3").put_object(Bucket=bench.p.names.bucket, Key="x", Body=b"x")
    assert error_code(caught) == "SlowDown"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    with pytest.raises(QueryError):
        query(bench.p, "SELECT 1")
    bench.generate(60, seed=7)
    struck = bench.hits("fail-s3")
    poll_until(lambda: bench.hits("fail-s3") > struck + 2 or None, "the delivery tries again", timeout=60, most=0.2)
    assert bench.hop("delivery").lag == 60
    assert bench.lines("orders/") == []
    seen = poll_until(lambda: bench.hop("delivery").age_seconds, "the age of what is held", timeout=60, most=0.2)
    poll_until(lambda: bench.hop("delivery").age_seconds > seen or None, "the age grows", timeout=60, most=0.2)
    bench.once("s3").list_objects_v2(Bucket=bench.p.names.bucket)  # reads are not concerned

    bench.stop("fail-s3")
    assert bench.lake_has(60)
    assert bench.lines("errors/") == []


def test_a_slow_bucket_takes_that_much_longer_and_nothing_fails(bench: Bench) -> None:
    bench.start("delay-s3", delay=0.4)
    began = time.monotonic()
    bench.once("s3").put_object(Bucket=bench.p.names.bucket, Key="x", Body=b"x")
    assert time.monotonic() - began >= 0.4
    bench.generate(20, seed=8)
    assert bench.lake_has(20)


def test_what_waits_goes_on_when_the_fault_is_stopped(bench: Bench) -> None:
    bench.start("delay-s3", delay=600.0)
    put = bench.once("s3").put_object
    writing = threading.Thread(target=lambda: put(Bucket=bench.p.names.bucket, Key="x", Body=b"x"))
    writing.start()
    poll_until(lambda: bench.hits("delay-s3") or None, "the write waits", timeout=30, most=0.2)
    assert writing.is_alive()
    bench.stop("delay-s3")
    writing.join(timeout=30)
    assert not writing.is_alive()
    bench.once("s3").head_object(Bucket=bench.p.names.bucket, Key="x")


def test_a_runtime_that_ends_does_not_wait_for_slow_writes(bench: Bench) -> None:
    bench.start("delay-s3", delay=600.0)
    bench.start("time-out-lambda", delay=600.0)
    bench.generate(20, seed=9)
    poll_until(lambda: bench.hits("time-out-lambda") or None, "the delivery waits", timeout=30, most=0.2)

    def write() -> None:
        with suppress(BotoCoreError, ClientError):  # the endpoint it waits for goes away
            bench.once("s3").put_object(Bucket=bench.p.names.bucket, Key="x", Body=b"x")

    writing = threading.Thread(target=write)
    writing.start()
    poll_until(lambda: bench.hits("delay-s3") or None, "the write waits", timeout=30, most=0.2)
    began = time.monotonic()
    bench.runtime.restart()
    assert time.monotonic() - began < 60
    writing.join(timeout=30)
    assert not writing.is_alive()


# ---- iterators ----


def test_expired_iterators_are_refused_and_tail_goes_on(bench: Bench) -> None:
    bench.generate(30, seed=10)
    bench.settle()
    kinesis = bench.once("kinesis")
    streams = bench.once("dynamodbstreams")
    arn = bench.once("dynamodb").describe_table(TableName=bench.p.names.table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]

    def kinesis_iterator() -> str:
        return str(
            kinesis.get_shard_iterator(
                StreamName=bench.p.names.stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )

    def stream_iterator() -> str:
        return str(
            streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        )

    old = kinesis_iterator(), stream_iterator()
    following = tail(bench.p, start="trim_horizon", shard=None, limit=60, exit_at_end=False)
    told = [next(following) for _ in range(30)]

    active = bench.start("expire-iterators")
    assert not active.active
    for client, iterator in ((kinesis, old[0]), (streams, old[1])):
        with pytest.raises(ClientError) as caught:
            client.get_records(ShardIterator=iterator)
        assert error_code(caught) == "ExpiredIteratorException"
    kinesis.get_records(ShardIterator=kinesis_iterator())
    streams.get_records(ShardIterator=stream_iterator())

    bench.generate(30, seed=11)
    told += list(following)
    assert len({event.event_id for event in told if isinstance(event, TailEvent)}) == len(told) == 60


# ---- the change stream ----


def test_a_stream_that_was_disabled_kills_the_pipe_and_up_repairs_it(bench: Bench) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html"""
    table = bench.p.names.table
    bench.generate(40, seed=12)
    assert bench.lake_has(40)
    before = bench.once("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]

    bench.start("disable-stream")
    problems = status(bench.p).problems
    assert "stream: DISABLED" in problems
    assert any("salespipe up" in problem for problem in problems if problem.startswith("pipe: "))
    bench.generate(25, seed=13)  # in no stream, as on AWS

    bench.stop("disable-stream")
    described = bench.once("dynamodb").describe_table(TableName=table)["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert described["LatestStreamArn"] != before
    bench.generate(30, seed=14)  # in the new stream, which nobody reads yet
    assert not status(bench.p).healthy

    plan = provision.plan(bench.p)
    actions = {change.kind: change.action for change in plan.pending}
    assert actions["pipe"] == "replace"
    for _ in provision.up(bench.p, plan):
        pass
    assert provision.plan(bench.p).pending == ()
    bench.generate(10, seed=15)
    assert bench.lake_has(40 + 30 + 10)
    assert status(bench.p).problems == ()


def test_up_repairs_a_stream_that_is_still_disabled_which_ends_the_fault(bench: Bench) -> None:
    bench.start("disable-stream")
    plan = provision.plan(bench.p)
    assert {change.kind: change.action for change in plan.pending}["table"] == "update"
    for _ in provision.up(bench.p, plan):
        pass
    assert provision.plan(bench.p).pending == ()
    repaired = bench.once("dynamodb").describe_table(TableName=bench.p.names.table)["Table"]["LatestStreamArn"]
    assert chaos.look(bench.faults).active == {}
    assert bench.faults.stop("disable-stream") == []
    after = bench.once("dynamodb").describe_table(TableName=bench.p.names.table)["Table"]["LatestStreamArn"]
    assert after == repaired
    bench.generate(10, seed=16)
    assert bench.lake_has(10)
    bench.start("disable-stream")
    assert list(chaos.look(bench.faults).active) == ["disable-stream"]


def test_a_stream_that_is_off_cannot_be_disabled(bench: Bench) -> None:
    off = {"StreamEnabled": False}
    bench.once("dynamodb").update_table(TableName=bench.p.names.table, StreamSpecification=off)
    with pytest.raises(FaultError, match="off already"):
        bench.start("disable-stream")
    assert chaos.look(bench.faults).active == {}


def test_the_end_of_a_disabled_stream_whose_table_is_gone_harms_nothing(bench: Bench) -> None:
    bench.start("disable-stream")
    bench.once("dynamodb").delete_table(TableName=bench.p.names.table)
    bench.stop("disable-stream")
    assert chaos.look(bench.faults).active == {}


# ---- lives and ends ----


def test_a_fault_ends_by_itself(bench: Bench) -> None:
    active = bench.start("fail-s3", seconds=0.3)
    assert active.active
    assert active.seconds_left is not None
    assert 0 < active.seconds_left <= 0.3
    poll_until(lambda: not chaos.look(bench.faults).active or None, "the end of the fault", timeout=20, most=0.1)
    bench.once("s3").put_object(Bucket=bench.p.names.bucket, Key="x", Body=b"x")


def test_no_fault_outlives_the_runtime(bench: Bench) -> None:
    for name in ("throttle-table", "fail-lambda", "fail-s3", "delay-s3"):
        bench.start(name)
    assert set_limits(running(bench.runtime), "shard-records=1") == "shard-records=1"
    assert chaos.look(bench.faults).limits == "shard-records=1"
    bench.runtime.restart()
    assert chaos.look(control(bench.runtime, bench.p)) == chaos.Chaos("off", {})
    p = bench.runtime.pipeline()
    p.aws.client("s3").put_object(Bucket=p.names.bucket, Key="x", Body=b"x")


def test_faults_of_one_operation_go_together_and_end_one_by_one(bench: Bench) -> None:
    bench.start("fail-lambda")
    bench.start("time-out-lambda")
    bench.stop("fail-lambda")
    answer = bench.once("lambda").invoke(FunctionName=bench.p.names.function, Payload=b'{"records":[]}')
    assert json.loads(answer["Payload"].read())["errorType"] == "Sandbox.Timedout"
    bench.stop("time-out-lambda")
    answer = bench.once("lambda").invoke(FunctionName=bench.p.names.function, Payload=b'{"records":[]}')
    assert "FunctionError" not in answer


# ---- the path they are asked for at ----


@pytest.mark.parametrize(
    ("path", "document", "said"),
    [
        ("faults", {"start": "nothing"}, "scope has to be given, as str"),
        ("faults", {"start": "nothing", "scope": "s", "resources": {}}, "there is no fault 'nothing'"),
        ("faults", {"start": "fail-s3", "scope": "s", "resources": {}}, "fail-s3 has to be told its bucket"),
        ("faults", {"start": "fail-s3", "scope": "s", "resources": {}, "seconds": "x"}, "seconds 'x' is not a number"),
        ("faults", {"start": "fail-s3", "scope": "s", "resources": {}, "options": {"rate": 1}}, "takes no rate"),
        ("limits", {"limits": "fast"}, "'fast' is neither aws, off nor a number above 0"),
        ("limits", {}, "limits has to be given, as str"),
        ("nothing", {}, "POST /_salespipe/nothing is nothing that the runtime answers"),
    ],
)
def test_a_wrong_request_is_one_line(runtime: Embedded, path: str, document: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError) as caught:
        ask(running(runtime), "POST", path, document)
    assert said in str(caught.value)
    assert ask(running(runtime), "GET", "faults") == {"limits": "off", "faults": []}


def test_a_page_in_a_browser_can_begin_nothing(runtime: Embedded) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", runtime.runtime.port, timeout=10)
    connection.request("POST", "/_salespipe/limits", '{"limits": "aws"}', {"Origin": "http://example.com"})
    assert connection.getresponse().status == 403
    connection.close()
    assert ask(running(runtime), "GET", "faults")["limits"] == "off"


def test_what_is_no_json_is_one_line_too(runtime: Embedded) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", runtime.runtime.port, timeout=10)
    for body in ("{", "[]"):
        connection.request("POST", "/_salespipe/faults", body)
        answer = connection.getresponse()
        assert answer.status == 400
        assert "\n" not in json.loads(answer.read())["error"]
    connection.close()
