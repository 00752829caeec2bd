"""Mock orders: the shop of `salespipe.orders.simulator` written into the table."""

from __future__ import annotations

from collections.abc import Iterator

from salespipe.orders.simulator import simulate
from salespipe.services.pipeline import Pipeline
from salespipe.services.provision import require
from salespipe.services.write import WriteProgress, WriteResult, check_limits, write

DEFAULT_RATE = 1 / 3  # operations a second


def generate(
    p: Pipeline,
    *,
    rate: float | None = None,
    count: int | None = None,
    duration: float | None = None,
    seed: int | None = None,
) -> Iterator[WriteProgress | WriteResult]:
    """Write operations at `rate` a second (one each 3 s when None) until `count`, `duration` or Ctrl-C.

    Each operation makes exactly one change event. The same seed gives the same orders, ids included, however they
    are paced; so a second run with it on the same pipeline goes over the orders of the first once more. Without a
    seed every run has orders of its own. Raises UsageError and NotThereError before anything is written; what
    `write` raises and what Ctrl-C does is told there.
    """
    check_limits(rate=rate, count=count, duration=duration)
    require(p)
    yield from write(p, simulate(seed), rate=DEFAULT_RATE if rate is None else rate, count=count, duration=duration)
