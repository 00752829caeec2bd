"""`salespipe query history`: what was asked, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell
from salespipe.cli.views import queries


def history(
    shell: Shell,
    limit: Annotated[str, typer.Option(metavar="NUMBER", help="How many at most.")] = "20",
) -> None:
    """Show what was asked in this pipeline, newest first; its rows again with: query show ID."""
    most = options.count("--limit", limit)
    from salespipe.services.query import history as service

    with shell.open() as target:
        found = service.history(target.pipeline, most)
    queries.show_history(shell.console, found, most)
