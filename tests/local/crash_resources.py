"""What the tests of kills create over the endpoint, and how they look at it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from salespipe.stack.naming import TAG
from tests.local.crashing import Home

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


def files(home: Home) -> int:
    """How many files lie where objects are kept."""
    return sum(path.is_file() for path in (home.state / "objects").rglob("*"))


def named(home: Home) -> int:
    """How many objects there are in all buckets."""
    s3 = home.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return sum(page["KeyCount"] for name in names for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name))


def kinesis_keys(home: Home, stream: str) -> list[str]:
    """The partition keys of the records of a stream with one shard."""
    kinesis = home.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [record["PartitionKey"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def body(number: int) -> bytes:
    return f"{number} ".encode() * 10_000
