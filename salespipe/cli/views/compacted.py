"""What a compaction will do, does, and has done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.cli.views.console import Console, counted
from salespipe.cli.views.units import amount
from salespipe.stack.cost import LABEL

if TYPE_CHECKING:
    from salespipe.services.compact import CompactPlan, CompactProgress, CompactResult

_DOING = {
    "finish": "finishing what an earlier run began",
    "roll back": "taking back what an earlier run began",
    "copy": "copying",
    "verify": "comparing the copy with its source",
    "switch": "switching to the copy",
    "wait": "waiting for queries that may read the old objects",
    "delete": "deleting the old objects",
    "done": "done with",
}


def show_plan(console: Console, plan: CompactPlan) -> None:
    """What would be done, each hour with its objects and bytes; nothing was."""
    if console.json:
        console.document(
            {
                "hours": [
                    {
                        "dt": hour.dt,
                        "hour": hour.hour,
                        "objects": len(objects),
                        "bytes": sum(each.size for each in objects),
                    }
                    for hour, objects in plan.hours.items()
                ],
                "objects": plan.objects,
                "bytes": plan.bytes,
                "runs": len(plan.batches),
                "open_hours": plan.open_hours,
                "unknown_hours": [f"dt={hour.dt}/hour={hour.hour}" for hour in plan.unknown],
                "unfinished": plan.pending,
                "cost": {"scan_usd": plan.scan_usd},
            }
        )
        return
    console.lines(
        f"dt={hour.dt}/hour={hour.hour}  {counted(len(objects), 'object')},"
        f" {amount(sum(each.size for each in objects))}"
        for hour, objects in plan.hours.items()
    )
    for line in _lines(plan):
        console.write(line)


def tell_plan(console: Console, plan: CompactPlan) -> None:
    """The same in short, for who is about to be asked. Where nothing is to be done, `show` says it and why."""
    if plan.hours or plan.pending:
        for line in _lines(plan):
            console.talk(line)


def _lines(plan: CompactPlan) -> list[str]:
    lines = []
    if plan.pending:
        lines.append("a run that was begun earlier is finished, or taken back, first")
    if plan.hours:
        lines.append(
            f"to compact: {counted(len(plan.hours), 'hour')}, {counted(plan.objects, 'object')}, {amount(plan.bytes)},"
            f" in {counted(len(plan.batches), 'run')}; reading it costs ${plan.scan_usd:f} on AWS ({LABEL})"
        )
    else:
        lines.append("nothing to compact")
    return lines + _left(plan)


def _left(plan: CompactPlan) -> list[str]:
    """Why hours are not taken."""
    lines = []
    if plan.open_hours:
        minutes = plan.slack_seconds / 60
        hours = counted(plan.open_hours, "hour")
        lines.append(f"left as they are: {hours} not closed; an hour is closed {minutes:.0f} minutes after its end")
    if plan.unknown:
        lines.append(
            f"left as they are: {counted(len(plan.unknown), 'hour')} not in the catalog; first run: salespipe crawl"
        )
    return lines


def progress_on(console: Console) -> Callable[[CompactProgress], None]:
    """What shows each step."""

    def show(now: CompactProgress) -> None:
        which = f"run {now.run} of {now.runs}: " if now.run else ""
        words = f"{which}{_DOING[now.step]}, {counted(now.hours, 'hour')}, {counted(now.objects, 'object')}"
        if now.step == "wait":
            words = f"{which}{_DOING[now.step]}: {now.waiting} left"
        if now.step in ("finish", "roll back", "done"):
            console.talk(words)
        else:
            console.progress.update(words)

    return show


def show(console: Console, plan: CompactPlan, result: CompactResult) -> None:
    """What became of it."""
    if console.json:
        console.document(
            {
                "hours": result.hours,
                "objects": result.objects,
                "bytes": result.bytes,
                "new_objects": result.new_objects,
                "new_bytes": result.new_bytes,
                "rows": result.rows,
                "left": result.left,
                "scanned_bytes": result.scanned_bytes,
                "open_hours": plan.open_hours,
                "earlier_run": result.finished or None,
                "seconds": round(result.seconds, 3),
            }
        )
        return
    if result.finished:
        console.write(f"an earlier run was {result.finished}")
    if not result.hours:
        console.lines(["nothing to compact", *_left(plan)])
        return
    console.write(
        f"{counted(result.rows, 'row')} of {counted(result.hours, 'hour')}: {counted(result.objects, 'object')},"
        f" {amount(result.bytes)} -> {counted(result.new_objects, 'object')}, {amount(result.new_bytes)}"
        f"  ({result.seconds:.1f} s)"
    )
    if result.left:
        console.write(f"{counted(result.left, 'object')} changed meanwhile and stayed")
