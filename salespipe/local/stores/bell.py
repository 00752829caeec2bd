"""Wakes workers: a topic is rung when there is something new, and whoever waits on it goes on at once."""

from __future__ import annotations

import threading
from collections import defaultdict

CONTROL = "control"
"""The topic rung after any change of the control plane."""


class Bell:
    """Counters per topic (a stream's ARN, or CONTROL). A ring between two waits is never missed."""

    def __init__(self) -> None:
        self._rung: dict[str, int] = defaultdict(int)
        self._condition = threading.Condition()

    def ring(self, topic: str) -> None:
        """Say that there is something new for `topic`."""
        with self._condition:
            self._rung[topic] += 1
            self._condition.notify_all()

    def seen(self, topic: str) -> int:
        """How often `topic` has been rung: take it before looking, and pass it to `wait`."""
        with self._condition:
            return self._rung[topic]

    def wait(self, topic: str, seen: int, timeout: float) -> int:
        """Return the count as soon as it differs from `seen`, or after `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._rung[topic] != seen, timeout)
            return self._rung[topic]
