"""What lies under orders/ and does not fit: which objects, and what to do about them.

`orders` goes on without it (`below`). The crawler says only what it made of all objects together; which of them are at
fault is asked of Athena, out of the table that the crawler wrote: it has every value in a type that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice

from salespipe.errors import QueryError, SalespipeError
from salespipe.services.compact import catalog, sql
from salespipe.services.compact.below import by_hour, hours
from salespipe.services.compact.statements import execute
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import COMPACTED_TABLE, DATA_PREFIX

_IN_ITS_HOUR = re.compile(re.escape(DATA_PREFIX) + r"dt=\d{4}-\d\d-\d\d/hour=\d\d/[^/]+")


def conflict(p: Pipeline, alive: Callable[[], None]) -> SalespipeError | None:
    """The error for values that do not fit the columns of `orders`, None when there are none.

    The crawler leaves a table as it is whose objects are gone, so what it says counts only while there are such values.
    """
    crawled, made = catalog.crawled(p), catalog.table(p, COMPACTED_TABLE)
    if crawled is None or made is None or not by_hour(crawled):
        return None
    now, kept = sql.wide(catalog.columns(crawled)), catalog.columns(made)
    differing = sql.differing(now, kept)
    there = list(hours(p)) if differing else []
    said = []
    for name in differing if there else ():
        column = f"column {name} of the delivered orders is {now[name]} now and {kept[name]} in {COMPACTED_TABLE}"
        try:
            found = execute(p, sql.unfit(crawled["Name"], name, now[name], kept[name], there), alive)
        except QueryError as error:
            said.append(f"{column}; which objects have it cannot be told: {error}")
            continue
        if found.rows:
            said.append(f"{column}: {_first([str(path) for (path,) in found.rows])}")
    if not said:
        return None
    return SalespipeError(
        "; ".join(said),
        "what reads the column fails or cuts these values until the objects are put right or moved away; then:"
        " salespipe crawl",
    )


def strays(p: Pipeline) -> str:
    """What is to be said of objects in no hour, where the crawler made anything but one table with a partition an hour
    of them; empty without any. Other tables that it made go with the last of them."""
    crawled, others = catalog.crawled(p), catalog.crawled_beside(p)
    if crawled is not None and by_hour(crawled) and not others:
        return ""
    keys = (each["Key"] for each in listing(p, DATA_PREFIX) if each["Size"] and not _IN_ITS_HOUR.fullmatch(each["Key"]))
    found = [sql.path(p.names.bucket, key) for key in islice(keys, sql.MOST_NAMED + 1)]
    if not found:
        for name in others:
            catalog.drop(p, name)
        return ""
    return (
        f"{_first(found)}: in no folder of an hour, {DATA_PREFIX}dt=.../hour=.../, so not in orders, and the crawler"
        " finds no new columns meanwhile; move what lies there away, then: salespipe crawl"
    )


def _first(paths: Sequence[str]) -> str:
    return ", ".join(paths[: sql.MOST_NAMED]) + (" and more" if len(paths) > sql.MOST_NAMED else "")
