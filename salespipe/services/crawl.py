"""Run the crawler to its end and put the view of the living orders on what it found.

Guarantee: the result covers what lay in the lake when `crawl` was called, also when the crawler was running already;
with `wait` everything that had been written to the table by then (as far as the target can tell).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translated
from salespipe.aws.waiting import poll_until
from salespipe.errors import NotThereError, QueryError, SalespipeError, TransientError
from salespipe.services import compact
from salespipe.services.compact import catalog as compacted
from salespipe.services.compact.state import state as compaction
from salespipe.services.empty_lake import why_empty
from salespipe.services.orders_view import current_orders_sql
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.text import told_apart
from salespipe.services.settle import settle
from salespipe.stack.naming import COMPACTED_TABLE, CRAWLED_TABLE, LAKE_TABLE, RAW_TABLE, up_hint

_CRAWL_SECONDS = 3600.0
_VIEW_SECONDS = 300.0
_MOST_PROBLEMS = 100
_FIRST_PAUSE = 0.1


@dataclass(frozen=True)
class Column:
    """A column of a crawled table: its name and Glue type, e.g. `double`."""

    name: str
    type: str


@dataclass(frozen=True)
class CrawledTable:
    """A table that the crawler wrote. `columns` are the data's, then the partition keys."""

    database: str
    name: str
    columns: tuple[Column, ...]
    partitions: int


@dataclass(frozen=True)
class CrawlProgress:
    """What is being done, at least once a phase.

    delivering: `in_flight` change events are on their way to the lake (None: the target cannot tell).
    crawling: `state` is the crawler's. view: `view` says whether the view could be made; `skipped` when the lake is
    empty, so that there is no table yet. `done` marks the last event of a phase; `seconds` count within the phase.
    """

    phase: Literal["delivering", "crawling", "view"]
    seconds: float
    done: bool = False
    in_flight: int | None = None
    state: str = ""
    view: Literal["", "made", "skipped"] = ""


@dataclass(frozen=True)
class CrawlResult:
    """The crawler's tables, none when the lake is empty. `problems` are its warnings about objects, one line each;
    `empty` says why there is no table of the orders and what to do, when that is for want of them."""

    tables: tuple[CrawledTable, ...]
    seconds: float
    problems: tuple[str, ...] = ()
    empty: str = ""


def crawl(
    p: Pipeline,
    *,
    wait: bool,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[CrawlProgress | CrawlResult]:
    """Crawl; the last item is the result.

    `wait` first lets what was written be delivered, for twice the delivery's buffer and 30 s at most. Raises
    NotThereError when the pipeline is not there, SalespipeError with the crawler's reason when it fails, QueryError
    when Athena refuses the view; once orders are compacted SalespipeError too, after all is done, for delivered values
    that do not fit the columns of `orders`.
    """
    began = clock()
    _crawler(p)
    if compaction(p) is not None:
        compacted.aside(p)
    if wait:
        for seen in settle(p, clock, sleep):
            yield CrawlProgress("delivering", seen.seconds, done=seen.done, in_flight=seen.in_flight)
    yield from _crawling(p, clock, sleep)
    last = _crawler(p).get("LastCrawl", {})
    if last.get("Status") != "SUCCEEDED":
        reason = " ".join(str(last.get("ErrorMessage") or "it gives no reason").split())
        raise SalespipeError(
            f"the crawler {p.names.crawler} ended as {last.get('Status', 'UNKNOWN')}: {reason}",
            f"read its log: CloudWatch group {last.get('LogGroup', p.names.crawler_log)}, stream {p.names.crawler}",
        )
    shown = compact.refresh(p)
    tables = _tables(p)
    view = compacted.table(p, LAKE_TABLE) if shown else None
    if view is not None and compacted.is_view(view):
        tables = (_spanning(p, view), *(table for table in tables if table.name != CRAWLED_TABLE))
    phase = clock()
    lake = next((table for table in tables if table.name == LAKE_TABLE), None)
    if lake is not None:
        _make_view(p, lake, clock, sleep)
    yield CrawlProgress("view", clock() - phase, done=True, view="made" if lake else "skipped")
    if shown and shown.conflict:
        raise shown.conflict
    strays = shown.strays if shown else compact.strays(p)
    problems = (*([strays] if strays else []), *_problems(p, last))
    yield CrawlResult(tables, clock() - began, problems, "" if lake else why_empty(p))


def _crawling(p: Pipeline, clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[CrawlProgress]:
    """A run that began after now: a run that is under way may have passed by what came since."""
    began = clock()
    while not _start(p):
        yield from _until_ready(p, began, False, clock, sleep)
    yield from _until_ready(p, began, True, clock, sleep)


def _until_ready(
    p: Pipeline, began: float, ours: bool, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[CrawlProgress]:
    pause = 0.02
    while True:
        state = _crawler(p)["State"]
        seconds = clock() - began
        yield CrawlProgress("crawling", seconds, done=ours and state == "READY", state=state)
        if state == "READY":
            return
        if seconds > _CRAWL_SECONDS:
            raise TransientError(f"the crawler {p.names.crawler} is {state} after {seconds:.0f} s", "try again later")
        sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _start(p: Pipeline) -> bool:
    """Start the crawler; False when it runs already."""
    with translated():
        try:
            p.aws.client("glue").start_crawler(Name=p.names.crawler)
        except ClientError as error:
            if error_code(error) != "CrawlerRunningException":
                raise
            return False
    return True


def _crawler(p: Pipeline) -> dict[str, Any]:
    try:
        with translated():
            crawler: dict[str, Any] = p.aws.client("glue").get_crawler(Name=p.names.crawler)["Crawler"]
    except NotThereError as error:
        raise NotThereError(f"pipeline {p.names.pipeline!r} is not there", up_hint(p.names.pipeline)) from error
    return crawler


def _tables(p: Pipeline) -> tuple[CrawledTable, ...]:
    """The tables that our crawler wrote and whose data are still there."""
    glue = p.aws.client("glue")
    found = []
    with translated():
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=p.names.database):
            for table in page["TableList"]:
                parameters = table.get("Parameters", {})
                if (
                    parameters.get("UPDATED_BY_CRAWLER") == p.names.crawler
                    and "DEPRECATED_BY_CRAWLER" not in parameters
                ):
                    found.append(_crawled(p, glue, table))
    return tuple(found)


def _crawled(p: Pipeline, glue: Any, table: dict[str, Any]) -> CrawledTable:
    keys = table.get("PartitionKeys", [])
    partitions = 0
    if keys:
        pages = glue.get_paginator("get_partitions").paginate(
            DatabaseName=p.names.database, TableName=table["Name"], ExcludeColumnSchema=True
        )
        partitions = sum(len(page["Partitions"]) for page in pages)
    columns = [*table["StorageDescriptor"]["Columns"], *keys]
    return CrawledTable(
        p.names.database,
        table["Name"],
        tuple(Column(column["Name"], column.get("Type", "")) for column in columns),
        partitions,
    )


def _spanning(p: Pipeline, view: dict[str, Any]) -> CrawledTable:
    """The view `orders` in the place of what the crawler wrote: its own columns, and the hours of both its tables."""
    hours = {
        tuple(partition["Values"][:2])
        for name in (RAW_TABLE, COMPACTED_TABLE)
        for partition in compacted.partitions(p, name)
    }
    columns = tuple(Column(name, kind) for name, kind in compacted.columns(view).items())
    return CrawledTable(p.names.database, LAKE_TABLE, columns, len(hours))


def _make_view(p: Pipeline, lake: CrawledTable, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
    athena = p.aws.client("athena")
    sql = current_orders_sql([column.name for column in lake.columns])
    with translated():
        query = athena.start_query_execution(
            QueryString=told_apart(sql, "crawl"),
            QueryExecutionContext={"Database": p.names.database},
            WorkGroup=p.names.workgroup,
        )["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        with translated():
            execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        found: dict[str, Any] = execution["Status"]
        return found if found["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    state = poll_until(ended, "the view of the living orders", timeout=_VIEW_SECONDS, clock=clock, sleep=sleep)
    if state["State"] != "SUCCEEDED":
        reason = " ".join(str(state.get("StateChangeReason") or "Athena gave no reason").split())
        raise QueryError(f"the view of the living orders could not be made: {reason}")


def _problems(p: Pipeline, last: dict[str, Any]) -> tuple[str, ...]:
    """What the crawler's log warns of. A log that cannot be read is a problem of its own, not a failure."""
    if not last.get("LogStream"):
        return ()
    logs = p.aws.client("logs")
    mark = f"[{last.get('MessagePrefix', '')}] "
    lines = []
    try:
        with translated():
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=last["LogGroup"],
                logStreamNames=[last["LogStream"]],
                startTime=int(last["StartTime"].timestamp() * 1000) - 1000,
            )
            for page in pages:
                for event in page["events"]:
                    level, _, line = event["message"].removeprefix(mark).partition(" : ")
                    if event["message"].startswith(mark) and level.strip() in ("WARN", "ERROR"):
                        lines.append(line.strip())
    except NotThereError:
        return ()
    except SalespipeError as error:
        return (f"the crawler's log cannot be read: {error}",)
    if len(lines) > _MOST_PROBLEMS:
        lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more"]
    return tuple(lines)
