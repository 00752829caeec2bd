"""kill -9 right after each step that outlives a process: whatever half is done, the next start makes whole.

The default run takes the steps at which something is done by half; the heavy one every step there is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.stack.naming import TAG
from tests.local import ledger
from tests.local.crash_points import SERVING, Crash
from tests.local.crashing import NAMES, Home, strike, until
from tests.local.ledger import Audit

EVERY = pytest.param(None, id="every step", marks=[pytest.mark.heavy, pytest.mark.timeout(900)])


REQUEST = "^commit (request|endpoint)"
PIPE = "^commit pipe"
NOT_BESIDE = r"^(?!.*(retention|tmp/athena))"
"""What a runtime does beside all else, which nothing depends on, is left out of `every step`."""


def these(*crashes: Crash) -> Any:
    """A parameter: kills at these steps, all of which have to come."""
    return pytest.param(crashes, id="by half")


def kills(crashes: Sequence[Crash] | None, since: str | None = SERVING) -> Iterable[Crash]:
    """The kills asked for, or one after each step in turn."""
    return (Crash(after, at=NOT_BESIDE, since=since) for after in count(1)) if crashes is None else crashes


def survived(struck: bool, crashes: Sequence[Crash] | None) -> bool:
    """Whether there are no more steps to kill at. Kills that were asked for must have come."""
    assert struck or crashes is None, "the step to kill at never came"
    return not struck


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


OBJECT = r"objects/.*/orders/"


@pytest.mark.parametrize(
    "crashes",
    [
        these(
            Crash(1, at="^half functions/"),  # the code of the function is unpacked by half
            Crash(1, at=REQUEST),  # the order is written, its writer does not know
            Crash(1, at=PIPE),
            Crash(1, at="^commit", since=f"^whole {OBJECT}", same_thread=True),
            Crash(1, at=f"^half {OBJECT}"),
            Crash(1, at=f"^whole {OBJECT}"),  # the object's file is there, nothing names it
        ),
        EVERY,
    ],
)
def test_from_the_table_to_the_lake(home: Home, crashes: Sequence[Crash] | None) -> None:
    home.json("up")
    home.kill()
    lake = ledger.Lake(NAMES.bucket)
    source = short_lives()
    written: list[Operation] = []

    def all_delivered() -> bool:
        return len(lake.rows(home.client("s3"))) >= len(written)

    for crash in kills(crashes):
        waiting = list(islice(source, 8))
        written += waiting
        struck = strike(home, crash, lambda: write(home, waiting) and all_delivered())  # noqa: B023 - used up in here
        if waiting:
            home.start()
            write(home, waiting)
        if survived(struck, crashes):
            break

    home.start()
    until(all_delivered, "all is delivered")
    assert ledger.audit(written, lake.rows(home.client("s3"))) == Audit(events=len(written))
    assert lake.disordered() == []
    until(lambda: files(home) == named(home), "files that no object names are removed")


def short_lives() -> Iterator[Operation]:
    """Orders that come, change twice and go in four operations, so that what must stay in order is close together."""
    for operation in simulate(5):
        if operation.kind == "insert":
            yield operation
            yield Operation("update", replace(operation.order, status="paid"))
            yield Operation("update", replace(operation.order, status="shipped"))
            yield Operation("delete", replace(operation.order, status="shipped"))


def write(home: Home, waiting: list[Operation]) -> bool:
    """Write the operations that are waiting one by one; each stops waiting when it was acknowledged."""
    while waiting:
        order = waiting[0].order
        if waiting[0].kind == "delete":
            home.client("dynamodb").delete_item(TableName=NAMES.table, Key={"orderid": {"S": order.orderid}})
        else:
            home.client("dynamodb").put_item(TableName=NAMES.table, Item=order.item())
        del waiting[0]
    return True


def files(home: Home) -> int:
    """How many files lie where objects are kept."""
    return sum(path.is_file() for path in (home.state / "objects").rglob("*"))


def named(home: Home) -> int:
    """How many objects there are in all buckets."""
    s3 = home.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return sum(page["KeyCount"] for name in names for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name))


# ---- what is created is there with all that belongs to it, or not at all ----

TAGS = {TAG: "sales"}
TAG_LIST = [{"Key": TAG, "Value": "sales"}]


def create_bucket(home: Home, name: str) -> None:
    home.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": TAG_LIST})


def bucket_tags(home: Home, name: str) -> Any:
    home.client("s3").head_bucket(Bucket=name)
    try:
        return home.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def create_stream(home: Home, name: str) -> None:
    home.client("kinesis").create_stream(StreamName=name, ShardCount=1, Tags=TAGS)


def stream_tags(home: Home, name: str) -> Any:
    return home.client("kinesis").list_tags_for_stream(StreamName=name)["Tags"]


def create_table(home: Home, name: str) -> None:
    home.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=TAG_LIST,
    )


def table_tags(home: Home, name: str) -> Any:
    """Its tags, once its stream has been seen to work."""
    dynamodb, streams = home.client("dynamodb"), home.client("dynamodbstreams")
    table = dynamodb.describe_table(TableName=name)["Table"]
    dynamodb.put_item(TableName=name, Item={"id": {"S": "a"}})
    shard = streams.describe_stream(StreamArn=table["LatestStreamArn"])["StreamDescription"]["Shards"][0]
    iterator = streams.get_shard_iterator(
        StreamArn=table["LatestStreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert len(streams.get_records(ShardIterator=iterator)["Records"]) == 1
    return dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]


def create_crawler(home: Home, name: str) -> None:
    home.client("glue").create_crawler(
        Name=name, Role="crawling", DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://b/"}]}, Tags=TAGS
    )


def crawler_tags(home: Home, name: str) -> Any:
    home.client("glue").get_crawler(Name=name)
    return home.client("glue").get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:crawler/{name}")["Tags"]


def create_queue(home: Home, name: str) -> None:
    home.client("sqs").create_queue(QueueName=name, tags=TAGS)


def queue_tags(home: Home, name: str) -> Any:
    url = home.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return home.client("sqs").list_queue_tags(QueueUrl=url)["Tags"]


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


# ---- objects ----


@pytest.mark.parametrize(
    "crashes",
    [these(Crash(1, at="^half objects"), Crash(1, at=REQUEST)), EVERY],
)
def test_an_object_is_the_old_one_or_the_new_one(home: Home, crashes: Sequence[Crash] | None) -> None:
    home.start()
    home.client("s3").create_bucket(Bucket="bucket")
    now = body(0)
    home.client("s3").put_object(Bucket="bucket", Key="key", Body=now)
    home.kill()
    for number, crash in enumerate(kills(crashes), start=1):
        new = body(number)

        def act(new: bytes = new) -> bool:
            home.client("s3").put_object(Bucket="bucket", Key="key", Body=new)
            return True

        struck = strike(home, crash, act)
        home.start()
        found = home.client("s3").get_object(Bucket="bucket", Key="key")["Body"].read()
        assert found in ((now, new) if struck else (new,))
        now = found
        if survived(struck, crashes):
            break
    until(lambda: files(home) == named(home) == 1, "the files of bodies that are no longer used are removed")


def body(number: int) -> bytes:
    return f"{number} ".encode() * 10_000


def test_a_kill_while_an_upload_is_put_together(home: Home) -> None:
    home.start()
    home.client("s3").create_bucket(Bucket="bucket")
    upload: dict[str, str] = {"Bucket": "bucket", "Key": "large"}
    upload["UploadId"] = home.client("s3").create_multipart_upload(**upload)["UploadId"]
    parts = [body(7) * 300, body(8)]
    tags = [home.client("s3").upload_part(**upload, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
    done = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]}

    def complete() -> bool:
        home.client("s3").complete_multipart_upload(**upload, MultipartUpload=done)
        return True

    assert strike(home, Crash(1, at="^whole objects/bucket/"), complete)
    home.start()
    assert home.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    complete()
    assert home.client("s3").get_object(Bucket="bucket", Key="large")["Body"].read() == b"".join(parts)
    until(lambda: files(home) == 1, "parts and what was left by the kill are removed")


# ---- the catalog and queries ----


def rows(number: int) -> bytes:
    return "".join(json.dumps({"id": n, "amount": n * 10}) + "\n" for n in range(number)).encode()


def make_lake(home: Home) -> None:
    """A bucket with two partitions, a database and a crawler."""
    home.start()
    s3, glue = home.client("s3"), home.client("glue")
    s3.create_bucket(Bucket="lake")
    for hour in ("00", "01"):
        s3.put_object(Bucket="lake", Key=f"sales/hour={hour}/a.json", Body=rows(5))
    glue.create_database(DatabaseInput={"Name": "db"})
    glue.create_crawler(
        Name="crawler", Role="crawling", DatabaseName="db", Targets={"S3Targets": [{"Path": "s3://lake/sales/"}]}
    )
    home.client("athena").create_work_group(
        Name="group", Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}
    )


def crawl(home: Home, before: str | None) -> bool:
    """Begin a run unless another one than `before` has begun; whether that is over."""
    crawler = home.client("glue").get_crawler(Name="crawler")["Crawler"]
    if crawler["State"] != "READY":
        return False
    if last_run(home) == before:
        home.client("glue").start_crawler(Name="crawler")
        return False
    return True


def last_run(home: Home) -> str | None:
    """What names the last run of the crawler that is over."""
    crawler = home.client("glue").get_crawler(Name="crawler")["Crawler"]
    found: str | None = crawler.get("LastCrawl", {}).get("MessagePrefix")
    return found


@pytest.mark.parametrize("crashes", [these(Crash(3, at="^commit crawler")), EVERY])
def test_a_crawl_that_was_killed_is_over_and_the_next_one_completes_it(
    home: Home, crashes: Sequence[Crash] | None
) -> None:
    make_lake(home)
    for crash in kills(crashes):
        before = last_run(home)
        struck = strike(home, crash, lambda: crawl(home, before))  # noqa: B023 - used up in here
        home.start()
        glue = home.client("glue")
        last = glue.get_crawler(Name="crawler")["Crawler"]
        assert last["State"] == "READY"
        assert last.get("LastCrawl", {}).get("Status") in (None, "FAILED", "SUCCEEDED")

        before = last_run(home)
        until(lambda: crawl(home, before), "the next run is over")  # noqa: B023
        assert glue.get_crawler(Name="crawler")["Crawler"]["LastCrawl"]["Status"] == "SUCCEEDED"
        table = glue.get_table(DatabaseName="db", Name="sales")["Table"]
        assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["id", "amount"]
        partitions = glue.get_partitions(DatabaseName="db", TableName="sales")["Partitions"]
        assert sorted(partition["Values"] for partition in partitions) == [["00"], ["01"]]
        glue.delete_table(DatabaseName="db", Name="sales")
        if survived(struck, crashes):
            break


RESULT = "objects/lake/results/"


@pytest.mark.parametrize("crashes", [these(Crash(1, at=f"^whole {RESULT}.*metadata$")), EVERY])
def test_a_query_that_was_killed_has_failed_or_has_its_rows(home: Home, crashes: Sequence[Crash] | None) -> None:
    make_lake(home)
    until(lambda: crawl(home, None), "the lake is crawled")
    asked: list[str] = []
    for crash in kills(crashes):
        had = len(asked)

        def act(had: int = had) -> bool:
            if len(asked) == had:
                asked.append(ask(home))
            return state(home, asked[-1]) not in ("QUEUED", "RUNNING")

        struck = strike(home, crash, act)
        home.start()
        assert {state(home, id) for id in asked} <= {"SUCCEEDED", "FAILED"}
        assert set(asked) <= set(home.client("athena").list_query_executions(WorkGroup="group")["QueryExecutionIds"])
        for id in asked[had:]:
            status = home.client("athena").get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            assert status["State"] == "SUCCEEDED" or status["AthenaError"]["Retryable"]
        asked.append(ask(home))
        until(lambda: state(home, asked[-1]) == "SUCCEEDED", "a query after the kill")
        if survived(struck, crashes):
            break
    for id in asked:
        if state(home, id) == "SUCCEEDED":
            found = home.client("athena").get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
            assert [[cell["VarCharValue"] for cell in row["Data"]] for row in found] == [["n", "sum"], ["10", "200"]]


def ask(home: Home) -> str:
    sql = "SELECT count(*) AS n, sum(amount) AS sum FROM sales"
    where = {"Database": "db"}
    asked = home.client("athena").start_query_execution(QueryString=sql, WorkGroup="group", QueryExecutionContext=where)
    return str(asked["QueryExecutionId"])


def state(home: Home, id: str) -> str:
    found = home.client("athena").get_query_execution(QueryExecutionId=id)
    return str(found["QueryExecution"]["Status"]["State"])


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


def kinesis_keys(home: Home, stream: str) -> list[str]:
    """The partition keys of the records of a stream with one shard."""
    kinesis = home.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [record["PartitionKey"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


# ---- starting ----


@pytest.mark.parametrize(
    "crashes",
    [
        these(
            Crash(1, at="^commit", since=None),
            Crash(1, at="^half runtime.json", since=None),
        ),
        EVERY,
    ],
)
def test_a_first_start_that_was_killed_leaves_nothing_in_the_way(
    tmp_path: Path, crashes: Sequence[Crash] | None
) -> None:
    for number, crash in enumerate(kills(crashes, since=None)):
        home = Home(tmp_path / str(number))
        started = home.start(crash)
        if started and crashes is None:
            home.close()
            break
        assert not started, "the step to kill at never came"
        home.start()
        create_table(home, "Orders")
        assert table_tags(home, "Orders") == TAG_LIST
        left = [path.name for path in home.state.iterdir() if path.suffix == ".part" or path.name == "wal-check"]
        assert left == []
        home.close()


@pytest.mark.parametrize("crashes", [these(Crash(1, at="^commit", since=None)), EVERY])
def test_a_start_that_was_killed_keeps_everything(home: Home, crashes: Sequence[Crash] | None) -> None:
    home.start()
    create_table(home, "Orders")
    create_stream(home, "stream")
    create_bucket(home, "bucket")
    for number in range(20):
        home.client("dynamodb").put_item(TableName="Orders", Item={"id": {"S": str(number)}})
        home.client("kinesis").put_record(StreamName="stream", Data=b"kept", PartitionKey=str(number))
        home.client("s3").put_object(Bucket="bucket", Key=str(number), Body=body(number))
    home.kill()
    for crash in kills(crashes, since=None):
        started = home.start(crash)
        if started and crashes is None:
            home.kill()
            break
        assert not started, "the step to kill at never came"
    home.start()

    ids = sorted(map(str, range(20)))
    assert sorted(item["id"]["S"] for item in home.client("dynamodb").scan(TableName="Orders")["Items"]) == ids
    assert sorted(kinesis_keys(home, "stream")) == ids
    assert stream_tags(home, "stream") == TAG_LIST
    s3 = home.client("s3")
    assert [s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in ids] == [body(int(key)) for key in ids]
    assert files(home) == named(home) == 20


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
