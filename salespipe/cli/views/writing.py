"""Orders being written, and how many were."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console

if TYPE_CHECKING:
    from salespipe.services.write import WriteProgress, WriteResult


def progress_on(console: Console) -> Callable[[WriteProgress], None]:
    """What shows the counts while orders are written."""

    def show(now: WriteProgress) -> None:
        console.progress.update(_line(now))

    return show


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
    console.write(_line(result))


def _line(counts: WriteProgress | WriteResult) -> str:
    total = counts.inserted + counts.updated + counts.deleted
    line = (
        f"{total:,} operations: {counts.inserted:,} inserted, {counts.updated:,} updated, {counts.deleted:,} deleted"
        f"  in {counts.seconds:.1f} s, {counts.rate:,.1f}/s"
    )
    return f"{line}, {counts.retried:,} retried" if counts.retried else line
