"""The aggregates over `orders` that are measured, in words that Athena and DuckDB read in the same way, and whether two
answers are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

AGGREGATES = {
    "count": "SELECT count(*) FROM orders",
    "sum by region": "SELECT region, sum(amount) FROM orders GROUP BY region ORDER BY region",
    "customers by category, 12 of 72 hours": (
        "SELECT category, count(DISTINCT customer_id) FROM orders WHERE dt = '2026-01-30' AND hour >= '12'"
        " GROUP BY category ORDER BY category"
    ),
    "ten best products": (
        "SELECT product_name, sum(quantity) AS pieces FROM orders WHERE event_type = 'INSERT'"
        " GROUP BY product_name ORDER BY pieces DESC, product_name LIMIT 10"
    ),
    "by day, exact decimals": (
        "SELECT dt, count(*), sum(CAST(amount AS decimal(18,2))), max(CAST(price AS decimal(18,4)))"
        " FROM orders GROUP BY dt ORDER BY dt"
    ),
}

Rows = Sequence[Sequence[Any]]


def difference(wanted: Rows, got: Rows) -> str:
    """The first thing that differs, in words; empty for the same rows. Sums of doubles depend on their order in the
    last digits, which is no difference; whole numbers, decimals and texts are the same or not."""
    if len(wanted) != len(got):
        return f"{len(got)} rows instead of {len(wanted)}"
    for number, (mine, other) in enumerate(zip(wanted, got, strict=True), 1):
        if len(mine) != len(other):
            return f"row {number} has {len(other)} columns instead of {len(mine)}"
        for one, two in zip(mine, other, strict=True):
            if not _same(one, two):
                return f"row {number} has {two!r} instead of {one!r}"
    return ""


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, Decimal):
        # JSON has no decimals: DuckDB's own come as text.
        return bool(one == two) or (isinstance(two, str) and str(one) == two)
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-9)
    return type(one) is type(two) and bool(one == two)
