"""After the switch: the old objects go, as soon as nobody reads them."""

from __future__ import annotations

from collections.abc import Iterator

from salespipe.errors import AccessError
from salespipe.services.compact import catalog, state
from salespipe.services.compact.state import Run, State
from salespipe.services.compact.statements import unfinished
from salespipe.services.compact.verifying import still
from salespipe.services.compact.work import CompactProgress, Work

_QUIET_SECONDS = 5.0


def clear(work: Work, current: State, run: Run) -> Iterator[CompactProgress]:
    """After the switch: the old objects go as soon as nobody reads them."""
    p = work.p
    for waiting in _readers(work):
        yield work.at("wait", run, waiting)
    yield work.at("delete", run)
    found = [still(p, part) for part in run.batch]
    same = [each for part, _ in found for each in part]
    work.lock.renew()
    catalog.delete(p, [each.key for each in same])
    work.objects += len(same)
    work.bytes += sum(each.size for each in same)
    work.left += sum(changed for _, changed in found)
    work.lock.renew()
    catalog.show(p, current, [], work.alive)
    state.end(p)
    yield work.at("done", run)


def _readers(work: Work) -> Iterator[int]:
    """How many queries that may have begun before now still run, until there is none.

    Then, for a few seconds at most, until no query runs at all: one that began since does not want the old objects, but
    whether it leaves them closed is up to Athena's optimizer.
    """
    try:
        now = {each.id for each in unfinished(work.p)}
        running = set(now)
        pause = 0.02
        patience = _QUIET_SECONDS
        while running or (now and patience > 0):
            yield len(running)
            work.alive()
            work.sleep(pause)
            patience -= 0 if running else pause
            pause = min(pause * 1.5, 2.0)
            now = {each.id for each in unfinished(work.p)}
            running &= now
    except AccessError as error:
        raise AccessError(
            f"{error}: whether somebody still reads the old objects cannot be known, so they stay",
            "nothing is shown twice; allow athena:ListWorkGroups, ListQueryExecutions and BatchGetQueryExecution,"
            " and run the same command again",
        ) from error
