"""Reading all shards of a stream side by side, each at its own pace.

One read per shard is under way at a time, and at most one batch per shard waits to be looked at: memory stays
bounded when the consumer is slow. Closing the generator (or Ctrl-C) ends the pauses at once.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from salespipe.errors import NotThereError
from salespipe.services.shards import Batch, Lineage, Shard, ShardReader, Start, list_shards

_SIDE_BY_SIDE = 32  # as many as the client keeps connections
_IDLE = 4  # an empty shard is asked less often, down to every this many pauses


class _Stopped(Exception):
    """The consumer went away while a read was pausing."""


class _Paced:
    """A shard reader that pauses before each read but the first; longer while there is nothing new."""

    def __init__(self, reader: ShardReader, poll_seconds: float) -> None:
        self.reader = reader
        self._poll = poll_seconds
        self._pause = 0.0

    def read(self, sleep: Any) -> Batch:
        if self._pause:
            sleep(self._pause)
        batch = self.reader.read()
        longest = self._poll * _IDLE
        self._pause = self._poll if batch.records else min(max(self._pause * 2, self._poll), longest)
        return batch


def follow(
    kinesis: Any, stream: str, start: Start, *, shard: str | None = None, to_tip: bool, poll_seconds: float
) -> Generator[tuple[str, list[dict[str, Any]]], None, None]:
    """Yield (shard id, records) as they arrive; the records as GetRecords gives them, in order within the shard.

    Ends when every shard has ended or, with `to_tip`, when each was read to its tip. `shard` follows that one
    alone and raises NotThereError when the stream has no such shard.
    """
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise _Stopped

    pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="shard")
    lineage = Lineage(start)
    running: dict[Future[Batch], _Paced] = {}

    def begin(found: list[tuple[Shard, Start]]) -> None:
        readers = [ShardReader(kinesis, stream, one, where, sleep=sleep) for one, where in found]
        # "Now" is the same moment for every shard, not whenever a thread comes to be free.
        for _ in pool.map(ShardReader.open, [reader for reader in readers if reader.at_latest]):
            pass
        for reader in readers:
            paced = _Paced(reader, poll_seconds)
            running[pool.submit(paced.read, sleep)] = paced

    try:
        listing = list_shards(kinesis, stream)
        begin(lineage.ready(listing) if shard is None else [(_pick(listing, shard), start)])
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                paced = running.pop(future)
                batch = future.result()
                one = paced.reader.shard
                if batch.ended:
                    if shard is None:
                        lineage.ended(one)
                        begin(lineage.ready(list_shards(kinesis, stream)))
                elif not (to_tip and batch.at_tip):
                    running[pool.submit(paced.read, sleep)] = paced
                if batch.records:
                    yield one.shard_id, batch.records
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _pick(listing: list[Shard], shard_id: str) -> Shard:
    for shard in listing:
        if shard.shard_id == shard_id:
            return shard
    known = ", ".join(shard.shard_id for shard in listing)
    raise NotThereError(f"the stream has no shard {shard_id!r}", f"its shards are: {known}")
