"""What a compaction remembers in the bucket, under compacting/: who is at work, what the run reads, how far it came.

Guarantee: one at a time. The lock is an object that only one can create (If-None-Match) and that is renewed by who has
it (If-Match), https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html; S3 gives writes and
listings in order to everybody. A lock is taken over when its owner is a process of this machine that is gone, or when
it gave no sign of life for two minutes, by S3's clock; who has lost it finds out before it changes anything more.

- lock: who is at work.
- run.json: the run under way and each object it reads, with its ETag; there from before the copy until the last of
  these objects is gone.
- state.json: the last run that counts, `through` (what later runs wrote does not), with the columns of both tables. It
  outlives `down`, which takes the catalog away: `crawl` makes it again.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.absent import if_there
from salespipe.aws.errors import error_code, translated
from salespipe.errors import SalespipeError
from salespipe.services.compact.hours import Batch, Hour, Part, RawObject
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import COMPACTING_PREFIX, COMPACTION_STATE

_LOCK = f"{COMPACTING_PREFIX}lock"
_RUN = f"{COMPACTING_PREFIX}run.json"
_SILENCE_SECONDS = 120
_RENEW_SECONDS = 15.0
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_NONE = frozenset({"NoSuchKey", "404"})


class AtWorkError(SalespipeError):
    """Somebody else has the lock."""


@dataclass(frozen=True)
class Run:
    """A run and what it reads. Ids sort in the order of the runs."""

    id: str
    batch: Batch


class Lock:
    """Held within `with held(p) as lock`; call `renew` before each step that changes something."""

    def __init__(self, p: Pipeline, etag: str, clock: Callable[[], float]) -> None:
        self._p = p
        self._etag = etag
        self._clock = clock
        self._renewed = clock()

    def renew(self, *, at_once: bool = True) -> None:
        """Show that we are there; raises SalespipeError when another has taken over."""
        if not at_once and self._clock() - self._renewed < _RENEW_SECONDS:
            return
        with translated():
            try:
                self._etag = _put(self._p, _LOCK, _owner(), IfMatch=self._etag)
            except ClientError as error:
                if error_code(error) not in _TAKEN | _NONE:
                    raise
                raise SalespipeError(
                    "another compaction has taken this one over, as it gave no sign of life",
                    "look at it with --dry-run",
                ) from error
        self._renewed = self._clock()

    def release(self) -> None:
        """Let others in."""
        with translated():
            self._p.aws.client("s3").delete_object(Bucket=self._p.names.bucket, Key=_LOCK)


@contextmanager
def held(p: Pipeline, clock: Callable[[], float] = time.monotonic) -> Iterator[Lock]:
    """Nobody else changes what `orders` is meanwhile. Raises SalespipeError when somebody is at work, NotThereError
    without a bucket."""
    with translated():
        lock = Lock(p, _take(p), clock)
    try:
        yield lock
    finally:
        lock.renew()
        lock.release()


def _take(p: Pipeline) -> str:
    try:
        return _put(p, _LOCK, _owner(), IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) not in _TAKEN:
            raise
    found = _get(p, _LOCK)
    if found is None:  # it was released just now
        return _put(p, _LOCK, _owner(), IfNoneMatch="*")
    owner, etag, silent = found
    if not _is_gone(owner) and silent < _SILENCE_SECONDS:
        raise AtWorkError(
            f"a compaction is at work: process {owner.get('pid')} on {owner.get('host')}",
            f"wait for it; one that was killed there is taken over {_SILENCE_SECONDS} s after its last sign of life",
        )
    return _put(p, _LOCK, _owner(), IfMatch=etag)


def _owner() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "token": os.urandom(4).hex()}


def _is_gone(owner: dict[str, Any]) -> bool:
    """Whether it was a process of this machine and runs no more. One of ours that we do not know of is gone too."""
    if owner.get("host") != socket.gethostname() or not isinstance(owner.get("pid"), int):
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@dataclass(frozen=True)
class State:
    """What counts: runs up to `through`, empty before the first. `columns` are those of the raw and of the compacted
    table, Glue types by name."""

    through: str
    columns: dict[str, str]


def state(p: Pipeline) -> State | None:
    """What counts; None where nothing was ever compacted."""
    found = _get(p, COMPACTION_STATE)
    return None if found is None else State(found[0]["through"], found[0]["columns"])


def keep(p: Pipeline, state: State) -> None:
    """From now on this counts."""
    with translated():
        _put(p, COMPACTION_STATE, {"version": 1, **asdict(state)})


def under_way(p: Pipeline) -> Run | None:
    """The run that was begun and not finished."""
    found = _get(p, _RUN)
    if found is None:
        return None
    parts = [
        Part(Hour(part["dt"], part["hour"]), tuple(RawObject(*each) for each in part["objects"]))
        for part in found[0]["parts"]
    ]
    return Run(str(found[0]["run"]), tuple(parts))


def begin(p: Pipeline, run: Run) -> None:
    """Write down what `run` reads, before it reads anything."""
    parts = [
        {
            "dt": part.hour.dt,
            "hour": part.hour.hour,
            "objects": [[each.key, each.etag, each.size] for each in part.objects],
        }
        for part in run.batch
    ]
    with translated():
        _put(p, _RUN, {"version": 1, "run": run.id, "parts": parts})


def end(p: Pipeline) -> None:
    """There is no run under way any more."""
    with translated():
        p.aws.client("s3").delete_object(Bucket=p.names.bucket, Key=_RUN)


def next_id(after: str) -> str:
    """An id that sorts behind `after` and that no other run has."""
    return f"{int(after.partition('-')[0] or 0) + 1:010d}-{os.urandom(4).hex()}"


def _put(p: Pipeline, key: str, document: dict[str, Any], **conditions: str) -> str:
    body = json.dumps(document, separators=(",", ":")).encode()
    answer = p.aws.client("s3").put_object(Bucket=p.names.bucket, Key=key, Body=body, **conditions)
    return str(answer["ETag"])


def _get(p: Pipeline, key: str) -> tuple[dict[str, Any], str, float] | None:
    """The document, its ETag and for how many seconds nobody has written it; None when it is not there."""
    with translated():
        try:
            answer = if_there(p.aws.client("s3").get_object, Bucket=p.names.bucket, Key=key)
        except ClientError as error:
            if error_code(error) not in _NONE:
                raise
            return None
    if answer is None:
        return None
    document = json.loads(answer["Body"].read())
    written: datetime = answer["LastModified"]
    stamp = answer["ResponseMetadata"]["HTTPHeaders"].get("date")  # an answer without one came from this machine
    now = parsedate_to_datetime(stamp) if stamp else datetime.now(UTC)
    return document, str(answer["ETag"]), (now - written).total_seconds()
