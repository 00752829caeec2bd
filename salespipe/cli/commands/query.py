"""`salespipe query SQL`: Athena SQL over the lake. Without SQL, on a terminal, a prompt."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.shell import Shell
from salespipe.cli.views import answers, results
from salespipe.cli.views import output as files
from salespipe.errors import QueryError, UsageError

if TYPE_CHECKING:
    from salespipe.services.pipeline import Pipeline

FILE = Annotated[str | None, typer.Option(metavar="FILE", help="Read the statement from a file.")]
PARAM = Annotated[
    list[str] | None,
    typer.Option(metavar="VALUE", help="The value of the next ?: 5, NULL, DATE '2026-01-31', 'text' or text."),
]
FORMAT = Annotated[
    str | None,
    typer.Option(metavar="|".join(results.FORMATS), help="[default: table, or what FILE's ending names]"),
]
OUTPUT = Annotated[str | None, typer.Option(metavar="FILE", help="Write the rows to a file instead of stdout.")]


def query(
    shell: Shell,
    sql: Annotated[
        str | None, typer.Argument(metavar="SQL", help="The statement; - reads stdin; nothing opens a prompt.")
    ] = None,
    file: FILE = None,
    param: PARAM = None,
    format: FORMAT = None,
    output: OUTPUT = None,
) -> None:
    """Run Athena SQL and show the rows. --json is --format json.

    \b
    query history             what was asked, newest first
    query show ID             the rows of an earlier query, without running it again
    query save NAME SQL       keep a statement under a name, with ? where values go
    query run NAME            run it, with --param for each ?
    query list                the saved statements
    query delete NAME         forget one
    """
    nothing_given = all(each is None for each in (sql, file, param, format, output))
    if nothing_given and shell.console.can_converse:
        from salespipe.cli.views.prompt import converse

        with shell.open() as target:
            converse(shell.console, target.pipeline)
        return
    statement = read_statement(sql, file)
    asked = how(shell, format, output)
    with shell.open() as target:
        ask(shell, target.pipeline, statement, param or [], asked)


def how(shell: Shell, format: str | None, output: str | None) -> answers.Asked:
    """How the rows are wanted. Raises UsageError for what cannot be had together."""
    json = shell.config.json
    if json and format not in (None, "json") and output is None:
        raise UsageError(f"--json and --format {format} contradict each other", "give one of them")
    form = results.format_of(format, output)
    if output is not None:
        files.check(Path(output))
    return answers.Asked("json" if json and output is None else form, output, json)


def ask(shell: Shell, pipeline: Pipeline, statement: str, param: list[str], asked: answers.Asked) -> None:
    """Run a statement and show its answer."""
    from salespipe.services import query as service

    began = time.monotonic()
    with briefly(shell):
        answer = service.run(pipeline, statement, params=param, nested=asked.nested)
    answers.show(shell.console, answer, asked, began)
    if answer.reads and not shell.console.quiet:
        from salespipe.services.uncrawled import uncrawled

        answers.unseen(shell.console, uncrawled(pipeline, statement))


@contextmanager
def briefly(shell: Shell) -> Iterator[None]:
    """With --json an error is one line and its hint: the place in the statement is left out."""
    try:
        yield
    except QueryError as error:
        if shell.config.json:
            error.line = ""
        raise


def read_statement(sql: str | None, file: str | None) -> str:
    """The statement, wherever it is. Raises UsageError when there is none, or more than one place for it."""
    if sql is not None and file is not None:
        raise UsageError("there are two statements, SQL and --file", "give one of them")
    if sql is None and file is None:
        # stdin is read only where - says so: a pipe that somebody else left open would never end.
        raise UsageError(
            "there is no statement",
            "give it as SQL, with --file, or - for what comes through stdin: salespipe query - < FILE",
        )
    try:
        if file is not None:
            text = Path(file).read_text(encoding="utf-8")
        else:
            text = sys.stdin.read() if sql == "-" else str(sql)
    except OSError as error:
        raise UsageError(f"the statement cannot be read from {file or 'stdin'}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the statement in {file or 'stdin'} is not UTF-8: {error}", "save it as UTF-8") from error
    text = text.removeprefix("\ufeff")  # with which some editors begin a file
    if not text.strip():
        raise UsageError("the SQL statement is empty", "for example: SELECT count(*) FROM orders")
    return text
