"""Ranges of projected dates.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html#partition-projection-date-type
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salespipe.local.athena.projected_dates import DateRange, Format

NOW = datetime(2026, 3, 31, 12, 34, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "low", "high", "interval", "unit", "wanted"),
    [
        ("yyyyMM", "202511", "202602", "", "", ["202511", "202512", "202601", "202602"]),
        ("yyyy-MM", "2017-01", "2017-06", "2", "MONTHS", ["2017-01", "2017-03", "2017-05"]),
        ("dd-MM-yyyy", "30-12-2010", "01-01-2011", "", "", ["30-12-2010", "31-12-2010", "01-01-2011"]),
        ("yyyy", "NOW-2YEARS", "NOW", "1", "YEARS", ["2024", "2025", "2026"]),
        ("yyyy-MM", "NOW-1MONTH", "NOW", "", "", ["2026-02", "2026-03"]),
        ("yyyy/MM/dd/HH", "NOW - 2 HOURS", " NOW ", "1", "HOURS", ["2026/03/31/10", "2026/03/31/11", "2026/03/31/12"]),
        ("yyyy-MM-dd-HH-mm-ss", "NOW-3SECONDS", "NOW", "3", "SECONDS", ["2026-03-31-12-34-53", "2026-03-31-12-34-56"]),
        ("yyyy-MM-dd", "NOW", "NOW+1WEEK", "1", "WEEKS", ["2026-03-31", "2026-04-07"]),
        ("'d='yyyy-M-d", "d=2026-2-28", "d=2026-3-1", "1", "DAYS", ["d=2026-2-28", "d=2026-3-1"]),
        ("yyyy-MM-dd", "2026-01-01", "2026-01-02", "12", "HOURS", ["2026-01-01", "2026-01-02"]),
    ],
)
def test_the_values_of_a_range(pattern: str, low: str, high: str, interval: str, unit: str, wanted: list[str]) -> None:
    found = DateRange.of(pattern, low, high, interval, unit, NOW)
    assert list(found.values()) == wanted
    assert [found.member(value) for value in wanted] == wanted
    assert found.member("x") is None


def test_what_is_off_the_step_or_outside_is_no_member() -> None:
    found = DateRange.of("yyyy-MM", "2017-01", "2017-12", "2", "MONTHS", NOW)
    assert [found.member(text) for text in ("2017-02", "2016-11", "2018-01", "2017-13")] == [None] * 4


@pytest.mark.parametrize("pattern", ["EEE", "yyyy-MMM", "hh"])
def test_letters_that_are_not_known_are_named(pattern: str) -> None:
    with pytest.raises(ValueError, match="not supported by the local Athena"):
        Format(pattern)


def test_a_range_needs_an_interval_unless_it_ends_at_a_day_or_a_month() -> None:
    with pytest.raises(ValueError, match="are required unless the format ends"):
        DateRange.of("yyyy/MM/dd/HH", "2024/01/01/00", "NOW", "", "", NOW)
