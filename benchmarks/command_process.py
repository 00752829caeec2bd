"""A command of ours as a process of its own, as a user's shell would run it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NoReturn

from benchmarks.home import held_interrupts
from salespipe.errors import SalespipeError

Told = Callable[[Any, float], None]
"""Takes a document, and when it came: seconds of time.perf_counter."""

_PATIENCE = 30.0


class CommandProcess:
    """A running command; what it writes to stdout is handed, a JSON document a line, to `told`, by a thread."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], told: Told, errors: IO[bytes]) -> None:
        self._name = name
        self._process = process
        self._errors = errors
        self.pid = process.pid
        self._reader = threading.Thread(target=self._read, args=(told,), name="command", daemon=True)
        self._reader.start()

    def _read(self, told: Told) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            now = time.perf_counter()
            told(json.loads(line), now)

    @property
    def said_all(self) -> bool:
        """Whether it closed its stdout, so has ended or is about to."""
        return not self._reader.is_alive()

    def join(self) -> None:
        """Wait until it has said all."""
        self._reader.join()

    def end(self) -> None:
        """Wait for the end of a command. Raises SalespipeError when it failed."""
        self.join()
        if code := self._process.wait(_PATIENCE):
            self.fail(f"ended with code {code}")

    def fail(self, what: str) -> NoReturn:
        """Raises SalespipeError: what happened, and the last that the command said on stderr."""
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        raise SalespipeError(": ".join([f"`salespipe {self._name}` {what}", *said]))


@contextmanager
def command(name: str, *arguments: str, told: Told) -> Iterator[CommandProcess]:
    """Run `salespipe NAME ARGUMENTS --json` and end it with the block, whatever it is doing."""
    with tempfile.TemporaryFile() as errors:
        with held_interrupts():
            process = subprocess.Popen(
                [sys.executable, "-m", "salespipe", name, *arguments, "--json", "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        with process:
            running = CommandProcess(name, process, told, errors)
            try:
                yield running
            finally:
                process.kill()
                running.join()
