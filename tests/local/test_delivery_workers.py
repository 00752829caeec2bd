"""The workers as the supervisor runs them: moto says what there is, the real Lambda process transforms."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from salespipe.local import moto_inside
from salespipe.local.api.kinesis import KinesisApi
from salespipe.local.api.lambda_ import LambdaApi
from salespipe.local.errors import AwsError
from salespipe.local.functions import Functions
from salespipe.local.http import Request
from salespipe.local.itemsize import item_size
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.bell import CONTROL
from salespipe.local.stores.items import Write
from salespipe.local.workers.supervisor import Supervisor
from tests.local.test_functions import is_running, make_zip

REGION = "eu-west-1"
TABLE = f"arn:aws:dynamodb:{REGION}:123456789012:table/Orders"
SOURCE = f"{TABLE}/stream/2026-11-20T12:00:00.000"
STREAM = f"arn:aws:kinesis:{REGION}:123456789012:stream/changes"
ROLE = "arn:aws:iam::123456789012:role/r"
TRANSFORM = """
    import base64, json, os
    def handler(event, context):
        records = []
        for record in event["records"]:
            try:
                order = json.loads(base64.b64decode(record["data"]))["dynamodb"]["Keys"]["orderid"]["S"]
            except ValueError:
                records.append({"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]})
                continue
            row = json.dumps({"orderid": order, "pid": os.getpid()}) + "\\n"
            data = base64.b64encode(row.encode()).decode()
            records.append({"recordId": record["recordId"], "result": "Ok", "data": data})
        return {"records": records}
"""


def signed(service: str, region: str) -> dict[str, str]:
    credential = f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, SignedHeaders=host"
    return {"authorization": f"{credential}, Signature=0", "host": "localhost"}


class World:
    """Stores, moto, functions and supervisor over one home. Nothing that is buffered survives `restart`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.open()

    def open(self) -> None:
        self.stores = Stores.open(self.home)
        self.moto = Moto(self.stores)
        self.functions = Functions(self.home, moto_inside.function, metrics=self.stores.metrics)
        self.kinesis = KinesisApi(self.stores, self.moto)
        self.supervisor = Supervisor(self.stores, self.moto, self.functions, self.kinesis)
        self.supervisor.start()

    def close(self) -> None:
        self.supervisor.stop()
        self.stores.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        return self.moto.call(service, operation, params, region=REGION)

    def deploy(self, source: str = TRANSFORM) -> None:
        code = {"ZipFile": base64.b64encode(make_zip(source)).decode()}
        settings = {"FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler"}
        self.create_role()
        self.moto.rest("lambda", "POST", "/2015-03-31/functions", settings | {"Code": code}, region=REGION)

    def create_role(self) -> None:
        form = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "r", "AssumeRolePolicyDocument": "{}"}
        headers = signed("iam", "us-east-1") | {"content-type": "application/x-www-form-urlencoded"}
        assert self.moto.http(Request("POST", "/", "", headers, urlencode(form).encode())).status == 200

    def write(self, *ids: str) -> None:
        self.stores.items.declare(TABLE, ("orderid", "S"), None, SOURCE, "NEW_AND_OLD_IMAGES")
        table = self.stores.items.table(TABLE)
        assert table is not None
        items = [{"orderid": {"S": id}} for id in ids]
        self.stores.items.apply(table, [Write(item, False, item_size(item)) for item in items])

    def create_stream(self) -> None:
        self.call("kinesis", "CreateStream", StreamName="changes", StreamModeDetails={"StreamMode": "ON_DEMAND"})

    def create_pipe(self, **reading: Any) -> None:
        body = {
            "Source": SOURCE,
            "Target": STREAM,
            "RoleArn": ROLE,
            "SourceParameters": {
                "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 100} | reading
            },
            "TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.orderid.S"}},
        }
        self.moto.rest("pipes", "POST", "/v1/pipes/p", body, region=REGION)

    def create_delivery(self, *, transformed: bool = True, prefix: str = "orders/") -> None:
        processors = {
            "Type": "Lambda",
            "Parameters": [
                {"ParameterName": "LambdaArn", "ParameterValue": f"arn:aws:lambda:{REGION}:123456789012:function:f"},
                {"ParameterName": "BufferSizeInMBs", "ParameterValue": "1"},
                {"ParameterName": "BufferIntervalInSeconds", "ParameterValue": "0"},
            ],
        }
        self.call(
            "firehose",
            "CreateDeliveryStream",
            DeliveryStreamName="hose",
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": STREAM, "RoleARN": ROLE},
            ExtendedS3DestinationConfiguration={
                "BucketARN": "arn:aws:s3:::lake",
                "RoleARN": ROLE,
                "Prefix": prefix,
                "ErrorOutputPrefix": "errors/",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "ProcessingConfiguration": {"Enabled": transformed, "Processors": [processors]},
            },
        )

    def create_bucket(self) -> None:
        body = (
            f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        )
        assert self.moto.http(Request("PUT", "/lake", "", signed("s3", REGION), body.encode())).status == 200

    def rows(self, prefix: str = "orders/") -> list[dict[str, Any]]:
        found = self.stores.objects.list("lake", prefix)
        return [json.loads(line) for stored in found for line in stored.read().splitlines()]

    def orders(self) -> list[str]:
        return sorted(row["orderid"] for row in self.rows())

    def places(self) -> dict[tuple[str, str], str]:
        """Every position of a pipe or delivery stream."""
        rows = self.stores.db.read().execute("select worker, shard, value from positions where worker like 'arn:%@%'")
        return {(worker, shard): value for worker, shard, value in rows}

    def create_chain(self) -> None:
        """Everything from the table's stream to the bucket."""
        self.create_stream()
        self.deploy()
        self.create_bucket()
        self.create_delivery()
        self.write()
        self.create_pipe()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def chain(world: World) -> World:
    world.create_chain()
    return world


def eventually(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def test_from_the_table_to_the_lake(chain: World) -> None:
    ids = [f"o{i:04}" for i in range(1000)]
    for at in range(0, 1000, 100):
        chain.write(*ids[at : at + 100])
    eventually(lambda: len(chain.orders()) >= 1000)
    assert chain.orders() == ids
    assert chain.supervisor.count() == 2
    assert chain.supervisor.errors() == {}
    shards = [chain.stores.shards.last(STREAM, shard) for shard in range(4)]
    assert sum(shards) == 1000
    assert min(shards) > 150


def test_a_poisoned_record_lands_under_errors_and_the_rest_flows(chain: World) -> None:
    eventually(lambda: chain.supervisor.count() == 2)
    chain.kinesis.put(STREAM, [("k", b"this is no JSON")])
    chain.write("o1", "o2")
    eventually(lambda: len(chain.orders()) == 2 and len(chain.rows("errors/")) == 1)
    (line,) = chain.rows("errors/")
    assert base64.b64decode(line["rawData"]) == b"this is no JSON"
    assert line["errorCode"] == "Lambda.ProcessingFailedStatus"


def test_after_a_restart_everything_goes_on_and_nothing_comes_twice(chain: World) -> None:
    expected = []
    for round in range(4):
        ids = [f"r{round}-{i:03}" for i in range(200)]
        chain.write(*ids)
        expected += ids
        chain.restart()  # wherever the workers just were
    eventually(lambda: len(chain.orders()) >= len(expected))
    assert chain.orders() == expected


def test_killed_again_and_again_each_change_is_in_the_lake_once(tmp_path: Path) -> None:
    writes_for_ever = """
import itertools, sys
from pathlib import Path
from tests.local.test_delivery_workers import World
world, round = World(Path(sys.argv[1])), sys.argv[2]
if round == "0":
    world.create_chain()
for number in itertools.count():
    id = f"r{round}-{number:06}"
    world.write(id)
    print(id, flush=True)
"""
    acknowledged: list[str] = []
    for round in range(3):
        command = [sys.executable, "-c", writes_for_ever, str(tmp_path), str(round)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
            assert killed.stdout is not None
            acknowledged += [line.strip() for line in itertools.islice(killed.stdout, 700 + 150 * round)]
            killed.kill()
            acknowledged += [line.strip() for line in killed.stdout if line.endswith("\n")]
    world = World(tmp_path)
    try:
        eventually(lambda: len(world.orders()) >= len(acknowledged))
        orders = world.orders()
        assert len(orders) == len(set(orders))
        assert set(orders) >= set(acknowledged)
        assert len(orders) <= len(acknowledged) + 3  # what was written, but not yet acknowledged, at each kill
    finally:
        world.close()


def test_a_stopped_pipe_stops_and_goes_on(chain: World) -> None:
    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    chain.moto.rest("pipes", "POST", "/v1/pipes/p/stop", region=REGION)
    eventually(lambda: chain.supervisor.count() == 1)
    chain.write("o2")
    chain.moto.rest("pipes", "POST", "/v1/pipes/p/start", region=REGION)
    eventually(lambda: chain.orders() == ["o1", "o2"])


def test_a_pipe_that_is_deleted_and_made_again_begins_anew(chain: World) -> None:
    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    chain.moto.rest("pipes", "DELETE", "/v1/pipes/p", region=REGION)
    eventually(lambda: chain.supervisor.count() == 1)
    chain.create_pipe()
    eventually(lambda: chain.orders() == ["o1", "o1"])


def test_an_updated_destination_is_used_at_once(chain: World) -> None:
    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    chain.call(
        "firehose",
        "UpdateDestination",
        DeliveryStreamName="hose",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "moved/"},
    )
    # The version counts in the name, so the old workers cannot be meant.
    eventually(lambda: all(job[0].version == "2" for job in chain.supervisor.jobs() if isinstance(job, tuple)))
    chain.write("o2")
    eventually(lambda: len(chain.rows("moved/")) == 1)
    assert "/hose-2-" in chain.stores.objects.list("lake", "moved/")[0].key
    assert chain.orders() == ["o1"]


def test_new_code_is_used_from_the_next_batch_on(chain: World) -> None:
    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    old = chain.rows()[0]["pid"]
    chain.moto.rest(
        "lambda",
        "PUT",
        "/2015-03-31/functions/f/code",
        {"ZipFile": base64.b64encode(make_zip(TRANSFORM + "\n    # new\n")).decode()},
        region=REGION,
    )
    chain.write("o2")
    eventually(lambda: chain.orders() == ["o1", "o2"])
    assert {row["pid"] for row in chain.rows()} > {old}
    assert not is_running(old)


def test_what_cannot_be_done_is_reported_and_does_not_stop_the_rest(chain: World) -> None:
    chain.call("firehose", "DeleteDeliveryStream", DeliveryStreamName="hose")
    chain.create_delivery(prefix="x/!{timestamp:yyyy}/")
    eventually(lambda: "delivery hose" in chain.supervisor.errors())
    assert "error-output-type" in chain.supervisor.errors()["delivery hose"]
    chain.write("o1")
    eventually(lambda: sum(chain.stores.shards.last(STREAM, shard) for shard in range(4)) == 1)


def test_what_was_counted_of_a_function_goes_with_it(chain: World) -> None:
    def counted() -> set[str]:
        return {dimensions["FunctionName"] for _, _, dimensions in chain.stores.metrics.names("AWS/Lambda")}

    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    eventually(lambda: counted() == {"f"})
    chain.call("kinesis", "CreateStream", StreamName="other", ShardCount=1)
    chain.write("o2")
    eventually(lambda: chain.orders() == ["o1", "o2"])
    assert counted() == {"f"}
    chain.moto.rest("lambda", "DELETE", "/2015-03-31/functions/f", region=REGION)
    eventually(lambda: counted() == set())


def test_a_refused_setting_keeps_the_place_and_nothing_comes_twice(chain: World) -> None:
    ids = [f"o{i}" for i in range(5)]

    def update_delivery(**settings: Any) -> None:
        stream = chain.call("firehose", "DescribeDeliveryStream", DeliveryStreamName="hose")
        chain.call(
            "firehose",
            "UpdateDestination",
            DeliveryStreamName="hose",
            CurrentDeliveryStreamVersionId=stream["DeliveryStreamDescription"]["VersionId"],
            DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate=settings,
        )

    def update_pipe(**settings: Any) -> None:
        body = {"RoleArn": ROLE, "DesiredState": "RUNNING"} | settings
        chain.moto.rest("pipes", "PUT", "/v1/pipes/p", body, region=REGION)

    chain.write(*ids)
    eventually(lambda: chain.orders() == ids)
    places = chain.places()
    assert len(places) == 5
    update_delivery(CompressionFormat="Snappy")
    update_pipe(Enrichment=f"arn:aws:lambda:{REGION}:123456789012:function:f")
    eventually(lambda: chain.supervisor.errors().keys() == {"delivery hose", "pipe p"})
    eventually(lambda: chain.supervisor.count() == 0)
    assert chain.places() == places
    chain.write("o5")
    update_delivery(CompressionFormat="UNCOMPRESSED")
    update_pipe(Enrichment="")
    eventually(lambda: chain.orders() == [*ids, "o5"])
    assert chain.supervisor.errors() == {}
    assert sum(chain.stores.shards.last(STREAM, shard) for shard in range(4)) == 6


def test_a_look_that_fails_half_way_forgets_nobody(chain: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.write("o1")
    eventually(lambda: chain.orders() == ["o1"])
    places = chain.places()
    real = chain.moto.call

    def fails(service: str, operation: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if operation == "ListDeliveryStreams":
            raise AwsError("InternalFailure", "not now")
        return real(service, operation, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(chain.moto, "call", fails)
        chain.stores.bell.ring(CONTROL)
        eventually(lambda: "not now" in chain.supervisor.errors().get("supervisor", ""))
    chain.call("firehose", "DeleteDeliveryStream", DeliveryStreamName="hose")
    chain.moto.rest("pipes", "DELETE", "/v1/pipes/p", region=REGION)
    assert len(places) == 5
    # Both were known before the look that failed, and are missed by the one that does not.
    eventually(lambda: chain.places() == {})


def test_a_missing_bucket_shows_as_an_error_and_loses_nothing(world: World) -> None:
    world.create_stream()
    world.create_delivery(transformed=False)
    eventually(lambda: world.supervisor.count() == 1)
    world.kinesis.put(STREAM, [("k", b'{"orderid":"o1"}\n')])
    eventually(lambda: any("NoSuchBucket" in error for error in world.supervisor.errors().values()))
    world.create_bucket()
    eventually(lambda: world.orders() == ["o1"])
    eventually(lambda: world.supervisor.errors() == {})


def test_dead_letters_reach_the_queue(world: World) -> None:
    queue = world.call("sqs", "CreateQueue", QueueName="dead")["QueueUrl"]
    world.write("o1")
    # No stream to put to.
    world.create_pipe(MaximumRetryAttempts=1, DeadLetterConfig={"Arn": f"arn:aws:sqs:{REGION}:123456789012:dead"})

    def received() -> list[dict[str, Any]]:
        return list(world.call("sqs", "ReceiveMessage", QueueUrl=queue, VisibilityTimeout=0).get("Messages", []))

    eventually(lambda: len(received()) == 1)
    body = json.loads(received()[0]["Body"])
    assert body["context"]["condition"] == "RetryAttemptsExhausted"
    assert body["DDBStreamBatchInfo"]["streamArn"] == SOURCE


def test_latest_takes_what_was_written_after_the_calls_answered(world: World) -> None:
    world.create_stream()
    world.create_bucket()
    world.kinesis.put(STREAM, [("k", b'{"orderid":"too early"}\n')])
    time.sleep(0.002)  # the clock decides here, so it has to move on
    world.create_delivery(transformed=False)
    world.kinesis.put(STREAM, [("k", b'{"orderid":"o1"}\n')])
    eventually(lambda: world.orders() == ["o1"])


def test_stopping_takes_less_than_a_second_whatever_is_going_on(world: World) -> None:
    world.create_stream()
    world.create_bucket()
    world.deploy("""
        import time
        def handler(event, context):
            print("at work", flush=True)
            time.sleep(60)
    """)
    world.create_delivery()
    world.write("o1")
    world.create_pipe()
    log = world.home / "logs/lambda/f.log"
    eventually(lambda: log.exists() and "at work" in log.read_text())
    began = time.monotonic()
    world.supervisor.stop()
    assert time.monotonic() - began < 1
    assert world.supervisor.count() == 0


def test_a_start_removes_the_files_that_a_kill_left(world: World) -> None:
    world.deploy()
    invoke(world)
    used = set((world.home / "functions").iterdir())
    (world.home / "functions" / "0123").mkdir()
    (world.home / "functions" / "4567.part").mkdir()
    kept = world.stores.objects.put("lake", "dt=1/kept", b"1")
    left = world.stores.objects.write("lake", "dt=1/left", b"2")
    world.restart()
    eventually(lambda: not left.path.exists())
    assert kept.read() == b"1"
    assert set((world.home / "functions").iterdir()) == used


# ---- what is taken from moto's inside ----------------------------------------------------------------------------


def test_a_function_as_moto_holds_it(world: World) -> None:
    world.deploy()
    found = moto_inside.function(REGION, f"arn:aws:lambda:{REGION}:123456789012:function:f:$LATEST")
    assert found == moto_inside.function(REGION, "f")
    assert (found.name, found.handler, found.runtime) == ("f", "app.handler", "python3.12")
    assert (found.timeout_s, found.memory_mb, found.environment) == (3, 128, {})
    assert found.arn == f"arn:aws:lambda:{REGION}:123456789012:function:f"
    assert found.zip_bytes.startswith(b"PK")
    assert found.sha256
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        moto_inside.function(REGION, "nobody")


def test_the_regions_in_use(world: World) -> None:
    assert REGION not in moto_inside.regions("firehose")
    world.call("firehose", "ListDeliveryStreams")
    assert REGION in moto_inside.regions("firehose")


# ---- Invoke -------------------------------------------------------------------------------------------------------


def invoke(world: World, body: bytes = b"{}", name: str = "f", **headers: str) -> tuple[int, dict[str, str], bytes]:
    given = {f"x-amz-{key.replace('_', '-')}": value for key, value in headers.items()}
    return LambdaApi(world.functions).invoke(REGION, name, body, given)


def test_invoke(world: World) -> None:
    world.deploy("def handler(event, context):\n        print('hello')\n        return event['x']")
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:f"
    assert invoke(world, b'{"x":[1]}', arn)[::2] == (200, b"[1]")
    status, headers, body = invoke(world, b"{}", log_type="Tail")
    assert (status, headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert json.loads(body)["errorType"] == "KeyError"
    assert "hello" in base64.b64decode(headers["X-Amz-Log-Result"]).decode()
    metrics = {
        metric: sum(m.total for m in world.stores.metrics.read("AWS/Lambda", metric, {"FunctionName": "f"}, 0, 1e11))
        for metric in ("Invocations", "Errors")
    }
    assert metrics == {"Invocations": 2, "Errors": 1}


def test_invoke_later_and_dry(world: World, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    world.deploy(f"def handler(event, context):\n        open({os.fspath(mark)!r}, 'a').write('x')\n        1 / 0")
    assert invoke(world, invocation_type="DryRun") == (204, {}, b"")
    assert not mark.exists()
    assert invoke(world, invocation_type="Event")[0] == 202
    eventually(lambda: mark.exists() and mark.read_text() == "xxx")


def test_invoke_that_is_refused(world: World) -> None:
    world.deploy()
    assert invoke(world, name="nobody")[0] == 404
    assert invoke(world, name="nobody")[1]["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert invoke(world, b"{nope")[1]["x-amzn-ErrorType"] == "InvalidRequestContentException"
    assert invoke(world, invocation_type="Nope")[1]["x-amzn-ErrorType"] == "InvalidParameterValueException"


def test_other_operations_of_lambda_are_left_to_moto(world: World) -> None:
    api = LambdaApi(world.functions)
    assert api.handle(Request("GET", "/2015-03-31/functions/f", "", {})) is None
    reply = api.handle(Request("POST", "/2015-03-31/functions/nobody/invocations", "", {}))
    assert reply is not None
    assert reply.status == 404
