"""Hours into which orders were delivered and that the catalog does not know: a query leaves them out unsaid.

Nobody wants to wait for this, so only the newest folders are looked at, with a handful of calls: the days, then from
the last one backwards the hours of each, until one of them is known. It is a help and no more: for who may query but
not look into the bucket or the catalog there is nothing to tell.
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetPartition.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from salespipe.aws.errors import translated
from salespipe.errors import SalespipeError
from salespipe.services.compact import catalog
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.text import words
from salespipe.stack.naming import CURRENT_VIEW, DATA_PREFIX, DAY_FOLDER, HOUR_FOLDER, LAKE_TABLE, RAW_TABLE

_TABLES = {LAKE_TABLE, CURRENT_VIEW, RAW_TABLE}
_MONTH = timedelta(days=31)
_MOST_DAYS = 3


def uncrawled(p: Pipeline, sql: str, now: datetime | None = None) -> int:
    """How many hours of the last days `sql` would read if the catalog knew them; 0 when it names no table of orders."""
    if _TABLES.isdisjoint(words(sql)):
        return 0
    since = (now or datetime.now(UTC)) - _MONTH
    try:
        return _unknown(p, f"{DATA_PREFIX}dt={since:%Y-%m-%d}")
    except SalespipeError:
        return 0


def _unknown(p: Pipeline, since: str) -> int:
    days = [day for day in _folders(p, DATA_PREFIX, since) if DAY_FOLDER.fullmatch(day)]
    table = catalog.raw(p) if days else None
    if table is None:
        return 0
    count = 0
    for day in days[: -_MOST_DAYS - 1 : -1]:
        hours = {match.groups() for folder in _folders(p, day) if (match := HOUR_FOLDER.fullmatch(folder))}
        with translated():
            known = p.aws.client("glue").batch_get_partition(
                DatabaseName=p.names.database,
                TableName=table["Name"],
                PartitionsToGet=[{"Values": list(hour)} for hour in sorted(hours)],
            )["Partitions"]
        count += len(hours - {tuple(partition["Values"]) for partition in known})
        if known:
            break
    return count


def _folders(p: Pipeline, prefix: str, after: str = "") -> list[str]:
    """The folders right below `prefix`, in order, of those behind `after` the first thousand."""
    start = {"StartAfter": after} if after else {}
    with translated():
        page = p.aws.client("s3").list_objects_v2(Bucket=p.names.bucket, Prefix=prefix, Delimiter="/", **start)
    return [str(each["Prefix"]) for each in page.get("CommonPrefixes", ())]
