"""Writes that are measured are whole: one that Ctrl-C cut short ends the benchmark."""

from __future__ import annotations

from collections.abc import Iterable

from salespipe.errors import SalespipeError
from salespipe.services.write import WriteProgress, WriteResult


def result_of(events: Iterable[WriteProgress | WriteResult]) -> WriteResult:
    """Run a writer to its end. Raises KeyboardInterrupt when it was interrupted."""
    for event in events:
        if isinstance(event, WriteResult):
            if event.interrupted:
                raise KeyboardInterrupt
            return event
    raise SalespipeError("the writer ended without a result")
