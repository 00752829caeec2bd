"""`salespipe crawl`: run the crawler to its end."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.shell import Shell, follow
from salespipe.cli.views import crawled


def crawl(
    shell: Shell,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            help="First wait until what was written is delivered. --no-wait skips only this wait: "
            "the crawl itself still runs to its end.",
        ),
    ] = True,
) -> None:
    """Run the crawler, which makes the tables for `query`."""
    from salespipe.services import crawl as service

    with shell.open() as target:
        events = service.crawl(target.pipeline, wait=wait)
        show = shell.waits.looking(target.problems, crawled.progress_on(shell.console))
        result = follow(events, service.CrawlResult, show)
        crawled.show(shell.console, result)
