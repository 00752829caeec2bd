"""A runtime to measure: its own process out of a temporary home, gone with all it wrote when the measurement ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from salespipe.errors import SalespipeError
from salespipe.local import runtime
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.targets import Start, open_target


@dataclass(frozen=True)
class Home:
    """A started runtime. `start_seconds`: from asking for it until it answered."""

    path: Path
    endpoint: str
    start_seconds: float
    pipeline: Pipeline

    @property
    def pid(self) -> int:
        """The runtime's process; another one after `restart`."""
        running = runtime.find(self.path)
        if running is None:
            raise ProcessLookupError(f"the runtime of {self.path} does not answer; see its log there")
        return running.pid

    def restart(self) -> float:
        """Stop the runtime in order and start it again; the seconds from asking for it until it answers."""
        with held_interrupts():
            runtime.stop(self.path)
            return _ensured(self.path)[1]

    def disk_bytes(self) -> int:
        """What the home takes on the disk, in whole blocks."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                try:
                    total += Path(folder, name).lstat().st_blocks * 512
                except FileNotFoundError:  # written and renamed just now
                    continue
        return total


@contextmanager
def fresh_home() -> Iterator[Home]:
    """A runtime with nothing in it, found as every command finds one: through SALESPIPE_HOME."""
    path = Path(tempfile.mkdtemp(prefix="salespipe-benchmark-"))
    before = os.environ.get("SALESPIPE_HOME")
    os.environ["SALESPIPE_HOME"] = str(path)
    try:
        with held_interrupts():
            running, seconds = _ensured(path)
        with open_target("local", pipeline="sales", profile=None, region=None, start=Start.IF_DATA) as target:
            yield Home(path, running.endpoint, seconds, target.pipeline)
    finally:
        with held_interrupts():
            if before is None:
                del os.environ["SALESPIPE_HOME"]
            else:
                os.environ["SALESPIPE_HOME"] = before
            runtime.stop(path)
            shutil.rmtree(path)


def up(p: Pipeline) -> None:
    """Create the whole pipeline."""
    for _ in provision.up(p, provision.plan(p)):
        pass


def _ensured(path: Path) -> tuple[runtime.Running, float]:
    began = time.perf_counter()
    try:
        running = runtime.ensure(path)
    except runtime.RuntimeStartError as error:
        raise SalespipeError(f"the runtime did not start: {error}") from error
    return running, time.perf_counter() - began


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Finish the block first: a Ctrl-C or SIGTERM that comes meanwhile is raised behind it, as KeyboardInterrupt.

    So no process is left behind by an interrupt between its start and the moment its pid is known.
    """
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
