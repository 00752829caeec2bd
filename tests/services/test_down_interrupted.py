"""A `down` that ends half way: the next `up` delivers nothing a second time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from salespipe.aws.waiting import poll_until
from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.services.write import write
from salespipe.stack.apply import Step
from tests.local import ledger
from tests.local.ledger import Audit

if TYPE_CHECKING:
    from tests.embedded import Embedded


def delivered(p: Pipeline, operations: Iterable[Operation]) -> Audit:
    """The audit of the lake once it holds as many events as there were operations."""
    operations, lake = list(operations), ledger.Lake(p.names.bucket)
    poll_until(
        lambda: len({row["event_id"] for row in lake.rows(p.aws.client("s3"))}) >= len(operations) or None,
        "all is delivered",
        timeout=60,
    )
    return ledger.audit(operations, lake.rows(p.aws.client("s3")))


@pytest.mark.parametrize("deletions", [pytest.param(1, marks=pytest.mark.heavy), 16])
def test_an_interrupted_down_lets_nothing_come_twice(runtime: Embedded, deletions: int) -> None:
    p = runtime.pipeline()
    list(provision.up(p, provision.plan(p)))
    orders = [operation for operation in islice(simulate(1), 40) if operation.kind == "insert"]
    list(write(p, orders))
    assert delivered(p, orders) == Audit(events=len(orders))

    plan = provision.plan_down(p, delete_data=False)
    assert len(plan.pending) == 16
    steps = provision.down(p, plan)
    done = (step for step in steps if isinstance(step, Step) and step.state == "done")
    assert len(list(islice(done, deletions))) == deletions
    steps.close()

    list(provision.up(p, provision.plan(p)))
    # What comes twice comes before these, since it is about the same orders.
    again = [Operation("update", replace(operation.order, status="paid")) for operation in orders]
    list(write(p, again))
    assert delivered(p, [*orders, *again]) == Audit(events=len(orders) + len(again))
