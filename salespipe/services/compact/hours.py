"""Which hours of the lake are closed, and how their objects are divided into runs. Pure.

When is an hour closed? Firehose files an object under the hour in which its oldest record arrived and writes it one
buffer interval later (https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html). Before that the transform has
its own buffer and may be tried again, five minutes at the most each time
(https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html). So nothing more is due for an hour once its
end is as old as both buffers, twice as Firehose may stretch them, and all tries of the transform. A delivery that was
held up for longer (S3 refused it, the stream was behind) may still write into such an hour. That harms nothing: what
a run did not read is neither hidden nor deleted, and the next run takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from salespipe.stack.naming import DATA_PREFIX

MOST_PARTITIONS = 100
"""Athena writes no more in one INSERT INTO: https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html"""

_MOST_PATH_BYTES = 150_000
"""Of the paths that a statement names: it may have 262,144 bytes with all the rest
(https://docs.aws.amazon.com/athena/latest/ug/service-limits.html)."""

_MOST_OBJECTS = 900
"""Trino opens no file whose `"$path"` a query excludes, if it excludes no more than a thousand or so: as many ranges of
a column it keeps apart (domain-compaction-threshold)."""

_TRY_SECONDS = 300
_FOLDER = re.compile(re.escape(DATA_PREFIX) + r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/[^/]+")


@dataclass(frozen=True)
class RawObject:
    """An object as it was listed: bytes in `size`, and the ETag as S3 writes it, with its quotation marks."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True, order=True)
class Hour:
    """An hour of the lake, in UTC: `dt` is 2026-11-21, `hour` is 07."""

    dt: str
    hour: str

    @property
    def ends(self) -> datetime:
        return datetime.fromisoformat(f"{self.dt}T{self.hour}:00:00+00:00") + timedelta(hours=1)


@dataclass(frozen=True)
class Part:
    """Objects of one hour that one run rewrites; all of them unless there are too many for one statement."""

    hour: Hour
    objects: tuple[RawObject, ...]


Batch = tuple[Part, ...]
"""What one run rewrites: at most 100 hours, each once."""


def slack(buffer_seconds: float, transform_seconds: float, retries: int) -> float:
    """Seconds after its end at which an hour is closed; the settings are the delivery stream's."""
    return 2 * (buffer_seconds + transform_seconds) + (1 + retries) * _TRY_SECONDS


def by_hour(listing: Iterable[RawObject]) -> dict[Hour, list[RawObject]]:
    """The objects of each hour in key order. Objects elsewhere, empty ones and those whose name begins with `_` or
    `.` are left alone: Athena does not read them as rows of an hour."""
    found: dict[Hour, list[RawObject]] = {}
    for each in listing:
        folder = _FOLDER.fullmatch(each.key)
        if folder is None or not each.size or each.key.rpartition("/")[2].startswith(("_", ".")):
            continue
        try:
            hour = Hour(folder[1], folder[2])
            _ = hour.ends
        except ValueError:
            continue
        found.setdefault(hour, []).append(each)
    return {hour: sorted(found[hour], key=lambda each: each.key) for hour in sorted(found)}


def closed(hours: Iterable[Hour], now: datetime, slack_seconds: float) -> list[Hour]:
    """The hours into which nothing more is due at `now`."""
    last = now.astimezone(UTC) - timedelta(seconds=slack_seconds)
    return [hour for hour in hours if hour.ends <= last]


def batches(hours: dict[Hour, list[RawObject]], bucket: str, most_bytes: int) -> list[Batch]:
    """The objects in runs, oldest hour first: each with as many as fit one statement and `most_bytes`, one at least."""
    runs: list[list[tuple[Hour, list[RawObject]]]] = []
    text = size = count = 0
    for hour, objects in hours.items():
        fresh = True
        for each in objects:
            path = len(f"s3://{bucket}/{each.key}".encode()) + 4
            full = not runs or text + path > _MOST_PATH_BYTES or size + each.size > most_bytes or count == _MOST_OBJECTS
            if full or (fresh and len(runs[-1]) == MOST_PARTITIONS):
                runs.append([])
                text, size, count, fresh = 0, 0, 0, True
            if fresh:
                runs[-1].append((hour, []))
                fresh = False
            runs[-1][-1][1].append(each)
            text, size, count = text + path, size + each.size, count + 1
    return [tuple(Part(hour, tuple(objects)) for hour, objects in run) for run in runs]


def objects_of(batch: Sequence[Part]) -> list[RawObject]:
    """Every object of a run."""
    return [each for part in batch for each in part.objects]
