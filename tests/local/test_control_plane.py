"""What moto leaves out of the control plane, and this endpoint adds."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.embedded import Embedded

TAG = {"Key": "owner", "Value": "a <b> & c"}


def test_a_bucket_is_created_with_its_tags(runtime: Embedded) -> None:
    s3 = runtime.client("s3")
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration={"Tags": [TAG]})
    assert s3.get_bucket_tagging(Bucket="a-bucket")["TagSet"] == [TAG]


def test_a_stream_is_created_with_its_tags(runtime: Embedded) -> None:
    kinesis = runtime.client("kinesis")
    kinesis.create_stream(StreamName="S", ShardCount=1, Tags={"owner": "a"})
    assert kinesis.list_tags_for_stream(StreamName="S")["Tags"] == [{"Key": "owner", "Value": "a"}]


def test_a_workgroup_can_be_updated_and_stays_so(runtime: Embedded) -> None:
    athena = runtime.client("athena")
    athena.create_work_group(
        Name="w",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://b/a/"}, "BytesScannedCutoffPerQuery": 10**8},
    )
    athena.update_work_group(
        WorkGroup="w",
        ConfigurationUpdates={
            "ResultConfigurationUpdates": {"OutputLocation": "s3://b/c/"},
            "RemoveBytesScannedCutoffPerQuery": True,
            "EnforceWorkGroupConfiguration": False,
        },
    )
    runtime.restart()
    found = runtime.client("athena").get_work_group(WorkGroup="w")["WorkGroup"]["Configuration"]
    assert found["ResultConfiguration"]["OutputLocation"] == "s3://b/c/"
    assert found["EnforceWorkGroupConfiguration"] is False
    assert "BytesScannedCutoffPerQuery" not in found
    with pytest.raises(ClientError, match="WorkGroup is not found"):
        runtime.client("athena").update_work_group(WorkGroup="none")


def test_a_stream_switched_off_and_on_is_a_new_stream(runtime: Embedded) -> None:
    dynamodb = runtime.client("dynamodb")
    first = dynamodb.create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    on = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    with pytest.raises(ClientError, match="Cannot enable stream"):
        dynamodb.update_table(TableName="Orders", StreamSpecification=on)

    dynamodb.update_table(TableName="Orders", StreamSpecification={"StreamEnabled": False})
    dynamodb.put_item(TableName="Orders", Item={"id": {"S": "unseen"}})
    second = dynamodb.update_table(TableName="Orders", StreamSpecification=on)["TableDescription"]["LatestStreamArn"]
    dynamodb.put_item(TableName="Orders", Item={"id": {"S": "seen"}})

    assert second != first
    streams = runtime.client("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=second)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=second, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["seen"]


def test_any_credentials_do(runtime: Embedded) -> None:
    nobody = boto3.client(
        "dynamodb",
        endpoint_url=runtime.endpoint,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="knows",
    )
    assert nobody.list_tables()["TableNames"] == []
    nobody.close()
