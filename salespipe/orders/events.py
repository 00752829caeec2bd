"""A change event: one line of the table's stream as the Pipe puts it on Kinesis, read into plain values.

The bytes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from salespipe.orders.attributes import plain

EVENTS = ("INSERT", "MODIFY", "REMOVE")


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """What happened to one order, whatever attributes its item has.

    `order` is the item after the change; after a REMOVE it is the last state, or only the key when the stream
    carries no old images. `old` is the item before, or None when there was none or the stream does not tell.
    `sequence_number` is the table's: larger is later for the changes of one order.
    """

    event: str
    order_id: str
    event_id: str
    sequence_number: str
    event_time: datetime
    order: dict[str, Any]
    old: dict[str, Any] | None

    @classmethod
    def from_json(cls, data: bytes) -> ChangeEvent:
        """Read one record's data. Raises ValueError saying what is wrong with it."""
        try:
            event = json.loads(data)
            name = event["eventName"]
            change = event["dynamodb"]
            keys = _image(change["Keys"])
            old = _image(change["OldImage"]) if "OldImage" in change else None
            order = _image(change["NewImage"]) if "NewImage" in change else old or keys
            if name not in EVENTS:
                raise ValueError(f"unknown event name {name!r}")
            return cls(
                event=name,
                order_id=str(keys["orderid"]),
                event_id=str(event["eventID"]),
                sequence_number=str(change["SequenceNumber"]),
                event_time=datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC),
                order=order,
                old=old,
            )
        except KeyError as error:
            raise ValueError(f"not a change event: no {error}") from None
        except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise ValueError(f"not a change event: {error}") from error


def _image(image: dict[str, Any]) -> dict[str, Any]:
    """An image's plain values; the quantity, which counts pieces, as an int."""
    values = {name: plain(value) for name, value in image.items()}
    quantity = values.get("quantity")
    if isinstance(quantity, Decimal) and quantity == quantity.to_integral_value():
        values["quantity"] = int(quantity)
    return values
