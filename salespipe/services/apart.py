"""Work that runs in a thread of its own and is watched from the thread that Ctrl-C strikes.

CPython raises KeyboardInterrupt in the main thread between any two instructions, also inside `threading` and
`concurrent.futures`, whose locks are Python code: one that stays locked then stops everybody for ever
(https://docs.python.org/3/library/signal.html#handlers-and-exceptions). So what locks runs here, where no signal comes,
and who watches it touches nothing but what is C code: the queues, and the start of a thread below `threading`.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections import deque
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Apart(Generic[T]):
    """Runs `events`, an iterator, to its end in a thread; `follow` gives what comes of it.

    Every method may be interrupted at any point and called again.
    """

    def __init__(self, events: Iterator[T]) -> None:
        self._events = events
        self._told: deque[T] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._begin: SimpleQueue[None] = SimpleQueue()  # who takes what is in it decides whether the work begins
        self._begin.put(None)
        self._ended = False
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin. When this is interrupted, only `withdraw` tells whether the work has begun."""
        start_new_thread(self._run, ())

    def withdraw(self) -> bool:
        """Whether the work has not begun; then it never will."""
        try:
            self._begin.get_nowait()
        except Empty:
            return False
        return True

    def follow(self) -> Iterator[T]:
        """What the work tells, until it has ended. Raises what it raised; an interrupt may take what is told with it,
        but never the end."""
        while True:
            while self._told:
                yield self._told.popleft()
            if self._ended and not self._told:
                break
            self._bell.get()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._begin.get_nowait()
        except Empty:
            return
        try:
            for event in self._events:
                self._told.append(event)
                self._bell.put(None)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that follows
            self._error = error
        finally:
            self._ended = True
            self._bell.put(None)
