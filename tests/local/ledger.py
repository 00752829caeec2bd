"""What was written to the table against what came out of the pipeline, change by change.

The writers' operations are the truth: each makes exactly one change event, those of an order in its order.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from salespipe.orders import Operation, Order
from salespipe.stack.naming import DATA_PREFIX

EVENT = {"insert": "INSERT", "update": "MODIFY", "delete": "REMOVE"}

Change = tuple[str, str, tuple[tuple[str, Any], ...]]
"""Order id, event name, and the order's fields with their values."""


@dataclass(frozen=True)
class Audit:
    """How the events found differ from the operations; what was right is only counted.

    `lost`, `altered`, `invented`: operations without their event, with other values, events of no operation.
    `duplicated`: rows beyond the first of an event id. `disordered`: orders whose changes are not in their order.
    """

    events: int
    lost: int = 0
    altered: int = 0
    invented: int = 0
    duplicated: int = 0
    disordered: int = 0
    examples: tuple[Change, ...] = field(default=(), compare=False)


def audit(operations: Iterable[Operation], rows: Sequence[Mapping[str, Any]]) -> Audit:
    """Compare. A row has the fields of an order, `event_type`, `event_id` and `sequence_number`."""
    wanted: dict[str, list[Change]] = defaultdict(list)
    for operation in operations:
        wanted[operation.order.orderid].append(_change(EVENT[operation.kind], operation.order.row()))
    once = {row["event_id"]: row for row in rows}
    found: dict[str, list[Change]] = defaultdict(list)
    for row in sorted(once.values(), key=lambda row: str(row["sequence_number"])):
        found[row["orderid"]].append(_change(row["event_type"], row))
    lost = altered = invented = disordered = 0
    examples: list[Change] = []
    for order in wanted.keys() | found.keys():
        expected, had = wanted[order], found[order]
        missing, surplus = Counter(expected) - Counter(had), Counter(had) - Counter(expected)
        changed = min(missing.total(), surplus.total())
        altered += changed
        lost += missing.total() - changed
        invented += surplus.total() - changed
        disordered += not missing and not surplus and expected != had
        examples += [*missing, *surplus]
    return Audit(len(once), lost, altered, invented, len(rows) - len(once), disordered, tuple(examples[:3]))


_FIELDS = (
    "orderid", "product_name", "quantity", "price", "amount", "customer_id",
    "category", "region", "channel", "status", "ordered_at", "updated_at",
)  # fmt: skip


def _change(event: str, row: Mapping[str, Any]) -> Change:
    return row["orderid"], event, tuple((name, row[name]) for name in _FIELDS)


def living(operations: Iterable[Operation]) -> dict[str, Order]:
    """The orders as the operations leave them, by id."""
    found: dict[str, Order] = {}
    for operation in operations:
        if operation.kind == "delete":
            del found[operation.order.orderid]
        else:
            found[operation.order.orderid] = operation.order
    return found


class Lake:
    """The rows that have been delivered; each object is read once."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self.objects: dict[str, list[dict[str, Any]]] = {}

    def rows(self, s3: Any) -> list[dict[str, Any]]:
        """Every row there is by now, numbers as Decimal."""
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=DATA_PREFIX):
            for entry in page.get("Contents", ()):
                if entry["Key"] not in self.objects:
                    body = s3.get_object(Bucket=self._bucket, Key=entry["Key"])["Body"].read()
                    text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
                    lines = text.splitlines()
                    self.objects[entry["Key"]] = [
                        json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines
                    ]
        return [row for rows in self.objects.values() for row in rows]

    def disordered(self) -> list[str]:
        """Orders whose changes are not in their order within an object."""
        return [order for rows in self.objects.values() for order in disordered(rows)]


def disordered(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Orders, among rows in the order in which they came, with a change that comes after a later one."""
    last: dict[str, str] = {}
    for row in rows:
        if row["sequence_number"] <= last.get(row["orderid"], ""):
            yield row["orderid"]
        last[row["orderid"]] = row["sequence_number"]


def told(event: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `tail --json` as a row of the lake."""
    numbers = {name: Decimal(event["order"][name]) for name in ("quantity", "price", "amount")}
    names = {"event_type": event["event"], "event_id": event["event_id"], "sequence_number": event["sequence_number"]}
    return {**event["order"], **numbers, **names}
