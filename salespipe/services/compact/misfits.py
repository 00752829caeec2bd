"""What lies under orders/ and does not fit: which objects, and what to do about them.

`orders` goes on without it (`below`). The crawler says only what it made of all objects together; which of them are at
fault is asked of Athena, out of the table that the crawler wrote: it has every value in a type that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from salespipe.errors import QueryError, SalespipeError
from salespipe.services.compact import catalog, sql
from salespipe.services.compact.below import hours
from salespipe.services.compact.catalog import Table
from salespipe.services.compact.statements import execute
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import COMPACTED_TABLE, CRAWLED_TABLE, DATA_PREFIX, HOUR_FOLDER, LAKE_TABLE

_IN_ITS_HOUR = re.compile(HOUR_FOLDER.pattern + r"[^/]+")


def conflict(p: Pipeline, alive: Callable[[], None]) -> SalespipeError | None:
    """The error for values that do not fit the columns of `orders`, None when there are none.

    The crawler leaves a table as it is whose objects are gone, so what it says counts only while there are such values.
    """
    made = catalog.table(p, COMPACTED_TABLE)
    kept = catalog.columns(made) if made is not None else {}
    said = [line for crawled in catalog.crawled(p) for line in _differing(p, crawled, kept, alive)]
    if not said:
        return None
    return SalespipeError(
        "; ".join(said),
        "what reads the column fails or cuts these values until the objects are put right or moved away; then:"
        " salespipe crawl",
    )


def _differing(p: Pipeline, crawled: Table, kept: dict[str, str], alive: Callable[[], None]) -> Iterator[str]:
    now = catalog.columns(crawled)
    differing = sql.differing(now, kept)
    now |= sql.wide(now)
    kept = {**kept, **dict.fromkeys(sql.PARTITIONS, "a partition")}
    keys = [key["Name"] for key in crawled.get("PartitionKeys", [])]
    there = list(hours(p, crawled["StorageDescriptor"]["Location"])) if differing else []
    for name in differing if there else ():
        column = f"column {name} of the delivered orders is {now[name]} now and {kept[name]} in {COMPACTED_TABLE}"
        statement = sql.unfit(crawled["Name"], name, now[name], kept[name], sql.in_hours(keys, there))
        try:
            found = execute(p, statement, alive)
        except QueryError as error:
            yield f"{column}; which objects have it cannot be told: {error}"
        else:
            if found.rows:
                yield f"{column}: {_first([str(path) for (path,) in found.rows])}"


def strays(p: Pipeline) -> str:
    """What is to be said of objects in no hour, where the crawler made anything but one table with a partition an hour
    of them; empty without any."""
    tables = catalog.by_crawler(p)
    if len(tables) == 1 and catalog.is_of_hours(p, tables[0]):
        return ""
    keys = (each["Key"] for each in listing(p, DATA_PREFIX) if each["Size"] and not _IN_ITS_HOUR.fullmatch(each["Key"]))
    found = [sql.path(p.names.bucket, key) for key in islice(keys, sql.MOST_NAMED + 1)]
    if not found:
        return ""
    raw = catalog.raw(p)
    lost = f" and leaves new hours out of {LAKE_TABLE}" if raw is not None and raw["Name"] == LAKE_TABLE else ""
    return (
        f"{_first(found)}: not where the delivery writes, {DATA_PREFIX}dt=.../hour=.../, so the crawler makes no one"
        f" table of what is there{lost}; move it away, then: salespipe crawl"
    )


def tidy(p: Pipeline) -> None:
    """Take away the tables that the crawler made beside that of all hours: nobody reads them, and it leaves them there
    when their objects are gone."""
    for found in catalog.by_crawler(p):
        if found["Name"] not in (LAKE_TABLE, CRAWLED_TABLE):
            catalog.drop(p, found["Name"])


def _first(paths: Sequence[str]) -> str:
    return ", ".join(paths[: sql.MOST_NAMED]) + (" and more" if len(paths) > sql.MOST_NAMED else "")
