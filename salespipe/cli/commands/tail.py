"""`salespipe tail`: the change events as they pass."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell, generator
from salespipe.cli.views import events


def tail(
    shell: Shell,
    start: Annotated[
        str,
        typer.Option("--from", metavar="START", help="latest, trim_horizon, a time, or an age such as 5m."),
    ] = "latest",
    shard: Annotated[str | None, typer.Option(metavar="SHARD", help="One shard only.")] = None,
    limit: Annotated[str | None, typer.Option(metavar="N", help="Stop after so many events.")] = None,
    exit_at_end: Annotated[
        bool, typer.Option("--exit-at-end", help="Stop when there is nothing more to read.")
    ] = False,
) -> None:
    """Follow the change events. --json gives one event a line."""
    most = options.given(options.count, "--limit", limit)
    from salespipe.services import tail as service
    from salespipe.services.shards import parse_start

    parse_start(start)  # a wrong one is wrong whether or not there is a pipeline to tail
    with shell.open() as target:
        stream = service.tail(target.pipeline, start=start, shard=shard, limit=most, exit_at_end=exit_at_end)
        with closing(generator(stream)) as told:
            for event in told:
                if isinstance(event, service.TailProblem):
                    events.show_problem(shell.console, event)
                else:
                    events.show(shell.console, event)
