"""Polling with capped backoff; the clock and the sleep are parameters so that tests need neither."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from salespipe.errors import TransientError

T = TypeVar("T")


def poll_until(
    check: Callable[[], T | None],
    what: str,
    *,
    timeout: float,
    first: float = 0.05,
    most: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `check` until it returns something other than None and return that.

    Waits `first` seconds after the first call and half as long again each time, `most` at the longest. Raises
    TransientError naming `what` after `timeout` seconds.
    """
    deadline = clock() + timeout
    pause = first
    while True:
        found = check()
        if found is not None:
            return found
        if clock() + pause > deadline:
            raise TransientError(f"{what}: not ready after {timeout:g} s", "run the same command again")
        sleep(pause)
        pause = min(pause * 1.5, most)
