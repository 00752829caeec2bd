"""Folders to tables, and the parts of their paths to partition columns.

Folders below an include path make one table when format, compression, depth and partition names agree and the
schemas of most of them are alike, that is share at least 70 % of their columns. Where they do not, each subfolder is
looked at by itself and becomes a table of its own
(https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html,
https://repost.aws/knowledge-center/glue-crawler-detect-schema,
https://docs.aws.amazon.com/glue/latest/dg/crawler-grouping-policy.html). How AWS measures likeness is not published:
here it is the names in common over the larger number of columns. CombineCompatibleSchemas leaves likeness out;
TableLevelConfiguration says at which level tables are (the bucket is level 1).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from salespipe.local.crawling.folders import Folder, Share
from salespipe.local.crawling.schema import Columns
from salespipe.local.crawling.targets import S3Target

ALIKE = 0.7
LONGEST_NAME = 128


@dataclass(frozen=True)
class Grouping:
    """The crawler's `Grouping` configuration."""

    combine: bool = False
    level: int | None = None


@dataclass(frozen=True)
class Leaf:
    """A folder with data as grouping sees it: the parts of its path below the include path."""

    folder: Folder
    parts: tuple[str, ...]
    share: Share


@dataclass(frozen=True)
class Group:
    """One table to be: its root as key prefix, and its leaves in key order."""

    bucket: str
    root: str
    leaves: tuple[Leaf, ...]
    depth: int

    @property
    def partition_keys(self) -> list[str]:
        """Column names of the folders below the root: `dt` for `dt=2026-01-31`, else `partition_0` and so on."""
        return [_key_of(part, index) for index, part in enumerate(self.leaves[0].parts[self.depth :])]

    def values(self, leaf: Leaf) -> list[str]:
        """The partition values of a leaf, as they stand in its path."""
        return [part.partition("=")[2] if _is_named(part) else part for part in leaf.parts[self.depth :]]

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.root}"

    @property
    def total(self) -> Share:
        """The leaves together; the first leaf's columns come first."""
        total = Share(self.leaves[0].share.format, Columns())
        for leaf in self.leaves:
            total.merge(leaf.share)
        return total


def group(target: S3Target, folders: Sequence[Folder], grouping: Grouping) -> list[Group]:
    """The tables of one target; `folders` in key order. A folder without recognised objects is in none."""
    leaves = [
        Leaf(folder, tuple(folder.path[len(target.prefix) :].split("/")[:-1]), share)
        for folder in folders
        if (share := folder.main) is not None
    ]
    leaves.sort(key=lambda leaf: leaf.parts)
    least = 0
    if grouping.level is not None:
        least = max(0, grouping.level - 1 - target.prefix.count("/"))
    return list(_split(target, leaves, 0, grouping, least)) if leaves else []


def _split(target: S3Target, leaves: list[Leaf], depth: int, grouping: Grouping, least: int) -> list[Group]:
    """Groups for leaves that share the first `depth` parts; no table above `least`."""
    inner = [leaf for leaf in leaves if len(leaf.parts) > depth]
    if not inner or (depth >= least and _belong_together(leaves, depth, grouping)):
        root = target.prefix + "".join(f"{part}/" for part in leaves[0].parts[:depth])
        return [Group(target.bucket, root, tuple(leaves), depth)]
    groups = []
    own = [leaf for leaf in leaves if len(leaf.parts) == depth]
    if own:
        groups += _split(target, own, depth, grouping, least)
    for _, members in groupby(inner, key=lambda leaf: leaf.parts[depth]):
        groups += _split(target, list(members), depth + 1, grouping, least)
    return groups


def _belong_together(leaves: list[Leaf], depth: int, grouping: Grouping) -> bool:
    first = leaves[0]
    names = [_key_of(part, 0) for part in first.parts[depth:]]
    for leaf in leaves[1:]:
        if leaf.share.format != first.share.format or len(leaf.parts) != len(first.parts):
            return False
        if [_key_of(part, 0) for part in leaf.parts[depth:]] != names:
            return False
    return grouping.combine or _most_are_alike(leaves)


def _most_are_alike(leaves: list[Leaf]) -> bool:
    """Whether more than half of the leaves are alike, directly or through others between them."""
    counts = Counter(frozenset(leaf.share.columns.types) for leaf in leaves)
    rest = set(counts)
    while rest:
        cluster = {rest.pop()}
        edge = list(cluster)
        while edge:
            one = edge.pop()
            near = {other for other in rest if likeness(one, other) >= ALIKE}
            rest -= near
            cluster |= near
            edge += near
        if 2 * sum(counts[columns] for columns in cluster) > len(leaves):
            return True
    return False


def likeness(one: Set[str], other: Set[str]) -> float:
    """Names in common over the larger number of columns: 1 for the same columns, 0 for none in common."""
    larger = max(len(one), len(other))
    return len(one & other) / larger if larger else 1.0


def table_name(prefix: str, bucket: str, root: str) -> str:
    """The name for a table at this root: the last folder, or the bucket, in lower case, other characters as `_`."""
    last = root.rstrip("/").rpartition("/")[2] or bucket
    return re.sub(r"[^a-z0-9_]", "_", f"{prefix}{last}".lower())[:LONGEST_NAME]


def unique_name(name: str, location: str) -> str:
    """The name that a table gets when another location has `name` already: 32 hex digits behind it."""
    digest = hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()
    return f"{name[: LONGEST_NAME - 33]}_{digest}"


def _is_named(part: str) -> bool:
    return part.find("=") > 0


def _key_of(part: str, index: int) -> str:
    return part.partition("=")[0].lower() if _is_named(part) else f"partition_{index}"
