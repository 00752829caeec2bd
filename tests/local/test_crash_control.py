"""kill -9 right after each step of what is declared: resources with their tags, dead letters, starts, up and down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.crash_points import Crash
from tests.local.crash_resources import (
    TAG_LIST,
    TAGS,
    body,
    bucket_tags,
    crawler_tags,
    create_bucket,
    create_crawler,
    create_queue,
    create_stream,
    create_table,
    files,
    kinesis_keys,
    named,
    queue_tags,
    stream_tags,
    table_tags,
)
from tests.local.crash_sweep import EVERY, NOT_BESIDE, PIPE, REQUEST, kills, survived, these
from tests.local.crashing import Home, strike, until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("crashes", [these(Crash(1, at=REQUEST)), EVERY])
@pytest.mark.parametrize(
    ("create", "tags"),
    [
        pytest.param(create_bucket, bucket_tags, id="bucket"),
        pytest.param(create_stream, stream_tags, id="stream"),
        pytest.param(create_table, table_tags, id="table"),
        pytest.param(create_crawler, crawler_tags, id="crawler", marks=pytest.mark.heavy),
        pytest.param(create_queue, queue_tags, id="queue", marks=pytest.mark.heavy),
    ],
)
def test_a_resource_is_never_there_without_its_tags(
    home: Home,
    create: Callable[[Home, str], None],
    tags: Callable[[Home, str], Any],
    crashes: Sequence[Crash] | None,
) -> None:
    """Without its tag it would be somebody else's for ever, and `up` would refuse to touch it."""
    for number, crash in enumerate(kills(crashes)):
        name = f"made-{number}"

        def act(name: str = name) -> bool:
            create(home, name)
            return True

        struck = strike(home, crash, act)
        home.start()
        try:
            found = tags(home, name)
        except ClientError:
            assert struck, "what was acknowledged is there"
            create(home, name)
            found = tags(home, name)
        assert found in (TAGS, TAG_LIST)
        if survived(struck, crashes):
            break


# ---- dead letters ----


@pytest.mark.parametrize("crashes", [these(Crash(3, at=PIPE)), EVERY])  # it is sent, the position is not kept
def test_a_dead_letter_is_sent_at_least_once_and_the_pipe_goes_on(home: Home, crashes: Sequence[Crash] | None) -> None:
    """AWS, too, may send one twice: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html"""
    home.start()
    table = home.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    home.client("sqs").create_queue(QueueName="dead")
    home.client("pipes").create_pipe(
        Name="pipe",
        RoleArn="arn:aws:iam::123456789012:role/pipe",
        Source=table["LatestStreamArn"],
        SourceParameters={
            "DynamoDBStreamParameters": {
                "StartingPosition": "TRIM_HORIZON",
                "MaximumRetryAttempts": 1,
                "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"},
            }
        },
        Target="arn:aws:kinesis:us-east-1:123456789012:stream/target",
        TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.id.S"}},
    )
    create_stream(home, "target")
    put(home, ["arrives"])
    until(lambda: kinesis_keys(home, "target") == ["arrives"], "the pipe is at work")
    home.client("kinesis").delete_stream(StreamName="target")

    sent: set[str] = set()
    for number, crash in enumerate(kills(crashes)):
        waiting = [f"lost-{number}"]

        def act(waiting: list[str] = waiting) -> bool:
            return put(home, waiting) and count_letters(home) > 0

        struck = strike(home, crash, act)
        home.start()
        put(home, [*waiting, f"lost-{number}, too"])  # whose letter says that the pipe is past the first
        letters: list[str] = []

        def both(letters: list[str] = letters) -> bool:
            letters += take_letters(home)
            return len(set(letters) - sent) == 2

        until(both, "both dead letters")
        assert len(letters) <= 4
        sent.update(letters)
        if survived(struck, crashes):
            break

    create_stream(home, "target")
    put(home, ["arrives too"])
    found = until(lambda: kinesis_keys(home, "target"), "the pipe went on")
    assert (found, count_letters(home)) == (["arrives too"], 0)


def put(home: Home, waiting: list[str]) -> bool:
    """Put items with the ids that are waiting; each stops waiting when it was acknowledged."""
    while waiting:
        home.client("dynamodb").put_item(TableName="Orders", Item={"id": {"S": waiting[0]}})
        del waiting[0]
    return True


def queue(home: Home) -> str:
    return str(home.client("sqs").get_queue_url(QueueName="dead")["QueueUrl"])


def count_letters(home: Home) -> int:
    names = ["ApproximateNumberOfMessages"]
    found = home.client("sqs").get_queue_attributes(QueueUrl=queue(home), AttributeNames=names)
    return int(found["Attributes"][names[0]])


def take_letters(home: Home) -> list[str]:
    """The sequence numbers that the letters in the queue begin with; the queue is empty then."""
    sqs, found = home.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue(home)).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"])["DDBStreamBatchInfo"]["startSequenceNumber"])
            sqs.delete_message(QueueUrl=queue(home), ReceiptHandle=message["ReceiptHandle"])
    return found


# ---- starting ----


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_first_start_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    for after in count(1):
        home = Home(tmp_path / str(after))
        started = home.start(Crash(after, at=NOT_BESIDE, since=None))
        if not started:
            home.start()
            create_table(home, "Orders")
            assert table_tags(home, "Orders") == TAG_LIST
            left = [path.name for path in home.state.iterdir() if path.suffix == ".part" or path.name == "wal-check"]
            assert left == []
        home.close()
        if started:
            break


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_start_that_was_killed_keeps_everything(home: Home) -> None:
    home.start()
    create_table(home, "Orders")
    create_stream(home, "stream")
    create_bucket(home, "bucket")
    for number in range(20):
        home.client("dynamodb").put_item(TableName="Orders", Item={"id": {"S": str(number)}})
        home.client("kinesis").put_record(StreamName="stream", Data=b"kept", PartitionKey=str(number))
        home.client("s3").put_object(Bucket="bucket", Key=str(number), Body=body(number))
    home.kill()
    for after in count(1):
        if home.start(Crash(after, at=NOT_BESIDE, since=None)):
            assert after > 5
            home.kill()
            break
    home.start()

    ids = sorted(map(str, range(20)))
    assert sorted(item["id"]["S"] for item in home.client("dynamodb").scan(TableName="Orders")["Items"]) == ids
    assert sorted(kinesis_keys(home, "stream")) == ids
    assert stream_tags(home, "stream") == TAG_LIST
    s3 = home.client("s3")
    assert [s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in ids] == [body(int(key)) for key in ids]
    assert files(home) == named(home) == 20


@pytest.mark.heavy
def test_the_port_stays_the_same_whenever_a_start_is_killed(home: Home) -> None:
    """Whoever was told it goes on with it: a writer's retries, and other tools with what `env` said."""
    home.start()
    endpoint = home.client("s3").meta.endpoint_url
    home.kill()
    for after in count(1):
        home.start(Crash(after, at=r" port\b", since=None))
        if home.steps.read_text().count(" port") < after:
            break
        until(lambda: not home.alive(), "it is killed")
    assert after > 1, "no step was about the port"
    assert home.client("s3").meta.endpoint_url == endpoint


# ---- all resources of a pipeline ----


@contextmanager
def revived(home: Home, crash: Crash) -> Iterator[list[int]]:
    """Start the runtime again whenever it was killed, which it is according to `crash` each time; the processes."""
    lives: list[int] = []
    over = threading.Event()

    def revive() -> None:
        while not over.wait(0.02):
            if not home.alive() and home.start(crash):
                lives.append(home.pid)

    thread = threading.Thread(target=revive)
    thread.start()
    try:
        yield lives
    finally:
        over.set()
        thread.join()


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_up_and_down_come_to_their_end_over_kills(home: Home) -> None:
    crash = Crash(5, at="^commit")

    def succeeds(*arguments: str) -> bool:
        done = home.run(*arguments, crash=crash)
        assert "not ours" not in done.stderr
        return done.returncode == 0

    with revived(home, crash) as lives:
        until(lambda: succeeds("up"), "up succeeds", patience=600)
        assert len(lives) > 4
    home.start()
    changes = home.json("up")["changes"]
    assert {change["action"] for change in changes} <= {"noop"}
    home.kill()

    with revived(home, crash):
        until(lambda: succeeds("down", "--yes", "--delete-data"), "down succeeds", patience=600)
    home.start()
    plan = home.json("plan")["changes"]
    assert [(change["name"], change["action"]) for change in plan] == [(c["name"], "create") for c in changes]
