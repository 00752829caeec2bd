"""A worker: one thread that calls a poller again and again, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from salespipe.local.stores.bell import Bell

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


def worker_key(arn: str, created: float) -> str:
    """Under which a worker's positions are kept: a pipe or delivery stream that was deleted and created again begins
    anew. `created` is epoch seconds."""
    return f"{arn}@{created}"


class Poller(Protocol):
    """What a worker calls. `topic` is the bell's topic that says that there is something new."""

    topic: str

    def poll(self) -> float:
        """Do what there is to do now; return after how many seconds to look again even if nothing rings.

        0 means that there is more. Whatever goes wrong is raised; the same call is then repeated after a pause, so
        everything that a poll changes it changes in one step.
        """
        ...


class Worker:
    """Runs a poller in a thread of its own.

    With nothing to do it sleeps until the bell rings; `settle` seconds after a ring it looks, so that a burst is
    taken at once. After an error it waits: 0.1 s at first, twice as long each time, 5 s at most. `error` is the error
    of the last poll, None after one that went well: in the words of `explain`, which logs what it has words for.
    """

    def __init__(
        self,
        name: str,
        poller: Poller,
        bell: Bell,
        stop: threading.Event,
        *,
        settle: float = 0.0,
        explain: Callable[[BaseException], str | None] = lambda error: None,
    ) -> None:
        self.name = name
        self.error: str | None = None
        self._poller = poller
        self._bell = bell
        self._stop = stop
        self._settle = settle
        self._explain = explain
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def signal(self) -> None:
        """Tell it to stop, and return at once."""
        self._stop.set()
        self._bell.ring(self._poller.topic)

    def join(self) -> None:
        """Wait until it has stopped."""
        self._thread.join()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            seen = self._bell.seen(self._poller.topic)
            try:
                rest = self._poller.poll()
            except Exception as error:
                words = self._explain(error)
                text = words or f"{type(error).__name__}: {error}"
                if words is None and text != self.error and not self._stop.is_set():
                    log.exception("%s: %s", self.name, text)
                self.error = text
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            self.error = None
            pause = FIRST_PAUSE
            if rest > 0 and not self._stop.is_set():
                self._bell.wait(self._poller.topic, seen, rest)
                if self._settle:
                    self._stop.wait(self._settle)
