from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.orders import Order
from salespipe.orders.attributes import from_iso, iso, number, plain
from salespipe.orders.events import ChangeEvent
from salespipe.orders.order import FIELDS

money = st.decimals(-(10**9), 10**9, places=4, allow_nan=False)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
orders = st.builds(
    Order,
    **dict.fromkeys(("orderid", "product_name", "customer_id", "category", "region", "channel", "status"), texts),
    quantity=st.integers(-1000, 10**9),
    price=money,
    amount=money,
    ordered_at=moments,
    updated_at=moments,
)


@given(orders)
def test_an_order_goes_through_its_item_and_its_row_unchanged(order: Order) -> None:
    assert Order.from_item(json.loads(json.dumps(order.item()))) == order
    assert Order.from_row(order.row()) == order


def test_the_item_has_the_fields_in_order_and_numbers_as_plain_decimal_text() -> None:
    item = order_of(price=Decimal("1.25E+1"), amount=Decimal("12.50")).item()

    assert tuple(item) == FIELDS
    assert item["price"] == {"N": "12.5"}
    assert item["amount"] == {"N": "12.50"}
    assert item["quantity"] == {"N": "1"}
    assert item["ordered_at"] == {"S": "2026-11-20T12:00:00.000Z"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("price", {"N": "NaN"}, "NaN"),
        ("quantity", {"N": "1.5"}, "quantity: Decimal\\('1.5'\\) is not a whole number"),
        ("ordered_at", {"S": "yesterday"}, "ordered_at"),
        ("status", None, "status is missing"),
        ("status", {"Q": "x"}, "unknown type 'Q'"),
    ],
)
def test_an_item_that_is_no_order_is_refused(field: str, value: dict[str, str] | None, message: str) -> None:
    item = order_of().item()
    item.pop(field)
    if value is not None:
        item[field] = value

    with pytest.raises(ValueError, match=message):
        Order.from_item(item)


def test_times_are_utc_with_milliseconds_wherever_they_come_from() -> None:
    east = datetime(2026, 1, 1, 1, 0, 0, 123_999, timezone(timedelta(hours=2)))

    assert iso(east) == "2025-12-31T23:00:00.123Z"
    assert from_iso("2025-12-31T23:00:00.123Z") == from_iso("2026-01-01T01:00:00.123+02:00")
    assert from_iso("2026-01-01").tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"N": "0.1"}, Decimal("0.1")),
        ({"NULL": True}, None),
        ({"BOOL": False}, False),
        ({"NS": ["1", "2.50"]}, [Decimal("1"), Decimal("2.50")]),
        ({"M": {"a": {"L": [{"S": "x"}, {"N": "3"}]}}}, {"a": ["x", Decimal("3")]}),
        ({"B": "aGk="}, "aGk="),
    ],
)
def test_every_type_of_dynamodb_becomes_plain(value: dict[str, object], expected: object) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize("text", ["NaN", "Infinity", "", "twelve"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number(text)


def test_a_change_event_is_read_from_the_pipes_bytes() -> None:
    old, new = order_of().item(), order_of(status="paid").item()
    event = ChangeEvent.from_json(pipe_event("MODIFY", NewImage=new, OldImage=old))

    assert event.event == "MODIFY"
    assert (event.order_id, event.event_id, event.sequence_number) == ("o1", "e" * 32, "1" * 21)
    assert event.event_time == datetime(2024, 3, 31, 8, 44, 58, tzinfo=UTC)
    assert event.order["status"] == "paid"
    assert event.old is not None
    assert event.old["status"] == "placed"
    assert event.order["price"] == Decimal("12.50")


def test_a_removed_order_keeps_what_is_known_of_it() -> None:
    whole = ChangeEvent.from_json(pipe_event("REMOVE", OldImage=order_of().item()))
    bare = ChangeEvent.from_json(pipe_event("REMOVE"))

    assert whole.order == whole.old
    assert whole.order["product_name"] == "Drone"
    assert (bare.order, bare.old) == ({"orderid": "o1"}, None)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"eventName":"INSERT"}', b"\xff", b'{"eventName":1,"dynamodb":[]}'],
)
def test_what_is_no_change_event_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a change event"):
        ChangeEvent.from_json(data)


def order_of(**changes: object) -> Order:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    values: dict[str, object] = {
        "orderid": "o1",
        "product_name": "Drone",
        "quantity": 1,
        "price": Decimal("12.50"),
        "amount": Decimal("12.50"),
        "customer_id": "C1",
        "category": "cameras",
        "region": "europe",
        "channel": "web",
        "status": "placed",
        "ordered_at": noon,
        "updated_at": noon,
    }
    return Order(**values | changes)  # type: ignore[arg-type]


def pipe_event(name: str, **images: object) -> bytes:
    change = {"ApproximateCreationDateTime": 1711874698, "Keys": {"orderid": {"S": "o1"}}, **images}
    change["SequenceNumber"] = "1" * 21
    return json.dumps({"eventID": "e" * 32, "eventName": name, "dynamodb": change}).encode()
