"""`salespipe query list`: the saved statements."""

from __future__ import annotations

from salespipe.cli.shell import Shell
from salespipe.cli.views import queries


def list_(shell: Shell) -> None:
    """Show the saved statements, by name."""
    from salespipe.services import query_saved

    with shell.open() as target:
        found = query_saved.saved(target.pipeline)
    queries.show_saved(shell.console, found)
