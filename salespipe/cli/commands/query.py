"""`salespipe query SQL`: Athena SQL over the lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from salespipe.cli.shell import Shell
from salespipe.cli.views import results
from salespipe.errors import UsageError


def query(
    shell: Shell,
    sql: Annotated[str | None, typer.Argument(metavar="SQL", help="The statement; - reads stdin.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Read the statement from a file.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="VALUE", help="The value of the next ? in the statement.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="|".join(results.FORMATS), help="[default: table, or what FILE's ending names]"),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the rows to a file instead of stdout.")
    ] = None,
) -> None:
    """Run Athena SQL and show the rows. --json is --format json."""
    statement = _statement(sql, file)
    if shell.config.json and format not in (None, "json") and output is None:
        raise UsageError(f"--json and --format {format} contradict each other", "give one of them")
    form = results.format_of(format, output)
    from salespipe.services.query import query as run

    with shell.open() as target:
        result = run(target.pipeline, statement, params=param or ())
    if output is not None:
        results.save(result, form, Path(output))
    if shell.config.json:
        results.show(shell.console, result, "json")
    elif output is None:
        results.show(shell.console, result, form)
    results.summary(shell.console, result, output)


def _statement(sql: str | None, file: str | None) -> str:
    if (sql is None) == (file is None):
        raise UsageError(
            "give the statement once: as SQL, with --file, or - for stdin",
            "for example: salespipe query 'SELECT count(*) FROM orders'",
        )
    try:
        if file is not None:
            text = Path(file).read_text(encoding="utf-8")
        else:
            text = sys.stdin.read() if sql == "-" else str(sql)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the statement cannot be read from {file or 'stdin'}: {error}") from error
    if not text.strip():
        raise UsageError("the SQL statement is empty", "for example: SELECT count(*) FROM orders")
    return text
