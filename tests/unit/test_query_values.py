"""Values out of Athena's text: nothing is lost, and what is not certain stays text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.services.query.nested import kind_of, reader
from salespipe.services.query.values import converter


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bigint", "-9223372036854775808", -(2**63)),
        ("double", "1.0E10", 1e10),
        ("double", "-Infinity", float("-inf")),
        ("decimal", "12345678901234567890123456789012345678", Decimal("12345678901234567890123456789012345678")),
        ("date", "2026-11-20", date(2026, 11, 20)),
        ("date", "+10000-01-01", "+10000-01-01"),
        ("timestamp", "2026-11-20 12:00:00.123456", datetime(2026, 11, 20, 12, 0, 0, 123456)),
        ("timestamp", "2026-11-20 12:00:00.123456789", "2026-11-20 12:00:00.123456789"),
        ("timestamp with time zone", "2026-11-20 12:00:00.000 UTC", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("timestamp with time zone", "2026-11-20 12:00:00.000 Mars/X", "2026-11-20 12:00:00.000 Mars/X"),
        ("time", "12:00:00.500", time(12, 0, 0, 500000)),
        ("varbinary", "68 65", b"he"),
        ("json", '{"a": 0.1}', {"a": 0.1}),
        ("json", "0.12345678901234567890123", Decimal("0.12345678901234567890123")),
        ("boolean", "false", False),
        ("interval day to second", "2 00:00:00.000", "2 00:00:00.000"),
    ],
)
def test_a_text_becomes_the_value_of_its_type(kind: str, text: str, value: object) -> None:
    found = converter(kind)(text)
    assert (found, type(found)) == (value, type(value))


def test_an_offset_and_a_zone_are_kept() -> None:
    found = converter("timestamp with time zone")
    for zone in ("+02:00", "Africa/Cairo"):
        moment = found(f"2020-01-01 12:00:00.000 {zone}")
        assert isinstance(moment, datetime)
        assert moment.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("array(integer)", "[1, null, 3]", [1, None, 3]),
        ("array(integer)", "[]", []),
        ("array(decimal(9,2))", "[1.50]", [Decimal("1.50")]),
        ("array(array(double))", "[[1.0], [], [NaN]]", None),
        ("map(integer,date)", "{1=2026-01-01, 2=null}", {1: date(2026, 1, 1), 2: None}),
        ("row(x integer, y decimal(9,2))", "{x=1, y=2.50}", {"x": 1, "y": Decimal("2.50")}),
        ('row("a, b" integer, "c=" boolean)', "{a, b=1, c==true}", {"a, b": 1, "c=": True}),
        ("row(integer, date)", "{field0=1, field1=null}", {"field0": 1, "field1": None}),
        ("array(row(at timestamp(3)))", "[{at=2026-01-01 00:00:00.000}]", [{"at": datetime(2026, 1, 1)}]),
    ],
)
def test_a_nested_text_that_can_be_read_in_one_way_is_read(type: str, text: str, value: object) -> None:
    found = reader(kind_of(type))(text)
    if value is None:
        assert str(found) == "[[1.0], [], [nan]]"
    else:
        assert found == value


@pytest.mark.parametrize(
    "type", ["array(varchar)", "array(varchar(3))", "map(varchar,integer)", "row(a integer, b json)", "array(char(1))"]
)
def test_strings_without_quotes_are_never_guessed(type: str) -> None:
    assert reader(kind_of(type))("[null]") == "[null]"


@pytest.mark.parametrize("text", ["[1, 2", "[1,2]", "[1, , 2]", "1", "[1] ", "{a=1}"])
def test_a_text_that_is_not_of_its_type_stays_text(text: str) -> None:
    assert reader(kind_of("array(integer)"))(text) == text


@pytest.mark.parametrize("signature", ["array(integer", "array(integer))", "row(a integer, integer)"])
def test_a_type_that_is_not_understood_is_an_error(signature: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is for nobody
        kind_of(signature)


@given(
    st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)),
    st.dictionaries(st.integers(), st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2)),
)
def test_what_athena_writes_is_read_back(numbers: list[int | None], sums: dict[int, Decimal | None]) -> None:
    def shown(value: object) -> str:
        return "null" if value is None else str(value)

    array = "[" + ", ".join(map(shown, numbers)) + "]"
    entries = "{" + ", ".join(f"{key}={'null' if v is None else format(v, 'f')}" for key, v in sums.items()) + "}"
    assert reader(kind_of("array(integer)"))(array) == numbers
    assert reader(kind_of("map(integer,decimal(38,2))"))(entries) == sums
