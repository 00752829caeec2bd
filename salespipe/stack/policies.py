"""Every IAM document of the stack: who may assume each role, what it may do, and the bucket's own policy.

Guarantee: exact actions on exact resources. A resource ends in `*` only where no exact name exists: objects under one
of our prefixes, the log streams that Lambda names itself, the tables of our own database, the crawlers' log group, as
IAM knows a log group only with `:*` after its name
(https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html), and dynamodb:ListStreams, for
which IAM knows no resource. Trust: Pipes sends aws:SourceAccount and aws:SourceArn, Firehose sends the account as
sts:ExternalId (https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html). Lambda and Glue are not
documented to send either, so there the account is compared only when it is sent: a plain comparison would lock them
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from salespipe.stack.naming import DATA_PREFIX, ERROR_PREFIX, Names

Service = Literal["transform", "delivery", "crawler", "pipe"]
Document = dict[str, Any]


def trust(names: Names, service: Service) -> Document:
    """The trust policy of the role of `service`."""
    principal = {"transform": "lambda", "delivery": "firehose", "crawler": "glue", "pipe": "pipes"}[service]
    condition: dict[str, dict[str, str]] = {"StringEqualsIfExists": {"aws:SourceAccount": names.account}}
    if service == "pipe":
        condition = {
            "StringEquals": {"aws:SourceAccount": names.account},
            "ArnEquals": {"aws:SourceArn": names.arn("pipes", f"pipe/{names.pipe}")},
        }
    elif service == "delivery":
        condition["StringEquals"] = {"sts:ExternalId": names.account}
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": f"{principal}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": condition,
        }
    )


def permissions(names: Names, service: Service, stream_arn: str) -> Document:
    """What the role of `service` may do. `stream_arn` is the table's change stream; only the pipe reads it."""
    if service == "pipe":
        return _pipe(names, stream_arn)
    return {"transform": _transform, "delivery": _delivery, "crawler": _crawler}[service](names)


def tls_only(names: Names) -> Document:
    """The bucket policy: refuse every request that is not encrypted on its way."""
    return _document(
        {
            "Sid": "RefusePlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [names.bucket_arn, f"{names.bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def equivalent(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two policies say the same: services reorder lists and turn a list of one into its element.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    return bool(_canonical(one) == _canonical(other))


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return "*" if value == {"AWS": "*"} else {name: _canonical(part) for name, part in value.items()}
    if isinstance(value, list):
        parts = sorted((_canonical(part) for part in value), key=str)
        return parts[0] if len(parts) == 1 else parts
    return str(value).lower() if isinstance(value, bool) else value


def _pipe(names: Names, stream_arn: str) -> Document:
    return _document(
        _allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [stream_arn]),
        _allow(["dynamodb:ListStreams"], ["*"]),
        _allow(["kinesis:PutRecord", "kinesis:PutRecords"], [names.stream_arn]),
        _allow(["sqs:SendMessage"], [names.arn("sqs", names.dead_letters)]),
    )


def _delivery(names: Names) -> Document:
    bucket, function = names.bucket_arn, names.function_arn
    log_stream = f"log-group:{names.delivery_log}:log-stream:{names.delivery_log_stream}"
    return _document(
        _allow(["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket]),
        _allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [f"{bucket}/{DATA_PREFIX}*", f"{bucket}/{ERROR_PREFIX}*"],
        ),
        _allow(
            ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"],
            [names.stream_arn],
        ),
        _allow(["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"], [function, f"{function}:$LATEST"]),
        _allow(["logs:PutLogEvents"], [names.arn("logs", log_stream)]),
    )


def _transform(names: Names) -> Document:
    group = names.arn("logs", f"log-group:{names.function_log}:*")
    return _document(_allow(["logs:CreateLogStream", "logs:PutLogEvents"], [group]))


def _crawler(names: Names) -> Document:
    """Glue's crawlers share one log group per account; each writes to the log stream of its own name.
    https://docs.aws.amazon.com/glue/latest/dg/crawler-prereqs.html"""
    catalog = [
        names.arn("glue", "catalog"),
        names.arn("glue", f"database/{names.database}"),
        names.arn("glue", f"table/{names.database}/*"),
    ]
    log = names.arn("logs", f"log-group:{names.crawler_log}:log-stream:{names.crawler}")
    return _document(
        _allow(["s3:GetBucketLocation", "s3:ListBucket"], [names.bucket_arn]),
        _allow(["s3:GetObject"], [f"{names.bucket_arn}/{DATA_PREFIX}*"]),
        _allow(
            [
                "glue:BatchCreatePartition",
                "glue:BatchGetPartition",
                "glue:BatchUpdatePartition",
                "glue:CreatePartition",
                "glue:CreateTable",
                "glue:GetDatabase",
                "glue:GetPartition",
                "glue:GetPartitions",
                "glue:GetTable",
                "glue:GetTables",
                "glue:UpdatePartition",
                "glue:UpdateTable",
            ],
            catalog,
        ),
        _allow(["logs:CreateLogGroup"], [names.arn("logs", f"log-group:{names.crawler_log}:*")]),
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log]),
    )


def _allow(actions: Sequence[str], resources: Sequence[str]) -> Document:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
