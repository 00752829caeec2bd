"""When readers are spared: for an hour in which they may pass on what grew old while they could not.

A machine that was off, asleep or paused, a process that was stopped, a clock that is set right after the boot: each
makes everything a day old at once, which the services on AWS never meet. So the hour begins with the start and anew
whenever wall time has got ahead of the monotonic clock by minutes, or nobody has looked for as long. It is measured by
the monotonic clock, which stands still while the machine does: an hour of work, not an hour in a bag.

A disk that is full or read-only keeps them from it as well, and that loses nothing: while the storage hinders writing
they are spared, and for an hour afterwards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SPARED = 3600.0
AHEAD = 120.0
"""Seconds; what looks does so twice a minute."""

log = logging.getLogger(__name__)


class Spared:
    """`hindered` says whether the storage hinders writing just now, or did within so many seconds; `clock` gives epoch
    seconds, `monotonic` seconds that no setting and no sleep of the machine adds to."""

    def __init__(
        self,
        hindered: Callable[[float], bool],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hindered = hindered
        self._clock = clock
        self._monotonic = monotonic
        self._began = self._looked = monotonic()
        self._offset = clock() - self._looked
        """Of the wall clock, the lowest since the hour began: what is set back and forth is ahead, too."""

    def lasts(self) -> bool:
        """Whether readers are spared just now; to be asked more often than every `AHEAD` seconds."""
        now = self._monotonic()
        offset = self._clock() - now
        missed = max(offset - self._offset, now - self._looked)
        self._looked = now
        if self._hindered(AHEAD):
            self._began = now
        if missed > AHEAD:
            log.info("%d s passed without us: readers have an hour to catch up before anything unread goes", missed)
            self._began, self._offset = now, offset
        self._offset = min(self._offset, offset)
        return now - self._began < SPARED
