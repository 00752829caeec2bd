"""`salespipe query show ID`: the rows of an earlier query."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from salespipe.cli.commands.query import FORMAT, OUTPUT, briefly, how
from salespipe.cli.shell import Shell
from salespipe.cli.views import answers


def show(
    shell: Shell,
    id: Annotated[str, typer.Argument(metavar="ID", help="As query history shows it.")],
    format: FORMAT = None,
    output: OUTPUT = None,
) -> None:
    """Show the rows of an earlier query, out of its result: nothing is run or scanned again."""
    asked = how(shell, format, output)
    from salespipe.services.query import history as service

    with shell.open() as target:
        began = time.monotonic()
        with briefly(shell):
            answer = service.again(target.pipeline, id, nested=asked.nested)
        answers.show(shell.console, answer, asked, began)
