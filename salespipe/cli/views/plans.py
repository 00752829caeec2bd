"""Plans, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from salespipe.cli.views.console import Console
from salespipe.stack.cost import LABEL as COST

if TYPE_CHECKING:
    from salespipe.services.provision import DownResult
    from salespipe.services.settle import Settling
    from salespipe.settings import Settings
    from salespipe.stack.apply import Step
    from salespipe.stack.plan import Change, Plan

_DOING = {"create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting"}
_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
_TO_DO = {action: f"to {action}" for action in _DONE}
_COLORS = {"create": "green", "update": "yellow", "replace": "yellow", "delete": "red"}


def step_shown_on(console: Console) -> Callable[[Step], None]:
    """What shows each step while a plan is carried out."""

    def show(step: Step) -> None:
        action, thing = step.change.action, f"{step.change.kind} {step.change.name}"
        if step.state == "started":
            console.progress.update(f"{_DOING.get(action, action)} {thing} ...")
        elif action in _DONE:
            console.talk(f"{_DONE[action]} {thing}  ({step.seconds:.1f} s)")

    return show


def show_plan(console: Console, pipeline: str, target: str, plan: Plan, settings: Settings) -> None:
    """What `up` would do, why, with which settings, and what the whole costs."""
    for change in plan.changes:
        action = console.style(f"{change.action:8}", _COLORS.get(change.action, "dim"))
        console.lines([f"{action} {change.kind} {change.name}", *(f"         {why}" for why in change.details)])
    console.write(f"settings: {', '.join(f'{key} {value}' for key, value in asdict(settings).items())}")
    console.write(
        f"cost on AWS: ${plan.monthly_idle_usd} a month when idle, "
        f"${plan.usd_per_million_orders} a million orders ({COST})"
    )
    done = _count(plan.changes, _TO_DO, "nothing to change")
    console.write(f"pipeline {pipeline} on {target}: {done}")


def plan_document(pipeline: str, target: str, plan: Plan, seconds: float, *, cost: bool) -> dict[str, Any]:
    """The plan for a machine; `cost` adds what the whole pipeline costs, in US dollars."""
    document = _document(pipeline, target, plan.changes, seconds)
    if cost:
        document["cost"] = {
            "monthly_idle_usd": plan.monthly_idle_usd,
            "usd_per_million_orders": plan.usd_per_million_orders,
        }
    return document


def show_up(console: Console, pipeline: str, target: str, changes: tuple[Change, ...], seconds: float) -> None:
    """What `up` did, in the seconds from the first look to the last change."""
    if console.json:
        console.document(_document(pipeline, target, changes, seconds))
        return
    done = _count(changes, _DONE, "everything is there already")
    console.write(f"pipeline {pipeline} on {target}: {done}  ({seconds:.1f} s)")


def show_what_goes(console: Console, plan: Plan) -> None:
    """What `down` would delete and keep, for the person who is about to be asked."""
    for change in plan.changes:
        word = console.style(change.action, _COLORS.get(change.action, "dim"))
        console.error(f"{word}  {change.kind} {change.name}{_why(change)}")


def show_settling(console: Console, seen: Settling) -> None:
    """What `down` waits for before it deletes anything; said where the wait ends without knowing."""
    if not seen.done:
        left = "what was written" if seen.in_flight is None else f"{seen.in_flight:,} change events"
        console.progress.update(f"letting {left} be delivered ... {seen.seconds:.0f} s")
    elif seen.in_flight:
        console.error(f"warning: {seen.in_flight:,} change events were not delivered within {seen.seconds:.0f} s")


def show_down(console: Console, pipeline: str, result: DownResult) -> None:
    """What `down` deleted and kept."""
    if console.json:
        console.document({"deleted": _things(result.deleted), "kept": _things(result.kept)})
        return
    for change in result.kept:
        console.write(f"kept {change.kind} {change.name}{_why(change)}")
    console.write(f"pipeline {pipeline}: {len(result.deleted)} deleted, {len(result.kept)} kept")


def _document(pipeline: str, target: str, changes: Iterable[Change], seconds: float) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "target": target,
        "changes": [{"kind": c.kind, "name": c.name, "action": c.action} for c in changes],
        "seconds": round(seconds, 3),
    }


def _things(changes: Iterable[Change]) -> list[dict[str, str]]:
    return [{"kind": change.kind, "name": change.name} for change in changes]


def _why(change: Change) -> str:
    return f"  ({'; '.join(change.details)})" if change.details else ""


def _count(changes: Iterable[Change], words: Mapping[str, str], nothing: str) -> str:
    counted = Counter(change.action for change in changes if change.action in words)
    return ", ".join(f"{number} {words[action]}" for action, number in counted.items()) or nothing
