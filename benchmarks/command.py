"""What the commands share: options, exit codes, where the words go."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from salespipe.errors import SalespipeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Report = TypeVar("Report", bound=DataclassInstance)
else:
    Report = TypeVar("Report")


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """A parser with --json."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--json", action="store_true", help="one JSON document instead of the tables")
    if not sys.platform.startswith("linux"):
        made.error("what processes used is read from /proc, which only Linux has")
    return made


def execute(measure: Callable[[], Report], lines: Callable[[Report], Iterator[str]], *, as_json: bool) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C or SIGTERM, 1 when a measurement failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = measure()
    except KeyboardInterrupt:
        return 130
    except SalespipeError as error:
        say(f"error: {error}")
        return 1
    print(json.dumps(asdict(report), indent=2) if as_json else "\n".join(lines(report)))
    return 0


def say(what: str) -> None:
    """A line for the person who waits."""
    print(what, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def positive_float(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
