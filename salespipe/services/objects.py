"""What lies in the pipeline's bucket, counted by listing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from salespipe.aws.errors import translated
from salespipe.errors import NotThereError
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import ERROR_PREFIX, SEEN_PREFIX

_MOST_ERROR_OBJECTS = 200  # reading more to count their lines would cost more than the number is worth

# The lines of each error object by its key and ETag, None for one that cannot be read, as long as the clients live:
# whoever waits for delivery asks again and again.
_counted: WeakKeyDictionary[Any, dict[tuple[str, str], int | None]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Summary:
    """How many objects and bytes lie under a prefix and when the last one was written."""

    objects: int
    bytes: int
    latest: datetime | None


def listing(p: Pipeline, prefix: str) -> Iterator[dict[str, Any]]:
    """The objects under `prefix` in key order, as ListObjectsV2 describes them. NotThereError without a bucket."""
    pages = p.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=p.names.bucket, Prefix=prefix)
    with translated():
        for page in pages:
            yield from page.get("Contents", [])


def folders(p: Pipeline, prefix: str) -> Iterator[str]:
    """The folders right below `prefix` in order, each as a prefix. NotThereError without a bucket."""
    pages = p.aws.client("s3").get_paginator("list_objects_v2")
    with translated():
        for page in pages.paginate(Bucket=p.names.bucket, Prefix=prefix, Delimiter="/"):
            yield from (str(each["Prefix"]) for each in page.get("CommonPrefixes", ()))


def summary(p: Pipeline, prefix: str) -> Summary:
    """Count what lies under `prefix`."""
    found = list(listing(p, prefix))
    return Summary(
        objects=len(found),
        bytes=sum(each["Size"] for each in found),
        latest=max((each["LastModified"] for each in found), default=None),
    )


@dataclass(frozen=True)
class Failed:
    """How many records failed in all, and of these how many somebody has still to look at; None: it is not known."""

    records: int | None
    unseen: int | None


def failed(p: Pipeline) -> Failed:
    """The lines of the error objects, each of which is one failed record. Somebody has seen what was moved to
    SEEN_PREFIX: there it is no problem any more, but goes on being counted, as what has arrived is reckoned with it.

    None when there are too many objects to read or one of them cannot be, 0 when there is no bucket. An object is
    read once for each Clients.
    (https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html)
    """
    s3 = p.aws.client("s3")
    known = _counted.setdefault(p.aws, {})
    total: int | None = 0
    unseen: int | None = 0
    try:
        found = list(islice(listing(p, ERROR_PREFIX), _MOST_ERROR_OBJECTS + 1))
        if len(found) > _MOST_ERROR_OBJECTS:
            return Failed(None, 0 if all(each["Key"].startswith(SEEN_PREFIX) for each in found) else None)
        for each in found:
            version = f"{p.names.bucket}/{each['Key']}", each["ETag"]
            if version not in known:
                with translated():
                    known[version] = _lines(s3.get_object(Bucket=p.names.bucket, Key=each["Key"])["Body"].read())
            lines = known[version]
            total = _sum(total, lines)
            if not each["Key"].startswith(SEEN_PREFIX):
                unseen = _sum(unseen, lines)
    except NotThereError:
        return Failed(0, 0)
    return Failed(total, unseen)


def error_records(p: Pipeline) -> int | None:
    """How many records failed in all."""
    return failed(p).records


def _sum(known: int | None, more: int | None) -> int | None:
    return None if known is None or more is None else known + more


def _lines(body: bytes) -> int | None:
    try:
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    except (OSError, EOFError, zlib.error):  # nobody promises that what lies there is whole
        return None
    return sum(1 for line in text.split(b"\n") if line.strip())
