"""The demo's story: what happens while it happens, the answers, and the sum of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from salespipe.cli.views import crawled, plans, results, writing
from salespipe.cli.views.console import Console
from salespipe.services.crawl import CrawlProgress, CrawlResult
from salespipe.services.demo import DemoEvent, DemoQuery, DemoWait
from salespipe.services.provision import UpResult
from salespipe.services.write import WriteProgress, WriteResult
from salespipe.stack.apply import Step

if TYPE_CHECKING:
    from salespipe.services.demo import DemoResult


def progress_on(console: Console) -> Callable[[DemoEvent], None]:
    """What tells the story. The answers are results and go to stdout, the rest is talk."""
    step = plans.step_shown_on(console)
    write = writing.Progress(console, writing.operations)
    crawl = crawled.progress_on(console)

    def show(event: DemoEvent) -> None:
        match event:
            case Step():
                step(event)
            case UpResult(changes=changes, seconds=seconds):
                console.talk(f"the pipeline stands: {len(changes)} resources, {seconds:.1f} s")
            case WriteResult():
                console.talk(writing.operations(event))
            case WriteProgress():
                write(event)
            case DemoWait(in_flight=left, seconds=seconds):
                number = "changes" if left is None else f"{left:,} changes"
                console.progress.update(f"{number} on their way to the lake, {seconds:.0f} s")
            case CrawlProgress():
                crawl(event)
            case CrawlResult(tables=tables, seconds=seconds):
                crawled.warn(console, event)
                names = ", ".join(f"{table.database}.{table.name}" for table in tables)
                console.talk(f"crawled: {names}, {seconds:.1f} s")
            case DemoQuery() if not console.json:
                _show_answer(console, event)

    return show


def show(console: Console, result: DemoResult) -> None:
    """The summary, and where to go from here."""
    if console.json:
        console.document(asdict(result) | {"seconds": round(result.seconds, 3)})
        return
    console.write(
        f"{result.change_events:,} change events went through the whole pipeline and are in "
        f"{result.objects:,} objects; {result.queries} queries; {result.seconds:.1f} s in all"
    )
    console.talk("next: salespipe query 'SELECT * FROM orders LIMIT 5', salespipe tail, salespipe status")
    console.talk("and at the end: salespipe down --delete-data")


def _show_answer(console: Console, answer: DemoQuery) -> None:
    console.write(console.style(answer.title, "bold"))
    results.show(console, answer.result, "table")
    console.write("")
