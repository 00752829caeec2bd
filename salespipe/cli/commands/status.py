"""`salespipe status`: every hop, with its counts, lag and age."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell
from salespipe.cli.views import hops


def status(
    shell: Shell,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until Ctrl-C.")] = False,
    every: Annotated[str, typer.Option(metavar="TIME", help="How often with --watch.")] = "2s",
) -> None:
    """Show each hop: its state, records, lag and age.

    With --watch and --json each look is one line.
    """
    pause = options.duration("--every", every)
    from salespipe.services.chaos import look as active
    from salespipe.services.status import status as look

    with shell.open() as target:
        show = hops.show
        while True:
            faults = [] if target.faults is None else sorted(active(target.faults).active)
            show(shell.console, look(target.pipeline), target.problems(), where=target.where, faults=faults)
            if not watch:
                return
            show = hops.show_again
            time.sleep(pause)
