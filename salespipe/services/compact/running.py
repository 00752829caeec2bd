"""A compaction from its plan to its result, run by run: the steps 1 to 7 in the order in which they are taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from salespipe.services.compact import below, catalog, misfits, sql, state
from salespipe.services.compact.clearing import clear
from salespipe.services.compact.hours import Batch, Hour, RawObject
from salespipe.services.compact.planning import CompactPlan
from salespipe.services.compact.showing import counts, paths
from salespipe.services.compact.state import Run, State
from salespipe.services.compact.statements import stop_all
from salespipe.services.compact.verifying import check_same, verify
from salespipe.services.compact.work import CompactProgress, CompactResult, Work
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline


def compact(
    p: Pipeline, plan: CompactPlan, *, sleep: Callable[[float], None] = time.sleep
) -> Generator[CompactProgress | CompactResult, None, None]:
    """Carry the plan out; the last item is the result.

    Interrupted before a switch it takes back what it did; afterwards the next run carries on. Raises SalespipeError
    when somebody else compacts, or when copy and source differ: then the old state is kept.
    """
    began = time.monotonic()
    with state.held(p) as lock:
        work = Work(p, lock, sleep)
        finished = yield from _finish_earlier(work)
        if plan.batches:
            current = _ready(work)
            for number, batch in enumerate(plan.batches, 1):
                work.which = (number, len(plan.batches))
                current = yield from _run(work, current, batch)
        objects, size = _new(p, plan.hours)
    yield CompactResult(
        hours=len(plan.hours),
        objects=work.objects,
        bytes=work.bytes,
        new_objects=objects,
        new_bytes=size,
        rows=work.rows,
        left=work.left,
        scanned_bytes=work.scanned,
        finished=finished,
        seconds=time.monotonic() - began,
    )


def _ready(work: Work) -> State:
    """The state before the next run: the first time, `orders` becomes a view of what it is already."""
    p = work.p
    current = state.state(p)
    if current is None:
        current = below.first_state(p)
        state.keep(p, current)  # from now on `crawl` ends what follows, should we not
    catalog.aside(p)
    below.restore(p, current, work.alive)
    current = below.extend(p, current)
    if catalog.shown_through(p) is None:
        work.lock.renew()
        catalog.show(p, current, [], work.alive)
    conflict = misfits.conflict(p, work.alive)
    if conflict is not None:
        raise conflict  # a copy of values that do not fit would not be what was delivered
    return current


def _finish_earlier(work: Work) -> Generator[CompactProgress, None, str]:
    """End the run that an earlier command left: `finished` or `rolled back`, or empty without one. What it moves is
    not counted in this compaction."""
    p = work.p
    run = state.under_way(p)
    if run is None:
        return ""
    stop_all(p, run.id, work.sleep)
    current = state.state(p)
    if current is None:
        state.end(p)
        return "rolled back"
    if not counts(p, run):
        yield work.at("roll back", run)
        _roll_back(p, run)
        return "rolled back"
    yield work.at("finish", run)
    current = State(run.id, current.columns)
    state.keep(p, current)
    if catalog.shown_through(p) != run.id:
        below.restore(p, current, work.alive)
        catalog.show(p, current, paths(p, run.batch), work.alive)
    yield from clear(Work(p, work.lock, work.sleep), current, run)
    return "finished"


def _roll_back(p: Pipeline, run: Run) -> None:
    catalog.forget(p, run.id)
    state.end(p)


def _run(work: Work, before: State, batch: Batch) -> Generator[CompactProgress, None, State]:
    """One run, from the copy to the end of what was copied; the state after it."""
    p = work.p
    run = Run(state.next_id(before.through), batch)
    work.lock.renew()
    state.begin(p, run)
    try:
        yield work.at("copy", run)
        copied = work.execute(sql.insert(before.columns, batch, p.names.bucket, run.id))
        yield work.at("verify", run)
        check_same(p, batch)
        rows, read = verify(work, before, run)
        yield work.at("switch", run)
        work.lock.renew()
    except BaseException:
        stop_all(p, run.id, work.sleep)
        _roll_back(p, run)
        raise
    counted = State(run.id, before.columns)
    catalog.show(p, counted, paths(p, batch), work.alive)
    state.keep(p, counted)
    work.rows += rows
    work.scanned += copied.scanned_bytes + read
    yield from clear(work, counted, run)
    return counted


def _new(p: Pipeline, hours: dict[Hour, list[RawObject]]) -> tuple[int, int]:
    """Objects and bytes that these hours have now."""
    folders = {f"dt={hour.dt}/hour={hour.hour}" for hour in hours}
    found = [
        each["Size"]
        for each in (listing(p, catalog.FOLDER) if hours else ())
        if "/".join(each["Key"].removeprefix(catalog.FOLDER).split("/")[:2]) in folders
    ]
    return len(found), sum(found)
