"""The SQL of the view `orders_current`: each living order once, as its last change left it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from salespipe.errors import SalespipeError
from salespipe.stack.naming import CURRENT_VIEW, LAKE_TABLE

_NEEDED = ("orderid", "event_type", "sequence_number")
_PARTITIONS = ("dt", "hour")
TYPES = {"price": "decimal(18,4)", "amount": "decimal(18,2)", "quantity": "integer"}
"""Columns that the view has in another type than the lake, and their type in it."""


def current_orders_sql(columns: Sequence[str]) -> str:
    """The statement that makes or replaces the view, for a lake table of these columns.

    The last change of an order is that with the highest sequence number: of numbers written as text the longer is
    the higher. A change that was delivered twice has the same number twice, and only one of the two is the first in
    order; so duplicates are gone without being looked for. Orders whose last change is a REMOVE are not there.
    The crawler reads numbers as double; the casts give back the exact decimals that were written, for no order that
    salespipe writes has an amount finer than a cent or a price finer than four decimals, or more than 15 digits. A
    value that does not fit fails what asks for the column, as NULL would be money that is silently gone. Raises
    SalespipeError when the table lacks what the view needs.
    """
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise SalespipeError(
            f"table {LAKE_TABLE} has no column {missing[0]}: there is no change event in the lake",
            "look at the objects under orders/ and at what the transform wrote",
        )
    row = [name for name in columns if name not in _PARTITIONS]
    shown = ",\n  ".join(
        f'CAST("{name}" AS {TYPES[name]}) AS "{name}"' if name in TYPES else f'"{name}"' for name in row
    )
    inner = ", ".join(f'"{name}"' for name in row)
    return (
        f'CREATE OR REPLACE VIEW "{CURRENT_VIEW}" AS\nSELECT\n  {shown}\nFROM (\n'
        f"  SELECT {inner},\n"
        '    row_number() OVER (PARTITION BY "orderid" ORDER BY length("sequence_number") DESC,'
        ' "sequence_number" DESC) AS "change_rank"\n'
        f'  FROM "{LAKE_TABLE}"\n'
        ')\nWHERE "change_rank" = 1 AND "event_type" <> \'REMOVE\''
    )
