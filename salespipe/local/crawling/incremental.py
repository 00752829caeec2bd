"""Crawls of new folders only: what is known stays the table it is, and a new folder joins it or is left out.

Objects whose format, folders or schema are so different from the table's that they cannot be a partition of it are
ignored and logged, says https://docs.aws.amazon.com/glue/latest/dg/incremental-crawls.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from salespipe.local.crawling.folders import Folder
from salespipe.local.crawling.grouping import ALIKE, Group, Grouping, group, likeness
from salespipe.local.crawling.targets import S3Target


def join(
    target: S3Target, known: Sequence[Folder], new: Sequence[Folder], grouping: Grouping
) -> tuple[list[Group], list[Folder]]:
    """The tables of the known folders with the new ones in or beside them, and the new folders that do not fit."""
    tables = group(target, known, grouping)
    taken, left_out = list(known), list[Folder]()
    for folder in new:
        table = next((each for each in tables if folder.path.startswith(each.root)), None)
        fits = table is None or folder.main is None or _fits(target, table, folder, grouping)
        (taken if fits else left_out).append(folder)
    return group(target, taken, grouping), left_out


def _fits(target: S3Target, table: Group, folder: Folder, grouping: Grouping) -> bool:
    compatible = Grouping(combine=True, level=grouping.level)
    if len(group(target, [table.leaves[0].folder, folder], compatible)) > 1 or folder.main is None:
        return False
    own, known = folder.main.columns.types.keys(), table.total.columns.types.keys()
    return grouping.combine or likeness(own, known) >= ALIKE
