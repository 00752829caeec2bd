"""The change log of a table: what DynamoDB Streams serves, in the order in which the changes were made.

One shard a stream. Rows keep the images as compact DynamoDB JSON, so a record is put together without parsing.
Record shape: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from salespipe.local.stores.database import Database

MAX_BYTES = 6 * 1024 * 1024
"""What a pipe takes at once: the payload of a batch.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html"""

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


@dataclass(frozen=True, slots=True)
class StreamSource:
    """Where a record comes from: what the record itself repeats of its stream."""

    arn: str
    region: str
    view: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item. `keys`, `new` and `old` are compact DynamoDB JSON; `created` is epoch seconds."""

    sequence: int
    event_id: str
    name: str
    created: float
    keys: bytes
    new: bytes | None
    old: bytes | None
    size: int

    def event_json(self, source: StreamSource) -> bytes:
        """The bytes that a pipe puts on Kinesis: compact, no newline, the key order AWS writes."""
        return (
            b'{"eventID":"%b","eventName":"%b","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"%b",'
            b'"dynamodb":{"ApproximateCreationDateTime":%d,"Keys":%b%b%b,"SequenceNumber":"%b","SizeBytes":%d,'
            b'"StreamViewType":"%b"},"eventSourceARN":"%b"}'
        ) % (
            self.event_id.encode(),
            self.name.encode(),
            source.region.encode(),
            int(self.created),
            self.keys,
            b"" if self.new is None else b',"NewImage":' + self.new,
            b"" if self.old is None else b',"OldImage":' + self.old,
            sequence_number(self.sequence).encode(),
            self.size,
            source.view.encode(),
            source.arn.encode(),
        )

    def record_json(self, source: StreamSource) -> bytes:
        """The record as GetRecords of DynamoDB Streams gives it (the same, without the stream's ARN)."""
        event = self.event_json(source)
        return event[: event.rindex(b',"eventSourceARN":')] + b"}"


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change about to be written."""

    name: str
    keys: bytes
    new: bytes | None
    old: bytes | None
    size: int


class ChangeLog:
    """Appends in the transaction of the item write; reads in sequence order."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def append(self, connection: sqlite3.Connection, stream: int, now: float, made: Iterable[NewChange]) -> None:
        """Add changes to the stream with the given number, inside the caller's transaction."""
        connection.executemany(
            "insert into changes (stream_id, event_id, name, created, keys, new, old, size) values (?,?,?,?,?,?,?,?)",
            [(stream, secrets.token_hex(16), c.name, now, c.keys, c.new, c.old, c.size) for c in made],
        )

    def read(self, stream_arn: str, after: int, limit: int, max_bytes: int = MAX_BYTES) -> list[Change]:
        """Up to `limit` changes above `after`; stops before their images exceed `max_bytes`, but gives at least one."""
        found: list[Change] = []
        total = 0
        rows = self._db.read().execute(
            "select sequence, event_id, name, created, keys, new, old, size from changes"
            " where stream_id = ? and sequence > ? order by sequence limit ?",
            (self._db.number(stream_arn), after, limit),
        )
        for row in rows:
            change = Change(*row)
            total += len(change.keys) + len(change.new or b"") + len(change.old or b"")
            if found and total > max_bytes:
                break
            found.append(change)
        rows.close()
        return found

    def first(self, stream_arn: str) -> int:
        """The lowest stored sequence, 0 when there is none."""
        return self._edge("min", stream_arn)

    def last(self, stream_arn: str) -> int:
        """The highest stored sequence, 0 when there is none."""
        return self._edge("max", stream_arn)

    def _edge(self, which: str, stream_arn: str) -> int:
        row = self._db.read().execute(
            f"select {which}(sequence) from changes where stream_id = ?", (self._db.number(stream_arn),)
        )
        return int(row.fetchone()[0] or 0)

    def drop(self, stream_arn: str) -> None:
        """Forget every change of a stream that no longer exists."""
        with self._db.write() as connection:
            connection.execute("delete from changes where stream_id = ?", (self._db.number(stream_arn),))
