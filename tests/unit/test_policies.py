"""The IAM documents: exact actions, exact resources, and trust that names the account."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from salespipe.stack.naming import Names
from salespipe.stack.policies import Service, equivalent, permissions, tls_only, trust

NAMES = Names("sales", "123456789012", "eu-west-1")
STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/OrdersRawTable/stream/2026-11-20T00:00:00.000"
SERVICES: tuple[Service, ...] = get_args(Service)
BUCKET = "arn:aws:s3:::salespipe-sales-123456789012-eu-west-1"
# Everything that ends in a star, with why there is no exact name.
PATTERNS = {
    "*": "IAM knows no resource for dynamodb:ListStreams",
    f"{BUCKET}/orders/*": "objects",
    f"{BUCKET}/errors/*": "objects",
    "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/salespipe-sales-transform:*": "Lambda's log streams",
    "arn:aws:logs:eu-west-1:123456789012:log-group:/aws-glue/crawlers:*": "IAM names a log group so, even to create it",
    "arn:aws:glue:eu-west-1:123456789012:table/salespipe_sales/*": "the tables of our own database",
}


def grants(service: Service) -> dict[str, set[str]]:
    """Resource to the actions allowed on it."""
    allowed: dict[str, set[str]] = {}
    for statement in permissions(NAMES, service, STREAM)["Statement"]:
        assert statement["Effect"] == "Allow"
        for resource in statement["Resource"]:
            allowed.setdefault(resource, set()).update(statement["Action"])
    return allowed


@pytest.mark.parametrize("service", SERVICES)
def test_no_action_is_a_pattern_and_every_resource_pattern_has_a_reason(service: Service) -> None:
    for resource, actions in grants(service).items():
        assert not [action for action in actions if "*" in action]
        if "*" in resource:
            assert resource in PATTERNS
        else:
            assert resource.startswith("arn:aws:")
    assert grants(service).get("*", set()) <= {"dynamodb:ListStreams"}


def test_every_pattern_is_in_use() -> None:
    used = {resource for service in SERVICES for resource in grants(service) if "*" in resource}
    assert used == set(PATTERNS)


def test_the_pipe_reads_this_stream_and_writes_to_one_stream_and_one_queue() -> None:
    assert grants("pipe") == {
        STREAM: {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"},
        "*": {"dynamodb:ListStreams"},
        "arn:aws:kinesis:eu-west-1:123456789012:stream/salespipe-sales-changes": {
            "kinesis:PutRecord",
            "kinesis:PutRecords",
        },
        "arn:aws:sqs:eu-west-1:123456789012:salespipe-sales-dead-letters": {"sqs:SendMessage"},
    }


def test_the_delivery_has_what_firehose_asks_for_and_no_more() -> None:
    """https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3"""
    function = "arn:aws:lambda:eu-west-1:123456789012:function:salespipe-sales-transform"
    log = (
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/kinesisfirehose/salespipe-sales-delivery"
        ":log-stream:DestinationDelivery"
    )
    objects = {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}
    call = {"lambda:GetFunctionConfiguration", "lambda:InvokeFunction"}
    assert grants("delivery") == {
        BUCKET: {"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"},
        f"{BUCKET}/orders/*": objects,
        f"{BUCKET}/errors/*": objects,
        "arn:aws:kinesis:eu-west-1:123456789012:stream/salespipe-sales-changes": {
            "kinesis:DescribeStream",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
        },
        function: call,
        f"{function}:$LATEST": call,
        log: {"logs:PutLogEvents"},
    }


def test_the_transform_may_only_log_and_the_crawler_cannot_write_objects() -> None:
    (actions,) = grants("transform").values()
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}
    crawler = set().union(*grants("crawler").values())
    assert {action for action in crawler if action.startswith("s3:")} == {
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
    }
    assert not [action for action in crawler if "Delete" in action]


@pytest.mark.parametrize(
    ("service", "principal", "condition"),
    [
        (
            "pipe",
            "pipes.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnEquals": {"aws:SourceArn": "arn:aws:pipes:eu-west-1:123456789012:pipe/salespipe-sales-pipe"},
            },
        ),
        (
            "delivery",
            "firehose.amazonaws.com",
            {
                "StringEquals": {"sts:ExternalId": "123456789012"},
                "StringEqualsIfExists": {"aws:SourceAccount": "123456789012"},
            },
        ),
        ("transform", "lambda.amazonaws.com", {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}),
        ("crawler", "glue.amazonaws.com", {"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}),
    ],
)
def test_trust_names_one_service_and_the_account(service: Service, principal: str, condition: dict[str, Any]) -> None:
    (statement,) = trust(NAMES, service)["Statement"]
    assert statement["Principal"] == {"Service": principal}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == condition


def test_policies_are_compared_by_what_they_say() -> None:
    ours = tls_only(NAMES)
    (statement,) = ours["Statement"]
    echoed = {
        "Statement": {
            **statement,
            "Principal": {"AWS": "*"},
            "Action": ["s3:*"],
            "Resource": statement["Resource"][::-1],
            "Condition": {"Bool": {"aws:SecureTransport": False}},
        },
        "Version": "2012-10-17",
    }
    assert equivalent(ours, echoed)
    assert not equivalent(ours, {**ours, "Statement": [{**statement, "Effect": "Allow"}]})
    assert not equivalent(ours, {**ours, "Statement": [statement, statement]})
    assert not equivalent(ours, {**ours, "Statement": [{**statement, "Resource": statement["Resource"][:1]}]})
