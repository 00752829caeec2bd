"""The log of every Kinesis shard: records in sequence order, each with its partition key and arrival time.

A row holds what one put added to one shard (1 MiB at most, or one record), so its cost is that of a row for each
batch and not for each record.

Sequence numbers have 56 digits as on AWS and rise within a shard:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Record.html
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from salespipe.local.stores.aging import OldEnd, Queries, Trimmed
from salespipe.local.stores.bell import Bell
from salespipe.local.stores.database import Database

_MOST_BYTES = 1024 * 1024
_QUERIES = Queries(
    oldest="select id, last, count, arrived_ms from records where stream_id = ? and shard = ? order by last limit ?",
    delete="delete from records where id = ? returning length(keys) + length(sizes) + length(data)",
    newer="select coalesce(max(last), 0), coalesce(sum(bytes), 0), count(*) from (select last, length(keys) +"
    " length(sizes) + length(data) as bytes from records where stream_id = ? and shard = ? and last > ?"
    " order by last limit ?)",
)


def shard_id(shard: int) -> str:
    """`shardId-000000000000` for shard 0."""
    return f"shardId-{shard:012d}"


def shard_number(text: str) -> int:
    """The number in a shard id. Raises ValueError for anything else."""
    head, _, digits = text.partition("-")
    if head != "shardId" or not digits.isdigit():
        raise ValueError(text)
    return int(digits)


def sequence_number(shard: int, sequence: int) -> str:
    """56 digits: a fixed beginning, the shard, the position in the shard."""
    return f"4966{shard:08d}{sequence:044d}"


def parse_sequence_number(text: str) -> int:
    """The position in the shard behind a sequence number. Raises ValueError for one that is not ours."""
    if len(text) != 56 or not text.isdigit():
        raise ValueError(text)
    return int(text[12:])


class Entry(NamedTuple):
    """A record about to be appended to a shard."""

    shard: int
    partition_key: str
    data: bytes


class ShardRecord(NamedTuple):
    """A stored record; `arrived_ms` is epoch milliseconds."""

    sequence: int
    partition_key: str
    data: bytes
    arrived_ms: int


class ShardLog:
    """Appends are one transaction a call; sequences are unique and rising per shard, also across restarts."""

    def __init__(self, db: Database, bell: Bell) -> None:
        self._db = db
        self._bell = bell
        self._old = OldEnd(db, _QUERIES)

    def append(self, stream_arn: str, entries: Sequence[Entry]) -> list[int]:
        """Add the records; return their sequences in the order given. Wakes whoever waits on the stream's ARN."""
        with self._db.write() as connection:
            stream = self._db.number(stream_arn)
            now = time.time_ns() // 1_000_000
            tips: dict[int, int] = {}
            batches: dict[int, list[Entry]] = {}
            sequences = []
            for entry in entries:
                shard = entry[0]
                batch = batches.get(shard)
                if batch is None:
                    batch = batches[shard] = []
                    tips[shard] = self._tip(connection, stream_arn, shard)
                batch.append(entry)
                sequences.append(tips[shard] + len(batch))
            for shard, batch in batches.items():
                last = tips[shard]
                for part in _parts(batch):
                    last += len(part)
                    connection.execute(
                        "insert into records (stream_id, shard, last, count, arrived_ms, keys, sizes, data)"
                        " values (?,?,?,?,?,?,?,?)",
                        (
                            stream,
                            shard,
                            last,
                            len(part),
                            now,
                            orjson.dumps([entry[1] for entry in part]),
                            array("I", [len(entry[2]) for entry in part]).tobytes(),
                            b"".join([entry[2] for entry in part]),
                        ),
                    )
                connection.execute(
                    "insert or replace into positions values ('tip', ?, ?)", (f"{stream_arn}/{shard}", str(last))
                )
            self._db.afterwards(lambda: self._bell.ring(stream_arn))
        return sequences

    @staticmethod
    def _tip(connection: sqlite3.Connection, stream_arn: str, shard: int) -> int:
        """The last sequence ever given out in the shard. It outlives trimming and the stream itself, so that a reader's
        position is never above the sequences that are still to come."""
        row = connection.execute(
            "select value from positions where worker = 'tip' and shard = ?", (f"{stream_arn}/{shard}",)
        ).fetchone()
        return int(row[0]) if row else 0

    def read(self, stream_arn: str, shard: int, after: int, limit: int, max_bytes: int) -> list[ShardRecord]:
        """Up to `limit` records above `after`; stops once their data exceed `max_bytes`, but gives at least one."""
        found: list[ShardRecord] = []
        total = 0
        rows = self._db.read().execute(
            "select last, count, arrived_ms, keys, sizes, data from records"
            " where stream_id = ? and shard = ? and last > ? order by last",
            (self._db.known(stream_arn), shard, after),
        )
        for last, count, arrived_ms, keys, packed, data in rows:
            sequence = last - count
            end = 0
            for key, size in zip(orjson.loads(keys), array("I", packed), strict=True):
                sequence += 1
                end += size
                if sequence <= after:
                    continue
                total += size
                if len(found) >= limit or (found and total > max_bytes):
                    rows.close()
                    return found
                found.append(ShardRecord(sequence, key, data[end - size : end], arrived_ms))
            if len(found) >= limit:
                break
        rows.close()
        return found

    def first(self, stream_arn: str, shard: int) -> int:
        """The lowest stored sequence of the shard, 0 when it holds nothing."""
        return self._one(
            "select last - count + 1 from records where stream_id = ? and shard = ? order by last limit 1",
            stream_arn,
            shard,
        )

    def last(self, stream_arn: str, shard: int) -> int:
        """The highest sequence ever given out in the shard, 0 when there was none."""
        return self._tip(self._db.read(), stream_arn, shard)

    def at_or_after(self, stream_arn: str, shard: int, ms: int) -> int:
        """The sequence of the first record that arrived at `ms` or later; one above the last when there is none.

        Arrival times rise with the sequences, and sequences have no gaps: found by bisection.
        """
        low, high = self.first(stream_arn, shard), self.last(stream_arn, shard) + 1
        if low == 0:
            return high
        while low < high:
            middle = (low + high) // 2
            if self.arrived(stream_arn, shard, middle - 1) < ms:
                low = middle + 1
            else:
                high = middle
        return low

    def arrived(self, stream_arn: str, shard: int, sequence: int) -> int:
        """Arrival time in epoch milliseconds of the first record above `sequence`, 0 when there is none."""
        return self._one(
            "select arrived_ms from records where stream_id = ? and shard = ? and last > ? order by last limit 1",
            stream_arn,
            shard,
            sequence,
        )

    def _one(self, sql: str, stream_arn: str, *rest: int) -> int:
        row = self._db.read().execute(sql, (self._db.known(stream_arn), *rest)).fetchone()
        return int(row[0]) if row else 0

    def drop(self, stream_arn: str) -> None:
        """Forget every record of a stream that no longer exists."""
        with self._db.write():
            for shard in self.stored(stream_arn):
                self._old.forget(f"{stream_arn}/{shard}")
            self._db.forget(stream_arn)

    def arns(self) -> list[str]:
        """The ARNs of all streams that were ever put to and not dropped."""
        rows = self._db.read().execute("select arn from arns where arn glob 'arn:aws:kinesis:*'")
        return [row[0] for row in rows]

    # ---- the old end ----

    def stored(self, stream_arn: str) -> list[int]:
        """The shards that hold records."""
        found: list[int] = []
        sql = "select shard from records where stream_id = ? and shard > ? order by shard limit 1"
        stream = self._db.known(stream_arn)
        while row := self._db.read().execute(sql, (stream, found[-1] if found else -1)).fetchone():
            found.append(int(row[0]))
        return found

    def oldest(self, stream_arn: str, shard: int) -> int | None:
        """When the oldest stored record arrived, in epoch milliseconds."""
        row = self._db.read().execute(_QUERIES.oldest, (self._db.known(stream_arn), shard, 1)).fetchone()
        return row and int(row[3])

    def trim(self, stream_arn: str, shard: int, before_ms: float, keep: int | None) -> Trimmed:
        """One step of removing records that arrived before that moment, see `OldEnd.trim`. Joins an open `write()`."""
        return self._old.trim(f"{stream_arn}/{shard}", (self._db.known(stream_arn), shard), before_ms, keep)

    def count(self, stream_arn: str, shard: int) -> bool:
        """One step of counting bytes, see `OldEnd.count`."""
        return self._old.count(f"{stream_arn}/{shard}", (self._db.known(stream_arn), shard))

    def size(self, stream_arn: str) -> int:
        """Bytes that the stream's records take."""
        stream = self._db.known(stream_arn)
        return sum(self._old.size(f"{stream_arn}/{shard}", (stream, shard)) for shard in self.stored(stream_arn))


def _parts(batch: list[Entry]) -> Iterator[list[Entry]]:
    """The batch in pieces of at most 1 MiB, or one record."""
    part: list[Entry] = []
    total = 0
    for entry in batch:
        total += len(entry.data)
        if part and total > _MOST_BYTES:
            yield part
            part, total = [], len(entry.data)
        part.append(entry)
    yield part
