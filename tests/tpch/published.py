"""The published answers, as digests: what TPC and DuckDB print is theirs, that an answer is the same is a fact.

Scale 1: the files `answers/q<n>.out` that TPC ships with dbgen. TPC prints numbers to the cent, so answers are
compared to the cent. Its q17.out says 348406.02 where exact arithmetic gives 348406.05; the specification (2.1.3.5)
lets averages differ by 1 %, and so does the test.

Scale 0.01, which TPC does not publish: DuckDB's `extension/tpch/dbgen/answers/sf0.01`. DuckDB's dbgen has other texts
in addresses and comments than TPC's, so these columns are left out, and query 13, which searches comments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

SCALE_1 = {
    1: (4, "08d90f529c7eb0c4"),
    2: (100, "9e4917fdee465ae3"),
    3: (10, "d6fe8d41d68503bf"),
    4: (5, "b75a3e3fdbfa19a3"),
    5: (5, "5fbdef066a162e3e"),
    6: (1, "158b276d39c404d2"),
    7: (4, "1d63f490f9e0518c"),
    8: (2, "904bb78569100a5a"),
    9: (175, "524d1fd934f7e205"),
    10: (20, "e4a35629eab8cf2e"),
    11: (1048, "5824620b47567846"),
    12: (2, "47cf0a499a04fdb8"),
    13: (42, "ec539867cfb35006"),
    14: (1, "62c08863f229b89e"),
    15: (1, "d9ae3544f05dfef4"),
    16: (18314, "1f4045671bb54c49"),
    18: (57, "705694b33ac15d81"),
    19: (1, "aeda62c83b4e49f9"),
    20: (186, "1f55134e977c41f3"),
    21: (100, "90cd2f10f48d59c1"),
    22: (7, "4b0c1bd3a2a2abdc"),
}
"""By query: the number of rows and their digest."""

SCALE_0_01 = {
    1: (4, "ff38fffe82fe741e"),
    2: (4, "0cb22805773ce1da"),
    3: (10, "2d9f5f803ab8c5e6"),
    4: (5, "d45b1c05dde0f4bc"),
    5: (5, "617bb329640c0b4c"),
    6: (1, "0137961b0d16619b"),
    7: (4, "d0342d2f85aa3d19"),
    8: (2, "9652c3f38fd84287"),
    9: (173, "266acb3b1062fa7c"),
    10: (20, "5708440c6c3c7f96"),
    11: (359, "50bff4c8857d8b94"),
    12: (2, "fc3f18c7a6ab8b81"),
    14: (1, "7ac2d46e2945abc8"),
    15: (1, "75128daa1c7a3464"),
    16: (296, "75f6b26694b9a2a2"),
    17: (1, "e3b0c44298fc1c14"),
    18: (2, "9d67af87cd2a57af"),
    19: (1, "b9d823ec4dd9da46"),
    20: (1, "1e535de6991612ec"),
    21: (1, "dccf59ad38960acb"),
    22: (7, "b8b41ddb03b910cc"),
}

QUERY_17_AT_SCALE_1 = 348406.02

TEXTS = {2: (5, 7), 10: (5, 7), 15: (2,), 20: (1,)}
"""The columns of each query that hold addresses and comments."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def to_the_cent(value: str | None) -> str:
    """A value as answers are compared: numbers with two decimals, text without the spaces around it, NULL as empty.

    Rounded is the nearest binary number, as TPC's were: 42698382.855 is 42698382.85 there.
    """
    text = (value or "").strip()
    if not _NUMBER.fullmatch(text):
        return text
    return str(Decimal(float(text)).quantize(Decimal("0.01")))


def digest(rows: Iterable[Sequence[str | None]], without: Sequence[int] = ()) -> str:
    """The rows in their order, but for the columns at the positions in `without`, as 16 hex digits."""
    lines = (
        "|".join(to_the_cent(value) for position, value in enumerate(row) if position not in without) for row in rows
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
