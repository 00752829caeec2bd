"""An order and what can be done to one.

The object here, the DynamoDB item and the plain row carry the same twelve fields under the same names and turn
into one another without loss: money is Decimal and never a float, times are UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from salespipe.orders.attributes import from_iso, iso, number, number_text, plain


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it stands: `price` is for one piece, `amount` is the money of the whole order.

    `amount` is `price * quantity` for the shop's own orders. A replayed order keeps the amount of its file, which
    no longer has to be a multiple of a unit price.
    """

    orderid: str
    product_name: str
    quantity: int
    price: Decimal
    amount: Decimal
    customer_id: str
    category: str
    region: str
    channel: str
    status: str
    ordered_at: datetime
    updated_at: datetime

    def item(self) -> dict[str, dict[str, str]]:
        """The DynamoDB item: quantity, price and amount are N as decimal text, the rest S."""
        return {
            "orderid": {"S": self.orderid},
            "product_name": {"S": self.product_name},
            "quantity": {"N": str(self.quantity)},
            "price": {"N": number_text(self.price)},
            "amount": {"N": number_text(self.amount)},
            "customer_id": {"S": self.customer_id},
            "category": {"S": self.category},
            "region": {"S": self.region},
            "channel": {"S": self.channel},
            "status": {"S": self.status},
            "ordered_at": {"S": iso(self.ordered_at)},
            "updated_at": {"S": iso(self.updated_at)},
        }

    def row(self) -> dict[str, Any]:
        """The plain row: numbers stay int and Decimal, times are ISO-8601 text."""
        return {name: plain(value) for name, value in self.item().items()} | {"quantity": self.quantity}

    @classmethod
    def from_item(cls, item: Mapping[str, Mapping[str, Any]]) -> Order:
        """The order in a DynamoDB item; attributes that are no field are left aside. Raises ValueError."""
        return cls.from_row({name: plain(value) for name, value in item.items()})

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Order:
        """The order in a plain row with all twelve fields, numbers in any exact form (int, Decimal, text).

        Raises ValueError naming the field that is missing or wrong.
        """
        field = ""
        try:
            values: dict[str, Any] = {}
            for field in TEXT_FIELDS:
                values[field] = str(row[field])
            for field in NUMBER_FIELDS:
                values[field] = number(str(row[field]))
            for field in TIME_FIELDS:
                values[field] = from_iso(row[field])
            field = "quantity"
            quantity = int(values[field])
            if quantity != values[field]:
                raise ValueError(f"{row[field]!r} is not a whole number")
        except KeyError:
            raise ValueError(f"{field} is missing") from None
        except (ValueError, TypeError) as error:
            raise ValueError(f"{field}: {error}") from error
        return cls(**values | {"quantity": quantity})


TEXT_FIELDS = ("orderid", "product_name", "customer_id", "category", "region", "channel", "status")
NUMBER_FIELDS = ("quantity", "price", "amount")
TIME_FIELDS = ("ordered_at", "updated_at")
FIELDS = tuple(Order.__dataclass_fields__)

Kind = Literal["insert", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One write that makes exactly one change event.

    `order` is the whole new state; for a delete it is the last state.
    """

    kind: Kind
    order: Order
