"""A file of real orders: its columns matched to the fields of an order, every bad value named by its row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

from salespipe.errors import UsageError
from salespipe.orders import Order
from salespipe.orders.fields import BadValueError, RowReader, match_columns
from salespipe.services.rowfile import open_rows


class OrderFile:
    """The orders in a CSV, JSON Lines or Parquet file; memory stays bounded and it may be read more than once.

    `mapping` is field -> column; how the rest is found, and the defaults, see `salespipe.orders.fields`. An order
    without a date has the file's own modification time. Raises UsageError when the file cannot be read or the
    mapping does not fit it.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str]) -> None:
        self._path = path
        self._rows = open_rows(path)
        try:
            columns = match_columns(self._rows.columns, mapping)
        except ValueError as error:
            raise UsageError(f"{path.name}: {error}", "map it with: --map field=column") from error
        modified = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._reader = RowReader(columns, digest, modified)

    def orders(self, limit: int | None = None) -> Iterator[Order]:
        """The first `limit` orders, or all. Raises UsageError naming row, column and value of what cannot be read."""
        for row in islice(self._rows.rows(), limit):
            try:
                yield self._reader.order(row.number, row.values)
            except BadValueError as error:
                shown = "the value" if error.value is None else f"{error.value!r:.60}"
                raise UsageError(f"{self._path.name}: {row}, column {error.column!r}: {shown} {error}") from error

    def check(self, limit: int | None = None) -> tuple[int, Decimal]:
        """Read all that `orders` would give; how many they are and their money.

        Raises UsageError as `orders` does, and when there are none.
        """
        count, money = 0, Decimal()
        for order in self.orders(limit):
            count += 1
            money += order.amount
        if not count:
            raise UsageError(f"{self._path.name} has no orders in it, only column names")
        return count, money
