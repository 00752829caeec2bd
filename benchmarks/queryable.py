"""From the put of one order until a query finds it, with all that lies in the lake by then.

A row can be queried as soon as it lies in a folder (dt, hour) that the catalog knows. The first order of an hour needs
a crawl in between; what that takes is told apart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from benchmarks.writing import result_of
from salespipe.errors import SalespipeError
from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services.crawl import crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from salespipe.services.status import arrived, in_flight
from salespipe.services.write import write

SAMPLES = 5
_PATIENCE = 60.0


@dataclass(frozen=True)
class Queryable:
    """Medians over `samples` orders, in seconds: `total` from the put until the query has answered with it, of which
    `delivered` until it lay in S3 and `query` for the query. `crawl` is one crawl, which none of these contains; after
    it there were `rows` in the lake, each of another change event."""

    rows: int
    samples: int
    total: float
    delivered: float
    query: float
    crawl: float


def put_to_queryable(p: Pipeline) -> Queryable:
    """Measure on a pipeline that stands; it is crawled first.

    Raises SalespipeError if an order is not found, or if the lake does not have each change event once.
    """
    inserts = (operation for operation in simulate() if operation.kind == "insert")
    _put(p, next(inserts))
    crawled = _crawl(p)
    rows = _rows(p)
    totals: list[float] = []
    delivered: list[float] = []
    queries: list[float] = []
    while len(totals) < SAMPLES:
        operation = next(inserts)
        began = time.perf_counter()
        _put(p, operation)
        in_lake = time.perf_counter()
        if not _is_found(p, operation.order.orderid):
            # The hour turned since the last crawl: this order measures something else.
            crawled = _crawl(p)
            if not _is_found(p, operation.order.orderid):
                raise SalespipeError(f"order {operation.order.orderid} is in the lake, but no query finds it")
            continue
        found = time.perf_counter()
        totals.append(found - began)
        delivered.append(in_lake - began)
        queries.append(found - in_lake)
    return Queryable(rows, SAMPLES, median(totals), median(delivered), median(queries), crawled)


def _put(p: Pipeline, operation: Operation) -> None:
    """Write one order and wait until it lies in S3."""
    result_of(write(p, [operation]))
    deadline = time.monotonic() + _PATIENCE
    while in_flight(p):
        if time.monotonic() > deadline:
            raise SalespipeError(f"order {operation.order.orderid} was not delivered within {_PATIENCE:.0f} s")
        time.sleep(0.01)


def _crawl(p: Pipeline) -> float:
    began = time.perf_counter()
    for _ in crawl(p, wait=False):
        pass
    return time.perf_counter() - began


def _rows(p: Pipeline) -> int:
    written = arrived(p)
    found = query(p, "SELECT count(*), count(DISTINCT event_id) FROM orders").rows
    if found != [(written, written)]:
        raise SalespipeError(
            f"{written} change events arrived; rows in the lake and different ones among them: {found}"
        )
    return written


def _is_found(p: Pipeline, orderid: str) -> bool:
    return query(p, "SELECT count(*) FROM orders WHERE orderid = ?", params=[orderid]).rows == [(1,)]
