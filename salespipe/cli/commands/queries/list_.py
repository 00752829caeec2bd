"""`salespipe query list`: the saved statements."""

from __future__ import annotations

from salespipe.cli.shell import Shell
from salespipe.cli.views import queries


def list_(shell: Shell) -> None:
    """Show the saved statements, by name."""
    from salespipe.services.query import saved as service

    with shell.open() as target:
        found = service.saved(target.pipeline)
    queries.show_saved(shell.console, found)
