"""Types of values and of columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.crawling.hivetypes import HiveType, hive_text, infer, widen
from salespipe.local.crawling.schema import Columns, RowReader

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abAB"), inner, max_size=3),
    max_leaves=8,
)
types = st.builds(infer, json_values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "int"),
        (2**31 - 1, "int"),
        (2**31, "bigint"),
        (-(2**31) - 1, "bigint"),
        (2**63, "double"),
        (12.0, "double"),
        (True, "boolean"),
        ("2026-11-20T12:00:00.000Z", "string"),
        (None, "string"),
        ([], "array<string>"),
        ({}, "string"),
        ([1, 2.5], "array<double>"),
        ({"city": "x", "geo": {"lat": 1.5, "ok": None}}, "struct<city:string,geo:struct<lat:double,ok:string>>"),
        ([{"a": 1}, {"b": "x", "a": 5_000_000_000}], "array<struct<a:bigint,b:string>>"),
    ],
)
def test_a_value_has_the_type_that_glue_gives_it(value: object, text: str) -> None:
    assert hive_text(infer(value)) == text


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (12, 12.5, "double"),
        (1, 5_000_000_000, "bigint"),
        (1, "1", "string"),
        (1.5, "x", "string"),
        (True, 1, "string"),
        (None, 1, "int"),
        ({"a": 1}, "x", "string"),
        ([1], ["x"], "array<string>"),
        ([1], 1, "string"),
        ({"a": 1}, {"b": 2.5, "a": None}, "struct<a:int,b:double>"),
    ],
)
def test_two_values_widen_to_a_type_that_holds_both(one: object, other: object, both: str) -> None:
    assert hive_text(widen(infer(one), infer(other))) == both
    assert hive_text(infer([one, other])) == f"array<{both}>"


def unordered(kind: HiveType) -> str:
    return json.dumps(kind, sort_keys=True)


@given(types, types, types)
def test_widening_is_a_join(one: HiveType, other: HiveType, third: HiveType) -> None:
    assert widen(one, one) == one
    assert unordered(widen(one, other)) == unordered(widen(other, one))
    assert unordered(widen(widen(one, other), third)) == unordered(widen(one, widen(other, third)))
    assert unordered(widen(widen(one, other), other)) == unordered(widen(one, other))


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "C"]), json_values, max_size=3), max_size=8))
def test_reading_rows_quickly_finds_what_reading_each_value_finds(rows: list[dict[str, Any]]) -> None:
    quick, plain = Columns(), Columns()
    reader = RowReader(quick)
    for row in rows:
        reader.read(row)
        for name, value in row.items():
            plain.add(name, infer(value))
    assert quick == plain
    assert Columns.of(json.loads(json.dumps(quick.document()))) == quick


def test_columns_are_lower_case_in_document_order_and_late_ones_come_last() -> None:
    first, second = Columns(), Columns()
    RowReader(first).read({"OrderId": "x", "price": 12})
    RowReader(second).read({"note": "n", "price": 12.5, "orderid": "y"})
    first.merge(second)
    assert list(first.types.items()) == [("orderid", "string"), ("price", "double"), ("note", "string")]
    assert first.paths == {"OrderId", "orderid", "price", "note"}
