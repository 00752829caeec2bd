"""Following the shards of a Kinesis stream: where to start, what to read next, what to do when a shard splits.

The guarantee: every record of a shard is handed out once and in order; a shard that came from another one is
handed out after its parents were read to their end, so the records of one partition key stay in order across
a resharding. Rules from https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html
and https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from salespipe.aws.errors import error_code, translate, translated
from salespipe.errors import UsageError

READ_LIMIT = 10_000  # the most records one GetRecords hands out
_LONGEST_RETENTION = timedelta(days=365)
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "ThrottlingException",
        "KMSThrottlingException",
    }
)
_AGE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ACCEPTED = "use latest, trim_horizon, a time like 2026-11-20T12:00:00Z or an age like 30s, 5m, 2h, 1d"


@dataclass(frozen=True)
class Start:
    """Where in a stream to begin; `at` belongs to AT_TIMESTAMP."""

    kind: Literal["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"]
    at: datetime | None = None

    def iterator_request(self) -> dict[str, Any]:
        """What GetShardIterator is asked for."""
        request: dict[str, Any] = {"ShardIteratorType": self.kind}
        if self.at is not None:
            request["Timestamp"] = self.at
        return request


TRIM_HORIZON = Start("TRIM_HORIZON")


def parse_start(text: str, now: datetime | None = None) -> Start:
    """The start that `text` names: `latest`, `trim_horizon`, an ISO-8601 time (UTC when it has no zone) or an age.

    A time before the longest possible retention is the trim horizon, as it is for Kinesis. Raises UsageError for
    anything else, and for a time that is still to come (Kinesis refuses those too).
    """
    now = now or datetime.now(UTC)
    word = text.strip()
    if word.upper() in ("LATEST", "TRIM_HORIZON"):
        return Start("LATEST") if word.upper() == "LATEST" else TRIM_HORIZON
    if age := _AGE.fullmatch(word.lower()):
        seconds = float(age[1]) * _SECONDS[age[2]]
        old = seconds > _LONGEST_RETENTION.total_seconds()
        return TRIM_HORIZON if old else Start("AT_TIMESTAMP", now - timedelta(seconds=seconds))
    try:
        at = datetime.fromisoformat(word)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"start {text!r} is not understood", _ACCEPTED) from None
    if at > now:
        raise UsageError(f"start {text!r} is still to come: it is {now:%Y-%m-%dT%H:%M:%SZ} now", _ACCEPTED)
    return TRIM_HORIZON if now - at > _LONGEST_RETENTION else Start("AT_TIMESTAMP", at)


@dataclass(frozen=True)
class Shard:
    """One shard as ListShards describes it."""

    shard_id: str
    parents: frozenset[str]
    closed: bool


def list_shards(kinesis: Any, stream: str) -> list[Shard]:
    """Every shard of `stream` that still holds records, open and closed, in id order."""
    shards: list[Shard] = []
    request: dict[str, Any] = {"StreamName": stream}
    while True:
        with translated():
            page = kinesis.list_shards(**request)
        for shard in page["Shards"]:
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
            closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
            shards.append(Shard(shard["ShardId"], frozenset(parents), closed))
        if not page.get("NextToken"):
            return sorted(shards, key=lambda shard: shard.shard_id)
        request = {"NextToken": page["NextToken"]}


@dataclass(frozen=True)
class Batch:
    """What one read gave: records as Kinesis describes them; `at_tip` when nothing newer was there;
    `ended` when the shard is closed and this was its last."""

    records: list[dict[str, Any]]
    at_tip: bool
    ended: bool


class ShardReader:
    """Reads one shard from a start to its end, one batch a call.

    An iterator lives five minutes. One that expired (a slow consumer, a laptop that slept) is renewed after the
    last record handed out, or, when there was none, where reading began. Being throttled is no error: the read
    backs off and tries again.
    """

    def __init__(
        self,
        kinesis: Any,
        stream: str,
        shard: Shard,
        start: Start,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.shard = shard
        self._kinesis = kinesis
        self._stream = stream
        self._start = start
        self._sleep = sleep
        self._clock = clock
        self._iterator = ""
        self._last = ""

    @property
    def at_latest(self) -> bool:
        """Not opened yet, and what comes before that moment is not to be read."""
        return self._start.kind == "LATEST"

    def open(self) -> None:
        """Take the first iterator. With LATEST this is the instant that divides old from new."""
        began = self._clock()
        self._iterator = self._take_iterator(self._start.iterator_request())
        if self._start.kind == "LATEST":
            # LATEST asked again later would skip what came in between.
            self._start = Start("AT_TIMESTAMP", began)

    def read(self) -> Batch:
        """The next batch, possibly empty. Raises our error for any failure but throttling."""
        if not self._iterator:
            self.open()
        wait = 0.2
        while True:
            try:
                answer = self._kinesis.get_records(ShardIterator=self._iterator, Limit=READ_LIMIT)
                break
            except ClientError as error:
                code = error_code(error)
                if code == "ExpiredIteratorException":
                    self._renew()
                elif code in _THROTTLED:
                    self._sleep(wait * random.uniform(0.5, 1.0))
                    wait = min(wait * 2, 5.0)
                else:
                    raise translate(error) from error
            except (BotoCoreError, HTTPClientError) as error:
                raise translate(error) from error
        records: list[dict[str, Any]] = answer["Records"]
        if records:
            self._last = records[-1]["SequenceNumber"]
        self._iterator = answer.get("NextShardIterator") or ""
        # A full answer may hide more of the same millisecond behind a zero.
        at_tip = answer.get("MillisBehindLatest", 0) == 0 and len(records) < READ_LIMIT
        return Batch(records, at_tip, ended=not self._iterator)

    def _renew(self) -> None:
        if self._last:
            request: dict[str, Any] = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": self._last,
            }
        else:
            request = self._start.iterator_request()
        self._iterator = self._take_iterator(request)

    def _take_iterator(self, request: dict[str, Any]) -> str:
        with translated():
            return str(
                self._kinesis.get_shard_iterator(StreamName=self._stream, ShardId=self.shard.shard_id, **request)[
                    "ShardIterator"
                ]
            )


@dataclass
class Lineage:
    """Which shards may be read now. Feed it the listing whenever a shard ended; nothing is handed out twice."""

    start: Start
    _known: dict[str, Shard] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)
    _ended: set[str] = field(default_factory=set)
    _later: set[str] = field(default_factory=set)

    def ready(self, listing: Iterable[Shard]) -> list[tuple[Shard, Start]]:
        """The shards to begin with, each with where: those of the first listing at `start`, later ones at their
        trim horizon, for all they hold came after the start. A shard waits until its listed parents have ended."""
        first = not self._known
        for shard in listing:
            if shard.shard_id in self._known:
                continue
            self._known[shard.shard_id] = shard
            if not first:
                self._later.add(shard.shard_id)
            elif shard.closed and self.start.kind == "LATEST":
                self._given.add(shard.shard_id)
                self._ended.add(shard.shard_id)
        found = [
            shard
            for shard in self._known.values()
            if shard.shard_id not in self._given and not (shard.parents & self._known.keys()) - self._ended
        ]
        self._given.update(shard.shard_id for shard in found)
        return [(shard, TRIM_HORIZON if shard.shard_id in self._later else self.start) for shard in found]

    def ended(self, shard: Shard) -> None:
        """`shard` was read to its end."""
        self._ended.add(shard.shard_id)
