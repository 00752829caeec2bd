"""Carries a plan out, side by side where nothing depends on each other, and tells of each step. It decides nothing.

Guarantee: a step begins when everything it needs is ready, and what was done is safe to do again, so a run killed at
any point is finished by the next one. A step is done only when the service shows what was wanted: a change that it
refused afterwards is a failure. A failure lets the running steps end, starts no others, and is raised naming the
resource. Calls that fail only because a new role has not spread yet are repeated for at most two minutes
(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Literal, TypeVar

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translated
from salespipe.aws.waiting import poll_until
from salespipe.errors import NotOursError, SalespipeError
from salespipe.stack.declaration import Declared
from salespipe.stack.plan import Change, Plan, differences
from salespipe.stack.resource import Found, Key, Resource, Values
from salespipe.stack.spreading import is_spreading

_WORKERS = 8
_SPREAD_SECONDS = 120.0
_READY_SECONDS = 1800.0
_RECREATE_SECONDS = 600.0
_LAG_SECONDS = 30.0  # how long an answer may still be the one from before the change

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One change that has begun or is done, with the seconds it took."""

    change: Change
    state: Literal["started", "done"]
    seconds: float = 0.0


class Stopped(Exception):
    """The run was ended from outside; what waits gives up."""


def apply(declared: Sequence[Declared], plan: Plan, *, workers: int = _WORKERS) -> Generator[Step, None, None]:
    """Carry out the plan's pending changes, yielding a Step when one begins and when it is done."""
    run = _Run({entry.resource.key: entry.resource for entry in declared}, plan)
    waiting = _order(declared, plan)
    running: dict[Future[float], Change] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="apply")
    failure: BaseException | None = None
    try:
        while waiting or running:
            unmet = {change.key for change in (*waiting, *running.values())}
            for change in [c for c, needs in waiting.items() if failure is None and not needs & unmet]:
                del waiting[change]
                yield Step(change, "started")
                running[pool.submit(run.carry_out, change)] = change
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                change = running.pop(future)
                error = future.exception()
                if error is None:
                    yield Step(change, "done", future.result())
                failure = failure or error
        if failure is not None:
            raise failure
    finally:
        run.stop.set()
        pool.shutdown(cancel_futures=True)


def _order(declared: Sequence[Declared], plan: Plan) -> dict[Change, frozenset[Key]]:
    """Each pending change with the keys that must be done before it; deletions wait for what needs them."""
    needs = {entry.resource.key: frozenset(entry.needs) for entry in declared}
    needed_by = {key: frozenset(k for k, others in needs.items() if key in others) for key in needs}
    return {c: needed_by[c.key] if c.action == "delete" else needs[c.key] for c in plan.pending}


class _Run:
    """The state that the steps of one run share: what is known of each resource, and the wish to stop."""

    def __init__(self, resources: dict[Key, Resource], plan: Plan) -> None:
        self.resources = resources
        self.seen: dict[Key, Found | None] = dict(plan.found)
        self.stop = threading.Event()
        for resource in resources.values():
            resource.sleep = self._sleep

    def carry_out(self, change: Change) -> float:
        began = time.monotonic()
        resource = self.resources[change.key]
        try:
            with translated():
                {
                    "create": self._create,
                    "update": self._update,
                    "replace": self._replace,
                    "delete": self._delete,
                }[change.action](resource)
        except SalespipeError as error:
            raise type(error)(f"{resource.kind} {resource.name}: {error}", error.hint) from error
        return time.monotonic() - began

    def _create(self, resource: Resource) -> None:
        """Create and wait; a creation that failed for haste is undone and repeated."""
        deadline = time.monotonic() + _RECREATE_SECONDS
        before = self.seen.get(resource.key)
        if before is not None and before.state == "deleting":
            self._wait_gone(resource)
        while True:
            desired = resource.desired(self.seen)
            self._create_once(resource, desired)
            found = self._settled(resource, desired)
            self.seen[resource.key] = found
            trouble = _trouble(desired, found)
            if not trouble or found is None:
                return
            if not resource.transient(found.reason) or time.monotonic() > deadline:
                raise SalespipeError(f"its creation failed: {trouble}")
            self._sleep(5.0)
            self._delete(resource)

    def _create_once(self, resource: Resource, desired: Values) -> None:
        try:
            self._patiently(lambda: resource.create(desired))
        except ClientError as error:
            if error_code(error) not in resource.exists_codes:
                raise
            found = resource.read()
            if found is None:
                raise
            if not resource.ours(found):
                raise NotOursError("somebody else has just taken the name") from error
            if differences(desired, found.settings):
                resource.update(desired, found)

    def _update(self, resource: Resource) -> None:
        found = self._at_rest(resource)
        if found is None or found.state in {"failed", "deleting"}:
            self._replace(resource)
            return
        desired = resource.desired(self.seen)
        if differences(desired, found.settings):
            self._patiently(lambda: resource.update(desired, found))
        self.seen[resource.key] = after = self._settled(resource, desired)
        trouble = _trouble(desired, after)
        if trouble:
            raise SalespipeError(f"its update failed: {trouble}")

    def _replace(self, resource: Resource) -> None:
        self._delete(resource)
        self._create(resource)

    def _delete(self, resource: Resource) -> None:
        found = self._at_rest(resource)
        if found is None or found.state != "deleting":
            self._patiently(resource.delete)
        self._wait_gone(resource, found)
        self.seen[resource.key] = None

    def _at_rest(self, resource: Resource) -> Found | None:
        """The resource as it was seen, or, when it was busy, once it no longer is: services refuse to change or delete
        what they are still working on."""
        found = self.seen[resource.key]
        if found is None or found.state != "busy":
            return found

        def check() -> tuple[Found | None] | None:
            found = resource.read()
            return None if found is not None and found.state == "busy" else (found,)

        (found,) = self._poll(check, f"{resource.kind} {resource.name}")
        self.seen[resource.key] = found
        return found

    def _settled(self, resource: Resource, desired: Values) -> Found | None:
        """The resource once it stands as desired or has failed; None at once for one without a status.

        One that is ready but differs may be an answer from before the change, so it counts only after a while.
        """
        if not resource.awaited:
            return None
        lag = time.monotonic() + _LAG_SECONDS

        def check() -> Found | None:
            found = resource.read()
            if found is None or found.state in {"busy", "deleting"}:
                return None
            current = found.state == "failed" or time.monotonic() > lag or not differences(desired, found.settings)
            return found if current else None

        return self._poll(check, f"{resource.kind} {resource.name}")

    def _wait_gone(self, resource: Resource, before: Found | None = None) -> None:
        """Wait for the end of a deletion. Raises SalespipeError when it failed; a failure that stood `before` the
        deletion counts only after a while, as the answer may be an old one."""
        if not resource.awaited:
            return
        lag = time.monotonic() + _LAG_SECONDS

        def check() -> bool | None:
            found = resource.read()
            if found is not None and found.state == "failed" and (found != before or time.monotonic() > lag):
                raise SalespipeError(f"its deletion failed: {found.reason or 'no reason given'}")
            return True if found is None else None

        self._poll(check, f"deleting {resource.kind} {resource.name}")

    def _poll(self, check: Callable[[], T | None], what: str) -> T:
        return poll_until(check, what, timeout=_READY_SECONDS, sleep=self._sleep)

    def _patiently(self, call: Callable[[], None]) -> None:
        """Make the call; repeat it while it fails only because something new has not spread yet. When that takes too
        long, the service's own last error is raised."""
        deadline = time.monotonic() + _SPREAD_SECONDS
        pause = 1.0
        while True:
            try:
                call()
            except ClientError as error:
                if not is_spreading(error) or time.monotonic() + pause > deadline:
                    raise
            else:
                return
            self._sleep(pause)
            pause = min(pause * 1.5, 5.0)

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped


def _trouble(desired: Values, found: Found | None) -> str:
    """Why what was found after a change is not what was wanted; empty when it is."""
    if found is None:
        return ""
    reason = found.reason or "no reason given"
    if found.state == "failed":
        return reason
    differing = differences(desired, found.settings)
    return f"{', '.join(differing)} not as declared: {reason}" if differing else ""
