"""Says why a command takes so long while it goes on trying: each reason once, to stderr."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from salespipe.cli.views.console import Console

_LOOK_SECONDS = 3.0


class Waits:
    """Of one command. For any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()

    def repeating(self, said: str) -> None:
        """A call has failed for some seconds and is repeated; `said` is its last error."""
        self._tell(f"{said} (it is tried again)")

    def looking(
        self,
        problems: Callable[[], tuple[str, ...]],
        show: Callable[[Any], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> Callable[[Any], None]:
        """`show` for the events of a service which every few seconds tells the target's problems too: what a service
        only waits for is no error that it meets."""
        looked = clock()

        def also(event: Any) -> None:
            nonlocal looked
            if clock() - looked >= _LOOK_SECONDS:
                looked = clock()
                for problem in problems():
                    self._tell(problem)
            show(event)

        return also

    def _tell(self, said: str) -> None:
        if said not in self._told:
            self._told.add(said)
            self._console.talk(f"warning: {said}")
