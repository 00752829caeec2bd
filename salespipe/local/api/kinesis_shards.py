"""Which shard of a Kinesis stream a record belongs to.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html (partition key, explicit hash key)
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

from salespipe.local.errors import AwsError
from salespipe.local.stores.shards import Entry, ShardRecord


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as the control plane has it."""

    number: int
    first_hash: int
    last_hash: int
    is_open: bool
    parent: int | None
    adjacent: int | None


class Shards:
    """All shards of a stream."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.by_number = {shard.number: shard for shard in shards}
        self._open = sorted((shard for shard in shards if shard.is_open), key=lambda shard: shard.first_hash)
        self._starts = [shard.first_hash for shard in self._open]

    def route(self, partition_key: str, explicit: str | None = None) -> int:
        """The number of the open shard whose range holds the MD5 of the partition key, or the hash key that is given.

        Raises AwsError.
        """
        if explicit is None:
            place = int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest())
        elif explicit.isdecimal() and int(explicit) < 1 << 128:
            place = int(explicit)
        else:
            raise AwsError("InvalidArgumentException", f"Invalid ExplicitHashKey: {explicit}")
        at = bisect(self._starts, place) - 1
        if at < 0 or place > self._open[at].last_hash:
            raise AwsError("InternalFailure", f"no open shard covers hash key {place}", 500)
        return self._open[at].number


def size_of(record: Entry | ShardRecord) -> int:
    """The bytes that count for a shard's limits."""
    return len(record.data) + len(record.partition_key.encode())
