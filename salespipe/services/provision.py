"""Bring a pipeline up, repair it, take it down, and say whether it stands.

`up` and `down` carry out a plan that was made, and may be shown, before. A person's Ctrl-C leaves a pipeline that
the next `up` completes or the next `down` removes.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from salespipe.aws.absent import if_there
from salespipe.aws.errors import translated
from salespipe.errors import NotThereError, SalespipeError
from salespipe.services.pipeline import Pipeline
from salespipe.stack import plan as planning
from salespipe.stack.apply import Step, apply
from salespipe.stack.declaration import Declared, declare
from salespipe.stack.naming import TAG, kept_hint, up_hint
from salespipe.stack.plan import Change, Plan
from salespipe.stack.resource import Found, Resource, Seen

_READERS = 8
_NOT_STANDING = {"CREATING", "CREATE_FAILED", "CREATE_ROLLBACK_FAILED", "DELETING"}


@dataclass(frozen=True)
class UpResult:
    """All changes of the plan, those that did nothing included, and the seconds it took."""

    changes: tuple[Change, ...]
    seconds: float


@dataclass(frozen=True)
class DownResult:
    """What is gone and what was kept, and the seconds it took."""

    deleted: tuple[Change, ...]
    kept: tuple[Change, ...]
    seconds: float


def plan(p: Pipeline) -> Plan:
    """What `up` would do. Changes nothing. Raises NotOursError, AccessError, SalespipeError."""
    declared = _declared(p)
    return planning.plan_up(declared, _read(declared), p.settings)


def up(p: Pipeline, plan: Plan) -> Generator[Step | UpResult, None, None]:
    """Carry the plan out; the last item is the UpResult."""
    began = time.monotonic()
    yield from apply(_declared(p), plan)
    yield UpResult(plan.changes, time.monotonic() - began)


def plan_down(p: Pipeline, *, delete_data: bool) -> Plan:
    """What `down` would do. Bucket and table are kept unless `delete_data`: the orders are in them. The catalog
    goes, as `crawl` makes it again."""
    declared = _declared(p)
    return planning.plan_down(declared, _read(declared), delete_data=delete_data)


def down(p: Pipeline, plan: Plan) -> Generator[Step | DownResult, None, None]:
    """Carry the plan out; the last item is the DownResult.

    What is kept is retired first: the table's stream is switched off, so that the next `up` begins with what comes
    after it, also when this run is not finished. What they hold is discarded: let it `settle` before.
    """
    began = time.monotonic()
    declared = _declared(p)
    kept = tuple(change for change in plan.changes if change.action == "keep")
    resources = {entry.resource.key: entry.resource for entry in declared}
    with translated():
        for change in kept:
            if resources[change.key].ours(plan.found[change.key] or Found({})):
                resources[change.key].retire()
    yield from apply(declared, plan)
    yield DownResult(plan.pending, kept, time.monotonic() - began)


def exists(p: Pipeline) -> bool:
    """Whether the pipeline stands: its pipe, created last and deleted first, is there and carries our tag.

    One call. False after a `down` that kept the data and for a creation that was not finished.
    """
    with translated():
        pipe = if_there(p.aws.client("pipes").describe_pipe, Name=p.names.pipe)
    if pipe is None or pipe["CurrentState"] in _NOT_STANDING:
        return False
    return bool(pipe.get("Tags", {}).get(TAG) == p.names.pipeline)


def require(p: Pipeline) -> None:
    """Raise NotThereError unless the pipeline stands."""
    if not exists(p):
        name = p.names.pipeline
        raise NotThereError(f"pipeline {name!r} is not there", kept_hint(name) if _keeps_data(p) else up_hint(name))


def _keeps_data(p: Pipeline) -> bool:
    """Whether the bucket is there, as after a `down` that kept the data: one call, and no where it is refused."""
    try:
        with translated():
            return if_there(p.aws.client("s3").head_bucket, Bucket=p.names.bucket) is not None
    except SalespipeError:
        return False


def _declared(p: Pipeline) -> tuple[Declared, ...]:
    return declare(p.aws, p.names, p.settings)


def _read(declared: tuple[Declared, ...]) -> Seen:
    """Every resource as it stands, read side by side."""

    def read(resource: Resource) -> Found | None:
        with translated():
            return resource.read()

    resources = [entry.resource for entry in declared]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as pool:
        return {r.key: found for r, found in zip(resources, pool.map(read, resources), strict=True)}
