"""The whole story: a pipeline, orders with their life, delivery to the lake, the crawl, and what the lake can tell.

Each part is the service that the command of that name uses. Nothing is taken down afterwards, and it may run again
on a pipeline that stands: then with orders of its own, as the same ones a second time would change nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TypeVar

from salespipe.errors import SalespipeError, TransientError
from salespipe.services import provision
from salespipe.services.crawl import CrawlProgress, CrawlResult, crawl
from salespipe.services.generate import generate
from salespipe.services.objects import summary
from salespipe.services.pipeline import Pipeline
from salespipe.services.provision import UpResult
from salespipe.services.query import QueryResult, query
from salespipe.services.status import arrived, in_flight
from salespipe.services.write import WriteProgress, WriteResult
from salespipe.stack.apply import Step
from salespipe.stack.naming import DATA_PREFIX
from salespipe.stack.plan import Plan

E = TypeVar("E")
R = TypeVar("R")

_RATE = 2_000.0  # operations a second, within what a new on-demand table takes

QUERIES = (
    (
        "Every change, by kind",
        "SELECT event_type, count(*) AS changes, count(DISTINCT orderid) AS orders\n"
        "FROM orders GROUP BY event_type ORDER BY event_type",
    ),
    (
        "Orders as they stand",
        "SELECT status, count(*) AS orders, sum(amount) AS money\n"
        "FROM orders_current GROUP BY status ORDER BY orders DESC, status",
    ),
    (
        "Sales by category",
        "SELECT category, count(*) AS orders, sum(quantity) AS pieces, sum(amount) AS money\n"
        "FROM orders_current WHERE status NOT IN ('cancelled', 'returned')\n"
        "GROUP BY category ORDER BY money DESC, category",
    ),
    (
        "The five products that bring most",
        "SELECT product_name, sum(quantity) AS pieces, sum(amount) AS money\n"
        "FROM orders_current WHERE status NOT IN ('cancelled', 'returned')\n"
        "GROUP BY product_name ORDER BY money DESC, product_name LIMIT 5",
    ),
    (
        "The five best days",
        "SELECT substr(ordered_at, 1, 10) AS day, count(*) AS orders, sum(amount) AS money\n"
        "FROM orders_current WHERE status NOT IN ('cancelled', 'returned')\n"
        "GROUP BY substr(ordered_at, 1, 10) ORDER BY money DESC, day LIMIT 5",
    ),
    (
        "All sales",
        "SELECT count(*) AS orders, count(DISTINCT customer_id) AS customers, sum(amount) AS money\n"
        "FROM orders_current WHERE status NOT IN ('cancelled', 'returned')",
    ),
)


@dataclass(frozen=True)
class DemoWait:
    """Waiting for delivery: change events still on their way, None where the target cannot tell."""

    in_flight: int | None
    seconds: float


@dataclass(frozen=True)
class DemoQuery:
    """One question and its answer."""

    title: str
    sql: str
    result: QueryResult


@dataclass(frozen=True)
class DemoResult:
    """What the demo did. `change_events` were written by it; `objects` and `tables` are what lies in the lake and
    the catalog now."""

    inserted: int
    updated: int
    deleted: int
    change_events: int
    objects: int
    tables: tuple[str, ...]
    queries: int
    seconds: float


DemoEvent = Step | UpResult | WriteProgress | WriteResult | DemoWait | CrawlProgress | CrawlResult | DemoQuery


def demo(p: Pipeline, *, orders: int, seed: int) -> Iterator[DemoEvent | DemoResult]:
    """Run the story with `orders` operations; the last item is the DemoResult.

    The seed decides the orders of a pipeline whose table is made here. Raises TransientError when what was written
    does not arrive in time, and whatever its parts raise.
    """
    began = time.monotonic()
    plan = provision.plan(p)
    yield from provision.up(p, plan)
    before = arrived(p)
    chosen = seed if _new_table(plan) else None
    wrote = yield from _last(generate(p, rate=_RATE, count=orders, duration=None, seed=chosen), WriteResult)
    if wrote.interrupted:
        raise KeyboardInterrupt
    changes = wrote.inserted + wrote.updated + wrote.deleted
    yield from delivered(p, changes, before)
    crawled = yield from _last(crawl(p, wait=False), CrawlResult)
    for title, sql in QUERIES:
        yield DemoQuery(title, sql, query(p, sql))
    yield DemoResult(
        inserted=wrote.inserted,
        updated=wrote.updated,
        deleted=wrote.deleted,
        change_events=changes,
        objects=summary(p, DATA_PREFIX).objects,
        tables=tuple(table.name for table in crawled.tables),
        queries=len(QUERIES),
        seconds=time.monotonic() - began,
    )


def delivered(
    p: Pipeline,
    changes: int,
    before: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DemoWait]:
    """Wait until nothing is in flight any more, or `changes` more records than `before` have come to their end.

    The second is all there is where a target cannot tell what is in flight, and it lets dead letters of earlier
    days not count.
    """
    began = clock()
    buffer = p.settings.buffer_seconds
    most, pause = 120 + 10 * buffer, min(0.1 * buffer, 5.0)
    while True:
        left = in_flight(p)
        waited = clock() - began
        yield DemoWait(left, waited)
        if left == 0 or arrived(p) - before >= changes:
            return
        if waited > most:
            missing = f"{left} change events" if left else "some change events"
            raise TransientError(f"{missing} have not arrived after {waited:.0f} s", "look at: salespipe status")
        sleep(pause)


def _last(events: Iterator[E], kind: type[R]) -> Generator[E, None, R]:
    """Pass all events on and return the one that is the result."""
    for event in events:
        yield event
        if isinstance(event, kind):
            return event
    raise SalespipeError(f"{kind.__name__} never came")


def _new_table(plan: Plan) -> bool:
    return any(change.kind == "table" and change.action == "create" for change in plan.changes)
