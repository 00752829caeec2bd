"""Which objects a crawler's S3 target names.

Paths: `s3://bucket/prefix` or `bucket/prefix`. Exclusions are globs relative to the include path: `*` and `?` stay
within a folder, `**` crosses folders, `[a-c]` and `{one,two}` choose
(https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html). Objects in hidden places (a
part of the key beginning with `_` or `.`), folder markers and empty objects are no data, for Athena neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from salespipe.local.stores.objects import ObjectStore, StoredObject

_PAGE = 1000


@dataclass(frozen=True)
class S3Target:
    """An include path: `prefix` is empty or ends with a slash. `sample` limits the objects read in each folder."""

    bucket: str
    prefix: str
    exclusions: tuple[str, ...] = ()
    sample: int | None = None

    @classmethod
    def of(cls, document: dict[str, object]) -> S3Target:
        """From the `S3Target` structure of the API."""
        path = str(document["Path"]).removeprefix("s3://")
        bucket, _, prefix = path.partition("/")
        prefix = prefix.strip("/")
        exclusions = document.get("Exclusions")
        sample = document.get("SampleSize")
        return cls(
            bucket,
            f"{prefix}/" if prefix else "",
            tuple(str(pattern) for pattern in exclusions) if isinstance(exclusions, list) else (),
            sample if isinstance(sample, int) else None,
        )

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def data_objects(objects: ObjectStore, target: S3Target) -> Iterator[StoredObject]:
    """The target's objects that hold data, in key order."""
    excluded = [glob_pattern(pattern) for pattern in target.exclusions]
    for stored in _listed(objects, target):
        relative = stored.key[len(target.prefix) :]
        if stored.size == 0 or relative.endswith("/") or is_hidden(relative.split("/")):
            continue
        if not any(pattern.fullmatch(relative) for pattern in excluded):
            yield stored


def _listed(objects: ObjectStore, target: S3Target) -> Iterator[StoredObject]:
    """In pages, as S3 lists: neither a million rows at once nor one read of the store as long as the crawl takes."""
    after = ""
    while page := objects.list(target.bucket, target.prefix, after, _PAGE):
        yield from page
        after = page[-1].key


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a part of a key begins with `_` or `.`; such objects are skipped."""
    return any(part.startswith(("_", ".")) for part in parts)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """The regular expression of an exclusion glob."""
    pieces: list[str] = []
    depth = 0
    position = 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if glob.startswith("**", position - 1):
            position += 1
            pieces.append(".*")
        elif char == "*":
            pieces.append("[^/]*")
        elif char == "?":
            pieces.append("[^/]")
        elif char == "\\" and position < len(glob):
            pieces.append(re.escape(glob[position]))
            position += 1
        elif char == "[" and (end := glob.find("]", position + 1)) > 0:
            inner = glob[position:end]
            negated = inner.startswith("!")
            chosen = "".join(char if char == "-" else re.escape(char) for char in inner[negated:])
            pieces.append(f"[^/{chosen}]" if negated else f"[{chosen}]")
            position = end + 1
        elif char == "{":
            depth += 1
            pieces.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            pieces.append(")")
        elif char == "," and depth:
            pieces.append("|")
        else:
            pieces.append(re.escape(char))
    try:
        return re.compile("".join(pieces) + ")" * depth, re.DOTALL)
    except re.error:
        return re.compile(re.escape(glob), re.DOTALL)
