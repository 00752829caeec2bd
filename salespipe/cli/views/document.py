"""JSON for machines: types kept, decimals as strings, times in ISO-8601, and every character in ASCII or UTF-8.

JSON has no infinity and no NaN, so these are the strings "Infinity", "-Infinity" and "NaN".
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def value(item: object) -> object:
    """`item` with nothing in it that JSON does not know."""
    if item is None or isinstance(item, (str, bool, int)):
        return item
    if isinstance(item, float):
        if math.isfinite(item):
            return item
        return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
    if isinstance(item, Decimal):
        return format(item, "f")
    if isinstance(item, (datetime, date, time)):
        return item.isoformat()
    if isinstance(item, timedelta):
        return item.total_seconds()
    if isinstance(item, (bytes, bytearray)):
        return item.hex(" ")
    if isinstance(item, dict):
        return {
            key if type(key) is str else text(key): inner if type(inner) is str else value(inner)
            for key, inner in item.items()
        }
    if isinstance(item, (list, tuple, set, frozenset)):
        return [value(inner) for inner in item]
    return str(item)


def dumps(item: object) -> str:
    """One line of JSON."""
    return _encode(value(item))


def text(item: object) -> str:
    """`item` as it stands in a cell of a table or a CSV file; NULL is empty."""
    found = value(item)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (dict, list)):
        return json.dumps(found, ensure_ascii=False)
    return str(found)
