"""`salespipe query delete NAME`: forget a saved statement."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.shell import Shell
from salespipe.cli.views import queries


def delete(
    shell: Shell, called: Annotated[str, typer.Argument(metavar="NAME", help="As query list shows it.")]
) -> None:
    """Forget a saved statement. The history keeps what it was run as."""
    from salespipe.services.query import saved as service

    with shell.open() as target:
        service.delete(target.pipeline, called)
    queries.tell(shell.console, called, "deleted")
