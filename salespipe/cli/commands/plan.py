"""`salespipe plan`: what `up` would do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.shell import CHECK_FOUND, Shell

if TYPE_CHECKING:
    from salespipe.stack.plan import Plan
    from salespipe.targets import Target


def plan(
    shell: Shell,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 5 when something would change.")
    ] = False,
) -> None:
    """Show what `up` would do, and change nothing."""
    with shell.start() as target:
        found = show(shell, target, cost=True)
    if detailed_exitcode and found.pending:
        shell.exit(CHECK_FOUND)


def show(shell: Shell, target: Target, *, cost: bool) -> Plan:
    """Make the plan that `up` would carry out, show it and return it; `cost` is for the machine's document."""
    from salespipe.cli.views import plans
    from salespipe.services import provision

    began = time.monotonic()
    found = provision.plan(target.pipeline)
    seconds = time.monotonic() - began
    name = shell.config.name
    if shell.config.json:
        shell.console.document(plans.plan_document(name, target.name, found, seconds, cost=cost))
    else:
        plans.show_plan(shell.console, name, target.name, found, target.pipeline.settings)
    return found
