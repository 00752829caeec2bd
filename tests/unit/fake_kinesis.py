"""A Kinesis whose shards split and merge, whose iterators expire and which throttles when told to.

It answers the three operations a reader uses as the API reference describes them:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html and its neighbours.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} was asked for"}}, operation)


@dataclass
class FakeShard:
    shard_id: str
    parents: tuple[str, ...] = ()
    closed: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)


class FakeKinesis:
    """One stream; `page` records a read; `events` is what was asked, in order."""

    def __init__(self, *shards: str, page: int = 10_000) -> None:
        self._shards = {name: FakeShard(name) for name in shards}
        self._page = page
        self._lock = threading.Lock()
        self._failures: dict[str, list[str]] = {}
        self._next = 0
        self._epoch = 0
        self.events: list[tuple[str, str]] = []

    def put(self, shard: str, data: bytes, at: datetime | None = None) -> str:
        with self._lock:
            self._next += 1
            number = f"{self._next:056d}"
            self._shards[shard].records.append(
                {
                    "SequenceNumber": number,
                    "ApproximateArrivalTimestamp": at or datetime.now(UTC),
                    "Data": data,
                    "PartitionKey": "k",
                }
            )
            return number

    def reshard(self, parents: tuple[str, ...], children: tuple[str, ...]) -> None:
        with self._lock:
            for parent in parents:
                self._shards[parent].closed = True
            for child in children:
                self._shards[child] = FakeShard(child, parents)

    def fail(self, shard: str, *codes: str) -> None:
        """Let the next reads of `shard` fail, one after the other."""
        with self._lock:
            self._failures.setdefault(shard, []).extend(codes)

    def expire(self) -> None:
        """Every iterator handed out so far is too old."""
        with self._lock:
            self._epoch += 1

    def list_shards(self, StreamName: str = "", NextToken: str = "") -> dict[str, Any]:
        assert bool(StreamName) != bool(NextToken)  # Kinesis refuses both together
        with self._lock:
            names = list(self._shards)
            at = int(NextToken or 0)
            answer: dict[str, Any] = {"Shards": [self._described(names[at])]} if names else {"Shards": []}
            if at + 1 < len(names):
                answer["NextToken"] = str(at + 1)
            return answer

    def _described(self, name: str) -> dict[str, Any]:
        shard = self._shards[name]
        numbers = {"StartingSequenceNumber": "0"} | ({"EndingSequenceNumber": "9"} if shard.closed else {})
        described: dict[str, Any] = {"ShardId": name, "SequenceNumberRange": numbers}
        described.update(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
        return described

    def get_shard_iterator(
        self,
        StreamName: str,
        ShardId: str,
        ShardIteratorType: str,
        StartingSequenceNumber: str = "",
        Timestamp: datetime | None = None,
    ) -> dict[str, Any]:
        with self._lock:
            self.events.append((ShardIteratorType, ShardId))
            records = self._shards[ShardId].records
            if ShardIteratorType == "TRIM_HORIZON":
                at = 0
            elif ShardIteratorType == "LATEST":
                at = len(records)
            elif ShardIteratorType == "AFTER_SEQUENCE_NUMBER":
                at = sum(1 for each in records if each["SequenceNumber"] <= StartingSequenceNumber)
            else:
                assert Timestamp is not None
                at = sum(1 for each in records if each["ApproximateArrivalTimestamp"] < Timestamp)
            return {"ShardIterator": f"{self._epoch}/{ShardId}/{at}"}

    def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:
        with self._lock:
            epoch, name, at = ShardIterator.split("/")
            if failures := self._failures.get(name):
                raise client_error(failures.pop(0), "GetRecords")
            if int(epoch) < self._epoch:
                raise client_error("ExpiredIteratorException", "GetRecords")
            shard = self._shards[name]
            found = shard.records[int(at) : int(at) + min(self._page, Limit)]
            after = int(at) + len(found)
            left = len(shard.records) - after
            answer: dict[str, Any] = {"Records": found, "MillisBehindLatest": left * 1000}
            if not (shard.closed and not left):
                answer["NextShardIterator"] = f"{self._epoch}/{name}/{after}"
            self.events.append(("read", name))
            return answer
