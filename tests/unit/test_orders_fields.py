from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.orders import Order
from salespipe.orders.fields import BadValueError, RowReader, match_columns

UNDATED = datetime(2020, 1, 1, tzinfo=UTC)


def read(row: dict[str, Any], number: int = 1, source: str = "f.csv", **mapping: str) -> Order:
    return RowReader(match_columns(row, mapping), source, UNDATED).order(number, row)


def test_columns_are_found_by_name_whatever_its_capitals_and_blanks() -> None:
    columns = ["Order ID", "PRODUCT-NAME", "qty", "Price", "price_list"]

    assert match_columns(columns, {"quantity": "qty"}) == {
        "orderid": "Order ID",
        "product_name": "PRODUCT-NAME",
        "quantity": "qty",
        "price": "Price",
    }


@pytest.mark.parametrize(
    ("columns", "mapping", "message"),
    [
        (["amount"], {"colour": "amount"}, "there is no field 'colour'; the fields are orderid, product_name"),
        (["amount", "b"], {"region": "c"}, "there is no column 'c' for region; the file has the columns amount, b"),
        (["a", "b"], {}, r"no column is mapped to amount .* or price .*; the file has the columns a, b"),
        (["Amount", "AMOUNT"], {}, "'Amount' and 'AMOUNT' could both be amount"),
        (["x", "x"], {"amount": "x"}, "the column 'x' more than once"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(columns: list[str], mapping: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match_columns(columns, mapping)


def test_what_no_column_holds_has_a_default_that_never_changes() -> None:
    row = {"total": "9.99"}
    order = read(row, amount="total")

    assert order == read(row, amount="total")
    assert len(order.orderid) == 32
    assert order.orderid != read(row, 2, amount="total").orderid
    assert order.orderid != read(row, 1, "g.csv", amount="total").orderid
    assert (order.quantity, order.price, order.amount) == (1, Decimal("9.99"), Decimal("9.99"))
    assert (order.product_name, order.channel, order.status) == ("unknown", "replay", "delivered")
    assert order.ordered_at == order.updated_at == UNDATED


@given(st.decimals(-(10**9), 10**9, places=2), st.integers(1, 9_000))
def test_an_amount_stays_exact_and_a_price_is_worked_out(amount: Decimal, quantity: int) -> None:
    order = read({"amount": str(amount), "quantity": str(quantity)})

    assert order.amount == amount
    assert abs(order.price * quantity - amount) <= Decimal("0.00005") * quantity
    assert read({"price": str(amount), "quantity": quantity}).amount == amount * quantity


def test_price_and_amount_together_are_taken_as_they_are() -> None:
    order = read({"price": "10", "amount": "25", "quantity": "3"})
    half = read({"price": "", "amount": "25", "quantity": "2"})

    assert (order.price, order.amount) == (Decimal(10), Decimal(25))
    assert (half.price, half.amount) == (Decimal("12.5"), Decimal(25))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("19970101", datetime(1997, 1, 1, tzinfo=UTC)),
        (19970101, datetime(1997, 1, 1, tzinfo=UTC)),
        (" 1997-01-02 ", datetime(1997, 1, 2, tzinfo=UTC)),
        ("1997/01/02 10:30", datetime(1997, 1, 2, 10, 30, tzinfo=UTC)),
        ("1997-01-02T10:30:05Z", datetime(1997, 1, 2, 10, 30, 5, tzinfo=UTC)),
        ("1997-01-02T10:30:05+02:00", datetime(1997, 1, 2, 8, 30, 5, tzinfo=UTC)),
        (date(1997, 1, 2), datetime(1997, 1, 2, tzinfo=UTC)),
        (datetime(1997, 1, 2, 3), datetime(1997, 1, 2, 3, tzinfo=UTC)),
        (datetime(1997, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), datetime(1997, 1, 2, 2, tzinfo=UTC)),
    ],
)
def test_dates_in_their_common_forms(value: object, expected: datetime) -> None:
    assert read({"amount": "1", "ordered_at": value}).ordered_at == expected


@pytest.mark.parametrize(
    ("row", "column", "why"),
    [
        ({"amount": "abc"}, "amount", "is not a number"),
        ({"amount": "1,50"}, "amount", "is not a number"),
        ({"amount": "NaN"}, "amount", "is not a number"),
        ({"amount": float("inf")}, "amount", "is not a number"),
        ({"amount": True}, "amount", "is not a number"),
        ({"amount": [1]}, "amount", "is not a number"),
        ({"amount": "1e999999999"}, "amount", "has too many digits"),
        ({"amount": "1e-30"}, "amount", "has too many digits"),
        ({"amount": ""}, "amount", "is empty"),
        ({"amount": "1.005"}, "amount", "is finer than a cent: round it"),
        ({"amount": 0.1 + 0.2}, "amount", "is finer than a cent: round it"),
        ({"amount": "-0.001", "price": "1"}, "amount", "is finer than a cent: round it"),
        ({"price": "0.12345"}, "price", "is finer than four decimals: round it"),
        ({"price": "0.12345", "amount": "1"}, "price", "is finer than four decimals: round it"),
        ({"price": "0.125", "quantity": "3"}, "price", "for 3 pieces makes 0.375, .* a cent: map amount=COLUMN, or"),
        ({"amount": "10000000000000"}, "amount", "makes money of more than 15 digits"),
        ({"amount": "100000000000"}, "amount", "makes money of more than 15 digits"),  # its price, to four decimals
        ({"price": "100000000000", "amount": "1"}, "price", "makes money of more than 15 digits"),
        ({"price": "99999999999", "quantity": 1000}, "price", "makes money of more than 15 digits"),
        ({"amount": "1", "quantity": 2**31}, "quantity", "is more than 2147483647"),
        ({"amount": "1", "quantity": "1.5"}, "quantity", "is not a whole number"),
        ({"amount": "1", "quantity": " "}, "quantity", "is empty"),
        ({"amount": "1", "quantity": "0"}, "quantity", "leaves no price"),
        ({"amount": "1", "orderid": " "}, "orderid", "is empty"),
        ({"amount": "1", "orderid": "x" * 2049}, "orderid", "is longer than 2048 bytes"),
        ({"amount": "1", "region": {"a": 1}}, "region", "is not plain text"),
        ({"amount": "1", "region": "\ud800"}, "region", "is not Unicode text"),
        ({"amount": "1", "ordered_at": "01/02/1997"}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": "1997"}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": "1997-W01-1"}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": "19970231"}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": "0001-01-01T00:00+10:00"}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": 0.5}, "ordered_at", "is not a date"),
        ({"amount": "1", "ordered_at": ""}, "ordered_at", "is empty"),
    ],
)
def test_a_bad_value_names_its_column(row: dict[str, Any], column: str, why: str) -> None:
    with pytest.raises(BadValueError, match=why) as caught:
        read(row)
    assert caught.value.column == column


def test_zeros_behind_the_cents_and_the_largest_money_are_taken() -> None:
    order = read({"price": "0.125", "quantity": "4"})
    zeros = read({"price": "1.250000", "amount": "2.5000"})
    largest = read({"price": "99999999999.9999", "amount": "9999999999999.99"})

    assert order.amount == Decimal("0.5")
    assert (zeros.price, zeros.amount) == (Decimal("1.25"), Decimal("2.5"))
    assert Decimal(str(float(largest.price))) == largest.price
    assert Decimal(str(float(largest.amount))) == largest.amount


def test_a_float_is_the_number_that_was_written() -> None:
    assert read({"amount": 0.1, "quantity": 2.0}).amount == Decimal("0.1")
