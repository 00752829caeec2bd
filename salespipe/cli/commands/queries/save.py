"""`salespipe query save NAME SQL`: keep a statement."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.commands.query import FILE, read_statement
from salespipe.cli.shell import Shell
from salespipe.cli.views import queries


def save(
    shell: Shell,
    called: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    sql: Annotated[str | None, typer.Argument(metavar="SQL", help="The statement; - reads stdin.")] = None,
    file: FILE = None,
    replace: Annotated[bool, typer.Option("--replace", help="In place of the one of that name.")] = False,
) -> None:
    """Keep a statement under a name, as a named query of Athena; ? stands for a value that run is given."""
    statement = read_statement(sql, file)
    from salespipe.services.query import saved as service

    with shell.open() as target:
        was_there = service.save(target.pipeline, called, statement, replace=replace)
    queries.tell(shell.console, called, "replaced" if was_there else "saved")
