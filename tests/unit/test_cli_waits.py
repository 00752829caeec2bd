"""Why a command waits, said once."""

from __future__ import annotations

import io

from salespipe.cli.views.console import Console
from salespipe.cli.waits import Waits


def test_what_a_service_waits_for_is_looked_up_now_and_then_and_told_once() -> None:
    now, err, shown = 0.0, io.StringIO(), list[int]()
    problems = ("the disk is full",)
    waits = Waits(Console(io.StringIO(), err))
    show = waits.looking(lambda: problems, shown.append, lambda: now)
    for event in range(10):
        show(event)
        assert bool(err.getvalue()) == (now >= 3)
        now += 1
    waits.repeating("PutItem: InternalServerError: no")
    waits.repeating("PutItem: InternalServerError: no")
    assert shown == list(range(10))
    assert err.getvalue().splitlines() == [
        "warning: the disk is full",
        "warning: PutItem: InternalServerError: no (it is tried again)",
    ]


def test_quiet_is_quiet() -> None:
    err = io.StringIO()
    Waits(Console(io.StringIO(), err, quiet=True)).repeating("no")
    assert err.getvalue() == ""
