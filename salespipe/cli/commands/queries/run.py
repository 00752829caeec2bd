"""`salespipe query run NAME`: run a saved statement."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.commands.query import FORMAT, OUTPUT, PARAM, ask, how
from salespipe.cli.shell import Shell


def run(
    shell: Shell,
    called: Annotated[str, typer.Argument(metavar="NAME", help="As query list shows it.")],
    param: PARAM = None,
    format: FORMAT = None,
    output: OUTPUT = None,
) -> None:
    """Run a saved statement and show its rows, as query does."""
    asked = how(shell, format, output)
    from salespipe.services.query import saved as service

    with shell.open() as target:
        ask(shell, target.pipeline, service.one(target.pipeline, called).sql, param or [], asked)
