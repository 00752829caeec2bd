"""Once after a start: removes the files of objects that a kill left behind, a folder at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from salespipe.local.stores.objects import ObjectStore

log = logging.getLogger(__name__)

_OVER_SECONDS = 3600.0


class Sweep:
    """The poller of it; when all is done it only rests."""

    topic = "sweep"

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._steps: Iterator[int] | None = None
        self._removed = 0

    def poll(self) -> float:
        """One folder."""
        if self._steps is None:
            self._steps = self._objects.sweep()
        removed = next(self._steps, None)
        if removed is not None:
            self._removed += removed
            return 0
        if self._removed:
            log.info("removed %d files that an earlier run had not finished", self._removed)
            self._removed = 0
        return _OVER_SECONDS
