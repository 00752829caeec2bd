"""`salespipe compact`: thousands of small objects become a few large ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell, follow
from salespipe.errors import SalespipeError, UsageError


def compact(
    shell: Shell,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only hours that ended by then, e.g. 2026-11-21T08:00Z.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Only hours that ended so long ago, e.g. 12h, 7d.")
    ] = None,
    open_hours: Annotated[
        bool,
        typer.Option(
            "--open-hours", help="Also hours into which orders may still be delivered; those stay as they come."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Rewrite what was delivered into Parquet, hour by hour."""
    console, name = shell.console, shell.config.name
    until = _until(before, older_than)
    if not (dry_run or yes or console.can_ask):
        raise UsageError("compact rewrites the lake and there is nobody to ask", "add --yes to go ahead, or --dry-run")
    from salespipe.cli.views import compacted
    from salespipe.services import compact as service

    with shell.open() as target:
        plan = service.plan(target.pipeline, before=until, open_hours=open_hours)
        if dry_run:
            compacted.show_plan(console, plan)
            return
        compacted.tell_plan(console, plan)
        if (plan.hours or plan.pending) and not yes:
            typed = console.ask("Go ahead? [y/N]: ")
            if typed.strip().lower() not in ("y", "yes"):
                raise SalespipeError(f"nothing was compacted in {name}: the answer was {typed.strip()!r}")
        events = service.compact(target.pipeline, plan)
        compacted.show(console, plan, follow(events, service.CompactResult, compacted.progress_on(console)))


def _until(before: str | None, older_than: str | None) -> datetime | None:
    if before is not None and older_than is not None:
        raise UsageError("--before and --older-than say the same in two ways", "give one of them")
    if older_than is not None:
        try:
            return datetime.now(UTC) - timedelta(seconds=options.duration("--older-than", older_than))
        except OverflowError as error:
            raise UsageError(
                f"--older-than {older_than!r} is before all time", "for example --older-than 7d"
            ) from error
    if before is None:
        return None
    try:
        at = datetime.fromisoformat(before)
    except ValueError as error:
        raise UsageError(f"--before {before!r} is not a time", "for example --before 2026-11-21T08:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
