"""Every folder's schema. The rule of reading: each object is opened once in its life, and only its start is read.

What a folder showed is kept by crawler. At the next crawl a folder whose objects are all known is not opened at all;
in one that has new objects only those are read; one where an object changed or is gone is read anew, since its
schema may have become narrower. So a schema is always that of every object's start, as on AWS, but a crawl costs
what is new. A target's `SampleSize` limits the objects that are read in each folder; the rest is only counted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from salespipe.local.crawling.classify import UNRECOGNISED, Classifier, classify
from salespipe.local.crawling.runs import Patterns, Runs
from salespipe.local.crawling.schema import Columns, Format
from salespipe.local.crawling.targets import S3Target
from salespipe.local.errors import DamagedObjectError
from salespipe.local.stores.documents import Documents
from salespipe.local.stores.objects import StoredObject

_MOST_PROBLEMS = 50
MOST_NAMED = 3
"""Objects of each format that are remembered by name."""


@dataclass
class Share:
    """What the objects of one format in a folder have in common. `bytes` is as stored, `records` may be estimated,
    `first` are the keys of the first objects."""

    format: Format
    columns: Columns = field(default_factory=Columns)
    objects: int = 0
    bytes: int = 0
    records: int = 0
    first: list[str] = field(default_factory=list)

    def merge(self, other: Share) -> None:
        self.columns.merge(other.columns)
        self.objects += other.objects
        self.bytes += other.bytes
        self.records += other.records
        self.first = [*self.first, *other.first][:MOST_NAMED]


@dataclass
class Folder:
    """A folder that holds objects: `path` is its key prefix (with a slash at the end, or empty)."""

    bucket: str
    path: str
    shares: dict[Format, Share] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    read: int = 0
    problems: list[str] = field(default_factory=list)
    further_problems: int = 0
    unread: list[str] = field(default_factory=list)
    """Objects that could not be read this time; they are not known, so the next crawl tries again."""

    @property
    def main(self) -> Share | None:
        """The share with most objects: it decides what the folder is."""
        return max(self.shares.values(), key=lambda share: share.objects, default=None)

    def report(self, stored: StoredObject, problem: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(f"s3://{stored.bucket}/{stored.key}: {problem}")
        else:
            self.further_problems += 1

    def document(self) -> dict[str, Any]:
        return {
            "shares": [
                {
                    "format": [share.format.classification, share.format.compression, share.format.options],
                    "columns": share.columns.document(),
                    "counts": [share.objects, share.bytes, share.records],
                    "first": share.first,
                }
                for share in self.shares.values()
            ],
            "known": "".join(sorted(self.known)),
            "read": self.read,
            "problems": self.problems,
            "further_problems": self.further_problems,
        }

    @classmethod
    def of(cls, bucket: str, path: str, document: dict[str, Any]) -> Folder:
        shares = {}
        for entry in document["shares"]:
            classification, compression, options = entry["format"]
            layout = Format(classification, compression, tuple((name, value) for name, value in options))
            objects, size, records = entry["counts"]
            shares[layout] = Share(layout, Columns.of(entry["columns"]), objects, size, records, entry["first"])
        known = document["known"]
        return cls(
            bucket,
            path,
            shares,
            {known[start : start + 16] for start in range(0, len(known), 16)},
            document["read"],
            document["problems"],
            document["further_problems"],
        )


class FolderMemory:
    """What one crawler knows of the folders it has crawled."""

    def __init__(self, documents: Documents, crawler_id: str) -> None:
        self._documents = documents
        self._kind = f"glue-crawled-folder/{crawler_id}"

    def load(self) -> dict[str, dict[str, Any]]:
        """Stored folders by `bucket/path`. One that an earlier build has stored, without names, is read again."""
        found = self._documents.all(self._kind)
        return {at: each for at, each in found.items() if all("first" in share for share in each["shares"])}

    def save(self, folder: Folder) -> None:
        self._documents.put(self._kind, f"{folder.bucket}/{folder.path}", folder.document())

    def forget(self, names: Iterable[str] | None = None) -> None:
        """Forget the folders named, or all of them."""
        for name in list(self._documents.all(self._kind)) if names is None else names:
            self._documents.delete(self._kind, name)


def scan(
    target: S3Target,
    objects: Iterable[StoredObject],
    classifiers: Sequence[Classifier],
    memory: dict[str, dict[str, Any]],
    *,
    only_new: bool,
    proceed: Callable[[], None],
) -> Iterator[tuple[Folder, bool]]:
    """Every folder of the target in key order, and whether it is other than `memory` has it.

    `objects` come in key order. With `only_new` a folder that is known stays as it was. `proceed` is called before
    each object is read; it raises to stop.
    """
    patterns = Patterns()
    for path, members in groupby(objects, key=lambda stored: stored.key[: stored.key.rfind("/") + 1]):
        found = {_fingerprint(stored): stored for stored in members}
        before = memory.get(f"{target.bucket}/{path}")
        folder = Folder(target.bucket, path) if before is None else Folder.of(target.bucket, path, before)
        if before is not None and (only_new or folder.known == found.keys()):
            yield folder, False
            continue
        if not folder.known <= found.keys():
            folder = Folder(target.bucket, path)
        runs: defaultdict[str, Runs] = defaultdict(partial(Runs, patterns))
        for name, stored in found.items():
            if name not in folder.known:
                proceed()
                try:
                    _take(folder, stored, classifiers, target.sample, runs)
                except (OSError, DamagedObjectError) as error:
                    why = stored.damaged("is gone") if isinstance(error, FileNotFoundError) else error
                    folder.unread.append(f"s3://{stored.bucket}/{stored.key}: it was left out: {why}")
                else:
                    folder.known.add(name)
        yield folder, True


def _take(
    folder: Folder,
    stored: StoredObject,
    classifiers: Sequence[Classifier],
    sample: int | None,
    runs: Mapping[str, Runs],
) -> None:
    """Add one object to its folder."""
    main = folder.main
    if sample is not None and folder.read >= sample and main is not None:
        main.objects += 1
        main.bytes += stored.size
        return
    reading = classify(stored, classifiers, runs)
    folder.read += 1
    if reading.problem:
        folder.report(stored, reading.problem)
    if reading.format == UNRECOGNISED:
        return
    share = folder.shares.setdefault(reading.format, Share(reading.format))
    share.merge(Share(reading.format, reading.columns, 1, stored.size, reading.records, [stored.key]))


def _fingerprint(stored: StoredObject) -> str:
    """16 hex digits that change with the object's content."""
    text = f"{stored.key}\0{stored.etag}\0{stored.size}".encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest()
