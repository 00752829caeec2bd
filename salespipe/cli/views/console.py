"""Where words go: results to stdout, talk and progress to stderr.

With `--json` stdout carries JSON and nothing else. What becomes of a stream that fails is in `streams`. What is shown
in the terminal comes from data that others wrote, so control characters are made visible instead of being obeyed.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from salespipe.cli.config import Config
from salespipe.cli.views.document import dumps
from salespipe.cli.views.streams import say, to_stdout

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
# C0 and C1 controls, and the marks that turn the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """`text` on one line with every control character spelled out, e.g. a newline as `\\n`."""
    return _CONTROL.sub(lambda match: _NAMED.get(match[0]) or ascii(match[0])[1:-1], text)


class Console:
    """The two streams of one command and what may be done with them."""

    def __init__(
        self, out: TextIO, err: TextIO, *, json: bool = False, quiet: bool = False, color: bool = True
    ) -> None:
        self._out = out
        self._err = err
        self.json = json
        self.quiet = quiet
        self.is_terminal = out.isatty()
        self.color = color
        self.progress = Progress(err, quiet=quiet)

    @classmethod
    def of(cls, config: Config) -> Console:
        """The console of this process."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # JSON is UTF-8 by its standard; what UTF-8 cannot hold, a lone surrogate, is JSON's own escape.
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, json=config.json, quiet=config.quiet, color=config.color)

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return shutil.get_terminal_size().columns

    def write(self, text: str) -> None:
        """One or more lines of the result to stdout, at once, so that a reader follows live.

        Raises ClosedPipe or OutputError.
        """
        self.progress.clear()
        with to_stdout():
            self._out.write(text + "\n")
            self._out.flush()

    def lines(self, lines: Iterable[str]) -> None:
        """Many lines of the result to stdout, buffered, none held back. Raises as `write`."""
        self.progress.clear()
        with to_stdout():
            self._out.writelines(f"{line}\n" for line in lines)
            self._out.flush()

    def document(self, value: object) -> None:
        """One JSON document, or one line of JSON Lines, to stdout."""
        self.write(dumps(value))

    def table(self, columns: list[str], rows: Sequence[Sequence[str | None]], *, right: Iterable[int] = ()) -> None:
        """A table to stdout: drawn on a terminal, plain text in a pipe, never cut off."""
        from salespipe.cli.views.table import plain, terminal

        if self.is_terminal:
            self.write(terminal(columns, rows, right=right, width=self.width, color=self.color))
        else:
            self.lines(plain(columns, rows, right=right))

    def style(self, text: str, style: str) -> str:
        """`text` in a colour for stdout, where stdout can show one."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and self.is_terminal else text

    def talk(self, text: str) -> None:
        """A line for the person who waits, to stderr; not with --quiet."""
        if not self.quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """A line to stderr that is said even with --quiet; one that cannot be written stops nothing."""
        self.progress.clear()
        say(self._err, text + "\n")

    @property
    def can_ask(self) -> bool:
        """There is a person at a terminal."""
        return not self.json and sys.stdin.isatty() and self._err.isatty()

    @property
    def can_converse(self) -> bool:
        """The person can be given a prompt: what is typed and what is shown is the terminal's."""
        return self.can_ask and self.is_terminal

    def ask(self, question: str) -> str:
        """The line a person types after `question`, which is said even with --quiet."""
        self.progress.clear()
        say(self._err, question)
        return sys.stdin.readline().rstrip("\n")


class Progress:
    """The state of something long: one line that is rewritten on a terminal, a plain line every few seconds
    elsewhere, nothing with --quiet."""

    def __init__(
        self, err: TextIO, *, quiet: bool, every: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._err = err
        self._quiet = quiet
        self._live = err.isatty()
        self._every = 0.1 if self._live else every
        self._clock = clock
        self._last = clock()
        self._shown = False

    def update(self, text: str) -> None:
        """Show `text`, unless something was shown a moment ago."""
        now = self._clock()
        if self._quiet or now - self._last < self._every:
            return
        self._last = now
        say(self._err, "\r\x1b[2K" + text[: self._columns() - 1] if self._live else text + "\n")
        self._shown = self._live

    def clear(self) -> None:
        """Take the line away, so that other words can be written."""
        if self._shown:
            say(self._err, "\r\x1b[2K")
            self._shown = False

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._err.fileno()).columns or 80
        except OSError:  # the terminal is gone
            return 80


def counted(number: int, thing: str) -> str:
    """`1 table`, `2 tables`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
