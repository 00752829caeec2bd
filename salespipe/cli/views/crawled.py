"""What the crawler found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console

if TYPE_CHECKING:
    from salespipe.services.crawl import CrawlProgress, CrawlResult


def progress_on(console: Console) -> Callable[[CrawlProgress], None]:
    """What shows that the crawler is at work."""

    def show(now: CrawlProgress) -> None:
        console.progress.update(f"crawler {now.state.lower()}, {now.seconds:.0f} s")

    return show


def show(console: Console, result: CrawlResult, *, waited: bool) -> None:
    """The tables, each with its columns."""
    if console.json:
        console.document(
            {
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
        )
        return
    if not waited:
        console.talk("the crawler was started; these are the tables as they are now")
    for table in result.tables:
        console.write(console.style(f"{table.database}.{table.name}  {table.partitions} partitions", "bold"))
        width = max((len(column.name) for column in table.columns), default=0)
        console.lines(f"  {column.name:{width}}  {column.type}" for column in table.columns)
    if not result.tables:
        console.write("no tables: nothing has been delivered yet")
    console.talk(f"{len(result.tables)} tables in {result.seconds:.1f} s")
