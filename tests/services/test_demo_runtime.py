"""The demo on the embedded runtime: every hop real, the numbers of the answers against the orders themselves."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import Any

from salespipe.orders.simulator import simulate
from salespipe.services.demo import DemoQuery, DemoResult, demo
from salespipe.services.provision import UpResult
from salespipe.services.query import query
from salespipe.services.status import in_flight, status
from salespipe.services.tail import tail
from tests.embedded import Embedded

ORDERS, SEED = 300, 7


def answers(events: Iterable[Any]) -> dict[str, DemoQuery]:
    return {event.title: event for event in events if isinstance(event, DemoQuery)}


def test_the_story_and_then_once_more(runtime: Embedded) -> None:
    p = runtime.pipeline()
    events = list(demo(p, orders=ORDERS, seed=SEED))
    result = events[-1]
    assert isinstance(result, DemoResult)
    assert any(isinstance(event, UpResult) for event in events)
    assert result.change_events == ORDERS
    assert "orders" in result.tables
    assert result.objects >= 1

    living = {}
    for operation in islice(simulate(SEED), ORDERS):
        living[operation.order.orderid] = operation
    kept = [operation.order for operation in living.values() if operation.kind != "delete"]
    sold = [order for order in kept if order.status not in ("cancelled", "returned")]
    found = answers(events)
    ((orders, customers, money),) = found["All sales"].result.rows
    assert (orders, customers) == (len(sold), len({order.customer_id for order in sold}))
    assert money == sum((order.amount for order in sold), Decimal())
    assert sum(int(str(row[1])) for row in found["Every change, by kind"].result.rows) == ORDERS
    assert sum(int(str(row[1])) for row in found["Orders as they stand"].result.rows) == len(kept)

    hops = status(p)
    assert hops.healthy, hops.problems
    assert in_flight(p) == 0
    told = list(tail(p, start="trim_horizon", shard=None, limit=None, exit_at_end=True))
    assert len(told) == ORDERS

    again = list(demo(p, orders=50, seed=SEED))[-1]
    assert isinstance(again, DemoResult)
    assert again.change_events == 50
    ((events_in_lake,),) = query(p, "SELECT count(*) FROM orders").rows
    assert events_in_lake == ORDERS + 50
