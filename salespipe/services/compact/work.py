"""One compaction at work: what it holds and has done so far, and what it tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from salespipe.services.compact.hours import objects_of
from salespipe.services.compact.state import Lock, Run
from salespipe.services.compact.statements import Done, execute
from salespipe.services.pipeline import Pipeline

Step = Literal["finish", "roll back", "copy", "verify", "switch", "wait", "delete", "done"]


@dataclass(frozen=True)
class CompactProgress:
    """What is being done: `step` in the run `run` of `runs` (0: one that an earlier command has left)."""

    step: Step
    run: int
    runs: int
    hours: int
    objects: int
    waiting: int = 0


@dataclass(frozen=True)
class CompactResult:
    """What became of it: the hours, objects and bytes before, the objects and bytes after, rows moved and bytes that
    Athena read. `left` objects had changed since they were read, and stay. `finished` says what became of a run that
    an earlier command has left: `finished`, `rolled back`, or empty without one."""

    hours: int
    objects: int
    bytes: int
    new_objects: int
    new_bytes: int
    rows: int
    left: int
    scanned_bytes: int
    finished: str
    seconds: float


@dataclass
class Work:
    """A compaction of `p` under `lock`, with what it moved so far: objects and bytes that are gone, `left` that stayed
    as they had changed, rows, and bytes that Athena read. `which` is the run under way, of how many."""

    p: Pipeline
    lock: Lock
    sleep: Callable[[float], None] = time.sleep
    which: tuple[int, int] = (0, 0)
    objects: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
    rows: int = field(default=0, init=False)
    left: int = field(default=0, init=False)
    scanned: int = field(default=0, init=False)

    def alive(self) -> None:
        """A sign of life, when one is due. Raises SalespipeError when somebody else has taken over."""
        self.lock.renew(at_once=False)

    def execute(self, sql: str) -> Done:
        """Run a statement to its end, giving signs of life."""
        return execute(self.p, sql, self.alive, self.sleep)

    def at(self, step: Step, run: Run, waiting: int = 0) -> CompactProgress:
        """What is being done now."""
        return CompactProgress(step, *self.which, len(run.batch), len(objects_of(run.batch)), waiting)
