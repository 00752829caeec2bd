"""From the put of an order until `tail` has told it, while orders are written at a steady rate.

`tail` is a process of its own, as in a shell of its own; one clock, ours, is read at both ends. It starts when the
writer takes the order into a batch that goes out at once, so before the request is made, and stops when the line with
the order was read from the tail's stdout.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from benchmarks.command_process import CommandProcess, command
from benchmarks.writing import result_of
from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services.pipeline import Pipeline
from salespipe.services.shards import list_shards
from salespipe.services.write import write

RATE = 1_000.0  # orders a second
SECONDS = 10.0
_PATIENCE = 60.0


@dataclass(frozen=True)
class Tailing:
    """Milliseconds from put to seen over `events` orders; `rate` is what was really written in a second."""

    events: int
    rate: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def put_to_tail(p: Pipeline, events: int, rate: float = RATE) -> Tailing:
    """Measure on a pipeline that stands. Raises SalespipeError when an order is not seen."""
    seen = _Seen()
    with command("tail", told=seen) as tail:
        shards = len(list_shards(p.aws.client("kinesis"), p.names.stream))
        # `tail` begins at the latest record of each shard, so nothing counts before it was heard on all of them.
        warming = simulate()
        deadline = time.monotonic() + _PATIENCE
        while len(seen.shards) < shards:
            _check(tail, deadline, f"was heard on {len(seen.shards)} of {shards} shards")
            result_of(write(p, islice(warming, 50)))
        wrote = result_of(write(p, seen.stamped(islice(simulate(), events)), rate=rate))
        deadline = time.monotonic() + _PATIENCE
        while len(seen.seconds) < events:
            _check(tail, deadline, f"told {len(seen.seconds)} of {events} orders")
            time.sleep(0.01)
    ordered = sorted(seen.seconds)
    return Tailing(
        events=events,
        rate=wrote.rate,
        p50_ms=percentile(ordered, 50) * 1000,
        p99_ms=percentile(ordered, 99) * 1000,
        worst_ms=ordered[-1] * 1000,
    )


def _check(tail: CommandProcess, deadline: float, what: str) -> None:
    if tail.said_all or time.monotonic() > deadline:
        tail.fail(what)


class _Seen:
    """What the tail told of the stamped orders. The events of one order come in their order."""

    def __init__(self) -> None:
        self._put: dict[str, deque[float]] = defaultdict(deque)
        self.shards: set[str] = set()
        self.seconds: list[float] = []

    def stamped(self, operations: Iterator[Operation]) -> Iterator[Operation]:
        """The operations, each noted when it is taken."""
        for operation in operations:
            self._put[operation.order.orderid].append(time.perf_counter())
            yield operation

    def __call__(self, event: Any, now: float) -> None:
        self.shards.add(event["shard_id"])
        if put := self._put.get(event["order_id"]):
            self.seconds.append(now - put.popleft())


def percentile(ordered: list[float], percent: int) -> float:
    """The smallest of the values, given in order, that `percent` % of them do not exceed (nearest rank)."""
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
