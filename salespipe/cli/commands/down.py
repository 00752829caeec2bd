"""`salespipe down`: delete the pipeline, after asking."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.shell import Shell, follow
from salespipe.errors import SalespipeError, UsageError


def down(
    shell: Shell,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Delete the orders and the lake too, for good.")
    ] = False,
) -> None:
    """Delete the pipeline, but not its data without --delete-data."""
    console, name = shell.console, shell.config.name
    if not yes and not console.can_ask:
        raise UsageError(f"down deletes the pipeline {name!r} and there is nobody to ask", "add --yes to go ahead")
    from salespipe.cli.views import plans
    from salespipe.services import provision
    from salespipe.services.settle import settle

    with shell.open_kept() as target:
        plan = provision.plan_down(target.pipeline, delete_data=delete_data)
        if not plan.pending:
            try:
                provision.require(target.pipeline)
            finally:
                target.release()
        if not yes:
            plans.show_what_goes(console, plan)
            typed = console.ask(f"Type the pipeline's name ({name}) to delete it: ")
            if typed.strip() != name:
                raise SalespipeError(f"nothing was deleted: {typed.strip()!r} is not {name!r}")
        if not delete_data and provision.exists(target.pipeline):
            for seen in settle(target.pipeline):
                plans.show_settling(console, seen)
        result = follow(provision.down(target.pipeline, plan), provision.DownResult, plans.step_shown_on(console))
        target.release(deleted=delete_data)
        plans.show_down(console, name, result)
