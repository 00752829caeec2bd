"""What has to change, as data. The plan is computed from the declaration and from what was read.

Guarantee: every resource is looked at before anything is decided. One that has our name but not our tag is somebody
else's: the plan is refused with NotOursError, naming each of them. Nothing here calls AWS: `--dry-run` prints
the very plan that `up` carries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from salespipe.errors import NotOursError, SalespipeError
from salespipe.settings import Settings
from salespipe.stack.cost import NOTHING, Cost, cost_of, words
from salespipe.stack.declaration import Declared
from salespipe.stack.naming import TAG
from salespipe.stack.policies import equivalent
from salespipe.stack.resource import Found, Key, Resource, Seen

Action = Literal["create", "update", "replace", "delete", "keep", "noop"]
_SHORT = 40


@dataclass(frozen=True)
class Change:
    """What happens to one resource, in plain words why or to what effect, and what it costs as it will stand."""

    kind: str
    name: str
    action: Action
    details: tuple[str, ...] = ()
    cost: Cost = NOTHING

    @property
    def key(self) -> Key:
        return (self.kind, self.name)


@dataclass(frozen=True)
class Plan:
    """All changes in the order of execution. `found` is what was read; execution starts from it.

    The costs are those of the whole pipeline as planned, in US dollars (see `stack.cost.LABEL`); zero for a teardown.
    """

    changes: tuple[Change, ...]
    found: Seen = field(default_factory=dict, repr=False, compare=False)
    monthly_idle_usd: Decimal = Decimal(0)
    usd_per_million_orders: Decimal = Decimal(0)

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action not in {"keep", "noop"})


def plan_up(declared: Sequence[Declared], found: Seen, settings: Settings) -> Plan:
    """The plan that makes everything stand as declared. Raises NotOursError and, where only a loss of data
    would do, SalespipeError."""
    resources = [entry.resource for entry in declared]
    _refuse_foreign(resources, found)
    costs = [cost_of(resource, settings) for resource in resources]
    return Plan(
        changes=tuple(
            replace(_change(r, found, words(cost)), cost=cost) for r, cost in zip(resources, costs, strict=True)
        ),
        found=found,
        monthly_idle_usd=sum((c.monthly_idle for c in costs), Decimal(0)).quantize(Decimal("0.01")),
        usd_per_million_orders=sum((c.per_million for c in costs), Decimal(0)).quantize(Decimal("0.01")),
    )


def plan_down(declared: Sequence[Declared], found: Seen, *, delete_data: bool) -> Plan:
    """The plan that takes everything down, last made first. What holds data stays unless `delete_data`;
    what does not carry our tag stays in any case."""
    changes = []
    for resource in (entry.resource for entry in reversed(declared)):
        state = found.get(resource.key)
        if state is None or state.state == "deleting":
            continue
        action: Action = "keep"
        if not resource.ours(state):
            details: tuple[str, ...] = (f"not ours: it does not carry the tag {TAG}={resource.names.pipeline}",)
        elif resource.holds_data and not delete_data:
            details = resource.keeping()
        else:
            action, details = "delete", resource.losses(state)
        changes.append(Change(resource.kind, resource.name, action, details))
    return Plan(tuple(changes), found)


def differences(desired: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, ...]:
    """The settings of `desired` that `found` does not fulfil. What a service adds of its own is no difference."""
    return tuple(name for name, value in desired.items() if not _fulfils(found.get(name), value))


def _change(resource: Resource, found: Seen, cost: str) -> Change:
    state, desired = found.get(resource.key), resource.desired(found)
    if state is None or state.state == "deleting":
        return _to(resource, "create", *resource.describe(desired, found), cost)
    if state.state == "failed":
        return _to(resource, "replace", f"it has failed: {state.reason or 'no reason given'}", cost)
    differing = differences(desired, state.settings)
    if state.state == "busy":
        return _to(resource, "update", "its creation or change is under way", *_words(differing, desired, state))
    for name in differing:
        if name in resource.refuse_on:
            raise SalespipeError(
                f"{resource.kind} {resource.name}: {_word(name, desired, state)}, which cannot be changed",
                resource.refuse_on[name],
            )
    reasons = [resource.replace_on[name] for name in differing if name in resource.replace_on]
    if reasons:
        return _to(resource, "replace", *_words(differing, desired, state), *reasons)
    if differing:
        return _to(resource, "update", *_words(differing, desired, state))
    return _to(resource, "noop")


def _to(resource: Resource, action: Action, *details: str) -> Change:
    return Change(resource.kind, resource.name, action, tuple(detail for detail in details if detail))


def _refuse_foreign(resources: Sequence[Resource], found: Seen) -> None:
    foreign = []
    for resource in resources:
        state = found.get(resource.key)
        if state is not None and state.state != "deleting" and not resource.ours(state):
            foreign.append(f"{resource.kind} {resource.name}")
    if foreign:
        raise NotOursError(
            f"not ours, nothing was changed: {', '.join(foreign)}",
            f"the tag {TAG} is missing or names another pipeline; choose another name with --name",
        )


def _fulfils(found: Any, desired: Any) -> bool:
    """A mapping may hold more than desired, at every depth; a policy may say no more and no less."""
    if isinstance(desired, Mapping) and isinstance(found, Mapping):
        if "Statement" in desired:
            return equivalent(found, desired)
        return all(_fulfils(found.get(name), value) for name, value in desired.items())
    return bool(found == desired)


def _words(names: Sequence[str], desired: Mapping[str, Any], found: Found) -> tuple[str, ...]:
    return tuple(_word(name, desired, found) for name in names)


def _word(name: str, desired: Mapping[str, Any], found: Found) -> str:
    before, after = found.settings.get(name), desired[name]
    if isinstance(before, Mapping) and isinstance(after, Mapping) and "Statement" not in after:
        parts = differences(after, before)
        return ", ".join(f"{name} {part}: {_brief(before.get(part), after[part])}" for part in parts)
    return f"{name}: {_brief(before, after)}"


def _brief(before: Any, after: Any) -> str:
    if before is None or before == []:
        return "is missing"
    if len(str(before)) <= _SHORT and len(str(after)) <= _SHORT and not isinstance(after, (Mapping, list)):
        return f"{before} -> {after}"
    return "differs from what is declared"
