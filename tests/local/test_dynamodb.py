"""DynamoDB items and their stream, as a boto3 client of the endpoint sees them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salespipe.local.api.dynamodb_values import number
from salespipe.local.errors import AwsError
from salespipe.local.stores.keys import sortable
from tests.embedded import Embedded

Item = dict[str, Any]


@pytest.fixture
def table(runtime: Embedded) -> str:
    runtime.client("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return "Orders"


def order(orderid: str, **more: str) -> Item:
    return {"orderid": {"S": orderid}, **{name: {"N": value} for name, value in more.items()}}


def changes(runtime: Embedded) -> list[dict[str, Any]]:
    streams = runtime.client("dynamodbstreams")
    arn = streams.list_streams(TableName="Orders")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    token = iterator["ShardIterator"]
    found: list[dict[str, Any]] = []
    while True:
        page = streams.get_records(ShardIterator=token, Limit=50)
        if not page["Records"]:
            return found
        found += page["Records"]
        token = page["NextShardIterator"]


def test_every_kind_of_change_is_in_the_stream_with_both_images(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", quantity="1"))
    client.put_item(TableName=table, Item=order("a", quantity="2"))
    client.delete_item(TableName=table, Key=order("a"))

    seen = changes(runtime)

    assert [record["eventName"] for record in seen] == ["INSERT", "MODIFY", "REMOVE"]
    assert seen[1]["dynamodb"]["OldImage"] == order("a", quantity="1")
    assert seen[1]["dynamodb"]["NewImage"] == order("a", quantity="2")
    assert "NewImage" not in seen[2]["dynamodb"]
    assert seen[2]["dynamodb"]["OldImage"] == order("a", quantity="2")
    numbers = [record["dynamodb"]["SequenceNumber"] for record in seen]
    assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in seen}) == 3


def test_a_write_that_changes_nothing_makes_no_record(runtime: Embedded, table: str) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", price="1.50"))
    client.put_item(TableName=table, Item=order("a", price="1.5"))
    client.delete_item(TableName=table, Key=order("never there"))

    assert [record["eventName"] for record in changes(runtime)] == ["INSERT"]


def test_updates_under_a_condition_lose_nothing(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", quantity="0"))

    def add() -> None:
        for _ in range(25):
            client.update_item(
                TableName=table,
                Key=order("a"),
                UpdateExpression="SET quantity = quantity + :one",
                ConditionExpression="attribute_exists(orderid)",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert client.get_item(TableName=table, Key=order("a"))["Item"]["quantity"] == {"N": "100"}
    assert len(changes(runtime)) == 101


def test_a_failed_condition_changes_nothing(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", quantity="1"))

    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        client.put_item(
            TableName=table, Item=order("a", quantity="2"), ConditionExpression="attribute_not_exists(orderid)"
        )

    assert client.get_item(TableName=table, Key=order("a"))["Item"] == order("a", quantity="1")


def test_a_transaction_is_all_or_nothing(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    put = {"Put": {"TableName": table, "Item": order("a", quantity="1")}}
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": order("b"),
            "ConditionExpression": "attribute_exists(orderid)",
        }
    }

    with pytest.raises(ClientError, match="TransactionCanceledException") as caught:
        client.transact_write_items(TransactItems=[put, check])

    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
    ]
    assert "Item" not in client.get_item(TableName=table, Key=order("a"))
    assert changes(runtime) == []


def test_a_batch_has_25_writes_of_different_keys_at_most(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    puts = [{"PutRequest": {"Item": order(str(number))}} for number in range(26)]

    with pytest.raises(ClientError, match="Too many items"):
        client.batch_write_item(RequestItems={table: puts})
    with pytest.raises(ClientError, match="contains duplicates"):
        client.batch_write_item(RequestItems={table: [puts[0], puts[0]]})
    assert client.batch_write_item(RequestItems={table: puts[:25]})["UnprocessedItems"] == {}

    assert client.describe_table(TableName=table)["Table"]["ItemCount"] == 25


def test_a_batch_of_keys_names_each_once(runtime: Embedded, table: str) -> None:
    asked = {table: {"Keys": [order("a"), order("b"), order("a")]}}
    with pytest.raises(ClientError, match="Provided list of item keys contains duplicates") as caught:
        runtime.client("dynamodb").batch_get_item(RequestItems=asked)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_batch_is_answered_with_16_mb_and_the_keys_of_the_rest(runtime: Embedded, table: str) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    client = runtime.client("dynamodb")
    for number_ in range(45):
        client.put_item(TableName=table, Item={**order(str(number_)), "note": {"S": "x" * 400_000}})

    asked: Item = {"Keys": [order(str(number_)) for number_ in range(45)], "ConsistentRead": True}
    first = client.batch_get_item(RequestItems={table: asked})
    rest = client.batch_get_item(RequestItems=first["UnprocessedKeys"])

    assert [item["orderid"]["S"] for item in first["Responses"][table]] == [str(number_) for number_ in range(41)]
    assert first["UnprocessedKeys"] == {table: {**asked, "Keys": asked["Keys"][41:]}}
    assert [item["orderid"]["S"] for item in rest["Responses"][table]] == ["41", "42", "43", "44"]
    assert rest["UnprocessedKeys"] == {}


def test_scan_gives_every_item_once_over_its_pages(runtime: Embedded, table: str) -> None:
    client = runtime.client("dynamodb")
    for number_ in range(7):
        client.put_item(TableName=table, Item=order(f"k{number_}", quantity=str(number_)))

    pages = list(client.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 3}))

    assert [len(page["Items"]) for page in pages] == [3, 3, 1]
    assert sorted(item["orderid"]["S"] for page in pages for item in page["Items"]) == [f"k{n}" for n in range(7)]
    filtered = client.scan(
        TableName=table,
        FilterExpression="quantity >= :least",
        ExpressionAttributeValues={":least": {"N": "5"}},
        ProjectionExpression="orderid",
    )
    assert filtered["ScannedCount"] == 7
    assert filtered["Items"] == [order("k5"), order("k6")]


def test_query_orders_by_a_numeric_range_key(runtime: Embedded) -> None:
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Readings",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for at in ("10", "-3", "2.5", "100", "0"):
        client.put_item(TableName="Readings", Item={"id": {"S": "x"}, "at": {"N": at}})

    def asked(**more: Any) -> list[str]:
        answer = client.query(TableName="Readings", **more)
        return [item["at"]["N"] for item in answer["Items"]]

    values = {":id": {"S": "x"}, ":low": {"N": "0"}, ":high": {"N": "10"}}
    assert asked(KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "x"}}) == [
        "-3",
        "0",
        "2.5",
        "10",
        "100",
    ]
    assert asked(
        KeyConditionExpression="id = :id AND #at BETWEEN :low AND :high",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues=values,
        ScanIndexForward=False,
    ) == ["10", "2.5", "0"]


@pytest.fixture
def readings(runtime: Embedded) -> str:
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Readings",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for id in "xyz":
        puts = [{"PutRequest": {"Item": {"id": {"S": id}, "at": {"S": f"{at:02}"}}}} for at in range(24)]
        client.batch_write_item(RequestItems={"Readings": puts})
    return "Readings"


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("", (), range(24)),
        ("AND #at > :a", ("13",), range(14, 24)),
        ("AND #at >= :a", ("13",), range(13, 24)),
        ("AND #at < :a", ("13",), range(13)),
        ("AND #at <= :a", ("13",), range(14)),
        ("AND #at = :a", ("13",), [13]),
        ("AND #at BETWEEN :a AND :b", ("05", "16"), range(5, 17)),
        ("AND begins_with(#at, :a)", ("1",), range(10, 20)),
    ],
)
def test_the_pages_of_a_query_read_what_they_answer_and_little_more(
    runtime: Embedded,
    readings: str,
    monkeypatch: pytest.MonkeyPatch,
    forward: bool,
    condition: str,
    values: tuple[str, ...],
    expected: Sequence[int],
) -> None:
    read = 0
    partition = runtime.stores.items.partition

    def counted(*given: Any, **more: Any) -> Iterator[Item]:
        nonlocal read
        for item in partition(*given, **more):
            read += 1
            yield item

    monkeypatch.setattr(runtime.stores.items, "partition", counted)
    asked = {f":{name}": {"S": value} for name, value in zip("ab", values, strict=False)}
    pages = (
        runtime.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=readings,
            KeyConditionExpression=f"id = :id {condition}",
            **({"ExpressionAttributeNames": {"#at": "at"}} if condition else {}),
            ExpressionAttributeValues={":id": {"S": "y"}, **asked},
            ScanIndexForward=forward,
            PaginationConfig={"PageSize": 3},
        )
    )
    found = [[int(item["at"]["S"]) for item in page["Items"]] for page in pages]

    assert [at for page in found for at in page] == list(expected if forward else reversed(expected))
    # One more than a page has, to know whether there is another, and one at each end that is left out.
    assert read <= len(expected) + len(found) + 2


def keyed(runtime: Embedded, hash_type: str, range_type: str) -> Any:
    """A client, and a table `Keyed` with keys `h` and `r` of these types."""
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Keyed",
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "h", "AttributeType": hash_type},
            {"AttributeName": "r", "AttributeType": range_type},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html: "DynamoDB
# compares binary values treating each byte as an unsigned number". None of these lie so as base64 text.
BINARY = [b"\x00", b"\x00\x00", b"a", b"ab", b"abc", b"abcd", b"b", b"\x7f", b"\x80", b"\xfb\xf0", b"\xff", b"\xff\xff"]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("condition", "values", "meets"),
    [
        ("", (), lambda at: True),
        ("AND r > :a", (b"ab",), lambda at: at > b"ab"),
        ("AND r >= :a", (b"ab",), lambda at: at >= b"ab"),
        ("AND r < :a", (b"\x80",), lambda at: at < b"\x80"),
        ("AND r <= :a", (b"\x80",), lambda at: at <= b"\x80"),
        ("AND r = :a", (b"ab",), lambda at: at == b"ab"),
        ("AND r BETWEEN :a AND :b", (b"a", b"\xfb"), lambda at: b"a" <= at <= b"\xfb"),
        ("AND begins_with(r, :a)", (b"a",), lambda at: at.startswith(b"a")),
        ("AND begins_with(r, :a)", (b"\xff",), lambda at: at.startswith(b"\xff")),
    ],
)
def test_binary_range_keys_compare_by_their_bytes(
    runtime: Embedded, forward: bool, condition: str, values: Sequence[bytes], meets: Callable[[bytes], bool]
) -> None:
    client = keyed(runtime, "B", "B")
    for at in BINARY:
        client.put_item(TableName="Keyed", Item={"h": {"B": b"\xfe"}, "r": {"B": at}})

    asked = {":h": {"B": b"\xfe"}} | {name: {"B": one} for name, one in zip((":a", ":b"), values, strict=False)}
    found = client.query(
        TableName="Keyed",
        KeyConditionExpression=f"h = :h {condition}",
        ExpressionAttributeValues=asked,
        ScanIndexForward=forward,
    )["Items"]

    assert [item["r"]["B"] for item in found] == sorted(filter(meets, BINARY), reverse=not forward)


# In order: 38 digits, with and without exponents, up to the ends of the range of numbers.
NUMBERS = [
    "-9.9999999999999999999999999999999999999E+125",
    "-12345678901234567890123456789012345679",
    "-12345678901234567890123456789012345678",
    "-1E-130",
    "0",
    "1E-130",
    "0.1234567890123456789012345678901234567",
    "0.12345678901234567890123456789012345678",
    "12E-1",
    "1234567890123456789012345678901234567800",
    "12345678901234567890123456789012345678E2",
    "12345678901234567890123456789012345679E2",
    "9.9999999999999999999999999999999999999E125",
]


def test_numeric_range_keys_compare_by_all_their_digits(runtime: Embedded) -> None:
    client = keyed(runtime, "N", "N")
    for place, at in enumerate(NUMBERS):
        client.put_item(TableName="Keyed", Item={"h": {"N": "1"}, "r": {"N": at}, "place": {"N": str(place)}})

    def asked(condition: str = "", *values: str, **more: Any) -> list[int]:
        named = {name: {"N": one} for name, one in zip((":a", ":b"), values, strict=False)}
        answer = client.query(
            TableName="Keyed",
            KeyConditionExpression=f"h = :h {condition}",
            ExpressionAttributeValues={":h": {"N": "1.0"}} | named,
            **more,
        )
        return [int(item["place"]["N"]) for item in answer["Items"]]

    assert asked() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12]  # the tenth is the eleventh's key
    assert asked(ScanIndexForward=False) == asked()[::-1]
    assert asked("AND r > :a", NUMBERS[1]) == [2, 3, 4, 5, 6, 7, 8, 10, 11, 12]
    assert asked("AND r < :a", NUMBERS[11]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert asked("AND r BETWEEN :a AND :b", NUMBERS[6], "1.20") == [6, 7, 8]
    assert asked("AND r = :a", NUMBERS[7]) == [7]
    first = client.get_item(TableName="Keyed", Key={"h": {"N": "1"}, "r": {"N": NUMBERS[2]}})["Item"]
    assert first["r"]["N"] == NUMBERS[2]


def test_numbers_of_one_value_are_one_key(runtime: Embedded) -> None:
    client = keyed(runtime, "N", "N")
    for count, same in enumerate(("1", "1.0", "10E-1", "+01.00", "0.1e1")):
        client.put_item(
            TableName="Keyed", Item={"h": {"N": same}, "r": {"N": same}, "count": {"N": str(count)}, "of": {"S": same}}
        )

    assert [item["of"]["S"] for item in client.scan(TableName="Keyed")["Items"]] == ["0.1e1"]
    found = client.get_item(TableName="Keyed", Key={"h": {"N": "1.00"}, "r": {"N": "100E-2"}})["Item"]
    assert (found["h"], found["r"], found["count"]) == ({"N": "1"}, {"N": "1"}, {"N": "4"})
    client.delete_item(TableName="Keyed", Key={"h": {"N": "1.0"}, "r": {"N": "01"}})
    assert client.scan(TableName="Keyed")["Count"] == 0


@pytest.mark.parametrize("expression", ["ADD amount :more", "SET amount = amount + :more"])
def test_a_sum_keeps_38_digits(runtime: Embedded, table: str, expression: str) -> None:
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", amount="123456789012345678901234567890.12345678"))
    client.update_item(
        TableName=table,
        Key=order("a"),
        UpdateExpression=expression,
        ExpressionAttributeValues={":more": {"N": "0.00000001"}},
    )
    found = client.get_item(TableName=table, Key=order("a"))["Item"]
    assert found["amount"]["N"] == "123456789012345678901234567890.12345679"


NAMES = [first + second + third for first in "qwxzy" for second in "qwxzjkvb" for third in "qwxzjkvb0123456789QWXZ"]


@pytest.mark.parametrize(
    "expression",
    [
        "SET " + ",".join(f"{name}=:one" for name in NAMES[:450]),
        "ADD " + ",".join(f"{name} :one" for name in NAMES[:450]),
        "SET " + ",".join(f"{name}=:one" for name in NAMES[:255]) + " ADD a :one REMOVE " + ",".join(NAMES[255:690]),
    ],
)
def test_an_update_expression_has_as_many_actions_as_4_kb_hold(runtime: Embedded, table: str, expression: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    assert 3500 < len(expression) <= 4096
    client = runtime.client("dynamodb")
    old = {name: {"N": "7"} for name in NAMES[600:]}
    client.put_item(TableName=table, Item=order("a") | old)
    client.update_item(
        TableName=table,
        Key=order("a"),
        UpdateExpression=expression,
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    found = client.get_item(TableName=table, Key=order("a"))["Item"]
    removing = "REMOVE" in expression
    assert {name for name in NAMES if found.get(name) == {"N": "1"}} == set(NAMES[: 255 if removing else 450])
    assert {name for name in NAMES if found.get(name) == {"N": "7"}} == set(NAMES[690 if removing else 600 :])


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("(:two)", "2"),
        ("( ( (:two) ) )", "2"),
        ("(:two + :two) - (:two - (:two + :two))", "6"),
        ("if_not_exists(amount, :two) - (amount)", "0"),
        ("+".join([":two"] * 301), "602"),  # the most that AWS takes: 300 operators
    ],
)
def test_a_value_may_be_in_parentheses_and_has_up_to_300_operators(
    runtime: Embedded, table: str, value: str, made: str
) -> None:
    client = runtime.client("dynamodb")
    client.put_item(TableName=table, Item=order("a", amount="5"))
    client.update_item(
        TableName=table,
        Key=order("a"),
        UpdateExpression=f"SET extra = :two, made = {value}",
        ExpressionAttributeValues={":two": {"N": "2"}},
    )
    assert client.get_item(TableName=table, Key=order("a"))["Item"]["made"] == {"N": made}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("SET a = " + "(" * 2000 + ":one" + ")" * 2000, "cannot follow how deeply it is nested"),
        ("SET a = " + "+".join([":one"] * 1300), "cannot follow how deeply it is nested"),
        ("  ", "The expression can not be empty"),
        ("SET a = (:one", "Syntax error"),
        ("SET b = :one, a = ()", "Syntax error"),
    ],
)
def test_an_update_expression_that_cannot_be_read_is_refused_and_no_failure_of_ours(
    runtime: Embedded, table: str, expression: str, words: str
) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        runtime.client("dynamodb").update_item(
            TableName=table,
            Key=order("a"),
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": {":one": {"N": "1"}}} if ":one" in expression else {}),
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_number_does_not_begin_with_another(runtime: Embedded) -> None:
    with pytest.raises(ClientError, match="operator or function: begins_with, operand type: N"):
        keyed(runtime, "S", "N").query(
            TableName="Keyed",
            KeyConditionExpression="h = :h AND begins_with(r, :r)",
            ExpressionAttributeValues={":h": {"S": "x"}, ":r": {"N": "1"}},
        )


def test_a_query_refuses_what_its_keys_cannot_be(runtime: Embedded, readings: str) -> None:
    client = runtime.client("dynamodb")

    def ask(id: Item, at: Item, **more: Any) -> None:
        client.query(
            TableName=readings,
            KeyConditionExpression="id = :id AND #at > :at",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":id": id, ":at": at},
            **more,
        )

    with pytest.raises(ClientError, match="does not match schema type"):
        ask({"S": "y"}, {"N": "1"})
    with pytest.raises(ClientError, match="does not match schema type"):
        ask({"L": []}, {"S": "1"})
    with pytest.raises(ClientError, match="outside query boundaries"):
        ask({"S": "y"}, {"S": "1"}, ExclusiveStartKey={"id": {"S": "x"}, "at": {"S": "03"}})


def test_partiql_is_refused_instead_of_asking_an_empty_table(runtime: Embedded, table: str) -> None:
    with pytest.raises(ClientError, match="ExecuteStatement is not supported"):
        runtime.client("dynamodb").execute_statement(Statement='SELECT * FROM "Orders"')


@pytest.mark.parametrize(
    ("given_item", "words"),
    [
        ({"quantity": {"N": "1"}}, "Missing the key orderid"),
        ({"orderid": {"S": ""}}, "empty string value"),
        ({"orderid": {"S": "a"}, "price": {"N": "cheap"}}, "cannot be converted to a numeric value"),
        ({"orderid": {"S": "a"}, "note": {"S": "x" * 410_000}}, "Item size has exceeded"),
    ],
)
def test_items_that_aws_refuses_are_refused(runtime: Embedded, table: str, given_item: Item, words: str) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        runtime.client("dynamodb").put_item(TableName=table, Item=given_item)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_items_and_changes_are_there_after_a_restart(runtime: Embedded, table: str) -> None:
    runtime.client("dynamodb").put_item(TableName=table, Item=order("a", quantity="1"))
    before = changes(runtime)

    runtime.restart()

    assert runtime.client("dynamodb").get_item(TableName=table, Key=order("a"))["Item"] == order("a", quantity="1")
    assert changes(runtime) == before
    runtime.client("dynamodb").put_item(TableName=table, Item=order("b"))
    assert len(changes(runtime)) == 2


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)


@given(decimals, decimals)
def test_numbers_sort_by_value(left: Decimal, right: Decimal) -> None:
    a, b = sortable({"N": str(left)}), sortable({"N": str(right)})
    assert (a < b) == (left < right)
    assert (a == b) == (left == right)


@given(decimals)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_numbers_are_kept_without_needless_zeros(value: Decimal) -> None:
    kept = number(str(value))
    assert Decimal(kept) == value
    assert kept == boto3.dynamodb.types.TypeSerializer().serialize(Decimal(kept))["N"]
    assert not (kept.endswith("0") and "." in kept)


def test_a_number_of_39_digits_is_refused() -> None:
    with pytest.raises(AwsError, match="38 significant digits"):
        number("1" * 39)
    with pytest.raises(AwsError, match="38 significant digits"):
        number("1" * 20 + "." + "1" * 19)
    assert number("1" * 37 + "2E3") == "1" * 37 + "2000"
