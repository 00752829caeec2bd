"""Retention: what has reached its age goes, and its space is given back, a few milliseconds at a time.

    changes of a table        24 hours, and so is a stream that was closed
    records of a stream       its retention period, 24 hours to a year
    query history             45 days
    tokens of transactions    10 minutes
    objects, uploads          until a lifecycle rule of their bucket says otherwise
    metrics                   455 days, ever coarser
    messages of a queue       its retention period
    runtime.log               10 MB, and as much in runtime.log.1

A pass looks at the old end of each of these, twice a minute, and is cut into steps. A step holds the turn for some
2 ms and has a rest behind it in which others have theirs: the work of hours is done beside that of clients. Nothing
looks at all rows. Free pages are used by the next rows; only those that nobody used for ten minutes leave the file, in
steps of 10 ms while nobody else asks for the turn.
https://docs.aws.amazon.com/athena/latest/ug/querying-viewing-history.html
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import partial

from salespipe.local import moto_inside
from salespipe.local.api.closed_streams import ClosedStreams
from salespipe.local.api.dynamodb_transactions import TOKENS, TOKENS_KEPT
from salespipe.local.athena import executions
from salespipe.local.athena.execution_document import KIND
from salespipe.local.log_file import turn_over
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.aging import deadline
from salespipe.local.stores.dropped import Dropped
from salespipe.local.stores.metric_ages import MetricAges
from salespipe.local.stores.space import Space
from salespipe.local.workers.lifecycle import Lifecycle
from salespipe.local.workers.spared import Spared
from salespipe.local.workers.trimming import CHANGES_KEPT, Readers, Trimming

FIRST_SECONDS = 5.0
EVERY_SECONDS = 30.0
REST_SECONDS = 0.02
LOOKS = 20
HISTORY_KEPT = 45 * 24 * 3600
AGES = {KIND: HISTORY_KEPT, executions.TOKENS: HISTORY_KEPT, TOKENS: TOKENS_KEPT}
"""How old the documents of a kind become, in seconds."""
LAST_SECONDS = 2.0
LOG_BYTES = 10 * 1024 * 1024
_DOCUMENTS = 50

log = logging.getLogger(__name__)


class Retention:
    """The poller of it: a call is a step. `readers` gives None as long as nobody knows who reads."""

    topic = "retention"

    def __init__(
        self,
        stores: Stores,
        moto: Moto,
        readers: Callable[[], Readers | None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = stores
        self._moto = moto
        self._readers = readers
        self._clock = clock
        self._spared = Spared(stores.storage.hinders, clock, monotonic)
        self._trimming = Trimming(stores, self._spared.lasts, self._retention_hours)
        self._closed = ClosedStreams(stores)
        self._dropped = Dropped(stores.db)
        self._ages = MetricAges(stores.db, stores.metrics)
        self._lifecycle = Lifecycle(stores, moto.http)
        self._space = Space(stores.db, LOOKS)
        self._steps: Iterator[object] | None = None

    def poll(self) -> float:
        """One step; how long to rest."""
        self._spared.lasts()
        if self._steps is None:
            readers = self._readers()
            if readers is None:
                return FIRST_SECONDS
            self._steps = self._pass(self._clock(), readers)
        try:
            next(self._steps)
        except StopIteration:
            self._steps = None
            return EVERY_SECONDS
        except BaseException:
            self._steps = None
            raise
        return REST_SECONDS

    def _pass(self, now: float, readers: Readers) -> Iterator[object]:
        """Everything that is due, the logs first: they are what grows. What fails does not keep the rest from being
        done; the first failure is raised at the end."""
        self._space.look()
        failures: list[Exception] = []
        logs = partial(self._logs, readers=readers)
        for part in (logs, self._history, self._ages.steps, self._lifecycle.steps, self._small, self._rows):
            try:
                yield from part(now)
            except Exception as error:  # noqa: BLE001 - raised at the end
                failures.append(error)
        if failures:
            raise failures[0]

    def _logs(self, now: float, readers: Readers) -> Iterator[None]:
        yield from self._trimming.changes(now, readers)
        yield from self._trimming.records(now, readers)
        if not self._spared.lasts():
            self._closed.drop(now - CHANGES_KEPT)

    def _small(self, now: float) -> Iterator[None]:
        """What takes no time to speak of."""
        if moto_inside.expire_messages(now, look=True):
            self._moto.change("sqs", lambda: moto_inside.expire_messages(now))
        turn_over(self._stores.home / "runtime.log", LOG_BYTES)
        yield

    def _rows(self, now: float) -> Iterator[None]:
        """Rows that are nobody's, then pages that are nobody's; not for so long that the logs have to wait."""
        over = deadline(EVERY_SECONDS)
        while self._dropped.remove() and not over():
            yield
        while self._space.give_back() and not over():
            yield

    def finish(self) -> None:
        """When everybody has stopped: go on for a moment with what is nobody's, and if nothing lives here any more,
        leave nothing behind. What cannot be done now is left to the next run."""
        stores = self._stores
        try:
            if not stores.items.arns() and not stores.shards.arns():
                self._closed.drop(math.inf)
                self._dropped.remove_all()
            over = deadline(LAST_SECONDS)
            while self._dropped.remove() and not over():
                pass
            self._space.compact()
        except sqlite3.Error as error:
            log.warning("space was not given back: %s", stores.storage.words(error) or error)

    def _history(self, now: float) -> Iterator[None]:
        documents = self._stores.documents
        for kind, kept in AGES.items():
            while old := documents.older(kind, now - kept, _DOCUMENTS):
                with self._stores.db.write():
                    for id in old:
                        documents.delete(kind, id)
                yield

    def _retention_hours(self, stream_arn: str) -> int:
        """The retention period of a Kinesis stream. Raises AwsError if there is no such stream."""
        asked = {"StreamARN": stream_arn}
        found = self._moto.call("kinesis", "DescribeStreamSummary", asked, region=stream_arn.split(":")[3])
        return int(found["StreamDescriptionSummary"]["RetentionPeriodHours"])
