"""The faults: all of them, one that has begun, those that were ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, counted
from salespipe.cli.views.hops import age
from salespipe.services.faults import KNOWN, Known

if TYPE_CHECKING:
    from salespipe.services.chaos import Active, Chaos


def show(console: Console, chaos: Chaos) -> None:
    """Every fault, and how those that are active stand; then the throughput limits."""
    if console.json:
        idle = {"active": False, "options": {}, "seconds_left": None, "hits": 0}
        faults = [
            _document(chaos.active[fault.name]) if fault.name in chaos.active else {"name": fault.name, **idle}
            for fault in KNOWN
        ]
        console.document({"limits": chaos.limits, "faults": faults})
        return
    rows = [[fault.name, fault.brief, _state(chaos.active.get(fault.name))] for fault in KNOWN]
    console.table(["fault", "what it does", "active"], rows)
    console.write(f"throughput limits: {chaos.limits}")
    console.talk("what is seen of each fault, and what recovers: salespipe chaos --help")


def show_started(console: Console, fault: Known, active: Active) -> None:
    """One that has begun, what will be seen of it and what recovers."""
    if console.json:
        console.document(_document(active))
        return
    if not fault.lasts:
        console.write(f"{fault.name}: done")
    elif active.seconds_left is None:
        console.write(f"{fault.name} is active until: salespipe chaos stop {fault.name}")
    else:
        console.write(f"{fault.name} is active for {age(active.seconds_left)}")
    console.talk(f"what is seen: {fault.seen}\nwhat recovers: {fault.recovers}")


def show_stopped(console: Console, stopped: list[str]) -> None:
    """Those that were ended."""
    if console.json:
        console.document({"stopped": stopped})
        return
    console.write(f"stopped: {', '.join(stopped)}" if stopped else "no fault was active")


def _document(active: Active) -> dict[str, object]:
    document = asdict(active)
    if active.seconds_left is not None:
        document["seconds_left"] = round(active.seconds_left, 3)
    return document


def _state(active: Active | None) -> str:
    if active is None:
        return ""
    options = "".join(f" --{name} {value:g}" for name, value in active.options.items())
    left = "until stopped" if active.seconds_left is None else f"{age(active.seconds_left)} left"
    return f"{left}, struck {counted(active.hits, 'time')}{options and ';'}{options}"
