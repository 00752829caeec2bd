"""What an operation is: something that is made (and filled, where it is then read), called, read back and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Protocol

from benchmarks.endpoint import Endpoint
from benchmarks.load import Send
from salespipe.orders import Order
from salespipe.orders.simulator import simulate


@dataclass(frozen=True)
class Stage:
    """One round, ready to begin: `calls` are made with `send`.

    `lost` tells, of so many that were acknowledged, how many cannot be read back as they were written; for an
    operation that reads it looks at what it was filled with. `remove` gives the space back.
    """

    calls: Sequence[Any]
    send: Send
    lost: Callable[[int], int]
    remove: Callable[[], None]


class Operation(Protocol):
    """`count` things of the kind `unit` are written or read in one round, through `service`."""

    name: str
    unit: str
    service: str
    count: int

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        """Make what the round needs, under a name of its own."""
        ...

    def alone(self, count: int) -> tuple[Stage, bytes]:
        """The same calls for a server that gives them all the same answer, and that answer's body: all that is left
        to measure is the client."""
        ...


@cache
def orders(count: int) -> tuple[Order, ...]:
    """New orders with twelve attributes each, the same ones every time."""
    inserts = (operation.order for operation in simulate(1) if operation.kind == "insert")
    return tuple(islice(inserts, count))


@cache
def items(count: int) -> tuple[dict[str, Any], ...]:
    """Those orders as DynamoDB items."""
    return tuple(order.item() for order in orders(count))


def split(entries: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """`size` entries a call."""
    return [entries[begin : begin + size] for begin in range(0, len(entries), size)]


def played(calls: Sequence[Any], send: Send) -> Stage:
    """A stage with nothing behind it."""
    return Stage(calls, send, lambda acknowledged: 0, lambda: None)
