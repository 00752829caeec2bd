"""What `orders` shows: which runs count, and which raw objects it leaves out meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from salespipe.services.compact import catalog, sql, state
from salespipe.services.compact.hours import Part, objects_of
from salespipe.services.compact.state import Lock, Run, State
from salespipe.services.pipeline import Pipeline


def refresh(p: Pipeline) -> bool:
    """Make `orders` show what there is, once it is a view: new columns, or the tables that a `down` took. Whether there
    is anything compacted. Somebody who compacts meanwhile does it himself."""
    if state.state(p) is None:
        return False
    try:
        with state.held(p) as lock:
            _refresh(p, lock)
    except state.AtWorkError:
        return True
    return True


def _refresh(p: Pipeline, lock: Lock) -> None:
    def alive() -> None:
        lock.renew(at_once=False)

    current = state.state(p)
    if current is None:
        return
    catalog.restore(p, current, alive)
    current = catalog.extend(p, current)
    hidden = []
    run = state.under_way(p)
    if run is not None and counts(p, run):
        current, hidden = State(run.id, current.columns, current.raw), paths(p, run.batch)
    lock.renew()
    catalog.show(p, current, hidden, alive)
    state.keep(p, current)


def counts(p: Pipeline, run: Run) -> bool:
    """Whether a run that is not finished was switched to, so that it has to be carried on and not rolled back."""
    current = state.state(p)
    return current is not None and (current.through >= run.id or catalog.shown_through(p) == run.id)


def paths(p: Pipeline, batch: Sequence[Part]) -> list[str]:
    """The addresses of the objects of a run, as `"$path"` gives them."""
    return [sql.path(p.names.bucket, each.key) for each in objects_of(batch)]
