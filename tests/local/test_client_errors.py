"""What a client does wrong is answered as its error, never as a failure of the service."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.embedded import Embedded

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def ask(runtime: Embedded, target: str, body: Any) -> tuple[int, dict[str, Any]]:
    """The answer to a request that no SDK would let through."""
    headers = {"x-amz-target": target, "authorization": AUTHORIZATION.format("dynamodb")}
    try:
        with urlopen(Request(runtime.endpoint, json.dumps(body).encode(), headers)) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def tables(runtime: Embedded) -> Embedded:
    for name in ("A", "B"):
        runtime.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    return runtime


def test_items_and_keys(tables: Embedded) -> None:
    good: dict[str, Any] = {"id": {"S": "a"}, "at": {"N": "1"}}
    put = {"PutRequest": {"Item": good}}
    same = {"Put": {"TableName": "A", "Item": good}}

    wrong: list[Any] = [{"S": 5}, {"M": None}, {"L": {}}, {"BOOL": "yes"}, {"SS": [1]}, {"M": {"y": {"S": []}}}]

    def item(value: Any) -> dict[str, Any]:
        return {"TableName": "A", "Item": {**good, "x": value}}

    cases: list[tuple[str, Any, str, str]] = [
        ("PutItem", [], "SerializationException", "not a JSON object"),
        *(("PutItem", item(value), "SerializationException", "Unexpected value type") for value in wrong),
        ("PutItem", item({"B": "?"}), "SerializationException", "Base64"),
        ("PutItem", item("text"), "ValidationException", "Supplied AttributeValue is empty"),
        ("PutItem", item({"X": "a"}), "ValidationException", "Supplied AttributeValue is empty"),
        (
            "PutItem",
            {"TableName": "A", "Item": {**good, "id": {"N": "1"}}},
            "ValidationException",
            "Type mismatch for key id expected: S actual: N",
        ),
        (
            "GetItem",
            {"TableName": "A", "Key": {**good, "at": {"S": "1"}}},
            "ValidationException",
            "Type mismatch for key at expected: N actual: S",
        ),
        ("PutItem", {"TableName": "A", "Item": good, "ConditionExpression": "id ="}, "ValidationException", "Invalid"),
        (
            "BatchWriteItem",
            {"RequestItems": {"A": [put], "B": []}},
            "ValidationException",
            "greater than or equal to 1",
        ),
        ("TransactWriteItems", {"TransactItems": [same, same]}, "ValidationException", "multiple operations on one"),
        ("TransactWriteItems", {"TransactItems": [same] * 101}, "ValidationException", "between 1 and 100"),
    ]
    for operation, body, code, words in cases:
        status, answer = ask(tables, f"DynamoDB_20120810.{operation}", body)
        assert (status, answer["__type"]) == (400, code), (operation, body)
        assert words in answer["message"]
    assert ask(tables, "DynamoDB_20120810.Scan", {"TableName": "A"})[1]["Count"] == 0


def test_a_set_has_no_order(tables: Embedded) -> None:
    client = tables.client("dynamodb")
    client.update_table(
        TableName="A", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    key = {"id": {"S": "a"}, "at": {"N": "1"}}
    for numbers in (["2", "1"], ["1", "2"]):
        client.put_item(TableName="A", Item={**key, "n": {"NS": numbers}})
    arn = client.describe_table(TableName="A")["Table"]["LatestStreamArn"]
    assert len(tables.stores.changes.read(arn, 0, 10)) == 1


def test_what_was_updated_is_returned_also_when_it_stays_the_same(tables: Embedded) -> None:
    client = tables.client("dynamodb")
    key = {"id": {"S": "a"}, "at": {"N": "1"}}
    client.put_item(TableName="A", Item={**key, "n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}, "other": {"S": "o"}})
    asked = {
        "TableName": "A",
        "Key": key,
        "UpdateExpression": "SET #n = :one, m.x = :one REMOVE gone",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    expected = {"n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}}
    for wanted in ("UPDATED_NEW", "UPDATED_OLD"):
        assert client.update_item(**asked, ReturnValues=wanted)["Attributes"] == expected
    added = client.update_item(
        TableName="A",
        Key=key,
        UpdateExpression="ADD n :one, fresh :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    assert added["Attributes"] == {"n": {"N": "2"}, "fresh": {"N": "1"}}


def test_records_and_iterators(runtime: Embedded) -> None:
    runtime.client("kinesis").create_stream(StreamName="S", ShardCount=1)
    record = {"StreamName": "S", "PartitionKey": "k", "Data": ""}
    tokens = [b64encode(text).decode() for text in (b"5", b"[]", b'["a","b","c","d"]', b"[1,2,3,{}]", b"nonsense")]
    iterator = runtime.client("kinesis").get_shard_iterator(
        StreamName="S", ShardId="shardId-000000000000", ShardIteratorType="LATEST"
    )["ShardIterator"]
    cases: list[tuple[str, Any, str]] = [
        *(
            ("PutRecord", record | {"ExplicitHashKey": text}, "InvalidArgumentException")
            for text in ("zz", str(2**128))
        ),
        *(("GetRecords", {"ShardIterator": token}, "InvalidArgumentException") for token in tokens),
        ("GetRecords", {"ShardIterator": iterator, "Limit": 10_001}, "ValidationException"),
    ]
    for operation, body, code in cases:
        status, answer = ask(runtime, f"Kinesis_20131202.{operation}", body)
        assert (status, answer["__type"]) == (400, code), (operation, body)
