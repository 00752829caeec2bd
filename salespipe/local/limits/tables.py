"""The limits of tables: units written and read a second, of the whole table and of each range of its keys.

A table on demand has four ranges of keys and what a new one takes at once (4,000 writes, 12,000 reads); it does not
grow with its load as on AWS. A provisioned table has its own units, of which it saves up 300 seconds' worth, and a
range for each 1,000 writes and 3,000 reads. No range gives more than 1,000 writes and 3,000 reads, of either kind and
not of both together. Which range a key is in is decided by MD5, as AWS tells nobody how it decides.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from salespipe.local.limits.bucket import Bucket, take
from salespipe.local.limits.rates import AWS, Rates

Kind = Literal["writes", "reads"]
Units = tuple[int, int]
"""The write and read units a second that a provisioned table says it has."""

ON_DEMAND_RANGES = 4
BURST_SECONDS = 300.0


@dataclass
class _Table:
    units: Units | None
    whole: dict[Kind, Bucket | None]
    ranges: list[dict[Kind, Bucket | None]]


class TableLimits:
    """Every table. Amounts are units: 1 KB written, 4 KB read consistently."""

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        self._rates = rates
        self._clock = clock
        self._tables: dict[str, _Table] = {}

    def take(self, arn: str, units: Units | None, kind: Kind, key: bytes | None, amount: float) -> str:
        """Use units of a table (`units` None: on demand) and of the range that has the key (None: no range in
        particular). Empty when they are there, else what there is too little of, as a throttling reason ends."""
        now = self._clock()
        table = self._of(arn, units, now)
        whole, part = table.whole[kind], self._range(table, kind, key)
        if take([(whole, amount), (part, amount)], now):
            return ""
        short = whole is not None and units is not None and not whole.has(amount, now)
        return "ProvisionedThroughputExceeded" if short else "KeyRangeThroughputExceeded"

    def _of(self, arn: str, units: Units | None, now: float) -> _Table:
        found = self._tables.get(arn)
        if found is None or found.units != units:
            found = self._tables[arn] = self._new(units, now)
        return found

    def _new(self, units: Units | None, now: float) -> _Table:
        kinds: tuple[Kind, Kind] = ("writes", "reads")
        limits = self._rates.limits
        whole: dict[Kind, Bucket | None] = {}
        for place, kind in enumerate(kinds):
            rate = limits.get(f"table-{kind}")
            if rate is None:
                whole[kind] = None
            elif units is None:
                whole[kind] = Bucket(rate, now)
            else:
                whole[kind] = Bucket(max(units[place], 1) * self._rates.factor, now, burst_seconds=BURST_SECONDS)
        count = ON_DEMAND_RANGES if units is None else _ranges(units)
        ranges: list[dict[Kind, Bucket | None]] = []
        for _ in range(count):
            rates = {kind: limits.get(f"key-{kind}") for kind in kinds}
            ranges.append({kind: None if rate is None else Bucket(rate, now) for kind, rate in rates.items()})
        return _Table(units, whole, ranges)

    @staticmethod
    def _range(table: _Table, kind: Kind, key: bytes | None) -> Bucket | None:
        if key is None:
            return None
        place = int.from_bytes(hashlib.md5(key, usedforsecurity=False).digest()) * len(table.ranges) >> 128
        return table.ranges[place][kind]


def _ranges(units: Units) -> int:
    writes, reads = units
    return max(math.ceil(writes / AWS["key-writes"] + reads / AWS["key-reads"]), 1)


def write_units(*sizes: int) -> int:
    """The units of a write: of the larger of the item before and after, in whole KB, one at least."""
    return max(math.ceil(max(sizes, default=0) / 1024), 1)


def read_units(size: int, *, consistent: bool) -> float:
    """The units of a read of so many bytes: whole 4 KB, half of that when it need not be consistent."""
    return max(math.ceil(size / 4096), 1) * (1.0 if consistent else 0.5)
