"""What `orders` shows: which runs count, and which raw objects it leaves out meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salespipe.errors import SalespipeError
from salespipe.services.compact import below, catalog, misfits, sql, state
from salespipe.services.compact.hours import Part, objects_of
from salespipe.services.compact.state import Lock, Run, State
from salespipe.services.pipeline import Pipeline


@dataclass(frozen=True)
class Shown:
    """What a refresh came to: `strays` is a line about objects that `orders` cannot show, or empty; `conflict` the
    error for values that do not fit its columns."""

    strays: str
    conflict: SalespipeError | None


def refresh(p: Pipeline) -> Shown | None:
    """Make `orders` show what there is, once it is a view: new hours and columns, or the tables that a `down` took.
    None where nothing was ever compacted. Who compacts meanwhile sees to new columns and the view himself."""
    if state.state(p) is None:
        return None
    try:
        with state.held(p) as lock:
            _refresh(p, lock)
    except state.AtWorkError:
        below.register(p)
    shown = Shown(misfits.strays(p), misfits.conflict(p, lambda: None))
    if not shown.strays and not shown.conflict:
        misfits.tidy(p)
    return shown


def _refresh(p: Pipeline, lock: Lock) -> None:
    def alive() -> None:
        lock.renew(at_once=False)

    current = state.state(p)
    if current is None:
        return
    below.restore(p, current, alive)
    current = below.extend(p, current)
    hidden = []
    run = state.under_way(p)
    if run is not None and counts(p, run):
        current, hidden = State(run.id, current.columns), paths(p, run.batch)
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
