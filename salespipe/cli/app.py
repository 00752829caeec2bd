"""The command line's front door: every command is registered here, and every error ends here.

An error for people is one line `salespipe: error: ...`, a hint below it, and the exit code of its class. Anything
else is a defect of salespipe and says so, without a traceback unless SALESPIPE_DEBUG=1 asks for one. Ctrl-C and
SIGTERM end with 130. Nothing here or in a command's module loads boto3, moto, duckdb or pyathena: `--help` is quick.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

from salespipe import __version__
from salespipe.cli.commands.chaos import chaos
from salespipe.cli.commands.compact import compact
from salespipe.cli.commands.crawl import crawl
from salespipe.cli.commands.demo import demo
from salespipe.cli.commands.down import down
from salespipe.cli.commands.env import env
from salespipe.cli.commands.generate import generate
from salespipe.cli.commands.plan import plan
from salespipe.cli.commands.queries import SUBCOMMANDS
from salespipe.cli.commands.query import query
from salespipe.cli.commands.replay import replay
from salespipe.cli.commands.status import status
from salespipe.cli.commands.tail import tail
from salespipe.cli.commands.up import up
from salespipe.cli.groups import CommandGroup
from salespipe.cli.options import GLOBALS, command, declare, global_options
from salespipe.cli.shell import INTERRUPTED
from salespipe.cli.views.document import dumps
from salespipe.cli.views.failure import told
from salespipe.cli.views.streams import ClosedPipe, OutputError, replace_missing, say, silence, to_stdout
from salespipe.errors import SalespipeError

# In the order of the flow, which is the order of the help.
COMMANDS = (up, plan, generate, replay, tail, crawl, compact, query, status, env, demo, chaos, down)


def _version(context: typer.Context, asked: bool) -> None:
    if asked:
        # The options are not read yet, and reading them would load pydantic; the words are there.
        typer.echo(dumps({"version": __version__}) if "--json" in context.obj else f"salespipe {__version__}")
        raise typer.Exit


def _root(**values: Any) -> None:
    """Run a real-time sales pipeline on AWS, or the same pipeline on this machine.

    Orders travel DynamoDB -> stream -> Pipe -> Kinesis -> Firehose and Lambda -> S3 -> crawler -> Athena.
    """
    context = values.pop("ctx")
    values.pop("version")
    context.obj = global_options(**values)


_VERSION = inspect.Parameter(
    "version",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_version)],
)


def application() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="salespipe",
        cls=CommandGroup,
        add_completion=False,
        rich_markup_mode=None,  # rich costs a third of the start-up time
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,  # locals hold secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(declare(_root, [*GLOBALS, _VERSION]))
    settings = {"help_option_names": ["-h", "--help"]}
    for run in COMMANDS:
        app.command(context_settings=settings)(command(run))
    for name, run in SUBCOMMANDS.items():
        app.command(f"query {name}", hidden=True, context_settings=settings)(command(run))
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. The only place where an error becomes words and a number."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _terminated)
    replace_missing()
    try:
        code = _run(arguments or ["--help"])
        if code == INTERRUPTED:
            _say("salespipe: interrupted")
        return code
    except ClosedPipe:
        silence(sys.stdout)
        return 0
    except SalespipeError as error:
        _trace()
        if isinstance(error, OutputError):
            silence(sys.stdout)
        return _told(error, error.exit_code)
    except typer.TyperException as error:
        return _usage(error)
    except KeyboardInterrupt:
        _say("salespipe: interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: whatever is left is a defect of ours
        shown = _trace()
        return _fail(
            f"internal error: {type(error).__name__}: {' '.join(str(error).split())}",
            "this is a defect in salespipe: please report it to its maintainers with the "
            + ("traceback above" if shown else "traceback that SALESPIPE_DEBUG=1 shows"),
            1,
        )


def _run(arguments: list[str]) -> int:
    """Typer parses, and shows help and version; the command itself runs outside of it, so that no failure in there
    is taken for one of typer's own output."""
    with to_stdout():
        try:
            parsed = typer.main.get_command(application()).main(
                arguments, prog_name="salespipe", standalone_mode=False, obj=arguments
            )
        except SystemExit as end:
            # Typer ends this way, in this mode, only when the reader of its help has closed the pipe.
            raise ClosedPipe from end
    if not callable(parsed):
        return parsed if isinstance(parsed, int) else 0
    try:
        parsed()
    except typer.Exit as end:
        return end.exit_code
    return 0


def _usage(error: typer.TyperException) -> int:
    """Typer's own complaint about the command line, on one line of ours."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "salespipe"
    hint = f"see: {path} --help"
    if path.endswith(" query") and "unexpected extra argument" in message:
        hint = f'put the statement in quotation marks: {path} "SELECT count(*) FROM orders"'
    return _fail(message[:1].lower() + message[1:], hint, error.exit_code)


def _fail(message: str, hint: str, code: int) -> int:
    return _told(SalespipeError(message, hint), code)


def _told(error: SalespipeError, code: int) -> int:
    for line in told(error):
        _say(line)
    return code


def _say(line: str) -> None:
    say(sys.stderr, line + "\n")


def _trace() -> bool:
    """Print the traceback of the error in hand, if it was asked for."""
    if os.environ.get("SALESPIPE_DEBUG") in (None, "", "0"):
        return False
    import traceback

    say(sys.stderr, traceback.format_exc())
    return True


def _terminated(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
