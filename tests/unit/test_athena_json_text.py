"""A JSON constant, which is written before the query runs, is what the engine makes of the same text in a column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.json_text import once, parsed
from tests.athena import answer, rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, blacklist_characters="\x7f"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcü ", max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=5, deadline=None)
@given(st.lists(VALUES.map(lambda value: json.dumps(value, ensure_ascii=False)), min_size=20, max_size=40))
def test_a_constant_is_written_as_the_same_text_in_a_column(texts: list[str]) -> None:
    listed = ", ".join(f"({number}, '{text.replace(chr(39), chr(39) * 2)}')" for number, text in enumerate(texts))
    found = rows(f"SELECT json_format(json_parse(x)) FROM (VALUES {listed}) t(n, x) ORDER BY n")
    assert [row[0] for row in found] == [parsed(text) for text in texts]


def test_what_is_mentioned_often_is_bound_once_at_every_depth() -> None:
    assert once("t.x", lambda value: f"f({value}, {value})") == "f(t.x, t.x)"
    inner = once("g(x)", lambda value: once(f"h({value})", lambda other: f"f({other}, {value})"))
    assert (
        inner == "list_transform([g(x)], lambda json0: list_transform([h(json0)], lambda json1: f(json1, json0))[1])[1]"
    )
    nested = """CAST(json_parse('{"a":{"b":[1,2.50]},"n":null}') AS ROW(a MAP(VARCHAR, ARRAY(DOUBLE)), n BIGINT))"""
    assert answer(nested) == "{a={b=[1.0, 2.5]}, n=null}"


def test_json_that_is_nested_too_deep_is_refused_by_name() -> None:
    deep = """json_parse(x) FROM (VALUES '{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}') t(x)"""
    with pytest.raises(QueryFailure, match="NOT_SUPPORTED: JSON nested deeper than 5 levels"):
        rows(f"SELECT {deep}")
