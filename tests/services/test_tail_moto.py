"""The tail against moto's Kinesis: real clients, real iterators, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from salespipe.aws.clients import Clients
from salespipe.errors import NotThereError, UsageError
from salespipe.services.pipeline import Pipeline
from salespipe.services.tail import TailEvent, TailProblem, tail
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.aws import new_session


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def pipeline(endpoint: str) -> Iterator[Pipeline]:
    p = Pipeline(Clients(new_session(), endpoint), Names("sales", "123456789012", "us-east-1"), BY_TARGET["local"])
    p.aws.client("kinesis").create_stream(StreamName=p.names.stream, ShardCount=4)
    yield p
    p.aws.client("kinesis").delete_stream(StreamName=p.names.stream)


def change(order: str, number: int, name: str = "MODIFY") -> bytes:
    """A record as a pipe writes it (AWS: eb-pipes-dynamodb.html)."""

    def image(quantity: int) -> dict[str, Any]:
        return {"orderid": {"S": order}, "quantity": {"N": str(quantity)}, "price": {"N": "12.5"}}

    event = {
        "eventID": f"{number:032x}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_732_104_000,
            "Keys": {"orderid": {"S": order}},
            "NewImage": image(number),
            "OldImage": image(number - 1),
            "SequenceNumber": f"{number:021d}",
            "SizeBytes": 99,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/OrdersRawTable/stream/x",
    }
    if name == "INSERT":
        del event["dynamodb"]["OldImage"]  # type: ignore[attr-defined]
    if name == "REMOVE":
        del event["dynamodb"]["NewImage"]  # type: ignore[attr-defined]
    return json.dumps(event, separators=(",", ":")).encode()


def put(p: Pipeline, *records: tuple[str, bytes]) -> None:
    entries = [{"PartitionKey": key, "Data": data} for key, data in records]
    for first in range(0, len(entries), 500):
        p.aws.client("kinesis").put_records(StreamName=p.names.stream, Records=entries[first : first + 500])


def everything(p: Pipeline, start: str = "trim_horizon", **options: Any) -> list[TailEvent | TailProblem]:
    asked: dict[str, Any] = {"shard": None, "limit": None, "exit_at_end": True} | options
    return list(tail(p, start=start, **asked))


def test_every_event_is_told_once_and_each_orders_in_order(pipeline: Pipeline) -> None:
    put(pipeline, *((f"o{n % 37}", change(f"o{n % 37}", n)) for n in range(1, 1_201)))
    events = [event for event in everything(pipeline) if isinstance(event, TailEvent)]
    assert sorted(int(event.sequence_number) for event in events) == list(range(1, 1_201))
    assert len({event.shard_id for event in events}) == 4
    for order in range(37):
        own = [int(event.sequence_number) for event in events if event.order_id == f"o{order}"]
        assert own == sorted(own)


def test_an_event_carries_both_images_exactly(pipeline: Pipeline) -> None:
    before = datetime.now(UTC)
    put(pipeline, ("o1", change("o1", 7)))
    (event,) = everything(pipeline)
    assert isinstance(event, TailEvent)
    assert (event.event, event.order_id, event.event_id) == ("MODIFY", "o1", f"{7:032x}")
    assert event.event_time == "2024-11-20T12:00:00.000Z"
    assert abs((datetime.fromisoformat(event.arrived_at) - before).total_seconds()) < 60
    assert event.arrived_at.endswith("Z")
    assert event.order == {"orderid": "o1", "quantity": Decimal(7), "price": Decimal("12.5")}
    assert event.old == {"orderid": "o1", "quantity": Decimal(6), "price": Decimal("12.5")}


def test_inserts_have_no_old_and_removals_keep_the_last_values(pipeline: Pipeline) -> None:
    put(pipeline, ("o1", change("o1", 1, "INSERT")), ("o1", change("o1", 2, "REMOVE")))
    insert, remove = everything(pipeline)
    assert isinstance(insert, TailEvent)
    assert isinstance(remove, TailEvent)
    assert insert.old is None
    assert remove.order["quantity"] == Decimal(1)


def test_a_poisoned_record_is_told_and_the_rest_flows(pipeline: Pipeline) -> None:
    put(pipeline, ("o1", b"\xff{not json"), ("o1", b'{"a":1}'), ("o1", change("o1", 1)))
    one, two, event = everything(pipeline)
    assert isinstance(one, TailProblem)
    assert isinstance(two, TailProblem)
    assert isinstance(event, TailEvent)
    assert one.shard_id == event.shard_id
    assert "{not json" in one.data_preview
    assert "not a change event" in two.reason


def test_the_limit_counts_change_events(pipeline: Pipeline) -> None:
    put(pipeline, ("o1", b"poison"), *(("o1", change("o1", n)) for n in range(1, 10)))
    events = everything(pipeline, limit=3, exit_at_end=False)
    assert [type(event) for event in events] == [TailProblem, TailEvent, TailEvent, TailEvent]


def test_one_shard_can_be_asked_for(pipeline: Pipeline) -> None:
    put(pipeline, *((f"o{n}", change(f"o{n}", n)) for n in range(1, 101)))
    whole = [event for event in everything(pipeline) if isinstance(event, TailEvent)]
    shard = whole[0].shard_id
    some = everything(pipeline, shard=shard)
    assert some == [event for event in whole if event.shard_id == shard]


def test_a_start_in_time_leaves_out_what_came_before(pipeline: Pipeline) -> None:
    put(pipeline, ("o1", change("o1", 1)))
    assert everything(pipeline, "latest") == []
    assert len(everything(pipeline, "1d")) == 1
    assert len(everything(pipeline, "2000-01-01")) == 1


def test_a_bad_start_or_limit_is_refused_before_anything_is_read(pipeline: Pipeline) -> None:
    with pytest.raises(UsageError, match="'soon'"):
        tail(pipeline, start="soon", shard=None, limit=None, exit_at_end=True)
    with pytest.raises(UsageError, match="limit 0"):
        tail(pipeline, start="latest", shard=None, limit=0, exit_at_end=True)


def test_a_shard_that_is_not_there_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(NotThereError, match="shardId-9"):
        everything(pipeline, shard="shardId-9")
