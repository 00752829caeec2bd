"""Whose turn it is to work: a fair, re-entrant lock.

Python threads that all have work take the interpreter from each other at every system call, and wait up to 5 ms to get
it back. So the threads that move data (the endpoint's and the workers') work one at a time, each for a few
milliseconds, and hand over in the order in which they asked: nobody waits long, nobody is left out.

Whoever has the turn must not wait for anything that needs it elsewhere: no function, no control plane, no file of
any size. Lock order: moto's lock, then the turn.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turn:
    """A context manager, and `take` and `give` for those who hold it across calls."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owner = 0
        self._depth = 0
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    def take(self) -> None:
        """Wait for the turn; taken again by its owner it is given back as often."""
        me = threading.get_ident()
        if self._owner == me:
            self._depth += 1
            return
        with self._guard:
            if not self._owner:
                self._owner = me
                self._depth = 1
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append((me, gate))
        gate.acquire()

    def give(self) -> None:
        """Hand over to whoever has waited longest."""
        self._depth -= 1
        if self._depth:
            return
        with self._guard:
            if self._waiting:
                self._owner, gate = self._waiting.popleft()
                self._depth = 1
                gate.release()
            else:
                self._owner = 0

    @property
    def mine(self) -> bool:
        """Whether this thread has it."""
        return self._owner == threading.get_ident()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._waiting)

    def __enter__(self) -> None:
        self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give()
