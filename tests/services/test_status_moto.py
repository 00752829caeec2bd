"""Status of a whole pipeline that moto plays: states and counts from the services' own answers."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from salespipe.aws.clients import Clients
from salespipe.errors import NotThereError
from salespipe.services.objects import error_records
from salespipe.services.pipeline import Pipeline
from salespipe.services.status import Status, in_flight, status
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.aws import new_session


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def made(endpoint: str, name: str) -> Pipeline:
    return Pipeline(Clients(new_session(), endpoint), Names(name, "123456789012", "us-east-1"), BY_TARGET["local"])


def stand_up(p: Pipeline) -> None:
    """The resources by hand: moto has no GetClassifier, which planning reads."""
    names = p.names
    p.aws.client("s3").create_bucket(Bucket=names.bucket)
    table = p.aws.client("dynamodb").create_table(
        TableName=names.table,
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    p.aws.client("kinesis").create_stream(StreamName=names.stream, ShardCount=1)
    p.aws.client("sqs").create_queue(QueueName=names.dead_letters)
    trust = '{"Version":"2012-10-17","Statement":[]}'
    p.aws.client("iam").create_role(RoleName=names.role("pipe"), AssumeRolePolicyDocument=trust)
    role = names.role_arn("pipe")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made_zip:
        made_zip.writestr("transform.py", "def handler(event, context): return event")
    p.aws.client("lambda").create_function(
        FunctionName=names.function,
        Runtime="python3.13",
        Role=role,
        Handler="transform.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    p.aws.client("pipes").create_pipe(
        Name=names.pipe,
        RoleArn=role,
        Source=table["TableDescription"]["LatestStreamArn"],
        Target=names.arn("kinesis", f"stream/{names.stream}"),
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Tags=names.tags,
    )
    p.aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=names.delivery,
        ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": names.bucket_arn},
    )
    p.aws.client("glue").create_database(DatabaseInput={"Name": names.database})
    p.aws.client("glue").create_crawler(
        Name=names.crawler,
        Role=role,
        DatabaseName=names.database,
        Targets={"S3Targets": [{"Path": f"s3://{names.bucket}/orders/"}]},
    )


@pytest.fixture(scope="module")
def pipeline(endpoint: str) -> Pipeline:
    p = made(endpoint, "watched")
    stand_up(p)
    return p


def count(p: Pipeline, namespace: str, metric: str, dimension: str, name: str, value: float) -> None:
    p.aws.client("cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": dimension, "Value": name}],
                "Timestamp": datetime.now(UTC),
                "Value": value,
            }
        ],
    )


def hop(found: Status, name: str) -> Any:
    return next(each for each in found.hops if each.name == name)


def test_a_fresh_pipeline_is_healthy_and_its_hops_follow_the_flow(pipeline: Pipeline) -> None:
    found = status(pipeline)
    assert found.problems == ()
    assert found.healthy
    names = [each.name for each in found.hops]
    assert names[:5] == ["table", "stream", "pipe", "kinesis", "delivery"]
    assert names[5:] == ["transform", "lake", "errors", "dead letters", "crawler", "catalog"]
    assert hop(found, "pipe").state == "RUNNING"
    assert (hop(found, "lake").state, hop(found, "lake").records) == ("EMPTY", 0)
    assert hop(found, "kinesis").records is None


def test_counts_and_what_waits_between_the_hops(endpoint: str) -> None:
    p = made(endpoint, "counted")
    stand_up(p)
    assert in_flight(p) is None
    names = p.names
    count(p, "Salespipe", "Changes", "TableName", names.table, 100)
    count(p, "AWS/EventBridge/Pipes", "EventCount", "PipeName", names.pipe, 60)
    count(p, "AWS/EventBridge/Pipes", "EventCount", "PipeName", names.pipe, 30)
    count(p, "AWS/Kinesis", "IncomingRecords", "StreamName", names.stream, 91)
    count(p, "AWS/Firehose", "SucceedProcessing.Records", "DeliveryStreamName", names.delivery, 85)
    count(p, "AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", names.delivery, 85)
    p.aws.client("s3").put_object(Bucket=names.bucket, Key="orders/dt=2026-11-20/hour=12/x", Body=b"{}\n")
    p.aws.client("s3").put_object(Bucket=names.bucket, Key="errors/processing-failed/x", Body=b'{"a":1}\n')
    url = p.aws.client("sqs").get_queue_url(QueueName=names.dead_letters)["QueueUrl"]
    p.aws.client("sqs").send_message(QueueUrl=url, MessageBody="late")

    found = status(p)
    assert (hop(found, "stream").records, hop(found, "pipe").records, hop(found, "pipe").lag) == (100, 90, 10)
    assert (hop(found, "delivery").lag, hop(found, "lake").records) == (5, 85)
    assert 0 <= hop(found, "lake").age_seconds < 60
    assert (hop(found, "errors").records, hop(found, "dead letters").records) == (1, 1)
    assert not found.healthy
    assert any("1 record failed" in problem for problem in found.problems)
    assert any(names.dead_letters in problem for problem in found.problems)
    assert in_flight(p) == 15


def test_what_went_by_age_is_a_problem_and_waits_no_more(endpoint: str) -> None:
    p = made(endpoint, "late")
    stand_up(p)
    names = p.names
    count(p, "Salespipe", "Changes", "TableName", names.table, 100)
    count(p, "Salespipe", "Expired", "PipeName", names.pipe, 30)
    count(p, "AWS/EventBridge/Pipes", "EventCount", "PipeName", names.pipe, 60)
    count(p, "AWS/Kinesis", "IncomingRecords", "StreamName", names.stream, 60)
    count(p, "Salespipe", "Expired", "DeliveryStreamName", names.delivery, 5)
    count(p, "AWS/Firehose", "SucceedProcessing.Records", "DeliveryStreamName", names.delivery, 50)
    found = status(p)
    assert (hop(found, "pipe").lag, hop(found, "delivery").lag) == (10, 5)
    assert in_flight(p) == 15
    assert not found.healthy
    assert [problem for problem in found.problems if "30 changes" in problem and "retention" in problem]
    assert [problem for problem in found.problems if "5 records" in problem and "retention" in problem]


def test_what_a_target_does_not_say_of_its_disk_is_not_known(pipeline: Pipeline) -> None:
    found = status(pipeline)
    assert found.disk is None
    assert (hop(found, "stream").bytes, hop(found, "kinesis").bytes) == (None, None)
    assert (hop(found, "table").bytes, hop(found, "lake").bytes) == (0, 0)


def test_error_objects_are_read_once_and_only_when_their_number_matters(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = made(endpoint, "failing")
    stand_up(p)
    s3 = p.aws.client("s3")
    read: list[str] = []
    get_object = s3.get_object

    def watched(**asked: Any) -> Any:
        read.append(asked["Key"])
        return get_object(**asked)

    monkeypatch.setattr(s3, "get_object", watched)
    s3.put_object(Bucket=p.names.bucket, Key="errors/a", Body=b'{"a":1}\n{"a":2}\n')
    s3.put_object(Bucket=p.names.bucket, Key="errors/b", Body=gzip.compress(b'{"a":3}\n'))

    assert in_flight(p) is None
    assert read == []
    count(p, "Salespipe", "Changes", "TableName", p.names.table, 3)
    assert [error_records(p), error_records(p)] == [3, 3]
    assert read == ["errors/a", "errors/b"]
    s3.put_object(Bucket=p.names.bucket, Key="errors/a", Body=b'{"a":1}\n')
    assert error_records(p) == 2
    assert read == ["errors/a", "errors/b", "errors/a"]


def test_failures_that_somebody_has_seen_are_no_problem_but_are_counted(endpoint: str) -> None:
    p = made(endpoint, "seen")
    stand_up(p)
    bucket, s3 = p.names.bucket, p.aws.client("s3")
    count(p, "AWS/Kinesis", "IncomingRecords", "StreamName", p.names.stream, 2)
    s3.put_object(Bucket=bucket, Key="errors/processing-failed/a", Body=b'{"a":1}\n{"a":2}\n')
    (problem,) = status(p).problems
    errors = f"s3://{bucket}/errors/"
    assert problem.startswith("2 records failed; ")
    assert problem.endswith(f": aws s3 mv {errors} {errors}seen/ --recursive --exclude 'seen/*'")

    s3.copy_object(
        Bucket=bucket, Key="errors/seen/processing-failed/a", CopySource=f"{bucket}/errors/processing-failed/a"
    )
    s3.delete_object(Bucket=bucket, Key="errors/processing-failed/a")
    found = status(p)
    assert (found.healthy, hop(found, "errors").records, hop(found, "delivery").lag) == (True, 2, 0)

    s3.put_object(Bucket=bucket, Key="errors/processing-failed/b", Body=b'{"a":3}\n')
    assert status(p).problems[0].startswith("1 record failed; ")


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"x\n")[:-4], b"\x1f\x8bno gzip", gzip.compress(b"x")[:10] + b"\xff" * 9],
    ids=["cut short", "no gzip", "damaged"],  # the bytes hold the time, and the processes of a run compare names
)
def test_an_error_object_that_cannot_be_read_is_an_unknown_number_of_records(pipeline: Pipeline, body: bytes) -> None:
    pipeline.aws.client("s3").put_object(Bucket=pipeline.names.bucket, Key="errors/broken", Body=body)
    try:
        found = status(pipeline)
        assert hop(found, "errors").records is None
        (problem,) = found.problems
        assert problem.startswith("records failed, which cannot be counted; see the objects under errors/")
    finally:
        pipeline.aws.client("s3").delete_object(Bucket=pipeline.names.bucket, Key="errors/broken")


def test_a_stopped_pipe_and_a_missing_queue_are_problems_in_words(endpoint: str) -> None:
    p = made(endpoint, "broken")
    stand_up(p)
    url = p.aws.client("sqs").get_queue_url(QueueName=p.names.dead_letters)["QueueUrl"]
    p.aws.client("sqs").delete_queue(QueueUrl=url)
    p.aws.client("glue").delete_crawler(Name=p.names.crawler)
    p.aws.client("pipes").stop_pipe(Name=p.names.pipe)
    found = status(p)
    assert not found.healthy
    assert hop(found, "dead letters").state == "MISSING"
    assert "pipe: STOPPED" in found.problems
    assert [problem for problem in found.problems if problem.startswith("crawler: it is not there")]


def test_a_pipe_whose_stream_was_switched_off_is_dead_and_status_says_what_to_do(endpoint: str) -> None:
    p = made(endpoint, "dark")
    stand_up(p)
    p.aws.client("dynamodb").update_table(TableName=p.names.table, StreamSpecification={"StreamEnabled": False})
    found = status(p)
    assert hop(found, "pipe").state == "RUNNING"  # which is all that the service says
    assert "stream: DISABLED" in found.problems
    assert [problem for problem in found.problems if problem.startswith("pipe: ") and "salespipe up" in problem]


def test_no_pipeline_is_not_there(endpoint: str) -> None:
    with pytest.raises(NotThereError, match="'nothing'"):
        status(made(endpoint, "nothing"))
    with pytest.raises(NotThereError, match="'nothing'"):
        in_flight(made(endpoint, "nothing"))


def test_data_that_a_down_kept_is_no_pipeline(endpoint: str) -> None:
    p = made(endpoint, "kept")
    stand_up(p)
    p.aws.client("pipes").delete_pipe(Name=p.names.pipe)
    p.aws.client("firehose").delete_delivery_stream(DeliveryStreamName=p.names.delivery)
    p.aws.client("kinesis").delete_stream(StreamName=p.names.stream)
    with pytest.raises(NotThereError):
        status(p)
