"""A made-up shop: an endless, seeded run of operations on orders that live as real ones do.

Life: placed -> paid -> shipped -> delivered; some are changed before they are paid, cancelled, returned, and some
deleted in the end. Every operation makes exactly one change event: an insert has an id never used before, an update
really changes something, and updates and deletes refer to living orders only.

Time. A shop's hours cannot show in orders written within minutes, so `ordered_at` is business time: drawn from the
eight weeks before `until` by weekday, hour and slow growth. Any number of orders fills the whole eight weeks.
What has not happened by `until` does not happen, so the youngest orders are still on their way. With a seed,
`until` is a fixed date, so that the same seed gives the same orders on any day; without one it is the present hour.
The change's own time is the table's business: `event_time` in the lake.

Ids are 128 bits from the seed's own generator: the same for the same seed, different for any other.
At most 2,000 living orders are remembered, whatever the length of the run. An order comes up again only after all
others that wait have had their turn, so operations close together seldom touch the same order.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random

from salespipe.orders.catalogue import CATALOGUE, POPULARITY
from salespipe.orders.order import Operation, Order
from salespipe.orders.shop import BusinessHours, Customers, draw_quantity, region_of

SEEDED_UNTIL = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday: eight whole weeks before it
WEEKS = 8

_MOST_LIVING = 2_000
_SETTLED = 400  # living orders from which on the old ones make most of the operations
_INSERTS_FIRST, _INSERTS_SETTLED = 0.7, 0.3

_CHANNELS = ("web", "mobile", "store", "marketplace")
_CHANNEL_SHARES = tuple(accumulate((0.46, 0.33, 0.12, 0.09)))

# status -> (chance, what happens, mean hours until then); the chance that is left: nothing ever happens again
_LIFE: dict[str, tuple[tuple[float, str, float], ...]] = {
    "placed": (
        (0.87, "paid", 0.15),
        (0.05, "cancelled", 3.0),
        (0.05, "changed", 0.1),
        (0.03, "deleted", 0.2),  # entered by mistake
    ),
    "paid": ((0.96, "shipped", 18.0), (0.04, "cancelled", 6.0)),
    "shipped": ((1.0, "delivered", 50.0),),
    "delivered": ((0.07, "returned", 120.0), (0.03, "deleted", 100.0)),
    "cancelled": ((0.35, "deleted", 48.0),),
    "returned": ((0.20, "deleted", 72.0),),
}


def simulate(seed: int | None = None, until: datetime | None = None) -> Iterator[Operation]:
    """Operations without end. Without a seed every run is another; `until` is as told above when not given."""
    if until is None:
        until = SEEDED_UNTIL if seed is not None else datetime.now(UTC)
    until = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # As text, because Random takes -7 for 7.
    rng = Random(f"salespipe orders {secrets.randbits(128) if seed is None else seed}")
    return _Shop(rng, until).operations()


class _Shop:
    def __init__(self, rng: Random, until: datetime) -> None:
        self._rng = rng
        self._until = until
        self._hours = BusinessHours(rng, until, WEEKS)
        self._customers = Customers(rng)
        self._popularity = tuple(accumulate(POPULARITY))
        self._living: deque[Order] = deque()

    def operations(self) -> Iterator[Operation]:
        living, random = self._living, self._rng.random
        while True:
            inserts = _INSERTS_FIRST if len(living) < _SETTLED else _INSERTS_SETTLED
            if not living or (len(living) < _MOST_LIVING and random() < inserts):
                order = self._place()
                living.append(order)
                yield Operation("insert", order)
            elif operation := self._live_on(living.popleft()):
                if operation.kind == "update":
                    living.append(operation.order)
                yield operation

    def _place(self) -> Order:
        rng = self._rng
        product = rng.choices(CATALOGUE, cum_weights=self._popularity)[0]
        quantity = draw_quantity(rng, float(product.price))
        customer = self._customers.draw()
        moment = self._hours.draw()
        return Order(
            orderid=f"{rng.getrandbits(128):032x}",
            product_name=product.name,
            quantity=quantity,
            price=product.price,
            amount=product.price * quantity,
            customer_id=f"C{customer:06d}",
            category=product.category,
            region=region_of(customer),
            channel=rng.choices(_CHANNELS, cum_weights=_CHANNEL_SHARES)[0],
            status="placed",
            ordered_at=moment,
            updated_at=moment,
        )

    def _live_on(self, order: Order) -> Operation | None:
        """What happens to `order` next, or None when its life has come to rest."""
        chance = self._rng.random()
        for share, what, hours in _LIFE[order.status]:
            if chance < share:
                return self._happen(order, what, hours)
            chance -= share
        return None

    def _happen(self, order: Order, what: str, hours: float) -> Operation | None:
        later = int(self._rng.expovariate(1 / hours) * 3_600_000) + 1
        moment = order.updated_at + timedelta(milliseconds=later)
        if moment >= self._until:
            return None
        if what == "deleted":
            return Operation("delete", order)
        if what == "changed":
            quantity = order.quantity + (1 if order.quantity == 1 or self._rng.random() < 0.5 else -1)
            return Operation(
                "update",
                replace(order, quantity=quantity, amount=order.price * quantity, updated_at=moment),
            )
        return Operation("update", replace(order, status=what, updated_at=moment))
