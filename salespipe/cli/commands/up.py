"""`salespipe up`: plan, then create or repair everything."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from salespipe.cli.commands.plan import show
from salespipe.cli.shell import Shell, follow


def up(
    shell: Shell,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
) -> None:
    """Create the pipeline, or repair what is not as planned."""
    from salespipe.cli.views import plans
    from salespipe.services import provision

    with shell.start() as target:
        if dry_run:
            show(shell, target, cost=False)
            return
        began = time.monotonic()
        plan = provision.plan(target.pipeline)
        events = provision.up(target.pipeline, plan)
        result = follow(events, provision.UpResult, plans.step_shown_on(shell.console))
        plans.show_up(shell.console, shell.config.name, target.name, result.changes, time.monotonic() - began)
