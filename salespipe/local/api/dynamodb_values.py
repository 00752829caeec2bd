"""What DynamoDB checks and normalises before it stores an item.

Limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
Numbers: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import base64
import re
from decimal import Context, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any

from salespipe.local.errors import AwsError
from salespipe.local.itemsize import value_size
from salespipe.local.stores.items import Item, Table

MAX_ITEM_BYTES = 400 * 1024

_MOST_DIGITS = 38
_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", re.ASCII)
_DIGITS = Context(prec=_MOST_DIGITS, traps=[Inexact, InvalidOperation])
_FORMS: dict[str, Any] = {
    "S": str,
    "N": str,
    "B": str,
    "BOOL": bool,
    "NULL": bool,
    "M": dict,
    "L": list,
    "SS": list,
    "NS": list,
    "BS": list,
}
"""What a value of each type is in JSON."""


def invalid(message: str) -> AwsError:
    """A ValidationException."""
    return AwsError("ValidationException", message)


def stored(item: Any, table: Table) -> tuple[Item, int]:
    """The item as it will be stored, and its size in bytes. Raises AwsError (ValidationException)."""
    if not isinstance(item, dict):
        raise invalid("1 validation error detected: Value null at 'item' failed to satisfy constraint: not null")
    clean, size = _measured(item)
    check_key(clean, table, "One or more parameter values were invalid: Missing the key {} in the item")
    if size > MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    return clean, size


def _measured(item: Item) -> tuple[Item, int]:
    """The attributes normalised, and their size; texts and numbers, which most are, in a single look."""
    changed: Item = {}
    size = 0
    for name, content in item.items():
        size += len(name) if name.isascii() else len(name.encode())
        try:
            ((kind, text),) = content.items()
        except (AttributeError, ValueError):
            value(content)  # raises
            raise
        if kind == "S" and type(text) is str:
            size += len(text) if text.isascii() else len(text.encode())
        elif kind == "N" and type(text) is str:
            normal, digits = _number(text)
            size += digits
            if normal != text:
                changed[name] = {"N": normal}
        else:
            changed[name] = other = value(content)
            size += value_size(other)
    return ({**item, **changed} if changed else item), size


@lru_cache(4096)
def _number(text: str) -> tuple[str, int]:
    """A number as it is kept, and its size: amounts and quantities come again and again."""
    normal = number(text)
    return normal, value_size({"N": normal})


def key(given: Any, table: Table) -> Item:
    """A key as it will be looked up. Raises AwsError (ValidationException)."""
    if not isinstance(given, dict) or set(given) != set(table.keys):
        raise invalid("The provided key element does not match the schema")
    clean = {name: value(content) for name, content in given.items()}
    check_key(clean, table, "The provided key element does not match the schema")
    return clean


def check_key(item: Item, table: Table, missing: str) -> None:
    """Raise unless the item has every key attribute, of the type that the table's key has and not empty."""
    for name, expected in ((table.hash_key, table.hash_type), (table.range_key, table.range_type)):
        if name is None:
            continue
        content = item.get(name)
        if content is None:
            raise invalid(missing.format(name))
        ((kind, text),) = content.items()
        if kind != expected:
            raise invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name} expected: {expected} "
                f"actual: {kind}"
            )
        if text == "":
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )


def value(given: Any) -> dict[str, Any]:
    """One attribute value, numbers normalised. Raises AwsError (ValidationException)."""
    if not isinstance(given, dict) or len(given) != 1:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((kind, content),) = given.items()
    if kind not in _FORMS:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if not isinstance(content, _FORMS[kind]):
        raise AwsError("SerializationException", f"Unexpected value type in payload for {kind}")
    if kind == "S":
        return given
    if kind == "N":
        return {"N": number(content)}
    if kind == "M":
        return {"M": {name: value(element) for name, element in content.items()}}
    if kind == "L":
        return {"L": [value(element) for element in content]}
    if kind == "NS":
        content = [number(element) for element in content]
    if kind == "B":
        _bytes(content)
    if kind in ("SS", "NS", "BS"):
        if not all(isinstance(element, str) for element in content):
            raise AwsError("SerializationException", f"Unexpected value type in payload for {kind}")
        if not content:
            raise invalid("One or more parameter values were invalid: An string set  may not be empty")
        if len(set(content)) != len(content):
            raise invalid(f"One or more parameter values were invalid: Input collection {content} contains duplicates.")
        if kind == "BS":
            for element in content:
                _bytes(element)
        # A set has no order: sorted, two that are equal are stored alike.
        content = sorted(content)
    return {kind: content}


def _bytes(text: str) -> None:
    """Raise unless the text is base64."""
    try:
        base64.b64decode(text, validate=True)
    except ValueError as error:
        raise AwsError("SerializationException", "Base64 encoded length is unexpected") from error


def number(text: Any) -> str:
    """A number as DynamoDB keeps it: no leading or trailing zeros, no exponent, 38 digits at most."""
    if not isinstance(text, str):
        raise AwsError("SerializationException", "NUMBER_VALUE cannot be converted to String")
    if len(text) <= _MOST_DIGITS and _PLAIN.fullmatch(text) and text != "-0":
        return text
    try:
        parsed = _DIGITS.create_decimal(text)
    except Inexact:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None
    except InvalidOperation:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not parsed.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if parsed == 0:
        return "0"
    if not -130 <= parsed.adjusted() <= 125:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
            if parsed.adjusted() > 0
            else "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    return format(_DIGITS.normalize(parsed), "f")
