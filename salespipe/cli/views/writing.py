"""Orders being written, and how many were.

What `replay` writes is told as orders written: DynamoDB's BatchWriteItem does not say which of them were there before
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html). The operations of `generate`
are known by their kind, as it makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, counted

if TYPE_CHECKING:
    from salespipe.services.write import WriteProgress, WriteResult


class Progress:
    """Shows the counts, as `words` tells them, while orders are written, and remembers them in case it fails."""

    def __init__(self, console: Console, words: Callable[[WriteProgress], str]) -> None:
        self._console = console
        self._words = words
        self._last: WriteProgress | None = None

    def __call__(self, now: WriteProgress) -> None:
        self._last = now
        self._console.progress.update(self._words(now))

    def tell(self) -> None:
        """Say what was written before it failed."""
        if self._last is not None:
            self._console.talk(f"written before the failure: {self._words(self._last)}")


def show(console: Console, result: WriteResult, words: Callable[[WriteProgress], str]) -> None:
    """The summary, for a person as `words` tells it."""
    if console.json:
        console.document(
            {
                "inserted": result.inserted,
                "updated": result.updated,
                "deleted": result.deleted,
                "seconds": round(result.seconds, 3),
                "rate": round(result.rate, 3),
                "retried": result.retried,
            }
        )
        return
    console.write(words(result))


def operations(counts: WriteProgress) -> str:
    """Operations by their kind, in one line."""
    total = counts.inserted + counts.updated + counts.deleted
    kinds = f"{counts.inserted:,} inserted, {counts.updated:,} updated, {counts.deleted:,} deleted"
    return f"{counted(total, 'operation')}: {kinds}{_pace(counts)}"


def orders(counts: WriteProgress) -> str:
    """Orders put into the table, new ones and replaced ones, in one line."""
    return f"{counted(counts.inserted, 'order')} written{_pace(counts)}"


def _pace(counts: WriteProgress) -> str:
    said = f"  in {counts.seconds:.1f} s, {counts.rate:,.1f}/s"
    return f"{said}, {counts.retried:,} retried" if counts.retried else said
