"""The pipe: moves the changes of a table to a Kinesis stream, in their order.

Guarantee: the records and the position behind them are one transaction, so a kill at any instant neither loses nor
repeats a record. With a backlog several batches go into one transaction; what can be seen is the same.

A batch that fails is repeated with growing pauses (from 0.1 s to 5 s, quicker than AWS). With AUTOMATIC_BISECT it is
halved instead, until the record at fault is alone; that is repeated `MaximumRetryAttempts` times and then goes to the
dead-letter queue, or is given up where there is none. Records older than `MaximumRecordAgeInSeconds` go there as well.
A dead letter that cannot be sent holds the pipe until it can, and so does a target that has reached its throughput
limits, which counts as no failure; until then nothing is read. `ParallelizationFactor` changes nothing: one thread.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from salespipe.local.errors import AwsError
from salespipe.local.limits.refusals import HeldError
from salespipe.local.stores import Stores
from salespipe.local.stores.changes import Change
from salespipe.local.workers.dead_letters import RETRIES_EXHAUSTED, TOO_OLD, dead_letter
from salespipe.local.workers.pipe_config import PipeConfig
from salespipe.local.workers.pipe_records import RecordError, RecordMaker
from salespipe.local.workers.worker import worker_key

log = logging.getLogger(__name__)

Put = Callable[[str, Sequence[tuple[str, bytes]]], Any]
"""Appends (partition key, data) records to a Kinesis stream, joining an open `write()`. Raises AwsError, HeldError."""

STEP = 500
IDLE_SECONDS = 60.0
LONGEST_HELD = 1.0
"""Seconds; then the target is asked again, whose limits may have been lifted meanwhile."""
_NAMESPACE = "AWS/EventBridge/Pipes"


class SourceGoneError(Exception):
    """The stream was disabled or its table deleted: the pipe is dead for good, as on AWS."""


class BatchFailedError(Exception):
    """A batch could not be put; it will be tried again."""


class PipePoller:
    """One pipe. `shard_id` is the source's shard as DynamoDB Streams names it; `send(queue_arn, body)` raises AwsError.

    Ages of records count from `since` (epoch seconds: when the runtime started) at the earliest, because the machine
    may have been off for longer than any age that makes sense on AWS.
    """

    def __init__(
        self,
        config: PipeConfig,
        stores: Stores,
        put: Put,
        send: Callable[[str, str], None],
        shard_id: str,
        since: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.topic = config.source_arn
        self._config = config
        self._stores = stores
        self._put = put
        self._send = send
        self._shard_id = shard_id
        self._since = since
        self._clock = clock
        self._worker = worker_key(config.arn, config.created)
        self._maker: RecordMaker | None = None
        self._after: int | None = None
        self._failures = 0
        self._until: list[int] = []
        """Ends (sequences) of the pieces that a failed batch was cut into, the next to be put last."""
        self._waiting_since: float | None = None
        self._held_until = 0.0

    # ---- where it is ----

    def _position(self) -> int:
        if self._after is None:
            saved = self._stores.positions.get(self._worker, "0")
            self._after = self._start() if saved is None else int(saved)
        return self._after

    def _start(self) -> int:
        """Where a new pipe begins: LATEST is the moment of its creation, whenever its worker comes to run."""
        source = self._config.source_arn
        after = 0
        if self._config.starting_position == "LATEST":
            after = self._stores.changes.before(source, self._config.created)
        self._stores.positions.save(self._worker, "0", str(after))
        return after

    # ---- moving ----

    def poll(self) -> float:
        """Put what has come; raises BatchFailedError for a batch that will be repeated, SourceGoneError at the end."""
        if self._maker is None:
            self._maker = RecordMaker(self._config)
        held = self._held_until - time.monotonic()
        if held > 0:
            return held
        with self._stores.db.turn:
            changes = self._next()
            if not changes:
                self._check_source()
                return IDLE_SECONDS
            rest = self._window_left(changes)
            if rest > 0:
                return rest
            try:
                left = self._move(self._maker, changes)
            except HeldError as refusal:
                rest = min(refusal.seconds, LONGEST_HELD)
                self._held_until = time.monotonic() + rest
                return rest
        if left is not None:
            left()
        return 0

    def _next(self) -> list[Change]:
        after = self._position()
        while self._until and self._until[-1] <= after:
            self._until.pop()
        limit = self._config.batch_size if self._failures else max(STEP, self._config.batch_size)
        changes = self._stores.changes.read(self._config.source_arn, after, limit)
        if self._until:
            changes = [change for change in changes if change.sequence <= self._until[-1]]
        return changes

    def _window_left(self, changes: list[Change]) -> float:
        """How long to wait for a full batch."""
        if self._config.window <= 0 or self._until or self._is_full(changes):
            self._waiting_since = None
            return 0
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        left = self._waiting_since + self._config.window - now
        if left <= 0:
            self._waiting_since = None
        return left

    def _is_full(self, changes: list[Change]) -> bool:
        """Whether there is a whole batch: as many as it takes, or as many bytes, so that some were left unread."""
        return (
            len(changes) >= self._config.batch_size
            or self._stores.changes.last(self._config.source_arn) > changes[-1].sequence
        )

    def _check_source(self) -> None:
        table = self._stores.items.table(self._config.source_arn.partition("/stream/")[0])
        if table is None or table.stream_arn != self._config.source_arn:
            raise SourceGoneError(f"source stream is not there (disabled or deleted): {self._config.source_arn}")

    def _move(self, maker: RecordMaker, changes: list[Change]) -> Callable[[], None] | None:
        """Put them; what is left to do where that went wrong, which may be a dead letter: not in a turn."""
        wanted = maker.wanted(changes)
        if wanted and self._is_old(wanted[0]):
            return partial(self._give_up_old, changes, wanted)
        began = time.monotonic()
        try:
            records = maker.records(wanted)
            with self._stores.db.write():
                if records:
                    self._put(self._config.target_arn, records)
                self._count(records, (time.monotonic() - began) * 1000)
                self._save(changes[-1].sequence)
        except (RecordError, AwsError) as error:
            return partial(self._failed, changes, wanted, error)
        self._advance(changes[-1].sequence)
        return None

    def _save(self, after: int) -> None:
        self._stores.positions.save(self._worker, "0", str(after))

    def _advance(self, after: int) -> None:
        self._after = after
        self._failures = 0

    def _count(self, records: list[tuple[str, bytes]], milliseconds: float) -> None:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-monitoring.html"""
        if not records:
            return
        values = {
            "Invocations": -(-len(records) // self._config.batch_size),
            "EventCount": len(records),
            "EventSize": sum(len(data) for _, data in records),
            "Duration": milliseconds,
        }
        self._stores.metrics.add_all(_NAMESPACE, values, {"PipeName": self._config.name})

    # ---- failing ----

    def _failed(self, changes: list[Change], wanted: list[Change], error: Exception) -> None:
        if len(changes) > self._config.batch_size:
            # Several batches were tried together, which only the fault's own batch may suffer for: halve.
            half = max(len(changes) // 2 // self._config.batch_size, 1) * self._config.batch_size
            self._until.append(changes[half - 1].sequence)
            return
        failures = {"ExecutionFailed": 1, "TargetStageFailed": 1}
        self._stores.metrics.add_all(_NAMESPACE, failures, {"PipeName": self._config.name})
        if self._config.bisect and len(wanted) > 1:
            self._until.append(wanted[len(wanted) // 2 - 1].sequence)
            return
        self._failures += 1
        # So that the rest of a larger step does not come along with the next attempt.
        if self._until[-1:] != [changes[-1].sequence]:
            self._until.append(changes[-1].sequence)
        if 0 <= self._config.retries < self._failures:
            self._give_up(wanted, RETRIES_EXHAUSTED, changes[-1].sequence, str(error))
            return
        # The same text at each attempt, so that it is logged once.
        raise BatchFailedError(
            f"{len(wanted)} records from sequence {wanted[0].sequence} are tried again: {error}"
        ) from error

    def _is_old(self, change: Change) -> bool:
        limit = self._config.max_age
        return limit >= 0 and max(change.created, self._since) + limit < self._clock()

    def _give_up_old(self, changes: list[Change], wanted: list[Change]) -> None:
        old = [change for change in wanted if self._is_old(change)]
        after = changes[-1].sequence if len(old) == len(wanted) else old[-1].sequence
        self._give_up(old, TOO_OLD, after, "too old")

    def _give_up(self, changes: list[Change], condition: str, after: int, why: str) -> None:
        """Send the dead letter and go on behind it; a kill between the two sends it twice."""
        config = self._config
        log.error(
            "pipe %s gives up %d records from sequence %d: %s", config.name, len(changes), changes[0].sequence, why
        )
        if config.dead_letter_arn is not None:
            body = dead_letter(config.arn, config.source_arn, self._shard_id, changes, condition, self._clock())
            self._send(config.dead_letter_arn, body)
        with self._stores.db.write():
            self._save(after)
        self._advance(after)
