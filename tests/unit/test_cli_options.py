"""Values as they are typed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.cli import options
from salespipe.errors import UsageError


@pytest.mark.parametrize("text", ["0", "-1", "-0.0", "nan", "inf", "1e999", "ten", "", "5/s"])
def test_a_rate_must_be_a_number_above_zero(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        options.positive("--rate", text)

    assert f"--rate {text!r}" in str(caught.value)
    assert caught.value.hint


def test_a_rate_may_be_a_fraction() -> None:
    assert options.positive("--rate", "0.2") == 0.2
    assert options.given(options.positive, "--rate", None) is None


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", " 5", "٣"])
def test_a_count_must_be_a_whole_number_above_zero(text: str) -> None:
    with pytest.raises(UsageError, match="--count"):
        options.count("--count", text)


def test_a_seed_may_be_zero_but_not_negative() -> None:
    assert options.seed("--seed", "0") == 0
    with pytest.raises(UsageError, match="--seed '-1'"):
        options.seed("--seed", "-1")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("1d", 86400), ("0.5", 0.5)]
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert options.duration("--duration", text) == seconds


@pytest.mark.parametrize("text", ["0", "0s", "-5s", "5 minutes", "1h30", "s", "", "1e3"])
def test_a_bad_duration_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--duration"):
        options.duration("--duration", text)


@given(st.text(max_size=12))
def test_any_text_is_either_a_value_or_a_usage_error(text: str) -> None:
    for read in (
        lambda: options.positive("--rate", text),
        lambda: options.count("--count", text),
        lambda: options.seed("--seed", text),
        lambda: options.duration("--duration", text),
        lambda: options.mapping("--map", [text]),
    ):
        with contextlib.suppress(UsageError):
            assert read() is not None


def test_a_mapping_goes_from_field_to_column() -> None:
    assert options.mapping("--map", ["orderid=Order ID", "price=a=b"]) == {"orderid": "Order ID", "price": "a=b"}


@pytest.mark.parametrize("pairs", [["orderid"], ["=x"], ["orderid="], [""], ["a=x", "a=y"]])
def test_a_bad_mapping_is_a_usage_error(pairs: list[str]) -> None:
    with pytest.raises(UsageError, match="--map"):
        options.mapping("--map", pairs)
