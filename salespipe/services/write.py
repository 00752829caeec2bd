"""The paced, batched and pooled writer behind `generate` and `replay`.

Guarantees: what is counted is applied, and what is applied is counted (but for a batch whose connection broke and
did not come back: whether that was applied is not known, and it is not counted); operations on one order are applied
in their order; the rate is held against absolute deadlines, so a late batch never makes the whole run late.

An update is a put of the whole new order. Up to sixteen batches are under way at once, on eight threads, so that the
table and this process seldom wait for each other; an operation whose key is in one of them, or in the batch being made,
waits until that one is done. All of it happens apart from the thread that Ctrl-C strikes.

Pace: operation i is due i/rate seconds after the start and owns the 1/rate seconds after that, so n operations take
n/rate seconds. Batches are made of what falls due within 50 ms; below 20/s each operation goes alone and on time.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from salespipe.errors import UsageError
from salespipe.orders import Operation
from salespipe.services.apart import Apart
from salespipe.services.batches import BATCH, BatchSender
from salespipe.services.pipeline import Pipeline

_THREADS = 8
_MOST_UNDER_WAY = 2 * _THREADS  # so that a thread that is done finds the next batch ready
_GATHER_SECONDS = 0.05
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class WriteProgress:
    """What is written so far: operations by kind, seconds since the start, operations a second, items sent again."""

    inserted: int
    updated: int
    deleted: int
    seconds: float
    rate: float
    retried: int


@dataclass(frozen=True)
class WriteResult(WriteProgress):
    """What was written in all; `interrupted` when Ctrl-C ended it early."""

    interrupted: bool = False


def check_limits(*, rate: float | None = None, count: int | None = None, duration: float | None = None) -> None:
    """Raise UsageError unless each limit that is given is a finite number above zero."""
    for name, value in (("rate", rate), ("count", count), ("duration", duration)):
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"--{name} must be above 0, not {value:g}", f"leave --{name} out for its default")


def write(
    p: Pipeline,
    operations: Iterable[Operation],
    *,
    rate: float | None = None,
    count: int | None = None,
    duration: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[WriteProgress | WriteResult]:
    """Write `operations` to the table; yields WriteProgress about twice a second and WriteResult at the end.

    `rate` operations a second (None, or more than the machine can do: as fast as it goes), until `operations` end,
    `count` are written or `duration` seconds are over.

    A KeyboardInterrupt, raised in here or thrown in with `.throw()`, ends the run early: batches under way are
    finished and the result says `interrupted`. Raises our error for a refused write (no such table, not permitted)
    after a last WriteProgress with what was written.
    """
    sender = BatchSender(p, clock=clock, sleep=sleep)
    writer = _Writer(iter(operations), sender, _Pace(clock(), rate), count, duration, clock, sleep)
    work = Apart(writer.events())
    result: WriteResult | None = None
    interrupted = False
    try:
        while result is None:
            try:
                if not interrupted:
                    work.start()
                yield from work.follow()
                result = WriteResult(**vars(writer.progress()), interrupted=interrupted)
            except KeyboardInterrupt:
                if interrupted:
                    raise
                interrupted = True
                writer.stop()
                if work.withdraw():
                    result = WriteResult(**vars(writer.progress()), interrupted=True)
    except GeneratorExit:
        writer.stop()
        if not work.withdraw():
            deque(work.follow(), maxlen=0)
        raise
    yield result


class _Pace:
    """When each operation is due."""

    def __init__(self, start: float, rate: float | None) -> None:
        self.start = start
        self._rate = rate
        self._group = BATCH if rate is None else max(1, min(BATCH, int(rate * _GATHER_SECONDS)))

    def due(self, index: int) -> float:
        """The moment operation `index`, from 0, is due."""
        return self.start + (index / self._rate if self._rate else 0.0)

    def batch_due(self, taken: int, most: int) -> float:
        """The moment to make the next batch, after `taken` operations and with `most` left to take."""
        return self.due(taken + min(self._group, most) - 1)

    def batch_size(self, taken: int, most: int, now: float) -> int:
        """How many operations a batch made now has: all that are due by then."""
        if self._rate is None:
            return most
        behind = int((now - self.start) * self._rate) + 1 - taken
        return min(most, max(behind, self._group))


class _Writer:
    """The loop: takes what is due, keeps each order's operations apart, hands batches to the pool."""

    def __init__(
        self,
        operations: Iterator[Operation],
        sender: BatchSender,
        pace: _Pace,
        count: int | None,
        duration: float | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._operations = operations
        self._sender = sender
        self._pace = pace
        self._count = count
        self._end = None if duration is None else pace.start + duration
        self._clock = clock
        self._sleep = sleep
        self._told = pace.start
        self._taken = 0
        self._stopping = False
        self._exhausted = False
        self._held: Operation | None = None  # taken from the operations, but its key is busy
        self._busy: set[str] = set()  # the keys of all that is under way
        self._under_way: dict[Future[None], list[Operation]] = {}

    def stop(self) -> None:
        """Begin nothing more: what is under way is finished. For any thread."""
        self._stopping = True
        self._sender.stop()

    def events(self) -> Iterator[WriteProgress]:
        """Write all of it. Raises what a batch raised, after a last WriteProgress."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="write") as pool:
            try:
                yield from self._run(pool)
                yield from self._finish()
            except BaseException:
                self._sender.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                yield self.progress()
                raise

    def progress(self) -> WriteProgress:
        tally = self._sender.tally
        seconds = self._clock() - self._pace.start
        written = tally.insert + tally.update + tally.delete
        return WriteProgress(
            inserted=tally.insert,
            updated=tally.update,
            deleted=tally.delete,
            seconds=round(seconds, 3),
            rate=round(written / seconds, 3) if seconds > 0 else 0.0,
            retried=tally.retried,
        )

    def _run(self, pool: ThreadPoolExecutor) -> Iterator[WriteProgress]:
        """Write until the operations, the count or the duration end; the last batches are still under way then."""
        while (most := self._most()) and not self._stopping:
            yield from self._tell()
            self._reap()
            now = self._clock()
            if self._end is not None and now >= self._end:
                return
            due = self._pace.batch_due(self._taken, most)
            if due > now:
                self._pause(due)
            elif len(self._under_way) >= _MOST_UNDER_WAY:
                self._wait()
            elif batch := self._take(self._pace.batch_size(self._taken, most, now)):
                self._under_way[pool.submit(self._sender.send, batch)] = batch
                self._taken += len(batch)
            elif self._held:
                self._wait()
        # The last operation owns its share of the time too.
        while not self._stopping and self._clock() < (
            over := min(self._pace.due(self._taken), self._end or float("inf"))
        ):
            yield from self._tell()
            self._reap()
            self._pause(over)

    def _finish(self) -> Iterator[WriteProgress]:
        """Wait for all that is under way. Raises what a batch raised."""
        while self._under_way:
            yield from self._tell()
            self._wait()
            self._reap()

    def _most(self) -> int:
        """How many operations the next batch may have; 0 when there is nothing more to write."""
        if self._exhausted and self._held is None:
            return 0
        return BATCH if self._count is None else min(BATCH, self._count - self._taken)

    def _take(self, size: int) -> list[Operation]:
        """Up to `size` operations, each on another order, none on an order that is busy; marks their keys busy."""
        batch: list[Operation] = []
        while len(batch) < size:
            operation = self._held or next(self._operations, None)
            self._held = None
            if operation is None:
                self._exhausted = True
                break
            if operation.order.orderid in self._busy:
                self._held = operation
                break
            self._busy.add(operation.order.orderid)
            batch.append(operation)
        return batch

    def _reap(self) -> None:
        for future in [future for future in self._under_way if future.done()]:
            batch = self._under_way.pop(future)
            self._busy.difference_update(operation.order.orderid for operation in batch)
            future.result()

    def _wait(self) -> None:
        wait(self._under_way, timeout=_PROGRESS_SECONDS, return_when=FIRST_COMPLETED)

    def _pause(self, until: float) -> None:
        """Sleep until `until`, the next progress or the end of the run, whichever is first."""
        wake = min(until, self._told + _PROGRESS_SECONDS, self._end or until)
        self._sleep(max(0.0, wake - self._clock()))

    def _tell(self) -> Iterator[WriteProgress]:
        if self._clock() - self._told >= _PROGRESS_SECONDS:
            self._told = self._clock()
            yield self.progress()
