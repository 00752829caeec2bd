"""Each thing we use of moto's inside, by name: an upgrade that moves one fails here."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.local import moto_inside
from salespipe.local.errors import AwsError
from tests.embedded import Embedded


def deploy(runtime: Embedded) -> None:
    role = runtime.client("iam").create_role(
        RoleName="r",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
    )["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", "def handler(event, context):\n    return event\n")
    runtime.client("lambda").create_function(
        FunctionName="f", Runtime="python3.12", Role=role, Handler="code.handler", Code={"ZipFile": packed.getvalue()}
    )


def fill(client: Callable[[str], Any]) -> None:
    """Something in every durable service."""
    client("athena").create_work_group(Name="w")
    client("dynamodb").create_table(
        TableName="T",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("glue").create_database(DatabaseInput={"Name": "d"})
    client("kinesis").create_stream(StreamName="S", ShardCount=1)
    client("logs").create_log_group(logGroupName="g")
    client("s3").create_bucket(Bucket="a-bucket")
    client("sqs").create_queue(QueueName="q")
    role = client("iam").get_role(RoleName="r")["Role"]["Arn"]
    client("firehose").create_delivery_stream(
        DeliveryStreamName="h",
        ExtendedS3DestinationConfiguration={"BucketARN": "arn:aws:s3:::a-bucket", "RoleARN": role},
    )
    client("pipes").create_pipe(
        Name="p",
        RoleArn=role,
        DesiredState="STOPPED",
        Source="arn:aws:sqs:us-east-1:123456789012:q",
        Target="arn:aws:kinesis:us-east-1:123456789012:stream/S",
    )


def held(client: Callable[[str], Any]) -> dict[str, list[str]]:
    """What every durable service has, by name."""
    return {
        "athena": [one["Name"] for one in client("athena").list_work_groups()["WorkGroups"] if one["Name"] == "w"],
        "dynamodb": client("dynamodb").list_tables()["TableNames"],
        "firehose": client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "glue": [one["Name"] for one in client("glue").get_databases()["DatabaseList"]],
        "iam": [one["RoleName"] for one in client("iam").list_roles()["Roles"]],
        "kinesis": client("kinesis").list_streams()["StreamNames"],
        "lambda": [one["FunctionName"] for one in client("lambda").list_functions()["Functions"]],
        "logs": [one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"]],
        "pipes": [one["Name"] for one in client("pipes").list_pipes()["Pipes"]],
        "s3": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
        "sqs": [url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])],
    }


def test_every_durable_service_can_be_saved_and_put_back(runtime: Embedded) -> None:
    deploy(runtime)
    fill(runtime.client)
    before = held(runtime.client)
    assert set(before) == set(moto_inside.DURABLE)
    assert [service for service, names in before.items() if len(names) != 1] == []
    saved = {service: moto_inside.dump(service) for service in moto_inside.DURABLE}
    moto_inside.reset()
    assert [service for service, names in held(runtime.client).items() if names] == []
    for service, state in saved.items():
        moto_inside.load(service, state)
    assert held(runtime.client) == before
    runtime.client("lambda").update_function_configuration(FunctionName="f", Timeout=7)
    assert moto_inside.function("us-east-1", "f").timeout_s == 7


def test_bucket_exists(runtime: Embedded) -> None:
    assert not moto_inside.bucket_exists("a-bucket")
    runtime.client("s3").create_bucket(Bucket="a-bucket")
    assert moto_inside.bucket_exists("a-bucket")


def test_glue_tables_and_partitions_are_what_the_api_gives(runtime: Embedded) -> None:
    glue = runtime.client("glue")
    storage = {"Columns": [{"Name": "n", "Type": "int"}], "Location": "s3://lake/t/"}
    glue.create_database(DatabaseInput={"Name": "d"})
    glue.create_table(
        DatabaseName="d",
        TableInput={
            "Name": "t",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "Parameters": {"a": "b"},
            "StorageDescriptor": storage,
        },
    )
    for day in ("01", "02"):
        glue.create_partition(
            DatabaseName="d", TableName="t", PartitionInput={"Values": [day], "StorageDescriptor": storage}
        )
    asked = ("Name", "DatabaseName", "TableType", "PartitionKeys", "Parameters")

    table = moto_inside.glue_table("us-east-1", "d", "t")
    partitions = moto_inside.glue_partitions("us-east-1", "d", "t")

    answer = glue.get_table(DatabaseName="d", Name="t")["Table"]
    assert table is not None
    assert {key: table[key] for key in asked} == {key: answer[key] for key in asked}
    assert table["StorageDescriptor"].items() <= answer["StorageDescriptor"].items()
    assert partitions == [{"Values": [day], "StorageDescriptor": storage} for day in ("01", "02")]
    for database, name in (("d", "no"), ("no", "t")):
        assert moto_inside.glue_table("us-east-1", database, name) is None
        assert moto_inside.glue_partitions("us-east-1", database, name) is None


def test_stream_shards(runtime: Embedded) -> None:
    runtime.client("kinesis").create_stream(StreamName="S", ShardCount=2)
    first, second = moto_inside.stream_shards("us-east-1", "S")
    assert first == (0, 0, 2**127 - 1, True, None, None)
    assert second == (1, 2**127, 2**128 - 1, True, None, None)


def test_expire_messages(runtime: Embedded) -> None:
    sqs = runtime.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    for body in ("old", "received"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert len(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]) == 1
    later = time.time() + 61
    assert moto_inside.expire_messages(time.time(), look=True) == 0
    assert moto_inside.expire_messages(later, look=True) == 2
    assert moto_inside.expire_messages(later) == 2
    assert moto_inside.expire_messages(later) == 0
    sqs.send_message(QueueUrl=url, MessageBody="new")
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=url)["Messages"]] == ["new"]


def test_stream_labels_have_milliseconds(runtime: Embedded) -> None:
    table = runtime.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    assert len(table["LatestStreamLabel"]) == len("2024-03-31T08:44:58.172")
    assert table["LatestStreamArn"].endswith(table["LatestStreamLabel"])


def test_throughput_is_that_of_a_provisioned_table(runtime: Embedded) -> None:
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 3},
    )
    assert moto_inside.throughput("us-east-1", "Orders") == (3, 7)
    client.update_table(TableName="Orders", ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 4})
    assert moto_inside.throughput("us-east-1", "Orders") == (4, 9)
    client.update_table(TableName="Orders", BillingMode="PAY_PER_REQUEST")
    assert moto_inside.throughput("us-east-1", "Orders") is None
    assert moto_inside.throughput("us-east-1", "Nothing") is None


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("attribute_exists(a)", True),
        ("attribute_not_exists(a)", False),
        ("a > :low AND begins_with(b, :text)", True),
        ("size(b) = :low", False),
        (None, True),
    ],
)
def test_condition_holds(expression: str | None, holds: bool) -> None:
    values = {":low": {"N": "1"}, ":text": {"S": "wo"}}
    item = {"a": {"N": "2"}, "b": {"S": "word"}}
    assert moto_inside.condition_holds(expression, {}, values, item) is holds


@pytest.mark.parametrize("expression", ["a = ", "(a = :low", "nonsense(a)", "a BETWEEN :low", "a > :nobody"])
def test_an_expression_that_moto_stumbles_over_is_the_clients_fault(expression: str) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        moto_inside.condition_holds(expression, {}, {":low": {"N": "1"}}, {"a": {"N": "2"}})


def test_touched() -> None:
    expression = "SET #n = :one, m.x[0] = if_not_exists(other, :one) REMOVE gone ADD count :one DELETE tags :some"
    assert moto_inside.touched(expression, {"#n": "name"}) == {"name", "m", "gone", "count", "tags"}


def test_a_message_that_waits_costs_no_look_at_the_clock(runtime: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or sending takes longer the more messages wait, since moto counts them each time."""
    sqs = runtime.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for _ in range(10):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": "waits"} for i in range(10)])
    looks: list[float] = []

    def looked() -> float:
        looks.append(time.time() * 1000)
        return looks[-1]

    for module in ("salespipe.local.moto_inside", "moto.sqs.models"):
        monkeypatch.setattr(f"{module}.unix_time_millis", looked, raising=False)
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    assert 0 < len(looks) < 10
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    (received,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
    assert received["Body"] == "waits"
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    names.append("ApproximateNumberOfMessagesNotVisible")
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["100", "1", "1"]
