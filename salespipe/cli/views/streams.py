"""The process's own streams, also when the other end is gone, full or was never there.

What is said on stderr is a courtesy: losing it never stops the work. What goes to stdout is the result: a reader that
left ends the command without an error (`ClosedPipe`), any other failure is one (`OutputError`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from salespipe.errors import SalespipeError


class ClosedPipe(Exception):
    """Whoever read stdout has gone: it is not an error."""


class OutputError(SalespipeError):
    """Stdout takes no more: a full disk, a terminal that is gone."""


def replace_missing() -> None:
    """Give a stream that the caller closed (`>&-`) the null device, so that no file opened later gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the process


def say(stream: TextIO, text: str) -> None:
    """Write `text` to stderr at once, or nowhere when it cannot be written."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        silence(stream)


@contextlib.contextmanager
def to_stdout() -> Iterator[None]:
    """Let a failing write of the result leave as ClosedPipe or OutputError."""
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedPipe from error
    except OSError as error:
        raise OutputError(f"cannot write the output: {error.strerror or error}") from error


def silence(stream: TextIO) -> None:
    """Let what `stream` still holds and all that follows go nowhere; the interpreter flushes it when it ends."""
    try:
        number = stream.fileno()
    except OSError:  # not a stream of the process
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
