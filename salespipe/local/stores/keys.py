"""Key values as bytes that sort as DynamoDB sorts them: text and binary by bytes, numbers by value.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import base64
from decimal import Decimal

_EXPONENT_OFFSET = 1000


def sortable(value: dict[str, str]) -> bytes:
    """Bytes for a key value such as `{"S": "a"}`; values of one type compare as their bytes do."""
    ((kind, text),) = value.items()
    if kind == "S":
        return b"S" + text.encode()
    if kind == "B":
        return b"B" + base64.b64decode(text)
    return b"N" + _sortable_number(Decimal(text))


def _sortable_number(number: Decimal) -> bytes:
    if number == 0:
        return b"1"
    sign, digits, _ = number.as_tuple()
    exponent = number.adjusted() + _EXPONENT_OFFSET
    mantissa = "".join(map(str, digits)).rstrip("0")
    if not sign:
        return f"2{exponent:04d}{mantissa}".encode()
    mirrored = "".join(str(9 - int(digit)) for digit in mantissa)
    # "~" sorts above every digit, so that of two negative numbers the one with more digits comes first.
    return f"0{9999 - exponent:04d}{mirrored}~".encode()
