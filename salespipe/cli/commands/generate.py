"""`salespipe generate`: mock orders, with a life."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import INTERRUPTED, Shell, follow
from salespipe.cli.views import writing


def generate(
    shell: Shell,
    rate: Annotated[
        str | None, typer.Option(metavar="N", help="Operations a second. [default: one each 3 seconds]")
    ] = None,
    count: Annotated[str | None, typer.Option(metavar="N", help="Stop after so many operations.")] = None,
    duration: Annotated[str | None, typer.Option(metavar="TIME", help="Stop after so long, e.g. 90s, 5m, 1h.")] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="The same seed gives the same orders.")] = None,
) -> None:
    """Write mock orders, their changes and deletions."""
    per_second = options.positive("--rate", rate, "operations a second")
    operations = options.count("--count", count)
    seconds = options.duration("--duration", duration)
    chosen = options.seed("--seed", seed)
    from salespipe.services import generate as service

    with shell.open() as target:
        events = service.generate(target.pipeline, rate=per_second, count=operations, duration=seconds, seed=chosen)
        result = follow(events, service.WriteResult, writing.progress_on(shell.console))
        writing.show(shell.console, result)
    if result.interrupted:
        shell.exit(INTERRUPTED)
