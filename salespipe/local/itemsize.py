"""How many bytes DynamoDB counts for an item: names and values in UTF-8, numbers by their digits.

The number rule was checked against records that AWS wrote (integer and fraction digits in pairs, plus one);
the rest is https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from typing import Any


def item_size(item: dict[str, Any]) -> int:
    """Bytes of an item in DynamoDB JSON."""
    total = 0
    for name, value in item.items():
        total += _text_size(name) + value_size(value)
    return total


def value_size(value: dict[str, Any]) -> int:
    """Bytes of one attribute value."""
    for kind, content in value.items():
        if kind == "S":
            return _text_size(content)
        if kind == "N":
            return _number_size(content)
        if kind == "B":
            return _binary_size(content)
        if kind == "M":
            return 3 + item_size(content) + len(content)
        if kind == "L":
            return 3 + sum(value_size(element) + 1 for element in content)
        if kind == "SS":
            return sum(map(_text_size, content))
        if kind == "NS":
            return sum(map(_number_size, content))
        if kind == "BS":
            return sum(map(_binary_size, content))
        return 1  # BOOL, NULL
    return 0


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _binary_size(text: str) -> int:
    return len(text) * 3 // 4 - text.count("=", -2)


def _number_size(text: str) -> int:
    whole, _, fraction = text.lstrip("-").partition(".")
    return (len(whole.lstrip("0")) + 1) // 2 + (len(fraction.rstrip("0")) + 1) // 2 + 1
