"""`salespipe replay FILE`: real orders from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import INTERRUPTED, Shell, follow
from salespipe.cli.views import writing
from salespipe.errors import SalespipeError


def replay(
    shell: Shell,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, JSON Lines or Parquet.")],
    map: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="Which column holds a field; give it once a field."),
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N", help="Orders a second. [default: as fast as it goes]")
    ] = None,
    limit: Annotated[str | None, typer.Option(metavar="N", help="Stop after so many orders.")] = None,
) -> None:
    """Write the orders of a file into the pipeline.

    An order whose id is in the table is replaced. DynamoDB does not say which were there: what is counted are orders
    written, with --json all of them as inserted.
    """
    columns = options.mapping("--map", map or [])
    per_second = options.given(options.positive, "--rate", rate)
    orders = options.given(options.count, "--limit", limit)
    from salespipe.services import replay as service
    from salespipe.services.write import WriteResult

    with shell.open() as target:
        events = service.replay(target.pipeline, Path(file), mapping=columns, rate=per_second, limit=orders)
        progress = writing.Progress(shell.console, writing.orders)
        try:
            result = follow(events, WriteResult, progress)
        except SalespipeError:
            progress.tell()
            raise
        writing.show(shell.console, result, writing.orders)
    if result.interrupted:
        shell.exit(INTERRUPTED)
