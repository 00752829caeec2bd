"""The endpoint's event loop, whose thread has the turn whenever it is not waiting for the network.

So what it does, handlers of hot operations included, is never torn apart by another thread that moves data.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

from salespipe.local.stores.turn import Turn


class _TurnSelector(selectors.DefaultSelector):
    """Gives the turn away while it waits."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turn.give()
        try:
            return super().select(timeout)
        finally:
            self._turn.take()


def run_in_turns(turn: Turn, main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end in this thread."""
    with turn, asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_TurnSelector(turn))) as runner:
        runner.run(main)
