"""The change log of a table: what DynamoDB Streams serves, in the order in which the changes were made.

One shard a stream. A row holds the changes of one write request, each as the very bytes that a reader gets: reading
is cutting, nothing is put together or parsed again. What was trimmed at the old end is remembered, so that a reader
who comes for it is told so.
Record shape: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from salespipe.local.stores.aging import OldEnd, Queries, Trimmed
from salespipe.local.stores.database import Database

MAX_BYTES = 6 * 1024 * 1024
"""What a pipe takes at once: the payload of a batch.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html"""

_TRIMMED = "trimmed"
_QUERIES = Queries(
    oldest="select last, last, count, created from changes where stream_id = ? order by last limit ?",
    delete="delete from changes where last = ? returning length(keys) + length(records)",
    newer="select coalesce(max(last), 0), coalesce(sum(bytes), 0), count(*) from (select last, length(keys) +"
    " length(records) as bytes from changes where stream_id = ? and last > ? order by last limit ?)",
)
_BASE = 100_000_000_000_000_000_000


def sequence_number(sequence: int) -> str:
    """The 21-digit sequence number of a stored change; text order is number order."""
    return str(_BASE + sequence)


def parse_sequence_number(text: str) -> int:
    """The stored number behind a sequence number. Raises ValueError for one that is not ours."""
    value = int(text) - _BASE
    if value < 0:
        raise ValueError(text)
    return value


class Change(NamedTuple):
    """One change of one item: `keys` its key in DynamoDB JSON, `record` as GetRecords gives it, both compact JSON;
    `created` in epoch seconds."""

    sequence: int
    created: float
    keys: bytes
    record: bytes


class NewChange(NamedTuple):
    """A change about to be written: the event's name, keys and images in compact DynamoDB JSON, bytes as AWS counts."""

    name: bytes
    keys: bytes
    new: bytes | None
    old: bytes | None
    size: int


class ChangeLog:
    """Appends in the transaction of the item write; reads in sequence order."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._old = OldEnd(db, _QUERIES)
        self._trimmed: dict[str, int] = {}

    def append(
        self, connection: sqlite3.Connection, stream_arn: str, view: str, now: float, made: Sequence[NewChange]
    ) -> None:
        """Add changes to a stream with the given view, inside the caller's transaction."""
        found = connection.execute("select seq from sqlite_sequence where name = 'changes'").fetchone()
        first = (found[0] if found else 0) + 1
        region = stream_arn.split(":", 4)[3].encode()
        ids = os.urandom(16 * len(made)).hex().encode()
        head = b'","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"%b","dynamodb":{' % region
        head += b'"ApproximateCreationDateTime":%d,"Keys":' % now
        tail = b',"StreamViewType":"%b"}}' % view.encode()
        records = [
            b'{"eventID":"%b","eventName":"%b%b%b%b%b,"SequenceNumber":"%d","SizeBytes":%d%b'
            % (
                ids[32 * at : 32 * at + 32],
                name,
                head,
                keys,
                b"" if new is None else b',"NewImage":' + new,
                b"" if old is None else b',"OldImage":' + old,
                _BASE + first + at,
                size,
                tail,
            )
            for at, (name, keys, new, old, size) in enumerate(made)
        ]
        connection.execute(
            "insert into changes (last, stream_id, count, created, keys, records) values (?,?,?,?,?,?)",
            (
                first + len(made) - 1,
                self._db.number(stream_arn),
                len(made),
                now,
                # No line break can be inside: JSON writes it as \n.
                b"\n".join([change.keys for change in made]),
                b"\n".join(records),
            ),
        )

    def read(self, stream_arn: str, after: int, limit: int, max_bytes: int = MAX_BYTES) -> list[Change]:
        """Up to `limit` changes above `after`; stops before they exceed `max_bytes`, but gives at least one."""
        found: list[Change] = []
        total = 0
        rows = self._db.read().execute(
            "select last, count, created, keys, records from changes where stream_id = ? and last > ? order by last",
            (self._db.known(stream_arn), after),
        )
        for last, count, created, keys, records in rows:
            sequence = last - count
            if total + len(records) <= max_bytes and len(found) + count <= limit and sequence >= after:
                total += len(records)
                for key, record in zip(keys.split(b"\n"), records.split(b"\n"), strict=True):
                    sequence += 1
                    found.append(Change(sequence, created, key, record))
                continue
            for key, record in zip(keys.split(b"\n"), records.split(b"\n"), strict=True):
                sequence += 1
                if sequence <= after:
                    continue
                total += len(record)
                if len(found) >= limit or (found and total > max_bytes):
                    rows.close()
                    return found
                found.append(Change(sequence, created, key, record))
        return found

    def first(self, stream_arn: str) -> int:
        """The lowest stored sequence, 0 when there is none."""
        return self._one("select last - count + 1 from changes where stream_id = ? order by last", stream_arn)

    def last(self, stream_arn: str) -> int:
        """The highest sequence that the stream ever had, 0 when there was none."""
        stored = self._one("select last from changes where stream_id = ? order by last desc", stream_arn)
        return stored or self.trimmed(stream_arn)

    def before(self, stream_arn: str, moment: float) -> int:
        """The last sequence of a change made before `moment` (epoch seconds), 0 when there is none.

        What was trimmed counts as made before.
        """
        stored = self._one(
            "select last from changes where stream_id = ? and created < ? order by last desc", stream_arn, moment
        )
        return stored or self.trimmed(stream_arn)

    def _one(self, sql: str, stream_arn: str, *rest: float) -> int:
        row = self._db.read().execute(f"{sql} limit 1", (self._db.known(stream_arn), *rest)).fetchone()
        return int(row[0]) if row else 0

    # ---- the old end ----

    def arns(self) -> list[str]:
        """The ARNs of all streams that were not dropped."""
        rows = self._db.read().execute("select arn from arns where arn glob 'arn:aws:dynamodb:*/stream/*'")
        return [row[0] for row in rows]

    def trimmed(self, stream_arn: str) -> int:
        """The highest sequence that was removed by age, 0 when none was."""
        known = self._trimmed.get(stream_arn)
        if known is None:
            with self._db.write() as connection:
                row = connection.execute(
                    "select value from positions where worker = ? and shard = ?", (_TRIMMED, stream_arn)
                ).fetchone()
                known = self._trimmed[stream_arn] = int(row[0]) if row else 0
        return known

    def oldest(self, stream_arn: str) -> float | None:
        """When the oldest stored change was made, in epoch seconds."""
        row = self._db.read().execute(_QUERIES.oldest, (self._db.known(stream_arn), 1)).fetchone()
        return row and float(row[3])

    def trim(self, stream_arn: str, before: float, keep: int | None) -> Trimmed:
        """One step of removing changes made before that moment, see `OldEnd.trim`. Joins an open `write()`."""
        with self._db.write() as connection:
            made = self._old.trim(stream_arn, (self._db.known(stream_arn),), before, keep)
            if made.batches:
                connection.execute(
                    "insert or replace into positions values (?,?,?)", (_TRIMMED, stream_arn, str(made.last))
                )
                self._trimmed[stream_arn] = made.last
                self._db.on_rollback(self._trimmed.clear)
        return made

    def count(self, stream_arn: str) -> bool:
        """One step of counting bytes, see `OldEnd.count`."""
        return self._old.count(stream_arn, (self._db.known(stream_arn),))

    def size(self, stream_arn: str) -> int:
        """Bytes that the stream's changes take."""
        return self._old.size(stream_arn, (self._db.known(stream_arn),))

    def drop(self, stream_arn: str) -> None:
        """Forget a stream that no longer exists, and every change that is left of it."""
        with self._db.write() as connection:
            connection.execute("delete from positions where worker = ? and shard = ?", (_TRIMMED, stream_arn))
            self._old.forget(stream_arn)
            self._db.forget(stream_arn)
            self._trimmed.pop(stream_arn, None)
