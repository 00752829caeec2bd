"""Orders out of other people's rows: which column holds which field, and what a field's text means.

Fields without a column get a default that never changes, so that reading a file again gives the same orders:
orderid comes from the file's contents and the row's number, quantity is 1, updated_at is ordered_at, status is
`delivered`, channel is `replay`, the other texts are `unknown`. Only the money has to be there: `amount` (of the
whole order, taken exactly), `price` (of one piece), or both. From `amount` alone the price is worked out to four
decimals; from `price` alone the amount is exact.

Money is kept to the cent and a price to four decimals, at most 15 digits in all: what a double holds exactly, as the
lake's numbers are read as doubles. A row with finer or larger money is refused instead of being rounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from salespipe.orders.attributes import iso, number, number_text
from salespipe.orders.order import FIELDS, Order

_TEXT_DEFAULTS = {
    "product_name": "unknown",
    "customer_id": "unknown",
    "category": "unknown",
    "region": "unknown",
    "channel": "replay",
    "status": "delivered",
}
_CENT = Decimal("0.01")
_PRICE_DIGITS = Decimal("0.0001")
_EXACT_DIGITS = 15  # of a decimal that goes through a double and comes back
_LARGEST_QUANTITY = 2**31 - 1  # an integer in Athena
_MOST_DIGITS = 38  # DynamoDB's precision
_LONGEST_KEY = 2048  # bytes, DynamoDB's limit for a partition key


class BadValueError(ValueError):
    """A value that cannot be read; `column` holds it, `value` is it as it came, the message says why not."""

    def __init__(self, column: str, value: object, why: str) -> None:
        super().__init__(why)
        self.column = column
        self.value = value


def match_columns(columns: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Which column holds each field: as `mapping` says (field -> column), else the column of the same name.

    Capitals, blanks and punctuation do not tell names apart: `Order ID` is orderid. Raises ValueError for a field or
    a column that does not exist, for two columns that could be the same field, and when there is no money.
    """
    columns = list(columns)
    there = f"the file has the columns {', '.join(columns)}"
    for field, column in mapping.items():
        if field not in FIELDS:
            raise ValueError(f"there is no field {field!r}; the fields are {', '.join(FIELDS)}")
        if column not in columns:
            raise ValueError(f"there is no column {column!r} for {field}; {there}")
    found = dict(mapping)
    for field in FIELDS:
        if field not in found:
            alike = [column for column in columns if column == field]
            alike = alike or [column for column in columns if _plain_name(column) == _plain_name(field)]
            if len(alike) > 1:
                raise ValueError(f"{' and '.join(map(repr, alike))} could both be {field}; map one of them")
            if alike:
                found[field] = alike[0]
    if "amount" not in found and "price" not in found:
        raise ValueError(f"no column is mapped to amount (of the order) or price (of one piece); {there}")
    twice = sorted({column for column in found.values() if columns.count(column) > 1})
    if twice:
        raise ValueError(f"the file has the column {twice[0]!r} more than once")
    return found


class RowReader:
    """Turns rows into orders. `source` (a digest of the file) and a row's number make the id where no column does."""

    def __init__(self, columns: Mapping[str, str], source: str, undated: datetime) -> None:
        self._columns = dict(columns)
        self._source = source
        self._undated = undated  # ordered_at where no column holds it

    def order(self, row_number: int, row: Mapping[str, Any]) -> Order:
        """The order in `row`. Raises BadValueError."""
        texts = {field: self._text(row, field) or default for field, default in _TEXT_DEFAULTS.items()}
        quantity = self._quantity(row)
        price, amount = self._money(row, quantity)
        ordered_at = self._time(row, "ordered_at") or self._undated
        return Order(
            orderid=self._orderid(row_number, row),
            quantity=quantity,
            price=price,
            amount=amount,
            ordered_at=ordered_at,
            updated_at=self._time(row, "updated_at") or ordered_at,
            **texts,
        )

    def _value(self, row: Mapping[str, Any], field: str) -> tuple[str, Any]:
        """The column of `field` and its value; None for nothing and for blanks."""
        column = self._columns.get(field, "")
        value = row.get(column) if column else None
        if isinstance(value, str):
            value = value.strip() or None
        return column, value

    def _text(self, row: Mapping[str, Any], field: str) -> str:
        column, value = self._value(row, field)
        match value:
            case None:
                return ""
            case str():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise BadValueError(column, value, "is not Unicode text") from None
                return value
            case datetime():
                return iso(value)
            case Decimal():
                return number_text(value)
            case int() | float() | date():
                return str(value)
        raise BadValueError(column, value, "is not plain text")

    def _orderid(self, row_number: int, row: Mapping[str, Any]) -> str:
        if "orderid" not in self._columns:
            return hashlib.sha256(f"{self._source}\n{row_number}".encode()).hexdigest()[:32]
        text = self._text(row, "orderid")
        if not 0 < len(text.encode()) <= _LONGEST_KEY:
            why = f"is longer than {_LONGEST_KEY} bytes" if text else "is empty"
            raise BadValueError(self._columns["orderid"], text, why)
        return text

    def _quantity(self, row: Mapping[str, Any]) -> int:
        if "quantity" not in self._columns:
            return 1
        found = self._number(row, "quantity")
        if found is None or found != int(found):
            column, value = self._value(row, "quantity")
            raise BadValueError(column, value, "is empty" if value is None else "is not a whole number")
        if abs(found) > _LARGEST_QUANTITY:
            raise BadValueError(self._columns["quantity"], int(found), f"is more than {_LARGEST_QUANTITY}")
        return int(found)

    def _money(self, row: Mapping[str, Any], quantity: int) -> tuple[Decimal, Decimal]:
        price, amount = self._number(row, "price"), self._number(row, "amount")
        if price is None and amount is None:
            column = self._columns.get("amount") or self._columns["price"]
            raise BadValueError(column, None, "is empty")
        if price is not None:
            self._check(row, "price", price, _PRICE_DIGITS, "is finer than four decimals: round it")
        if amount is None:
            assert price is not None
            amount = price * quantity
            why = f"for {quantity} pieces makes {amount:f}, which is finer than a cent: map amount=COLUMN, or round it"
            self._check(row, "price", amount, _CENT, why)
            return price, amount
        self._check(row, "amount", amount, _CENT, "is finer than a cent: round it")
        if price is None:
            if quantity == 0:
                raise BadValueError(self._columns["quantity"], 0, "leaves no price of one piece to work out")
            price = (amount / quantity).quantize(_PRICE_DIGITS)
            self._check(row, "amount", price, _PRICE_DIGITS, "")
        return price, amount

    def _check(self, row: Mapping[str, Any], field: str, money: Decimal, unit: Decimal, why: str) -> None:
        """Refuse `money`, which the column of `field` makes, when it is too large, or finer than `unit`: with `why`."""
        column, value = self._value(row, field)
        if abs(money) >= unit.scaleb(_EXACT_DIGITS):
            raise BadValueError(column, value, "makes money of more than 15 digits")
        if money != money.quantize(unit):
            raise BadValueError(column, value, why)

    def _number(self, row: Mapping[str, Any], field: str) -> Decimal | None:
        column, value = self._value(row, field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise BadValueError(column, value, "is not a number")
        try:
            # repr of a float is the shortest text that means it: what was written when the file was made.
            found = number(repr(value) if isinstance(value, float) else str(value))
        except ValueError:
            raise BadValueError(column, value, "is not a number") from None
        exponent = found.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -_MOST_DIGITS // 2 or found.adjusted() >= _MOST_DIGITS // 2:
            raise BadValueError(column, value, "has too many digits")
        return found

    def _time(self, row: Mapping[str, Any], field: str) -> datetime | None:
        column, value = self._value(row, field)
        if field not in self._columns:
            return None
        try:
            match value:
                case None:
                    raise BadValueError(column, value, "is empty")
                case datetime():
                    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
                case date():
                    return datetime(value.year, value.month, value.day, tzinfo=UTC)
                case str() | int() if not isinstance(value, bool):
                    return _moment(str(value))
        except (ValueError, OverflowError) as error:
            if isinstance(error, BadValueError):
                raise
        raise BadValueError(column, value, "is not a date: YYYY-MM-DD, YYYYMMDD or YYYY/MM/DD, with or without a time")


@lru_cache(maxsize=4096)  # files repeat their dates
def _moment(text: str) -> datetime:
    if len(text) < 8 or "W" in text:  # a bare year, or ISO's week dates: more likely something else
        raise ValueError(text)
    moment = datetime.fromisoformat(text.replace("/", "-"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _plain_name(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()
