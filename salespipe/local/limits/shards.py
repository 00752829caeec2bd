"""The limits of shards: what goes into one a second, and who may read it how often.

A read is refused while the bytes of earlier reads are not paid back: after 10 MB that is 5 seconds
(https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html). Every reader of a shard shares its reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from salespipe.local.limits.bucket import Bucket, take

Clock = Callable[[], float]
Place = tuple[str, int]
"""A stream's ARN and the number of a shard."""


@dataclass
class _Buckets:
    records: Bucket | None
    size: Bucket | None
    reads: Bucket | None
    read_size: Bucket | None
    describes: Bucket | None


class ShardLimits:
    """The shards of all streams of one service; `limits` are called `<prefix>-records`, `<prefix>-reads` and so on."""

    def __init__(self, limits: Mapping[str, float], prefix: str, clock: Clock) -> None:
        self._limits = limits
        self._prefix = prefix
        self._clock = clock
        self._shards: dict[Place, _Buckets] = {}

    def _of(self, place: Place, now: float) -> _Buckets:
        found = self._shards.get(place)
        if found is None:

            def bucket(name: str) -> Bucket | None:
                rate = self._limits.get(f"{self._prefix}-{name}")
                return None if rate is None else Bucket(rate, now)

            names = ("records", "bytes", "reads", "read-bytes", "describes")
            found = self._shards[place] = _Buckets(*map(bucket, names))
        return found

    def put(self, place: Place, size: int) -> bool:
        """Whether the shard takes one record of `size` bytes now."""
        now = self._clock()
        shard = self._of(place, now)
        return take([(shard.records, 1), (shard.size, size)], now)

    def put_all(self, sizes: Mapping[Place, tuple[int, int]]) -> float:
        """Take records (how many, and their bytes) into shards, all of them and even if they are too many: 0. As long
        as an earlier call's are too many nothing is taken: seconds until then."""
        now = self._clock()
        shards = [(self._of(place, now), *counted) for place, counted in sizes.items()]
        asked = [pair for shard, count, size in shards for pair in ((shard.records, count), (shard.size, size))]
        waits = [bucket.wait(now) for bucket, _ in asked if bucket is not None]
        longest = max(waits, default=0.0)
        if longest == 0:
            for bucket, amount in asked:
                if bucket is not None:
                    bucket.owe(amount, now)
        return longest

    def read(self, place: Place) -> bool:
        """Whether the shard answers one more read now; `was_read` tells what the answer held."""
        now = self._clock()
        shard = self._of(place, now)
        if shard.read_size is not None and shard.read_size.wait(now) > 0:
            return False
        return take([(shard.reads, 1)], now)

    def was_read(self, place: Place, size: int) -> None:
        """Count the bytes of an answer."""
        now = self._clock()
        shard = self._of(place, now)
        if shard.read_size is None:
            return
        if size > shard.read_size.most:
            # More than a second's worth is paid back whole, whatever had been saved up before.
            shard.read_size.empty(now)
        shard.read_size.owe(size, now)

    def describe(self, place: Place) -> bool:
        """Whether the stream answers one more description now."""
        now = self._clock()
        return take([(self._of(place, now).describes, 1)], now)
