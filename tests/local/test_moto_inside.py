"""Each thing we use of moto's inside, by name: an upgrade that moves one fails here."""

from __future__ import annotations

import io
import json
import zipfile

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


def test_every_durable_service_can_be_saved_and_put_back(runtime: Embedded) -> None:
    runtime.client("sqs").create_queue(QueueName="q")
    runtime.client("s3").create_bucket(Bucket="a-bucket")
    deploy(runtime)
    for service in moto_inside.DURABLE:
        moto_inside.load(service, moto_inside.dump(service))
    assert runtime.client("lambda").get_function(FunctionName="f")["Configuration"]["Handler"] == "code.handler"
    runtime.client("lambda").update_function_configuration(FunctionName="f", Timeout=7)
    assert moto_inside.function("us-east-1", "f").timeout_s == 7
    assert runtime.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    assert runtime.client("s3").head_bucket(Bucket="a-bucket")


def test_bucket_exists(runtime: Embedded) -> None:
    assert not moto_inside.bucket_exists("a-bucket")
    runtime.client("s3").create_bucket(Bucket="a-bucket")
    assert moto_inside.bucket_exists("a-bucket")


def test_stream_shards(runtime: Embedded) -> None:
    runtime.client("kinesis").create_stream(StreamName="S", ShardCount=2)
    first, second = moto_inside.stream_shards("us-east-1", "S")
    assert first == (0, 0, 2**127 - 1, True, None, None)
    assert second == (1, 2**127, 2**128 - 1, True, None, None)


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


def test_compare() -> None:
    assert moto_inside.compare("BETWEEN", {"N": "5"}, [{"N": "1"}, {"N": "10"}])
    assert not moto_inside.compare("BEGINS_WITH", {"S": "abc"}, [{"S": "b"}])
