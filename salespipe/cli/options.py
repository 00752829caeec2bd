"""What commands have in common: the global options and the values that need reading.

`command` gives a function every global option, so that they work after the command's name as well as before
it, and hands the function a `Shell` made from them. Values are read here and not by typer, so that a wrong
one is a single line that names the option, the value and what would be right.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from salespipe.cli.config import Flags, resolve
from salespipe.cli.shell import Shell
from salespipe.cli.views.console import Console
from salespipe.errors import UsageError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)([smhd]?)")
_WHOLE = re.compile("[0-9]{1,18}")

T = TypeVar("T")


def global_options(
    target: Annotated[
        str | None,
        typer.Option(metavar="local|aws", help="Where the pipeline is. [SALESPIPE_TARGET; default: local]"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which pipeline. [SALESPIPE_NAME; default: sales]"),
    ] = None,
    profile: Annotated[str | None, typer.Option(metavar="PROFILE", help="AWS profile. [AWS_PROFILE]")] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="AWS region. [AWS_REGION]")] = None,
    json: Annotated[bool | None, typer.Option("--json", help="One JSON document on stdout.")] = None,
    quiet: Annotated[bool | None, typer.Option("--quiet", help="No talk on stderr.")] = None,
    no_color: Annotated[bool | None, typer.Option("--no-color", help="No colours. [NO_COLOR]")] = None,
) -> Flags:
    """The global options as typer sees them; the very same before and after a command's name."""
    return Flags(target=target, name=name, profile=profile, region=region, quiet=quiet, no_color=no_color, json=json)


GLOBALS = tuple(inspect.signature(global_options, eval_str=True).parameters.values())
_CONTEXT = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def declare(parsed: Callable[..., object], parameters: Iterable[inspect.Parameter]) -> Callable[..., object]:
    """`parsed`, which takes `**values`, with `parameters` and the context as what typer shall pass to it."""
    keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    parsed.__signature__ = inspect.Signature([*keywords, _CONTEXT])  # type: ignore[attr-defined]
    return parsed


def command(run: Callable[..., None]) -> Callable[..., object]:
    """`run(shell, ...)` as typer wants it: without the shell, with the global options after its own.

    Typer gets back the command that is ready to run, and runs nothing.
    """

    @functools.wraps(run)
    def parsed(**values: Any) -> Callable[[], None]:
        before = values.pop("ctx").obj
        after = global_options(**{parameter.name: values.pop(parameter.name) for parameter in GLOBALS})
        config = resolve(after.over(before), os.environ, Path.cwd())
        return functools.partial(run, Shell(config, Console.of(config)), **values)

    own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
    return declare(parsed, [*own, *GLOBALS])


def given(read: Callable[[str, str], T], option: str, text: str | None) -> T | None:
    """What `read` makes of an option's text, or None when the option was not typed."""
    return None if text is None else read(option, text)


def positive(option: str, text: str, example: str = "5") -> float:
    """A number above zero, e.g. `0.5`; `example` is for the hint."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf):
        raise UsageError(f"{option} {text!r} is not a number above 0", f"for example {option} {example}")
    return value


def count(option: str, text: str) -> int:
    """A whole number above zero."""
    if not _WHOLE.fullmatch(text) or int(text) == 0:
        raise UsageError(f"{option} {text!r} is not a whole number above 0", f"for example {option} 100")
    return int(text)


def seed(option: str, text: str) -> int:
    """Any whole number that is not negative."""
    if not _WHOLE.fullmatch(text):
        raise UsageError(f"{option} {text!r} is not a whole number", f"for example {option} 7")
    return int(text)


def duration(option: str, text: str) -> float:
    """Seconds from `90`, `90s`, `5m`, `1.5h` or `1d`; above zero."""
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise UsageError(f"{option} {text!r} is not a length of time above 0", f"for example {option} 90s, 5m or 1h")
    return seconds


def choice(option: str, text: str, choices: Sequence[str]) -> str:
    """One of `choices`."""
    if text not in choices:
        raise UsageError(f"{option} {text!r} is not known", f"use one of: {', '.join(choices)}")
    return text


def mapping(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """`field=column` pairs by field. A field may be named once."""
    found: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (field and equals and column):
            raise UsageError(f"{option} {pair!r} is not field=column", f"for example {option} orderid=order_id")
        if field in found:
            raise UsageError(f"{option} names the field {field!r} twice")
        found[field] = column
    return found
