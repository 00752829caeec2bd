"""Orders being written, and how many were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, counted

if TYPE_CHECKING:
    from salespipe.services.write import WriteProgress, WriteResult


class Progress:
    """Shows the counts while orders are written, and remembers them in case the writing fails."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: WriteProgress | None = None

    def __call__(self, now: WriteProgress) -> None:
        self._last = now
        self._console.progress.update(line(now))

    def tell(self) -> None:
        """Say what was written before it failed."""
        if self._last is not None:
            self._console.talk(f"written before the failure: {line(self._last)}")


def show(console: Console, result: WriteResult) -> None:
    """The summary."""
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
    console.write(line(result))


def line(counts: WriteProgress) -> str:
    """The counts in one line."""
    total = counts.inserted + counts.updated + counts.deleted
    said = (
        f"{counted(total, 'operation')}: {counts.inserted:,} inserted, {counts.updated:,} updated,"
        f" {counts.deleted:,} deleted"
        f"  in {counts.seconds:.1f} s, {counts.rate:,.1f}/s"
    )
    return f"{said}, {counts.retried:,} retried" if counts.retried else said
