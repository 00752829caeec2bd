"""Every throughput limit of the runtime behind one switch.

While `on` is false nothing is limited, and that is all the hot operations look at; `limits_reads` is the same for who
reads shards by itself. A limit may be changed while the runtime works: whoever was in debt begins anew. Safe for
threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from salespipe.local.limits.rates import Rates
from salespipe.local.limits.shards import Place, ShardLimits
from salespipe.local.limits.tables import Kind, TableLimits, Units

Refuse = Callable[[float], bool]
"""Takes units and says whether to refuse them, whatever the limits say."""

STREAM_SHARD = 0
"""The one shard of a table's change stream."""


class Throttle:
    """What the operations ask before and after they work. `clock` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._squeezed: dict[str, Refuse] = {}
        self.configure(Rates())

    def configure(self, rates: Rates) -> None:
        """Set the limits anew; the same ones once more change nothing."""
        with self._lock:
            if getattr(self, "rates", None) == rates:
                return
            self.rates = rates
            self._kinesis = ShardLimits(rates.limits, "shard", self._clock)
            self._streams = ShardLimits(rates.limits, "stream", self._clock)
            self._tables = TableLimits(rates, self._clock)
            self._switch()

    def squeeze(self, table_arn: str, refuse: Refuse | None) -> None:
        """Let `refuse` decide about a table before its limits do; None ends that."""
        with self._lock:
            self._squeezed.pop(table_arn, None)
            if refuse is not None:
                self._squeezed[table_arn] = refuse
            self._switch()

    def _switch(self) -> None:
        self.on = bool(self.rates.limits or self._squeezed)
        self.limits_reads = not self.rates.limits.keys().isdisjoint({"shard-reads", "shard-read-bytes"})

    # ---- Kinesis ----

    def put(self, stream_arn: str, shard: int, size: int) -> bool:
        """Whether a shard takes one more record of `size` bytes (data and partition key)."""
        with self._lock:
            return self._kinesis.put((stream_arn, shard), size)

    def put_all(self, stream_arn: str, sizes: Mapping[int, tuple[int, int]]) -> float:
        """Take records by shard (how many, bytes), or say after how many seconds to try again; nothing then."""
        with self._lock:
            return self._kinesis.put_all({(stream_arn, shard): counted for shard, counted in sizes.items()})

    def read(self, stream_arn: str, shard: int) -> bool:
        """Whether a shard answers one more GetRecords."""
        with self._lock:
            return self._kinesis.read((stream_arn, shard))

    def was_read(self, stream_arn: str, shard: int, size: int) -> None:
        """Count the bytes that a GetRecords gave."""
        with self._lock:
            self._kinesis.was_read((stream_arn, shard), size)

    # ---- change streams ----

    def read_stream(self, stream_arn: str) -> bool:
        """Whether a change stream answers one more GetRecords."""
        with self._lock:
            return self._streams.read(_only(stream_arn))

    def stream_was_read(self, stream_arn: str, size: int) -> None:
        """Count the bytes that a GetRecords gave."""
        with self._lock:
            self._streams.was_read(_only(stream_arn), size)

    def describe_stream(self, stream_arn: str) -> bool:
        """Whether a change stream answers one more DescribeStream."""
        with self._lock:
            return self._streams.describe(_only(stream_arn))

    # ---- tables ----

    def take(self, table_arn: str, units: Units | None, kind: Kind, key: bytes | None, amount: float) -> str:
        """Use units of a table (`units` None: on demand) and of the range of its `key`. Empty, or why not, as a
        throttling reason ends."""
        with self._lock:
            refuse = self._squeezed.get(table_arn)
            if refuse is not None and refuse(amount):
                return "KeyRangeThroughputExceeded" if units is None else "ProvisionedThroughputExceeded"
            return self._tables.take(table_arn, units, kind, key, amount)


def _only(stream_arn: str) -> Place:
    return stream_arn, STREAM_SHARD
