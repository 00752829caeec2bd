"""`salespipe generate`: mock orders, with a life."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import INTERRUPTED, Shell, follow
from salespipe.cli.views import writing
from salespipe.errors import SalespipeError


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
    per_second = options.given(options.positive, "--rate", rate)
    operations = options.given(options.count, "--count", count)
    seconds = options.given(options.duration, "--duration", duration)
    chosen = options.given(options.seed, "--seed", seed)
    from salespipe.services import generate as service
    from salespipe.services.write import WriteResult

    with shell.open() as target:
        events = service.generate(target.pipeline, rate=per_second, count=operations, duration=seconds, seed=chosen)
        progress = writing.Progress(shell.console, writing.operations)
        try:
            result = follow(events, WriteResult, progress)
        except SalespipeError:
            progress.tell()
            raise
        writing.show(shell.console, result, writing.operations)
    if result.interrupted:
        shell.exit(INTERRUPTED)
