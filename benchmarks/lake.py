"""A lake of orders without the way there: objects as the delivery writes them, put into the bucket.

A shortcut, so that a million orders need not be written first: the rows are of the same simulator and in the
transform's columns, GZIP, over three days, for a million orders an object a minute, as on AWS. They did not come
through any hop.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services.pipeline import Pipeline

FIRST = datetime(2026, 1, 29, tzinfo=UTC)
HOURS = 72
_A_MINUTE = 60
_LEAST = 100  # orders an object, while there are fewer objects than one a minute
_GZIP_LEVEL = 3
_AT_ONCE = 4
_EVENT = {"insert": "INSERT", "update": "MODIFY", "delete": "REMOVE"}


def fill(p: Pipeline, orders: int) -> int:
    """Put so many change events into the bucket; how many objects they are."""
    s3 = p.aws.client("s3")
    objects = HOURS * min(max(orders // (HOURS * _LEAST), 1), _A_MINUTE)

    def put(made: tuple[str, bytes]) -> None:
        s3.put_object(Bucket=p.names.bucket, Key=made[0], Body=made[1])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        made = bodies(orders, objects)
        while part := list(islice(made, 100)):
            list(pool.map(put, part))
    return objects


def bodies(orders: int, objects: int) -> Iterator[tuple[str, bytes]]:
    """The key and the bytes of each object, the same ones every time."""
    operations = enumerate(simulate(1))
    for number in range(objects):
        at = FIRST + timedelta(hours=HOURS) * number / objects
        count = orders * (number + 1) // objects - orders * number // objects
        lines = [
            json.dumps(_row(operation, serial, at), separators=(",", ":"))
            for serial, operation in islice(operations, count)
        ]
        key = f"orders/dt={at:%Y-%m-%d}/hour={at:%H}/delivery-1-{at:%Y-%m-%d-%H-%M-%S}-{number:08d}.gz"
        yield key, gzip.compress("".join(line + "\n" for line in lines).encode(), _GZIP_LEVEL, mtime=0)


def _row(operation: Operation, serial: int, at: datetime) -> dict[str, Any]:
    order = operation.order.row()
    return {
        **{name: float(value) if name in ("price", "amount") else value for name, value in order.items()},
        "event_type": _EVENT[operation.kind],
        "event_id": f"{serial:032x}",
        "event_time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "sequence_number": f"{10**20 + serial}",
    }
