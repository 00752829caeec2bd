"""Throughput limits as clients meet them: over HTTP, with the real codes; and the pipeline at work under them."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws.clients import Clients
from salespipe.aws.waiting import poll_until
from salespipe.local.limits.rates import parse
from salespipe.local.limits.throttle import Throttle
from salespipe.services import provision
from salespipe.services.generate import generate
from salespipe.services.pipeline import Pipeline
from salespipe.services.status import in_flight, status
from salespipe.services.tail import TailEvent, tail
from salespipe.services.write import WriteResult
from tests.aws import new_session
from tests.embedded import Embedded

KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
ATTRIBUTES = [{"AttributeName": "id", "AttributeType": "S"}]


class Clock:
    """Stands still until it is moved: what is used up stays used up, however slow the machine is."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def still(tmp_path: Path, clock: Clock) -> Iterator[Embedded]:
    """A runtime whose limits go by `clock`."""
    embedded = Embedded(tmp_path / "home", Throttle(clock))
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture
def client(still: Embedded) -> Iterator[Callable[[str], Any]]:
    """Clients of `still` that repeat nothing by themselves."""
    clients = Clients(new_session(), still.endpoint, attempts=1)
    yield clients.client
    clients.close()


def limit(runtime: Embedded, text: str) -> None:
    runtime.runtime.throttle.configure(parse(text))


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """The error of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    response: dict[str, Any] = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response


def code(call: Callable[[], Any]) -> str:
    return str(refusal(call)["Error"]["Code"])


# ---- Kinesis ----


def stream(client: Callable[[str], Any], shards: int = 1) -> Any:
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName="S", ShardCount=shards)
    return kinesis


def iterator(kinesis: Any, shard: int = 0) -> str:
    return str(
        kinesis.get_shard_iterator(StreamName="S", ShardId=f"shardId-{shard:012d}", ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
    )


def stored(runtime: Embedded) -> list[bytes]:
    found = runtime.stores.shards.read("arn:aws:kinesis:us-east-1:123456789012:stream/S", 0, 0, 10_000, 1 << 30)
    return [record.data for record in found]


def test_put_records_says_of_each_record_whether_its_shard_took_it(
    still: Embedded, client: Callable[[str], Any]
) -> None:
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    kinesis = stream(client)
    limit(still, "shard-records=10")
    records = [{"Data": b"%d" % number, "PartitionKey": "k"} for number in range(25)]
    answer = kinesis.put_records(StreamName="S", Records=records)
    assert answer["FailedRecordCount"] == 15
    assert [("SequenceNumber" in one, "ErrorCode" in one) for one in answer["Records"]] == [(True, False)] * 10 + [
        (False, True)
    ] * 15
    assert answer["Records"][-1] == {
        "ErrorCode": "ProvisionedThroughputExceededException",
        "ErrorMessage": "Rate exceeded for shard shardId-000000000000 in stream S under account 123456789012.",
    }
    assert stored(still) == [b"%d" % number for number in range(10)]


def test_a_client_that_sends_again_what_was_refused_loses_nothing(
    still: Embedded, client: Callable[[str], Any], clock: Clock
) -> None:
    kinesis = stream(client)
    limit(still, "shard-records=100")
    left = [{"Data": b"%d" % number, "PartitionKey": "k"} for number in range(300)]
    for waiting in (200, 150, 100, 50, 0):
        answer = kinesis.put_records(StreamName="S", Records=left)
        left = [record for record, one in zip(left, answer["Records"], strict=True) if "ErrorCode" in one]
        assert len(left) == answer["FailedRecordCount"] == waiting
        clock.now += 0.5
    assert [int(data) for data in stored(still)] == list(range(300))


def test_a_full_shard_is_an_error_of_put_record_and_other_shards_go_on(
    still: Embedded, client: Callable[[str], Any]
) -> None:
    kinesis = stream(client, shards=2)
    limit(still, "shard-bytes=1000")

    def put(shard: int, size: int) -> Any:
        return kinesis.put_record(
            StreamName="S", Data=b"x" * size, PartitionKey="k", ExplicitHashKey=str(shard * 2**127)
        )

    put(0, 999)
    error = refusal(lambda: put(0, 999))["Error"]
    assert error["Code"] == "ProvisionedThroughputExceededException"
    assert "shardId-000000000000 in stream S" in error["Message"]
    put(1, 999)


def test_a_shard_answers_so_many_reads_a_second(still: Embedded, client: Callable[[str], Any], clock: Clock) -> None:
    kinesis = stream(client)
    limit(still, "shard-reads=5")
    place = iterator(kinesis)
    for _ in range(5):
        kinesis.get_records(ShardIterator=place)
    assert code(lambda: kinesis.get_records(ShardIterator=place)) == "ProvisionedThroughputExceededException"
    clock.now += 0.2
    kinesis.get_records(ShardIterator=place)


def test_a_large_answer_is_paid_back_before_the_next(still: Embedded, client: Callable[[str], Any]) -> None:
    kinesis = stream(client)
    kinesis.put_records(StreamName="S", Records=[{"Data": b"x" * 100_000, "PartitionKey": "k"}] * 10)
    limit(still, "shard-read-bytes=50000")
    place = iterator(kinesis)
    answer = kinesis.get_records(ShardIterator=place)
    assert len(answer["Records"]) == 10
    again = answer["NextShardIterator"]
    assert code(lambda: kinesis.get_records(ShardIterator=again)) == "ProvisionedThroughputExceededException"


# ---- DynamoDB ----


def table(client: Callable[[str], Any], units: int | None = None, name: str = "T") -> Any:
    dynamodb = client("dynamodb")
    billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
    if units is not None:
        billing = {"ProvisionedThroughput": {"ReadCapacityUnits": units, "WriteCapacityUnits": units}}
    dynamodb.create_table(
        TableName=name,
        KeySchema=KEY,
        AttributeDefinitions=ATTRIBUTES,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        **billing,
    )
    return dynamodb


def puts(count: int, size: int = 10) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": {"id": {"S": f"k{number}"}, "x": {"S": "x" * size}}}} for number in range(count)]


def ids(runtime: Embedded) -> set[str]:
    found = runtime.client("dynamodb").scan(TableName="T", ConsistentRead=True)["Items"]
    return {item["id"]["S"] for item in found}


def test_a_batch_gives_back_what_the_table_did_not_take(still: Embedded, client: Callable[[str], Any]) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
    dynamodb = table(client)
    limit(still, "table-writes=10")
    answer = dynamodb.batch_write_item(RequestItems={"T": puts(25)})
    left = [request["PutRequest"]["Item"]["id"]["S"] for request in answer["UnprocessedItems"]["T"]]
    assert left == [f"k{number}" for number in range(10, 25)]
    assert ids(still) == {f"k{number}" for number in range(10)}
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/T"
    refused = refusal(lambda: dynamodb.batch_write_item(RequestItems=answer["UnprocessedItems"]))
    assert refused["Error"]["Code"] == "ThrottlingException"
    assert refused["Error"]["Message"].startswith("Throughput exceeds the current capacity of your table or index.")
    assert refused["throttlingReasons"] == [{"reason": "TableWriteKeyRangeThroughputExceeded", "resource": arn}]


def test_a_provisioned_table_has_its_own_units_and_its_own_error(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client, units=5)
    limit(still, "aws")
    answer = dynamodb.batch_write_item(RequestItems={"T": puts(25)})
    assert len(answer["UnprocessedItems"]["T"]) == 20
    refused = refusal(lambda: dynamodb.batch_write_item(RequestItems=answer["UnprocessedItems"]))
    assert refused["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert refused["Error"]["Message"].startswith("The level of configured provisioned throughput for the table was")
    (reason,) = refused["ThrottlingReasons"]
    assert reason["reason"] == "TableWriteProvisionedThroughputExceeded"


def test_a_factor_is_a_part_of_the_provisioned_units_too(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client, units=100)
    limit(still, "0.1")
    assert len(dynamodb.batch_write_item(RequestItems={"T": puts(25)})["UnprocessedItems"]["T"]) == 15


def test_one_range_of_keys_gives_less_than_the_table(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    limit(still, "table-writes=1000,key-writes=2")
    item = {"id": {"S": "hot"}}
    for _ in range(2):
        dynamodb.put_item(TableName="T", Item=item)
    assert code(lambda: dynamodb.put_item(TableName="T", Item=item)) == "ThrottlingException"
    assert len(dynamodb.batch_write_item(RequestItems={"T": puts(25)})["UnprocessedItems"]["T"]) <= 25 - 4


def test_a_write_costs_the_larger_of_the_item_before_and_after(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    dynamodb.put_item(TableName="T", Item={"id": {"S": "k"}, "x": {"S": "x" * 5000}})
    limit(still, "table-writes=6")
    dynamodb.delete_item(TableName="T", Key={"id": {"S": "k"}})  # 5 units
    dynamodb.delete_item(TableName="T", Key={"id": {"S": "k"}})  # nothing was there: 1
    assert code(lambda: dynamodb.delete_item(TableName="T", Key={"id": {"S": "k"}})) == "ThrottlingException"


KEY_OF_K0 = {"id": {"S": "k0"}}
WRITES: dict[str, Callable[[Any], Any]] = {
    "PutItem": lambda client: client.put_item(TableName="T", Item=KEY_OF_K0),
    "DeleteItem": lambda client: client.delete_item(TableName="T", Key=KEY_OF_K0),
    "UpdateItem": lambda client: client.update_item(
        TableName="T", Key=KEY_OF_K0, UpdateExpression="SET x = :x", ExpressionAttributeValues={":x": {"S": "new"}}
    ),
}
READS: dict[str, Callable[[Any], Any]] = {
    "GetItem": lambda client: client.get_item(TableName="T", Key=KEY_OF_K0),
    "BatchGetItem": lambda client: client.batch_get_item(RequestItems={"T": {"Keys": [KEY_OF_K0]}}),
    "Scan": lambda client: client.scan(TableName="T"),
    "Query": lambda client: client.query(
        TableName="T", KeyConditionExpression="id = :k", ExpressionAttributeValues={":k": {"S": "k0"}}
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_refused_write_changes_nothing(still: Embedded, client: Callable[[str], Any], name: str) -> None:
    dynamodb = table(client)
    dynamodb.batch_write_item(RequestItems={"T": puts(3)})
    before = dynamodb.get_item(TableName="T", Key=KEY_OF_K0)["Item"]
    limit(still, "table-writes=0.001")
    assert len(dynamodb.batch_write_item(RequestItems={"T": [puts(9)[8]]})["UnprocessedItems"]) == 0
    assert code(lambda: WRITES[name](dynamodb)) == "ThrottlingException"
    limit(still, "off")
    assert dynamodb.get_item(TableName="T", Key=KEY_OF_K0)["Item"] == before
    WRITES[name](dynamodb)


@pytest.mark.parametrize("name", READS)
def test_a_refused_read_hands_nothing_out(still: Embedded, client: Callable[[str], Any], name: str) -> None:
    dynamodb = table(client)
    dynamodb.batch_write_item(RequestItems={"T": puts(3)})
    limit(still, "table-reads=0.001")
    READS[name](dynamodb)  # the one that is owed
    refused = refusal(lambda: READS[name](dynamodb))
    assert refused["Error"]["Code"] == "ThrottlingException"
    assert refused["throttlingReasons"][0]["reason"] == "TableReadKeyRangeThroughputExceeded"


def test_a_batch_of_reads_gives_back_the_keys_it_did_not_read(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    dynamodb.batch_write_item(RequestItems={"T": puts(10)})
    limit(still, "table-reads=4")
    keys = [{"id": {"S": f"k{number}"}} for number in range(10)]
    asked = {"T": {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "id"}}
    answer = dynamodb.batch_get_item(RequestItems=asked)
    assert answer["Responses"]["T"] == keys[:4]
    assert answer["UnprocessedKeys"] == {"T": {**asked["T"], "Keys": keys[4:]}}


def test_a_read_that_need_not_be_consistent_costs_half(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    limit(still, "table-reads=1")
    dynamodb.get_item(TableName="T", Key=KEY_OF_K0)
    dynamodb.get_item(TableName="T", Key=KEY_OF_K0)
    assert code(lambda: dynamodb.get_item(TableName="T", Key=KEY_OF_K0)) == "ThrottlingException"


def test_a_transaction_costs_twice_and_says_which_of_its_parts_were_too_many(
    still: Embedded, client: Callable[[str], Any]
) -> None:
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    dynamodb = table(client)
    limit(still, "table-writes=5,table-reads=2")
    parts = [{"Put": {"TableName": "T", "Item": put["PutRequest"]["Item"]}} for put in puts(3)]
    refused = refusal(lambda: dynamodb.transact_write_items(TransactItems=parts))
    assert refused["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in refused["CancellationReasons"]] == ["None", "None", "ThrottlingError"]
    gets = [{"Get": {"TableName": "T", "Key": {"id": {"S": id}}}} for id in ("k0", "k1")]
    refused = refusal(lambda: dynamodb.transact_get_items(TransactItems=gets))
    assert [reason["Code"] for reason in refused["CancellationReasons"]] == ["None", "ThrottlingError"]
    limit(still, "off")
    assert ids(still) == set()


def test_a_wrong_batch_is_wrong_before_it_is_too_much(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    limit(still, "table-writes=0.001")
    twice = {"T": [*puts(1), *puts(1)]}
    assert code(lambda: dynamodb.batch_write_item(RequestItems=twice)) == "ValidationException"


def test_a_change_stream_answers_so_many_reads_and_descriptions(still: Embedded, client: Callable[[str], Any]) -> None:
    dynamodb = table(client)
    arn = dynamodb.describe_table(TableName="T")["Table"]["LatestStreamArn"]
    streams = client("dynamodbstreams")
    limit(still, "stream-reads=2,stream-describes=3")
    described = [streams.describe_stream(StreamArn=arn)["StreamDescription"] for _ in range(3)]
    assert code(lambda: streams.describe_stream(StreamArn=arn)) == "ThrottlingException"
    shard = described[0]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    for _ in range(2):
        streams.get_records(ShardIterator=place)
    assert code(lambda: streams.get_records(ShardIterator=place)) == "LimitExceededException"


def test_without_limits_nothing_is_refused(still: Embedded, client: Callable[[str], Any]) -> None:
    kinesis, dynamodb = stream(client), table(client)
    place = iterator(kinesis)
    for _ in range(12):
        kinesis.get_records(ShardIterator=place, Limit=1)
        assert (
            kinesis.put_records(StreamName="S", Records=[{"Data": b"x", "PartitionKey": "k"}] * 500)[
                "FailedRecordCount"
            ]
            == 0
        )
        assert dynamodb.batch_write_item(RequestItems={"T": puts(25)})["UnprocessedItems"] == {}


# ---- the pipeline under limits ----


def settle(p: Pipeline) -> None:
    poll_until(lambda: in_flight(p) == 0 or None, "nothing in flight", timeout=60, most=0.2)


def generated(p: Pipeline, count: int, seed: int) -> WriteResult:
    *_, result = generate(p, rate=5000, count=count, seed=seed)
    assert isinstance(result, WriteResult)
    assert result.inserted + result.updated + result.deleted == count
    return result


def in_lake(p: Pipeline) -> Counter[str]:
    """Event ids in the objects of the lake."""
    s3 = p.aws.client("s3")
    found: Counter[str] = Counter()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=p.names.bucket, Prefix="orders/"):
        for one in page.get("Contents", []):
            body = s3.get_object(Bucket=p.names.bucket, Key=one["Key"])["Body"].read()
            found.update(json.loads(line)["event_id"] for line in gzip.decompress(body).splitlines())
    return found


def test_generate_sends_again_what_the_table_refused_and_every_order_arrives_once(standing: Embedded) -> None:
    p = standing.pipeline()
    limit(standing, "table-writes=150")
    result = generated(p, 300, seed=5)
    assert result.retried > 0
    settle(p)
    lake = in_lake(p)
    assert (len(lake), sum(lake.values())) == (300, 300)


def test_full_shards_hold_the_pipe_which_then_goes_on(still: Embedded, clock: Clock) -> None:
    p = still.pipeline()
    list(provision.up(p, provision.plan(p)))
    limit(still, "shard-records=100")
    generated(p, 1500, seed=6)

    seen: list[int | None] = []

    def held() -> int | None:
        hops = {hop.name: hop for hop in status(p).hops}
        seen.append(hops["kinesis"].records)
        return hops["pipe"].lag if seen[-1] and seen[-3:] == seen[-1:] * 3 else None

    # Four shards take 100 records each, and the pipe's last step, which made one of them more than full.
    assert poll_until(held, "the pipe held by its target", timeout=60, most=0.2) >= 1500 - 4 * 100 - 500

    def later() -> bool | None:
        clock.now += 60
        return in_flight(p) == 0 or None

    poll_until(later, "nothing in flight", timeout=60, most=0.2)
    lake = in_lake(p)
    assert (len(lake), sum(lake.values())) == (1500, 1500)
    found = {hop.name: hop.records for hop in status(p).hops}
    assert (found["errors"], found["dead letters"]) == (0, 0)


def test_the_delivery_keeps_to_the_reads_of_a_shard_and_loses_nothing(standing: Embedded) -> None:
    p = standing.pipeline()
    limit(standing, "shard-reads=1,shard-read-bytes=100000")
    generated(p, 600, seed=8)
    settle(p)
    lake = in_lake(p)
    assert (len(lake), sum(lake.values())) == (600, 600)


def test_tail_backs_off_and_tells_every_change(standing: Embedded) -> None:
    p = standing.pipeline()
    generated(p, 200, seed=7)
    settle(p)
    limit(standing, "shard-reads=2")
    told = list(tail(p, start="trim_horizon", shard=None, limit=None, exit_at_end=True))
    assert len({event.event_id for event in told if isinstance(event, TailEvent)}) == len(told) == 200


def test_what_is_refused_is_no_base64_problem(still: Embedded, client: Callable[[str], Any]) -> None:
    """The data that was taken is the data that was sent, whatever was refused between."""
    kinesis = stream(client)
    limit(still, "shard-bytes=700")
    records = [{"Data": base64.b64encode(bytes([number]) * 90), "PartitionKey": "k"} for number in range(9)]
    answer = kinesis.put_records(StreamName="S", Records=records)
    taken = [record["Data"] for record, one in zip(records, answer["Records"], strict=True) if "ErrorCode" not in one]
    assert 0 < len(taken) < 9
    assert stored(still) == taken
