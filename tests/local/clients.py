"""What the other processes of a test do over the endpoint; each function runs in one of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from botocore.exceptions import ClientError

from tests.aws import new_session


def side_by_side(work: Callable[..., Any], *arguments: tuple[Any, ...]) -> list[Any]:
    """What `work` gives for each of the arguments, in processes that run at the same time."""
    with ProcessPoolExecutor(len(arguments), mp_context=get_context("spawn")) as pool:
        return [running.result() for running in [pool.submit(work, *given) for given in arguments]]


def count_up(endpoint: str, table: str, times: int) -> int:
    """Add 1 to `n` of the item `counter` as often as told, each time only if nobody else has meanwhile; how often
    somebody else had."""
    client = new_session().client("dynamodb", endpoint_url=endpoint)
    key = {"id": {"S": "counter"}}
    beaten = done = 0
    while done < times:
        seen = client.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]["n"]["N"]
        try:
            client.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET n = :next",
                ConditionExpression="n = :seen",
                ExpressionAttributeValues={":next": {"N": str(int(seen) + 1)}, ":seen": {"N": seen}},
            )
            done += 1
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            beaten += 1
        # The other way to count: without looking.
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="ADD blind :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
    return beaten


def put_records(endpoint: str, stream: str, writer: str, batches: int) -> list[tuple[str, str, str]]:
    """Put batches of 20 records with ten keys; shard, sequence number and data of each as acknowledged."""
    client = new_session().client("kinesis", endpoint_url=endpoint)
    found = []
    for batch in range(batches):
        names = [f"{writer}/{batch:04d}/{number:02d}" for number in range(20)]
        records = [{"Data": name.encode(), "PartitionKey": f"{writer}/{n % 10}"} for n, name in enumerate(names)]
        answer = client.put_records(StreamName=stream, Records=records)
        assert answer["FailedRecordCount"] == 0
        found += [(one["ShardId"], one["SequenceNumber"], n) for one, n in zip(answer["Records"], names, strict=True)]
    return found
