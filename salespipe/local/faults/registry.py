"""The faults that are active: begun by name, ended by their time, by hand or with the runtime. Nothing is kept on disk.

A fault belongs to a scope, which is one pipeline: the same fault of two pipelines is two faults. Begun again, it is
ended and begun anew. What a fault does is its kind's business: `begin` makes it so and `end` undoes it; a kind without
`end` is over as soon as it was done. Pure: the clock and the timer are given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

_SEED = 7


class FaultError(Exception):
    """There is no such fault, or it does not take what it was given; the message is one line."""


class Timer(Protocol):
    """Something that was asked to happen later."""

    def cancel(self) -> None:
        """It shall not happen."""


Later = Callable[[float, Callable[[], None]], Timer]


@dataclass(eq=False)
class Fault:
    """One fault, from its beginning to its end. `resources` are the pipeline's: `table` (ARN), `stream` (ARN),
    `function` (ARN), `bucket` (name)."""

    name: str
    scope: str
    resources: Mapping[str, str]
    options: Mapping[str, float]
    ends: float | None
    hits: int = 0
    _random: Random = field(default_factory=lambda: Random(_SEED), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _timer: Timer | None = field(default=None, repr=False)
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    def about(self, kind: str) -> str:
        """The pipeline's resource of a kind. Raises FaultError if it was not told."""
        if kind not in self.resources:
            raise FaultError(f"{self.name} has to be told its {kind}")
        return self.resources[kind]

    def strikes(self) -> bool:
        """Whether it strikes this time: always, or in its `share` of all times, in the same order in every run."""
        with self._lock:
            share = self.options.get("share", 1.0)
            struck = share >= 1 or self._random.random() < share
            self.hits += struck
        return struck

    def count(self) -> None:
        """It struck, as the effect itself decided."""
        with self._lock:
            self.hits += 1

    def wait(self, seconds: float) -> None:
        """Let what it struck wait, at the longest until the fault is over."""
        self._over.wait(seconds)

    def end(self) -> None:
        """It is over: nobody waits for it any longer, and it does not end again."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()


@dataclass(frozen=True)
class Kind:
    """A fault there is. `options` are what it takes besides a time, with their defaults; None is "not given". `over`
    says of one at work whether somebody has undone it meanwhile: then it has ended."""

    begin: Callable[[Fault], None]
    end: Callable[[Fault], None] | None = None
    options: Mapping[str, float | None] = field(default_factory=dict)
    over: Callable[[Fault], bool] = lambda fault: False


class Registry:
    """Every fault of one runtime. Safe for threads; effects are called one at a time."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        clock: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        self.kinds = kinds
        self._clock = clock
        self._later = later or _in_a_thread
        self._active: dict[tuple[str, str], Fault] = {}
        self._lock = threading.RLock()

    def start(
        self,
        name: str,
        scope: str,
        resources: Mapping[str, str],
        seconds: float | None = None,
        options: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Begin a fault, for `seconds` or until it is stopped, and describe it. Raises FaultError, and what its effect
        raises: then it has not begun."""
        kind = self.kinds.get(name)
        if kind is None:
            raise FaultError(f"there is no fault {name!r}; those are {', '.join(self.kinds)}")
        given = dict(options or {})
        for option, value in given.items():
            if option not in kind.options:
                raise FaultError(f"{name} takes no {option}")
            _check(option, value)
        if seconds is not None:
            if kind.end is None:
                raise FaultError(f"{name} is over as soon as it was done: it takes no time")
            _check("seconds", seconds)
        chosen = {option: value for option, value in ({**kind.options, **given}).items() if value is not None}
        with self._lock:
            self.stop(name, scope)
            fault = Fault(name, scope, dict(resources), chosen, None if seconds is None else self._clock() + seconds)
            kind.begin(fault)
            if kind.end is not None:
                self._active[scope, name] = fault
                if seconds is not None:
                    fault._timer = self._later(seconds, lambda: self._in_time(fault))
            return self._told(fault)

    def stop(self, name: str | None = None, scope: str | None = None) -> list[str]:
        """End one fault or all, of one scope or of all; the names of those that were active."""
        with self._lock:
            self._drop()
            found = [
                fault for fault in self._active.values() if name in (None, fault.name) and scope in (None, fault.scope)
            ]
            for fault in found:
                self._end(fault)
        return [fault.name for fault in found]

    def active(self, scope: str | None = None) -> list[dict[str, Any]]:
        """The faults at work, each as a document: `name`, `scope`, `active`, `options`, `seconds_left`, `hits`."""
        with self._lock:
            self._drop()
            return [self._told(fault) for fault in self._active.values() if scope in (None, fault.scope)]

    def close(self) -> None:
        """The runtime ends, and what the faults did to it with it; nothing is undone that lasts."""
        with self._lock:
            for fault in self._active.values():
                fault.end()
            self._active.clear()

    def _drop(self) -> None:
        for fault in list(self._active.values()):
            if self.kinds[fault.name].over(fault):
                self._end(fault)

    def _in_time(self, fault: Fault) -> None:
        """Its time is over; the one that took its place, if one did, stays."""
        with self._lock:
            if self._active.get((fault.scope, fault.name)) is fault:
                self._end(fault)

    def _end(self, fault: Fault) -> None:
        del self._active[fault.scope, fault.name]
        fault.end()
        undo = self.kinds[fault.name].end
        assert undo is not None
        undo(fault)

    def _told(self, fault: Fault) -> dict[str, Any]:
        return {
            "name": fault.name,
            "scope": fault.scope,
            "active": (fault.scope, fault.name) in self._active,
            "options": dict(fault.options),
            "seconds_left": None if fault.ends is None else max(fault.ends - self._clock(), 0.0),
            "hits": fault.hits,
        }


def _check(option: str, value: object) -> None:
    """Raise FaultError for a value that makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise FaultError(f"{option} {value!r} is not a number above 0")
    if option == "share" and value > 1:
        raise FaultError(f"share {value!r} is above 1")


def _in_a_thread(seconds: float, action: Callable[[], None]) -> Timer:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer
