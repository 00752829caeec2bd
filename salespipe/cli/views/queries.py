"""Queries as things: those that ran, and those that are saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console
from salespipe.cli.views.units import amount

if TYPE_CHECKING:
    from salespipe.services.query.history import Execution
    from salespipe.services.query.saved import Saved

_SHORT = 60


def show_history(console: Console, found: Sequence[Execution], limit: int) -> None:
    """Newest first. With --json the whole statements; in the table their beginnings."""
    if console.json:
        console.document(
            [
                {
                    "id": each.id,
                    "state": each.state,
                    "submitted": each.submitted.astimezone(UTC),
                    "seconds": each.seconds,
                    "scanned_bytes": each.scanned_bytes,
                    "sql": each.sql,
                    "error": each.error or None,
                }
                for each in found
            ]
        )
        return
    rows = [
        [
            each.id,
            each.state,
            f"{each.submitted.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{each.seconds:.2f} s",
            amount(each.scanned_bytes),
            _short(each.sql),
        ]
        for each in found
    ]
    console.table(["id", "state", "submitted", "time", "scanned", "statement"], rows, right=[3, 4])
    if any(row[-1].endswith("...") for row in rows):
        console.talk("long statements are shortened; whole with --json")
    if len(found) == limit:
        console.talk(f"the newest {limit}; more with --limit")


def show_saved(console: Console, found: Sequence[Saved]) -> None:
    """By name; `parameters` is how many values run has to be given."""
    if console.json:
        console.document([{"name": each.name, "parameters": each.parameters, "sql": each.sql} for each in found])
        return
    if not found:
        console.talk("nothing is saved yet; to save a statement: salespipe query save NAME SQL")
        return
    rows = [[each.name, str(each.parameters), _short(each.sql)] for each in found]
    console.table(["name", "parameters", "statement"], rows, right=[1])
    if any(row[-1].endswith("...") for row in rows):
        console.talk("long statements are shortened; whole with --json")


def tell(console: Console, name: str, done: str) -> None:
    """That a saved query was `done`."""
    if console.json:
        console.document({"name": name, "action": done})
    else:
        console.talk(f"{done}: {name}")


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 3] + "..."
