"""Wait until what was written has been delivered, as far as the target can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from salespipe.aws.errors import translated
from salespipe.services import status
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import DATA_PREFIX

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(frozen=True)
class Settling:
    """`in_flight` change events are on their way to the lake (None: the target cannot tell); `done` marks the last."""

    seconds: float
    in_flight: int | None
    done: bool


def settle(
    p: Pipeline, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Settling]:
    """Until nothing is in flight, for twice the delivery's buffer and 30 s at most.

    Where it cannot be known, that whole time, in which buffers are surely written; none at all while there is neither
    an order nor an object. Raises NotThereError when the pipeline is not there.
    """
    began = clock()
    most = 2 * p.settings.buffer_seconds + 30
    pause = _FIRST_PAUSE
    while True:
        left = status.in_flight(p)
        if left is None and pause == _FIRST_PAUSE and _nothing_written(p):
            left = 0
        seconds = clock() - began
        done = left == 0 or seconds >= most
        yield Settling(seconds, left, done)
        if done:
            return
        sleep(min(pause, most - seconds))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _nothing_written(p: Pipeline) -> bool:
    """Whether there is neither an order nor an object: then there is nothing to wait for."""
    with translated():
        orders = p.aws.client("dynamodb").scan(TableName=p.names.table, Limit=1, ConsistentRead=True, Select="COUNT")
        if orders["Count"]:
            return False
        objects = p.aws.client("s3").list_objects_v2(Bucket=p.names.bucket, Prefix=DATA_PREFIX, MaxKeys=1)
        return not objects.get("KeyCount")
