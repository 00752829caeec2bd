"""What the crawler found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, counted, visible
from salespipe.stack.naming import CURRENT_VIEW

if TYPE_CHECKING:
    from salespipe.services.crawl import CrawlProgress, CrawlResult


def progress_on(console: Console) -> Callable[[CrawlProgress], None]:
    """What shows that the crawler is at work."""

    def show(now: CrawlProgress) -> None:
        if now.phase == "delivering":
            left = "changes" if now.in_flight is None else f"{now.in_flight:,} changes"
            console.progress.update(f"{left} on their way to the lake, {now.seconds:.0f} s")
        elif now.phase == "crawling":
            console.progress.update(f"the crawler is {now.state.lower()}, {now.seconds:.0f} s")
        elif now.view == "made":
            console.talk(f"view {CURRENT_VIEW}: the living orders, each as it is now")

    return show


def warn(console: Console, result: CrawlResult) -> None:
    """What the crawler could not read, on stderr and even with --quiet: the tables may lack it."""
    for problem in result.problems:
        console.error(f"salespipe: warning: crawler: {visible(problem)}")


def show(console: Console, result: CrawlResult) -> None:
    """The tables, each with its columns; what the crawler could not read is said on stderr too."""
    warn(console, result)
    if console.json:
        document: dict[str, object] = {
            "tables": [
                {
                    "database": table.database,
                    "name": table.name,
                    "columns": [{"name": column.name, "type": column.type} for column in table.columns],
                    "partitions": table.partitions,
                }
                for table in result.tables
            ],
            "seconds": round(result.seconds, 3),
        }
        if result.problems:
            document["problems"] = list(result.problems)
        console.document(document)
        if result.empty:
            console.talk(f"no table of the orders: {result.empty}")
        return
    for table in result.tables:
        console.write(console.style(f"{table.database}.{table.name}  {counted(table.partitions, 'partition')}", "bold"))
        width = max((len(column.name) for column in table.columns), default=0)
        console.lines(f"  {column.name:{width}}  {column.type}" for column in table.columns)
    if not result.tables:
        console.write(f"no tables: {result.empty or 'the crawler made none of what lies in the lake'}")
    console.talk(f"{counted(len(result.tables), 'table')} in {result.seconds:.1f} s")
