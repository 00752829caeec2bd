"""What somebody changed by hand is found, said in plain words and repaired."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from salespipe.errors import SalespipeError
from salespipe.stack.plan import Change
from tests.services.provisioning import World, changed, world_in_process


@pytest.fixture
def world() -> Iterator[World]:
    with world_in_process() as world:
        world.up()
        yield world


def other_code(world: World) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("transform.py", "def handler(event, context): return {'records': []}")
    world.client("lambda").update_function_code(FunctionName=world.pipeline.names.function, ZipFile=package.getvalue())


def other_timeout(world: World) -> None:
    world.client("lambda").update_function_configuration(FunctionName=world.pipeline.names.function, Timeout=3)


def other_buffer(world: World) -> None:
    firehose, name = world.client("firehose"), world.pipeline.names.delivery
    stream = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=stream["VersionId"],
        DestinationId=stream["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 900}},
    )


ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def wider_role(world: World) -> None:
    world.client("iam").put_role_policy(
        RoleName=world.pipeline.names.role("delivery"), PolicyName="salespipe", PolicyDocument=ANYTHING
    )


def one_more_policy(world: World) -> None:
    world.client("iam").put_role_policy(
        RoleName=world.pipeline.names.role("crawler"), PolicyName="extra", PolicyDocument=ANYTHING
    )


def no_bucket_policy(world: World) -> None:
    world.client("s3").delete_bucket_policy(Bucket=world.pipeline.names.bucket)


def public_bucket(world: World) -> None:
    world.client("s3").delete_public_access_block(Bucket=world.pipeline.names.bucket)


def other_partition_key(world: World) -> None:
    world.client("pipes").update_pipe(
        Name=world.pipeline.names.pipe,
        RoleArn=world.pipeline.names.role_arn("pipe"),
        TargetParameters={"KinesisStreamParameters": {"PartitionKey": "event_id"}},
    )


def endless_retries(world: World) -> None:
    world.client("pipes").update_pipe(
        Name=world.pipeline.names.pipe,
        RoleArn=world.pipeline.names.role_arn("pipe"),
        SourceParameters={"DynamoDBStreamParameters": {"BatchSize": 1, "MaximumRetryAttempts": -1}},
    )


def other_retention(world: World) -> None:
    world.client("logs").delete_retention_policy(logGroupName=world.pipeline.names.function_log)


def plain_queue(world: World) -> None:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=world.pipeline.names.dead_letters)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})


def other_crawler(world: World) -> None:
    world.client("glue").update_crawler(
        Name=world.pipeline.names.crawler,
        Role=world.pipeline.names.role("crawler"),
        DatabaseName=world.pipeline.names.database,
        Targets={"S3Targets": [{"Path": f"s3://{world.pipeline.names.bucket}/"}]},
    )


def other_classifier(world: World) -> None:
    world.client("glue").update_classifier(
        JsonClassifier={"Name": world.pipeline.names.classifier, "JsonPath": "$.orderid, $.price"}
    )


def no_cutoff(world: World) -> None:
    world.client("athena").update_work_group(
        WorkGroup=world.pipeline.names.workgroup,
        ConfigurationUpdates={"ResultConfigurationUpdates": {"OutputLocation": "s3://elsewhere/"}},
    )


@pytest.mark.parametrize(
    ("meddle", "what", "words"),
    [
        (other_code, "function", "code: differs"),
        (other_timeout, "function", "Timeout: 3 -> 60"),
        (other_buffer, "delivery", "buffer SizeInMBs: 64 -> 5"),
        (wider_role, "role salespipe-sales-us-east-1-delivery", "permissions: differs"),
        (one_more_policy, "role salespipe-sales-us-east-1-crawler", "other policies: differs"),
        (no_bucket_policy, "bucket", "bucket policy: is missing"),
        (public_bucket, "bucket", "public access block: is missing"),
        (other_partition_key, "pipe", "partition key: event_id -> $.dynamodb.Keys.orderid.S"),
        (endless_retries, "pipe", "reading MaximumRetryAttempts: -1 -> 10"),
        (other_retention, "log group /aws/lambda/salespipe-sales-transform", "days kept: is missing"),
        (plain_queue, "queue", "MessageRetentionPeriod: 60 -> 1209600"),
        (other_crawler, "crawler", "Path: differs"),
        (other_classifier, "classifier", "JsonPath: $.orderid, $.price -> $"),
        (no_cutoff, "workgroup", "scan cutoff: is missing"),
    ],
)
def test_a_change_by_hand_is_repaired(world: World, meddle: Callable[[World], None], what: str, words: str) -> None:
    meddle(world)
    plan = world.plan()
    assert changed(plan) == {what: "update"}
    assert words in "; ".join(plan.pending[0].details)
    world.up()
    assert world.plan().pending == ()


def test_lifecycle_rules_of_others_stay(world: World) -> None:
    s3, bucket = world.client("s3"), world.pipeline.names.bucket
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "athena/"}, "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})
    assert changed(world.plan()) == {"bucket": "update"}
    world.up()
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert sorted(rule["ID"] for rule in rules) == ["abort-unfinished-uploads", "remove-query-results", "theirs"]
    assert changed(world.plan()) == {}


@pytest.mark.parametrize(
    "change", [{"Expiration": {"Days": 3}}, {"Filter": {"Prefix": ""}}, {"Status": "Disabled"}], ids=str
)
def test_a_lifecycle_rule_of_ours_that_was_changed_is_set_right(world: World, change: dict[str, Any]) -> None:
    s3, bucket = world.client("s3"), world.pipeline.names.bucket
    before = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    changed_rules = [rule | change if rule["ID"] == "remove-query-results" else rule for rule in before]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": changed_rules})
    assert changed(world.plan()) == {"bucket": "update"}
    world.up()
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == before


@pytest.mark.parametrize(
    ("delete", "expected"),
    [
        (
            lambda w: w.client("dynamodb").delete_table(TableName=w.pipeline.names.table),
            {"table": "create", "role salespipe-sales-us-east-1-pipe": "update", "pipe": "replace"},
        ),
        (
            lambda w: w.client("kinesis").delete_stream(StreamName=w.pipeline.names.stream),
            {"stream": "create", "delivery": "replace", "pipe": "replace"},
        ),
        (
            lambda w: w.client("firehose").delete_delivery_stream(DeliveryStreamName=w.pipeline.names.delivery),
            {"delivery": "create", "pipe": "replace"},
        ),
        (
            lambda w: w.client("lambda").delete_function(FunctionName=w.pipeline.names.function),
            {"function": "create"},
        ),
    ],
)
def test_what_was_deleted_by_hand_is_made_again_with_what_hangs_on_it(
    world: World, delete: Callable[[World], Any], expected: dict[str, str]
) -> None:
    """A pipe's source and a delivery stream's source are fixed, and a new delivery stream begins at LATEST."""
    delete(world)
    assert changed(world.plan()) == expected
    world.up()
    assert world.plan().pending == ()
    pipe = world.client("pipes").describe_pipe(Name=world.pipeline.names.pipe)
    table = world.client("dynamodb").describe_table(TableName=world.pipeline.names.table)["Table"]
    assert pipe["Source"] == table["LatestStreamArn"]


def test_a_disabled_stream_is_enabled_and_the_pipe_made_anew(world: World) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html: the new stream has a new ARN.

    Only the plan: moto refuses to enable a stream again.
    """
    table = world.pipeline.names.table
    world.client("dynamodb").update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    expected = {"table": "update", "role salespipe-sales-us-east-1-pipe": "update", "pipe": "replace"}
    assert changed(world.plan()) == expected


def test_another_stream_view_is_refused_because_it_loses_changes(world: World) -> None:
    settings = dataclasses.replace(world.pipeline.settings, stream_view="NEW_IMAGE")
    writes = len(world.death.writes)
    with pytest.raises(SalespipeError, match="stream view: NEW_AND_OLD_IMAGES -> NEW_IMAGE") as caught:
        world.with_settings(settings).plan()
    assert "--delete-data" in caught.value.hint
    assert len(world.death.writes) == writes


def test_other_settings_change_in_place(world: World) -> None:
    settings = dataclasses.replace(
        world.pipeline.settings,
        buffer_seconds=60,
        lambda_buffer_seconds=30,
        stream_mode="PROVISIONED",
        scan_cutoff_mb=500,
    )
    other = world.with_settings(settings)
    assert changed(other.plan()) == {"stream": "update", "delivery": "update", "workgroup": "update"}
    other.up()
    assert changed(other.plan()) == {}


def test_a_stopped_pipe_is_started(world: World) -> None:
    pipes, names = world.client("pipes"), world.pipeline.names
    pipes.update_pipe(Name=names.pipe, RoleArn=names.role_arn("pipe"), DesiredState="STOPPED")
    (change,) = world.plan().pending
    assert isinstance(change, Change)
    assert (change.kind, change.action) == ("pipe", "update")
    world.up()
    assert pipes.describe_pipe(Name=names.pipe)["DesiredState"] == "RUNNING"
