"""The units of item operations, asked of the limits before anything is written or handed out.

A write costs the larger of the item before and after, a read what was looked at, a transaction twice as much.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
A write whose condition does not hold costs nothing here, and its units on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from salespipe.local import moto_inside
from salespipe.local.errors import AwsError
from salespipe.local.itemsize import item_size
from salespipe.local.limits.refusals import table_refused
from salespipe.local.limits.tables import Kind, read_units, write_units
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores.items import Item, ItemStore, SameItemError, Table, Write

Request = dict[str, Any]
"""One PutRequest or DeleteRequest of a batch, as it was sent."""


class Meter:
    """What `on` says is all that an operation looks at while nothing is limited."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    @property
    def on(self) -> bool:
        return self._throttle.on

    def write(self, table: Table, write: Write, old: Item | None, *, times: int = 1) -> AwsError | None:
        """Use the units of a write over `old`; the error if they are not there. `times` is 2 in a transaction."""
        units = write_units(0 if old is None else item_size(old), write.size) * times
        return self._take(table, "writes", write.item, units)

    def affordable(
        self, items: ItemStore, writes: Sequence[tuple[Table, list[Write]]], requests: Mapping[str, list[Request]]
    ) -> tuple[list[tuple[Table, list[Write]]], dict[str, list[Request]]]:
        """The writes of a batch that the limits allow, and the requests of the others; inside `write()`.

        Raises AwsError when they allow nothing, SameItemError for two writes on one key.
        """
        kept: list[tuple[Table, list[Write]]] = []
        left: dict[str, list[Request]] = {}
        refused: AwsError | None = None
        for (table, batch), (name, given) in zip(writes, requests.items(), strict=True):
            if len({table.place(write.item) for write in batch}) != len(batch):
                raise SameItemError
            allowed = []
            for write, request in zip(batch, given, strict=True):
                error = self.write(table, write, items.get_for_update(table, write.item))
                if error is None:
                    allowed.append(write)
                else:
                    refused = error
                    left.setdefault(name, []).append(request)
            kept.append((table, allowed))
        if not any(allowed for _, allowed in kept):
            unless(refused)
        return kept, left

    def check(self, table: Table, key: Item, found: Item | None) -> AwsError | None:
        """The same for a condition that a transaction checks."""
        units = write_units(0 if found is None else item_size(found)) * 2
        return self._take(table, "writes", key, units)

    def read(
        self, table: Table, key: Item, found: Item | None, params: dict[str, Any], *, times: int = 1
    ) -> AwsError | None:
        """Use the units of the read of one item; the error if they are not there."""
        size = 0 if found is None else item_size(found)
        consistent = bool(params.get("ConsistentRead")) or times > 1
        return self._take(table, "reads", key, read_units(size, consistent=consistent) * times)

    def page(self, table: Table, looked_at: int, params: dict[str, Any]) -> AwsError | None:
        """Use the units of a page of so many bytes; the error if they are not there."""
        return self._take(table, "reads", None, read_units(looked_at, consistent=bool(params.get("ConsistentRead"))))

    def _take(self, table: Table, kind: Kind, key: Item | None, amount: float) -> AwsError | None:
        units = moto_inside.throughput(table.arn.split(":")[3], table.name)
        place = None if key is None else table.place(key)[0]
        reason = self._throttle.take(table.arn, units, kind, place, amount)
        if not reason:
            return None
        what: Literal["Read", "Write"] = "Write" if kind == "writes" else "Read"
        return table_refused(table.arn, provisioned=units is not None, kind=what, reason=reason)


def unless(refused: AwsError | None) -> None:
    """Raise what was refused, if anything was."""
    if refused is not None:
        raise refused
