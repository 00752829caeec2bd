"""Trimming of the logs by age: changes of tables after 24 hours, records of a stream after its retention period.

The period is final, as on AWS: what a pipe or delivery has not passed on by then is lost to it, also what it has read
and cannot write, for as long as S3 or the next stream may fail; so a log never holds more than its period. What is lost
is counted in the transaction that removes it (`Salespipe Expired`), which moves the reader's position behind it, and
logged; the reader goes on at the oldest record there is. Only while readers are spared (`spared.py`) nothing goes that
one of them has not passed on.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html,
https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html,
https://docs.aws.amazon.com/firehose/latest/dev/retry.html
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores
from salespipe.local.stores.aging import Trimmed
from salespipe.local.stores.shards import shard_id
from salespipe.local.workers.delivery_config import DeliveryConfig
from salespipe.local.workers.pipe_config import PipeConfig
from salespipe.local.workers.worker import worker_key

HOUR = 3600
CHANGES_KEPT = 24 * HOUR
SHORTEST = 24 * HOUR
_OF_A_PIPE = "0"  # the one shard under which a pipe keeps its position

log = logging.getLogger(__name__)


class Reader(NamedTuple):
    """Who reads a shard: the worker and shard under which its position is kept, and the dimensions of its metrics."""

    name: str
    worker: str
    shard: str
    dimensions: Mapping[str, str]


Readers = Mapping[tuple[str, int], Sequence[Reader]]
"""By ARN of the stream and number of the shard, which is 0 for a stream of changes."""


def readers_of(jobs: Iterable[PipeConfig | tuple[DeliveryConfig, int]]) -> Readers:
    """Who reads what, of running pipes and shards of delivery streams."""
    found: dict[tuple[str, int], list[Reader]] = defaultdict(list)
    for job in jobs:
        if isinstance(job, PipeConfig):
            reader = Reader(f"pipe {job.name}", worker_key(job.arn, job.created), _OF_A_PIPE, {"PipeName": job.name})
            found[job.source_arn, 0].append(reader)
        else:
            config, shard = job
            of = {"DeliveryStreamName": config.name}
            worker = worker_key(config.arn, config.created)
            reader = Reader(f"delivery {config.name}", worker, shard_id(shard), of)
            found[config.source_arn, shard].append(reader)
    return found


class Trimming:
    """Each of its iterators does all that is due, a few milliseconds a step. `spared` says whether readers still have
    time to catch up, and `retention_hours` gives a Kinesis stream's or raises AwsError."""

    def __init__(self, stores: Stores, spared: Callable[[], bool], retention_hours: Callable[[str], int]) -> None:
        self._stores = stores
        self._spared = spared
        self._retention_hours = retention_hours

    def changes(self, now: float, readers: Readers) -> Iterator[None]:
        """Trim every stream of changes."""
        changes, before = self._stores.changes, now - CHANGES_KEPT
        for arn in changes.arns():
            while changes.count(arn):
                yield
            oldest = changes.oldest(arn)
            if oldest is not None and oldest < before:
                step = partial(changes.trim, arn, before)
                yield from self._trim(step, readers.get((arn, 0), ()), CHANGES_KEPT)

    def records(self, now: float, readers: Readers) -> Iterator[None]:
        """Trim every shard of every Kinesis stream."""
        shards = self._stores.shards
        for arn in shards.arns():
            for shard in shards.stored(arn):
                while shards.count(arn, shard):
                    yield
                oldest = shards.oldest(arn, shard)
                if oldest is None or oldest >= (now - SHORTEST) * 1000:
                    continue
                try:
                    kept = self._retention_hours(arn) * HOUR
                except AwsError:  # deleted meanwhile
                    break
                if oldest < (now - kept) * 1000:
                    step = partial(shards.trim, arn, shard, (now - kept) * 1000)
                    yield from self._trim(step, readers.get((arn, shard), ()), kept)

    def _trim(self, step: Callable[[int | None], Trimmed], readers: Sequence[Reader], kept: int) -> Iterator[None]:
        """Step by step; `step` takes the sequence above which nothing may go."""
        stores, missed, more = self._stores, Counter[str](), True
        while more:
            with stores.db.write():
                positions = [(reader, stores.positions.get(reader.worker, reader.shard)) for reader in readers]
                kept_for = [int(at or 0) for _, at in positions] if self._spared() else []
                made = step(min(kept_for, default=None))
                for reader, position in positions:
                    count = 0 if position is None else made.above(int(position))
                    if count:
                        stores.metrics.add("Salespipe", "Expired", reader.dimensions, count)
                        stores.positions.save(reader.worker, reader.shard, str(made.last))
                        missed[reader.name] += count
            more = made.more
            yield
        for name, count in missed.items():
            log.error(
                "%s: %d records went at the age of %d hours before it had passed them on; it goes on at the oldest",
                name,
                count,
                kept // HOUR,
            )
