"""Transactions of DynamoDB, as a boto3 client of the endpoint sees them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.api.dynamodb_transactions import TOKENS
from salespipe.local.workers.retention import EVERY_SECONDS, Retention
from tests.embedded import Embedded

MINUTE = 60
KEY = {"id": {"S": "a"}}
LARGE = "x" * 400_000


@pytest.fixture
def client(runtime: Embedded) -> Any:
    client = runtime.client("dynamodb")
    client.create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def add(by: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "Orders",
            "Key": KEY,
            "UpdateExpression": "ADD quantity :by",
            "ExpressionAttributeValues": {":by": {"N": by}},
        }
    }


def quantity(client: Any) -> str:
    found: str = client.get_item(TableName="Orders", Key=KEY)["Item"]["quantity"]["N"]
    return found


def age(runtime: Embedded, minutes: float) -> None:
    with runtime.stores.db.write() as connection:
        connection.execute("update documents set at = at - ?", (minutes * MINUTE,))


# ---- tokens: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html ----


def test_a_transaction_that_is_sent_again_is_carried_out_once_also_after_a_restart(
    runtime: Embedded, client: Any
) -> None:
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    runtime.restart()
    client = runtime.client("dynamodb")
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    assert quantity(client) == "1"

    client.transact_write_items(TransactItems=[add("1")])
    client.transact_write_items(TransactItems=[add("1")])
    assert quantity(client) == "3"


def test_the_token_of_another_transaction_is_refused(client: Any) -> None:
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.transact_write_items(TransactItems=[add("2")], ClientRequestToken="t")
    assert quantity(client) == "1"


def test_the_token_of_a_transaction_that_was_cancelled_can_be_used_again(client: Any) -> None:
    put = {"Put": {"TableName": "Orders", "Item": {"id": {"S": "b"}}}}
    check = {"ConditionCheck": {"TableName": "Orders", "Key": KEY, "ConditionExpression": "attribute_exists(id)"}}
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        client.transact_write_items(TransactItems=[put, check], ClientRequestToken="t")
    client.put_item(TableName="Orders", Item=KEY)

    client.transact_write_items(TransactItems=[put, check], ClientRequestToken="t")
    assert client.get_item(TableName="Orders", Key={"id": {"S": "b"}})["Item"] == {"id": {"S": "b"}}


def test_a_token_is_good_for_ten_minutes_and_then_for_as_long_again(runtime: Embedded, client: Any) -> None:
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    age(runtime, 9)
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    assert quantity(client) == "1"
    age(runtime, 2)
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    assert quantity(client) == "2"
    age(runtime, 9)
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="t")
    assert quantity(client) == "2"


def test_tokens_are_dropped_after_ten_minutes(runtime: Embedded, client: Any) -> None:
    for number in range(60):
        client.transact_write_items(TransactItems=[add("1")], ClientRequestToken=f"old {number}")
    age(runtime, 11)
    client.transact_write_items(TransactItems=[add("1")], ClientRequestToken="new")

    retention = Retention(runtime.stores, runtime.runtime.moto, runtime.runtime.supervisor.readers)
    while retention.poll() != EVERY_SECONDS:
        pass
    assert list(runtime.stores.documents.all(TOKENS)) == ["us-east-1 new"]


# ---- isolation ----


def test_a_transaction_reads_nothing_half_written(
    runtime: Embedded, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [{"id": {"S": "a"}}, {"id": {"S": "b"}}]

    def write(value: str) -> None:
        puts = [{"Put": {"TableName": "Orders", "Item": {**key, "quantity": {"N": value}}}} for key in keys]
        client.transact_write_items(TransactItems=puts)

    write("1")
    items, turn = runtime.stores.items, runtime.stores.db.turn
    get = items.get
    writer = threading.Thread(target=write, args=("2",))

    def get_and_let_the_other_write(*given: Any) -> Any:
        found = get(*given)
        if writer.ident is None:
            writer.start()
            while writer.is_alive() and not turn._waiting:
                writer.join(0.01)
        return found

    monkeypatch.setattr(items, "get", get_and_let_the_other_write)
    gets = [{"Get": {"TableName": "Orders", "Key": key}} for key in keys]
    answers = client.transact_get_items(TransactItems=gets)["Responses"]
    writer.join()

    assert [answer["Item"]["quantity"]["N"] for answer in answers] == ["1", "1"]
    again = client.transact_get_items(TransactItems=gets)["Responses"]
    assert [answer["Item"]["quantity"]["N"] for answer in again] == ["2", "2"]


# ---- limits ----


def test_a_transaction_reads_1_to_100_different_items(client: Any) -> None:
    def gets(*ids: object) -> list[dict[str, Any]]:
        return [{"Get": {"TableName": "Orders", "Key": {"id": {"S": str(id)}}}} for id in ids]

    assert client.transact_get_items(TransactItems=gets(*range(100)))["Responses"] == [{}] * 100
    for refused, words in ((gets(*range(101)), "length"), (gets("a", "b", "a"), "multiple operations on one item")):
        with pytest.raises(ClientError, match=words) as caught:
            client.transact_get_items(TransactItems=refused)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_transaction_is_of_4_mb_at_most(client: Any) -> None:
    def puts(number: int, text: str) -> list[dict[str, Any]]:
        items = [{"id": {"S": f"item {each}"}, "text": {"S": text}} for each in range(number)]
        return [{"Put": {"TableName": "Orders", "Item": item}} for item in items]

    with pytest.raises(ClientError, match="aggregate size") as caught:
        client.transact_write_items(TransactItems=puts(11, LARGE))
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert client.scan(TableName="Orders")["Items"] == []

    client.transact_write_items(TransactItems=puts(10, LARGE))
    client.put_item(TableName="Orders", Item={"id": {"S": "item 10"}, "text": {"S": LARGE}})
    names = [{"TableName": "Orders", "Key": {"id": {"S": f"item {each}"}}} for each in range(11)]
    with pytest.raises(ClientError, match="aggregate size"):
        client.transact_write_items(TransactItems=[{"Delete": name} for name in names])
    with pytest.raises(ClientError, match="aggregate size"):
        client.transact_get_items(TransactItems=[{"Get": name} for name in names])
    assert len(client.transact_get_items(TransactItems=[{"Get": name} for name in names[:10]])["Responses"]) == 10
