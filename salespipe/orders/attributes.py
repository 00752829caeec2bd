"""DynamoDB's typed values (`{"N": "12.5"}`) as plain Python values and back, exact to the last digit.

Types: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any


def plain(value: Mapping[str, Any]) -> Any:
    """The plain value of one typed value; numbers become Decimal, binary stays base64 text.

    Raises ValueError when it is no typed value.
    """
    if len(value) != 1:
        raise ValueError(f"not one typed value: {value!r}")
    (kind, inner), *_ = value.items()
    match kind:
        case "S" | "B" | "BOOL" | "SS" | "BS":
            return inner
        case "N":
            return number(inner)
        case "NULL":
            return None
        case "M":
            return {name: plain(part) for name, part in inner.items()}
        case "L":
            return [plain(part) for part in inner]
        case "NS":
            return [number(part) for part in inner]
    raise ValueError(f"unknown type {kind!r}")


def number(text: str) -> Decimal:
    """The exact number in `text`. Raises ValueError for anything DynamoDB would not hold, NaN among them."""
    try:
        found = Decimal(text)
    except (InvalidOperation, TypeError):
        raise ValueError(f"{text!r} is not a number") from None
    if not found.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return found


def number_text(value: Decimal) -> str:
    """Decimal text without an exponent: `12.50`, never `1.25E+1`."""
    return format(value, "f")


@lru_cache(8192)
def iso(moment: datetime) -> str:
    """ISO-8601 in UTC with milliseconds, `2026-11-20T12:00:00.000Z`; what is finer is cut off.

    Remembered, as an order's first moment is written with every change of it.
    """
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def from_iso(text: str) -> datetime:
    """The UTC moment in ISO-8601 text. Raises ValueError; a text without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
