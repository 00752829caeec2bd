"""The units of item operations, asked of the limits before anything is written or handed out.

A write costs the larger of the item before and after, a read what was looked at, a transaction twice as much.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
A write whose condition does not hold costs nothing here, and its units on AWS.
"""

from __future__ import annotations

from typing import Any, Literal

from salespipe.local import moto_inside
from salespipe.local.errors import AwsError
from salespipe.local.itemsize import item_size
from salespipe.local.limits.refusals import table_refused
from salespipe.local.limits.tables import Kind, read_units, write_units
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores.items import Item, Table, Write


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


def reason_code(error: AwsError) -> str:
    """The error as the reason for which a transaction was cancelled.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (errors)"""
    return "ThrottlingError" if error.code == "ThrottlingException" else error.code.removesuffix("Exception")
