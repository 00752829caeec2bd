"""From the put of an order until `tail` tells it, while orders are written at a steady rate.

Writer and tail share this process, so one clock and one interpreter lock; in two shells each has its own process.
The clock starts when the writer takes the order into a batch that goes out at once, so before the request is made.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from benchmarks.home import fresh_home, up
from benchmarks.writing import result_of
from salespipe.errors import SalespipeError
from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services.pipeline import Pipeline
from salespipe.services.shards import list_shards
from salespipe.services.tail import TailEvent, tail
from salespipe.services.write import write

RATE = 1_000.0  # orders a second
_PATIENCE = 60.0


@dataclass(frozen=True)
class Tailing:
    """Milliseconds from put to seen over `events` orders; `rate` is what was really written in a second."""

    events: int
    rate: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


def put_to_tail(events: int) -> Tailing:
    """Measure on a pipeline of its own. Raises SalespipeError when an order is not seen."""
    with fresh_home() as home:
        up(home.pipeline)
        return _measure(home.pipeline, events)


def _measure(p: Pipeline, events: int) -> Tailing:
    watch = _Watch(p, events)
    watch.start()
    deadline = time.monotonic() + _PATIENCE
    shards = len(list_shards(p.aws.client("kinesis"), p.names.stream))
    # `tail` begins at the latest record of each shard, so nothing counts before it was heard on all of them.
    warming = simulate(1)
    while len(watch.heard) < shards:
        if time.monotonic() > deadline:
            raise watch.error or SalespipeError(f"tail was heard on {len(watch.heard)} of {shards} shards")
        result_of(write(p, islice(warming, 50)))
    wrote = result_of(write(p, watch.stamped(islice(simulate(2), events)), rate=RATE))
    watch.join(_PATIENCE)
    if len(watch.seconds) < events:
        raise watch.error or SalespipeError(f"tail told {len(watch.seconds)} of {events} orders")
    ordered = sorted(watch.seconds)
    return Tailing(
        events=events,
        rate=wrote.rate,
        p50_ms=percentile(ordered, 50) * 1000,
        p99_ms=percentile(ordered, 99) * 1000,
        worst_ms=ordered[-1] * 1000,
    )


class _Watch(threading.Thread):
    """Follows the tail until every stamped order was told. The events of one order come in their order."""

    def __init__(self, p: Pipeline, events: int) -> None:
        super().__init__(name="tail", daemon=True)
        self._pipeline = p
        self._events = events
        self._put: dict[str, deque[float]] = defaultdict(deque)
        self.heard: set[str] = set()
        self.seconds: list[float] = []
        self.error: SalespipeError | None = None

    def stamped(self, operations: Iterator[Operation]) -> Iterator[Operation]:
        """The operations, each noted when it is taken."""
        for operation in operations:
            self._put[operation.order.orderid].append(time.perf_counter())
            yield operation

    def run(self) -> None:
        try:
            self._follow()
        except SalespipeError as error:
            self.error = error

    def _follow(self) -> None:
        for event in tail(self._pipeline, start="latest", shard=None, limit=None, exit_at_end=False):
            now = time.perf_counter()
            if not isinstance(event, TailEvent):
                continue
            self.heard.add(event.shard_id)
            if put := self._put.get(event.order_id):
                self.seconds.append(now - put.popleft())
                if len(self.seconds) == self._events:
                    return


def percentile(ordered: list[float], percent: int) -> float:
    """The smallest of the values, given in order, that `percent` % of them do not exceed (nearest rank)."""
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
