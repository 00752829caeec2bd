"""The delivery: reads one shard of a Kinesis stream, has the records transformed, and writes objects to S3.

Guarantee: an object, its errors and the position behind its records are one transaction, so each record of the shard
is in S3 (or under the error prefix, or dropped by the function) exactly once, whatever is killed when. What is only
buffered is read again after a restart; the object's name follows from the records in it.

A buffer is flushed when it is full or when its oldest record was read `IntervalInSeconds` ago; twice that, and a second
at least, while the shard has more to read at once (Firehose, too, raises the hints when it is behind). The interval
runs from the reading of a record, through the Lambda's buffer and this one. Objects are written to disk before the
transaction begins, so nobody waits for them. Begins where the shard was when the delivery stream was created. When S3
cannot be written, the flush is repeated until it can and nothing more is read meanwhile; what the stream's retention
period ends for meanwhile is lost, and counted by whoever trims (see `trimming`): it is not written any more then.

How old the oldest record held is, it publishes with each flush, each failed step and once a minute meanwhile; 0 once
nothing is held any more.

Where shards are limited in how often they are read, it reads once a second, as Firehose does, and more often only while
it is behind; its reads count with everybody else's.
https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
"""

from __future__ import annotations

import gzip
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from salespipe.local.errors import AwsError
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject
from salespipe.local.stores.shards import ShardRecord, shard_id
from salespipe.local.workers.delivery_buffer import Buffer
from salespipe.local.workers.delivery_config import MB, DeliveryConfig
from salespipe.local.workers.prefix import PROCESSING_FAILED, evaluate_prefix, object_name
from salespipe.local.workers.transform import MAX_RECORDS, Transform
from salespipe.local.workers.worker import worker_key

IDLE_SECONDS = 60.0
_BEHIND_SECONDS = 1.0
_READ_SECONDS = 1.0
_READ_BEHIND_SECONDS = 0.2
_NAMESPACE = "AWS/Firehose"
_FRESHNESS = "DeliveryToS3.DataFreshness"
_FRESHNESS_SECONDS = 60.0
_GZIP_LEVEL = 3  # half the time of level 6 for 14 % more bytes of order rows


class _ExpiredError(Exception):
    """Of what is held something was trimmed and counted as lost."""


class DeliveryPoller:
    """One shard of one delivery stream. `transform` is None without a Lambda."""

    def __init__(
        self,
        config: DeliveryConfig,
        shard: int,
        stores: Stores,
        transform: Transform | None,
        bucket_exists: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
        throttle: Throttle | None = None,
    ) -> None:
        self.topic = config.source_arn
        self._config = config
        self._shard = shard
        self._stores = stores
        self._transform = transform
        self._bucket_exists = bucket_exists
        self._clock = clock
        self._worker = worker_key(config.arn, config.created)
        self._zone = ZoneInfo(config.time_zone)
        processor = config.processor
        self._step_bytes = processor.buffer_bytes if processor else MB
        self._step_seconds = processor.buffer_seconds if processor else 0.0
        self._pending: list[ShardRecord] = []
        """Read, but not yet transformed."""
        self._pending_bytes = 0
        self._pending_since = 0.0
        self._buffer = Buffer()
        self._cursor: int | None = None
        """The last sequence that was read; None before the position was looked up."""
        self._start = 0
        """The position as it was then or was last saved: behind it lies all that is held here."""
        self._behind = False
        self._throttle = throttle or Throttle()
        self._next_read = 0.0
        """Where shards have limits: not before then."""
        self._age_told = 0.0
        """The age that was last published, and when."""
        self._age_told_at = clock()

    def poll(self) -> float:
        """One step: read, transform or flush. Raises what S3 says (AwsError), InterruptedTransformError."""
        now = self._clock()
        try:
            if self._age_due(now) <= 0:
                self._tell_age(now)
            return self._poll(now)
        except Exception:
            if self._pending or self._buffer.last:
                with suppress(sqlite3.Error):  # the disk is full, which is what the poll has just said
                    self._tell_age(now)
            raise

    def _poll(self, now: float) -> float:
        if self._flush_due(now):
            try:
                self._flush()
            except _ExpiredError:
                self._begin_again()
            return 0
        with self._stores.db.turn:
            self._read(now)
        if self._pending and self._step_due(now):
            self._step()
            return 0
        return self._rest(now)

    def _begin_again(self) -> None:
        """Forget what is held, and read from the position what is left of it."""
        self._cursor = None
        self._pending, self._pending_bytes = [], 0
        self._buffer = Buffer()

    # ---- reading ----

    def _position(self) -> int:
        """The last sequence that was delivered; for a new delivery stream, the last before its creation."""
        name = shard_id(self._shard)
        saved = self._stores.positions.get(self._worker, name)
        if saved is not None:
            return int(saved)
        created_ms = int(self._config.created * 1000)
        start = self._stores.shards.at_or_after(self._config.source_arn, self._shard, created_ms) - 1
        self._stores.positions.save(self._worker, name, str(start))
        return start

    def _read(self, now: float) -> None:
        cursor = self._cursor
        if cursor is None:
            cursor = self._start = self._position()
        room = self._step_bytes - self._pending_bytes
        limit = MAX_RECORDS - len(self._pending)
        if room <= 0 or limit <= 0:
            return
        limited = self._throttle.limits_reads
        if limited and not self._may_read(now):
            return
        found = self._stores.shards.read(self._config.source_arn, self._shard, cursor, limit, room)
        last = self._stores.shards.last(self._config.source_arn, self._shard)
        if not found:
            self._behind = False
            return
        if not self._pending:
            self._pending_since = now
        self._pending += found
        size = sum(len(record.data) for record in found)
        self._pending_bytes += size
        if limited:
            self._throttle.was_read(self._config.source_arn, self._shard, size)
        self._cursor = found[-1].sequence
        self._behind = last > found[-1].sequence

    def _may_read(self, now: float) -> bool:
        if now < self._next_read:
            return False
        self._next_read = now + (_READ_BEHIND_SECONDS if self._behind else _READ_SECONDS)
        return self._throttle.read(self._config.source_arn, self._shard)

    def _step_due(self, now: float) -> bool:
        return (
            self._behind
            or self._pending_bytes >= self._step_bytes
            or len(self._pending) >= MAX_RECORDS
            or now - self._pending_since >= self._step_seconds
        )

    def _step(self) -> None:
        """Move what is pending into the buffer, through the function if there is one."""
        records, config, buffer = self._pending, self._config, self._buffer
        if self._transform is None or config.processor is None:
            buffer.add([record.data for record in records], config.delimiter)
        else:
            made = self._transform.run(self._shard, records)
            buffer.add(made.data, config.delimiter)
            buffer.fail(made.failed, config.processor.arn)
            buffer.succeeded += len(made.data) + made.dropped
            buffer.succeeded_bytes += sum(map(len, made.data))
        buffer.took(records, self._pending_since)
        self._pending = []
        self._pending_bytes = 0

    # ---- writing ----

    def _flush_due(self, now: float) -> bool:
        buffer, config = self._buffer, self._config
        if not buffer.last:
            return False
        longest = max(2 * config.buffer_seconds, _BEHIND_SECONDS) if self._behind else config.buffer_seconds
        return buffer.size >= config.buffer_bytes or now - buffer.entered >= longest

    def _rest(self, now: float) -> float:
        """Seconds until a buffer becomes due."""
        due = [self._next_read - now if self._throttle.limits_reads else IDLE_SECONDS]
        if self._pending:
            due.append(self._pending_since + self._step_seconds - now)
        if self._buffer.last:
            due.append(self._buffer.entered + self._config.buffer_seconds - now)
        return max(min(*due, self._age_due(now)), 0.0)

    def _flush(self) -> None:
        config, buffer, stores = self._config, self._buffer, self._stores
        self._must_exist()  # before anything is written in vain; what counts is the look below
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{self._worker}/{self._shard}/{buffer.first}-{buffer.last}")
        at = datetime.fromtimestamp(buffer.oldest_ms / 1000, self._zone)
        random = Random(identity.int)
        body = [gzip.compress(b"".join(buffer.parts), _GZIP_LEVEL, mtime=0)] if config.gzip else buffer.parts
        bodies: list[tuple[str, list[bytes]]] = []
        if buffer.parts:
            key = evaluate_prefix(config.prefix, at, random=random)
            bodies.append((key + object_name(config.name, config.version, at, identity, config.extension), body))
        if buffer.errors:
            base = config.error_prefix or config.prefix
            key = evaluate_prefix(base, at, random=random, error_type=PROCESSING_FAILED)
            bodies.append((key + object_name(config.name, config.version, at, identity, ""), buffer.errors))
        made = self._write(bodies)
        with stores.db.write():
            stores.objects.index(*made)  # and if what follows fails, the files go
            self._must_exist()
            if self._position() != self._start:
                raise _ExpiredError
            stores.positions.save(self._worker, shard_id(self._shard), str(buffer.last))
            self._count(buffer, sum(map(len, body)) if buffer.parts else 0)
        self._start = buffer.last
        self._age_told, self._age_told_at = self._age(), self._clock()
        self._buffer = Buffer()

    def _must_exist(self) -> None:
        """Raise AwsError if the bucket is not there; inside `write()` it stays as it is until the end of that."""
        bucket = self._config.bucket
        if not self._bucket_exists(bucket):
            raise AwsError("NoSuchBucket", f"The specified bucket does not exist: {bucket}", 404)

    def _write(self, bodies: list[tuple[str, list[bytes]]]) -> list[StoredObject]:
        """All the files or, on a full disk for one, none: the flush is tried again."""
        objects, made = self._stores.objects, list[StoredObject]()
        try:
            for key, body in bodies:
                made.append(objects.write(self._config.bucket, key, body, content_type="application/octet-stream"))
        except BaseException:
            objects.discard(*made)
            raise
        return made

    def _count(self, buffer: Buffer, written: int) -> None:
        """https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html"""
        stream = {"DeliveryStreamName": self._config.name}
        values = {
            "DataReadFromKinesisStream.Records": buffer.records,
            "DataReadFromKinesisStream.Bytes": buffer.read_bytes,
            "DeliveryToS3.Records": buffer.delivered,
            "DeliveryToS3.Bytes": written,
            "DeliveryToS3.Success": 1,
            _FRESHNESS: self._age(),
        }
        if self._config.processor is not None:
            values["SucceedProcessing.Records"] = buffer.succeeded
            values["SucceedProcessing.Bytes"] = buffer.succeeded_bytes
        self._stores.metrics.add_all(_NAMESPACE, values, stream)

    def _age(self) -> float:
        """Seconds since the oldest record that is held got onto the shard; 0 when none is."""
        oldest_ms = self._buffer.oldest_ms if self._buffer.last else None
        if oldest_ms is None and self._pending:
            oldest_ms = self._pending[0].arrived_ms
        return 0.0 if oldest_ms is None else max(time.time() - oldest_ms / 1000, 0.0)

    def _age_due(self, now: float) -> float:
        """Seconds until the age has to be published; for ever while nothing is held and that was said."""
        if not self._age_told and not self._pending and not self._buffer.last:
            return IDLE_SECONDS
        return self._age_told_at + _FRESHNESS_SECONDS - now

    def _tell_age(self, now: float) -> None:
        self._age_told, self._age_told_at = self._age(), now
        dimensions = {"DeliveryStreamName": self._config.name}
        self._stores.metrics.add(_NAMESPACE, _FRESHNESS, dimensions, self._age_told)
