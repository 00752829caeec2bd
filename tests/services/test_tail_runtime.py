"""The tail against the stream that the embedded runtime serves."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from salespipe.services.pipeline import Pipeline
from salespipe.services.tail import TailEvent, tail
from tests.embedded import Embedded
from tests.services.test_tail_moto import change, put


@pytest.fixture
def pipeline(runtime: Embedded) -> Pipeline:
    p = runtime.pipeline()
    kinesis = p.aws.client("kinesis")
    kinesis.create_stream(StreamName=p.names.stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.get_waiter("stream_exists").wait(StreamName=p.names.stream, WaiterConfig={"Delay": 1})
    return p


def told(p: Pipeline, **options: Any) -> Iterator[TailEvent]:
    asked: dict[str, Any] = {"start": "trim_horizon", "shard": None, "limit": None, "exit_at_end": True}
    for event in tail(p, **asked | options):
        assert isinstance(event, TailEvent)
        yield event


def test_exactly_what_was_put_each_order_in_order(pipeline: Pipeline) -> None:
    put(pipeline, *((f"o{n % 97}", change(f"o{n % 97}", n)) for n in range(1, 5_001)))
    events = list(told(pipeline))
    assert sorted(int(event.sequence_number) for event in events) == list(range(1, 5_001))
    latest: dict[str, int] = {}
    for event in events:
        assert latest.get(event.order_id, 0) < int(event.sequence_number)
        latest[event.order_id] = int(event.sequence_number)


def test_an_event_is_told_soon_after_it_was_put(pipeline: Pipeline) -> None:
    """Design goal: half of the events within 50 ms at a steady flow; twice that leaves room for a busy machine."""
    stop = threading.Event()

    def produce() -> None:
        number = 0
        while not stop.wait(0.02):
            put(pipeline, *((f"o{n}", change(f"o{n}", n)) for n in range(number + 1, number + 11)))
            number += 10

    thread = threading.Thread(target=produce)
    thread.start()
    ages = []
    try:
        for event in told(pipeline, exit_at_end=False, limit=1_000):
            ages.append((datetime.now(UTC) - datetime.fromisoformat(event.arrived_at)).total_seconds())
    finally:
        stop.set()
        thread.join()
    assert statistics.median(ages) < 0.1
