"""The hops of the pipeline, in the order of the flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console
from salespipe.cli.views.units import amount

if TYPE_CHECKING:
    from salespipe.services.status import Hop, Status

_WORDS = {"free": "free to be used again", "overhead": "indexes and bookkeeping"}
"""Parts of the disk that are not told by their names."""


def show(
    console: Console, status: Status, problems: Sequence[str] = (), *, where: str, faults: Sequence[str] = ()
) -> None:
    """All hops, then what is wrong: with the target itself (`problems`), then with the pipeline; `faults`: active."""
    healthy = status.healthy and not problems
    if console.json:
        hops = [asdict(hop) for hop in status.hops]
        for hop in hops:
            if hop["age_seconds"] is not None:
                hop["age_seconds"] = round(hop["age_seconds"], 3)
        total = status.disk and {**status.disk, "total": sum(status.disk.values())}
        console.document({"hops": hops, "healthy": healthy, "disk": total, "active_faults": list(faults)})
        return
    columns = ["hop", "state", "records", "lag", "age", "size"]
    console.table(columns, [_row(hop) for hop in status.hops], right=(2, 3, 4, 5))
    if status.disk:
        console.write(_disk(status.disk))
    for problem in (*problems, *status.problems):
        console.write(console.style(f"problem: {problem}", "red"))
    active = f"; active faults: {', '.join(faults)}" if faults else ""
    console.write(f"{'healthy' if healthy else 'not healthy'}; {where}{active}")


def show_again(
    console: Console, status: Status, problems: Sequence[str] = (), *, where: str, faults: Sequence[str] = ()
) -> None:
    """The same once more: over the last one on a terminal, below it elsewhere."""
    if not console.json:
        console.write("\x1b[H\x1b[2J" if console.is_terminal else "")
    show(console, status, problems, where=where, faults=faults)


def _row(hop: Hop) -> list[str]:
    return [
        hop.name,
        hop.state,
        "" if hop.records is None else f"{hop.records:,}",
        "" if hop.lag is None else f"{hop.lag:,}",
        "" if hop.age_seconds is None else age(hop.age_seconds),
        "" if hop.bytes is None else amount(hop.bytes),
    ]


def _disk(parts: dict[str, int]) -> str:
    """The whole, then its parts, in their own order: looked at again and again, each keeps its place."""
    each = (f"{_WORDS.get(name, name)} {amount(count)}" for name, count in parts.items())
    return f"on disk: {amount(sum(parts.values()))} ({', '.join(each)})"


def age(seconds: float) -> str:
    """A length of time at a glance: `0.4 s`, `12 s`, `3 m 20 s`, `5 h 2 m`, `2 d 3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {name}"
    return f"{whole} s"
