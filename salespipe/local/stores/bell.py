"""Wakes workers: a topic is rung when there is something new, and whoever waits on it goes on at once."""

from __future__ import annotations

import threading
from collections import defaultdict

CONTROL = "control"
"""The topic rung after any change of the control plane."""


class Bell:
    """Counters per topic (a stream's ARN, or CONTROL). A ring between two waits is never missed.

    A ring costs little: it wakes those who wait on its topic and nobody else.
    """

    def __init__(self) -> None:
        self._rung: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, list[threading.Lock]] = {}
        self._guard = threading.Lock()

    def ring(self, topic: str) -> None:
        """Say that there is something new for `topic`."""
        with self._guard:
            self._rung[topic] += 1
            waiting = self._waiting.pop(topic, ())
        for gate in waiting:
            gate.release()

    def seen(self, topic: str) -> int:
        """How often `topic` has been rung: take it before looking, and pass it to `wait`."""
        with self._guard:
            return self._rung[topic]

    def wait(self, topic: str, seen: int, timeout: float) -> int:
        """Return the count as soon as it differs from `seen`, or after `timeout` seconds."""
        gate = threading.Lock()
        gate.acquire()
        with self._guard:
            if self._rung[topic] != seen:
                return self._rung[topic]
            self._waiting.setdefault(topic, []).append(gate)
        if not gate.acquire(timeout=timeout):
            with self._guard:
                waiting = self._waiting.get(topic, [])
                if gate in waiting:
                    waiting.remove(gate)
        return self.seen(topic)
