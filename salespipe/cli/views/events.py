"""Change events, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, visible
from salespipe.cli.views.document import text

if TYPE_CHECKING:
    from salespipe.services.tail import TailEvent, TailProblem

_COLORS = {"INSERT": "green", "MODIFY": "yellow", "REMOVE": "red"}


def show_problem(console: Console, problem: TailProblem) -> None:
    """A record that is no change event: told on stderr, so that stdout holds change events only."""
    console.error(
        f"{visible(problem.reason)}  [{problem.shard_id} {problem.sequence_number}] {visible(problem.data_preview)}"
    )


def show(console: Console, event: TailEvent) -> None:
    """One event: all of it for a machine; for a person what happened, and of a change only what changed."""
    if console.json:
        console.document(
            {
                "event": event.event,
                "order_id": event.order_id,
                "event_id": event.event_id,
                "sequence_number": event.sequence_number,
                "shard_id": event.shard_id,
                "event_time": event.event_time,
                "arrived_at": event.arrived_at,
                "order": event.order,
                "old": event.old,
            }
        )
        return
    what = console.style(f"{event.event:6}", _COLORS.get(event.event, "bold"))
    console.write(f"{text(event.event_time)}  {what}  {visible(event.order_id)}  {_what(event)}".rstrip())


def _what(event: TailEvent) -> str:
    if event.event == "MODIFY" and event.old is not None:
        old = event.old
        names = [
            name
            for name in (*event.order, *(old.keys() - event.order.keys()))
            if event.order.get(name) != old.get(name)
        ]
        said = [f"{name} {text(old.get(name))} -> {text(event.order.get(name))}" for name in names]
    else:
        said = [f"{name}={text(value)}" for name, value in event.order.items() if name != "orderid"]
    return visible("  ".join(said))
