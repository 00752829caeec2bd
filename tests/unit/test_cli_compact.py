"""`salespipe compact` as it is typed and read."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from salespipe.cli.commands.compact import _until
from salespipe.cli.views import compacted
from salespipe.cli.views.console import Console
from salespipe.errors import UsageError
from salespipe.services.compact import CompactPlan, CompactResult
from salespipe.services.compact.hours import Hour, RawObject, batches

OBJECTS = [RawObject(f"orders/dt=2026-01-31/hour=22/{n}", '"e"', 1500) for n in range(1200)]
HOURS = {Hour("2026-01-31", "22"): OBJECTS}
PLAN = CompactPlan(HOURS, tuple(batches(HOURS, "b", 10**9)), 1440.0, 2, (Hour("2026-01-31", "21"),), True)
RESULT = CompactResult(1, 1200, 1_800_000, 2, 90_000, 5000, 0, 5_490_000, "", 4.25)


def test_the_plan_is_one_document() -> None:
    out = io.StringIO()
    compacted.show_plan(Console(out, io.StringIO(), json=True), PLAN)
    assert json.loads(out.getvalue()) == {
        "hours": [{"dt": "2026-01-31", "hour": "22", "objects": 1200, "bytes": 1_800_000}],
        "objects": 1200,
        "bytes": 1_800_000,
        "runs": 2,
        "open_hours": 2,
        "unknown_hours": ["dt=2026-01-31/hour=21"],
        "unfinished": True,
        "cost": {"scan_usd": "0.0003"},
    }


def test_the_plan_in_words() -> None:
    out = io.StringIO()
    compacted.show_plan(Console(out, io.StringIO()), PLAN)
    assert out.getvalue().splitlines() == [
        "dt=2026-01-31/hour=22  1,200 objects, 1.8 MB",
        "a run that was begun earlier is finished, or taken back, first",
        "to compact: 1 hour, 1,200 objects, 1.8 MB, in 2 runs; reading it costs $0.0003 on AWS"
        " (approximate list prices, us-east-1)",
        "left as they are: 2 hours not closed; an hour is closed 24 minutes after its end",
        "left as they are: 1 hour not in the catalog; first run: salespipe crawl",
    ]


def test_that_nothing_is_done_is_said_once_and_with_the_reason() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    plan = CompactPlan({}, (), 1200.0, 1, (), False)
    compacted.tell_plan(console, plan)
    compacted.show(console, plan, CompactResult(0, 0, 0, 0, 0, 0, 0, 0, "", 0.1))
    assert out.getvalue().splitlines() == [
        "nothing to compact",
        "left as they are: 1 hour not closed; an hour is closed 20 minutes after its end",
    ]
    assert err.getvalue() == ""


def test_the_result_in_words_and_as_a_document() -> None:
    out, document = io.StringIO(), io.StringIO()
    compacted.show(Console(out, io.StringIO()), PLAN, RESULT)
    compacted.show(Console(document, io.StringIO(), json=True), PLAN, RESULT)
    assert out.getvalue() == "5,000 rows of 1 hour: 1,200 objects, 1.8 MB -> 2 objects, 90.0 kB  (4.2 s)\n"
    found = json.loads(document.getvalue())
    assert (found["objects"], found["new_objects"], found["rows"], found["earlier_run"]) == (1200, 2, 5000, None)


def test_a_time_is_utc_unless_it_says_otherwise() -> None:
    eight = datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert [_until(text, None) for text in ("2026-11-21T08:00", "2026-11-21T08:00Z", "2026-11-21 10:00+02:00")] == [
        eight
    ] * 3
    assert _until(None, None) is None
    ago = datetime.now(UTC) - timedelta(hours=12)
    assert abs((_until(None, "12h") or eight) - ago) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("before", "older_than", "said"),
    [
        ("yesterday", None, "--before 'yesterday' is not a time"),
        (None, "soon", "--older-than 'soon' is not a length of time"),
        (None, "999999999999d", "is before all time"),
        ("2026-11-21", "1h", "say the same in two ways"),
    ],
)
def test_what_is_no_time_is_refused(before: str | None, older_than: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _until(before, older_than)
