"""`salespipe demo`: the whole story in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell, follow


def demo(
    shell: Shell,
    orders: Annotated[str, typer.Option(metavar="N", help="How many operations.")] = "1000",
    seed: Annotated[str, typer.Option(metavar="N", help="The same seed gives the same orders.")] = "42",
) -> None:
    """Tell the whole story: up, orders, delivery, crawl, queries."""
    number = options.count("--orders", orders)
    chosen = options.seed("--seed", seed)
    from salespipe.cli.views import story
    from salespipe.services import demo as service

    with shell.start() as target:
        events = service.demo(target.pipeline, orders=number, seed=chosen)
        result = follow(events, service.DemoResult, story.progress_on(shell.console))
        story.show(shell.console, result)
