"""The change events as they arrive on the stream, from every shard.

The guarantee: each record of the shards is told once and each order's events come in the order in which they
happened (one order, one partition key, one shard). A record that is no change event is told as a problem and
stops nothing. Who stops asking, or interrupts, ends the readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from salespipe.errors import NotThereError, UsageError
from salespipe.orders.attributes import iso
from salespipe.orders.events import ChangeEvent
from salespipe.services import provision
from salespipe.services.follow import follow
from salespipe.services.pipeline import Pipeline
from salespipe.services.shards import Start, parse_start

_PREVIEW = 80


@dataclass(frozen=True, slots=True)
class TailEvent:
    """One change event. `sequence_number` is the table's, the same as in the lake; `event_time` is when the order
    changed and `arrived_at` when the stream took the event, ISO-8601 in UTC. Numbers in the images are Decimal."""

    event: str
    order_id: str
    event_id: str
    sequence_number: str
    shard_id: str
    event_time: str
    arrived_at: str
    order: dict[str, Any]
    old: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class TailProblem:
    """A record that is no change event; `sequence_number` is the stream's, to fetch it by."""

    shard_id: str
    sequence_number: str
    reason: str
    data_preview: str


def tail(
    p: Pipeline, *, start: str, shard: str | None, limit: int | None, exit_at_end: bool
) -> Iterator[TailEvent | TailProblem]:
    """Follow the stream from `start` (see `parse_start`), all shards or the one named `shard`.

    Ends after `limit` change events, or, with `exit_at_end`, when every shard was read to its tip. Raises
    UsageError at once for a start or limit that makes no sense, NotThereError when the pipeline or shard is not
    there.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"limit {limit} is not valid", "give a number of events, 1 or more")
    return _tail(p, parse_start(start), shard, limit, exit_at_end)


def _tail(
    p: Pipeline, start: Start, shard: str | None, limit: int | None, exit_at_end: bool
) -> Iterator[TailEvent | TailProblem]:
    batches = follow(
        p.aws.client("kinesis"),
        p.names.stream,
        start,
        shard=shard,
        to_tip=exit_at_end,
        poll_seconds=p.settings.tail_poll_seconds,
    )
    told = 0
    try:
        for shard_id, records in batches:
            for record in records:
                event = _read(shard_id, record)
                yield event
                told += isinstance(event, TailEvent)
                if told == limit:
                    return
    except NotThereError as error:
        if error.__cause__ is not None:
            provision.require(p)  # says it better when it is the whole pipeline that is missing
        raise
    finally:
        batches.close()


def _read(shard_id: str, record: dict[str, Any]) -> TailEvent | TailProblem:
    data: bytes = record["Data"]
    try:
        change = ChangeEvent.from_json(data)
    except ValueError as error:
        preview = data[:_PREVIEW].decode("utf-8", "replace")
        return TailProblem(shard_id, record["SequenceNumber"], str(error), preview)
    return TailEvent(
        event=change.event,
        order_id=change.order_id,
        event_id=change.event_id,
        sequence_number=change.sequence_number,
        shard_id=shard_id,
        event_time=iso(change.event_time),
        arrived_at=iso(record["ApproximateArrivalTimestamp"]),
        order=change.order,
        old=change.old,
    )
