"""Rows that are passed over unparsed: nothing that parsing would have shown is missed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.crawling.jsonformat import Values, read_json
from salespipe.local.crawling.runs import Patterns, Runs
from salespipe.local.crawling.sampling import Head
from salespipe.local.crawling.schema import Columns

scalars = (
    st.integers(-12, 12)
    | st.sampled_from([10**9, 2**31, -(2**63), 2**70, True, False, None])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.sampled_from(["caf\u00e9", '"', "\\", "\t", ",", "{}", "a b"])
)
nested = st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("ab"), scalars, max_size=2)
rows = st.dictionaries(st.sampled_from(["a", "b", "C", "d e", "\u00e9", "x.y"]), scalars | nested, max_size=4)
lines = (
    rows.map(json.dumps)
    | rows.map(lambda row: json.dumps(row, separators=(",", ":"), ensure_ascii=False))
    | st.sampled_from(["", "not json", '{"a":1', '{"a":01}', '{"a":1.}', '{"a":"x', "[1]", "5", '{"a": 1} {"a": 2}'])
)


def head(text: str) -> Head:
    return Head(text.encode(), "none", True, 1.0)


@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_passing_over_rows_finds_what_parsing_each_finds(body: list[str], end: str) -> None:
    text = end.join(body)
    assert read_json(head(text), (), Runs(Patterns(), 1)) == read_json(head(text))


@given(st.lists(st.lists(lines, max_size=6), max_size=6), st.integers(1, 4))
def test_what_a_folder_shows_is_the_same_with_and_without(bodies: list[list[str]], examples: int) -> None:
    runs = Runs(Patterns(), examples)
    quick, plain = Columns(), Columns()
    for body in bodies:
        one, other = read_json(head("\n".join(body)), (), runs), read_json(head("\n".join(body)))
        assert (one is None) is (other is None)
        if one is not None and other is not None:
            assert (one.records, one.problem, one.format) == (other.records, other.problem, other.format)
            quick.merge(one.columns)
            plain.merge(other.columns)
    assert quick.document() == plain.document()


@given(st.dictionaries(st.sampled_from("abc"), st.integers(-9, 9) | st.text(max_size=2), min_size=1))
def test_a_row_like_the_one_before_is_valid_json(row: dict[str, Any]) -> None:
    runs = Runs(Patterns(), 1)
    runs.learn(row)
    line = json.dumps(row).encode() + b"\n"
    for cut in range(len(line) - 1):
        assert runs.end(line[:cut] + b"\n", 0) == 0


def test_most_rows_of_a_stream_are_passed_over() -> None:
    sold = [{"id": f"o-{number}", "n": number % 3, "price": number / 4, "paid": None} for number in range(1000)]
    values = Values(head("".join(json.dumps(row) + "\n" for row in sold)), Runs(Patterns()))
    parsed = len(list(values))
    assert parsed + values.passed == 1000
    assert parsed <= 32


def test_rows_of_several_shapes_are_passed_over_together() -> None:
    shapes: list[dict[str, Any]] = [{"a": 1}, {"a": 1, "b": "x"}, {"b": True}]
    values = Values(head("".join(json.dumps(shapes[number % 3]) + "\n" for number in range(300))), Runs(Patterns(), 1))
    assert len(list(values)) == 3
    assert values.passed == 297


def test_data_too_varied_are_parsed_and_no_more_expressions_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salespipe.local.crawling.runs._MOST_PATTERNS", 2)
    patterns = Patterns()
    for number in range(5):
        runs = Runs(patterns, 1)
        runs.learn({f"c{number}": 1})
        assert (runs.end(f'{{"c{number}":2}}\n'.encode(), 0) > 0) is (number < 2)
