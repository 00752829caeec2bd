"""What requests have in common: the table that they name, and the names and values of their expressions."""

from __future__ import annotations

import re
from typing import Any

from salespipe.local.api.dynamodb_values import invalid
from salespipe.local.call import Call
from salespipe.local.errors import AwsError
from salespipe.local.stores.items import ItemStore, Table

_NAME = re.compile(r"#\w+")
_VALUE = re.compile(r":\w+")


def table_of(items: ItemStore, call: Call, name: Any) -> Table:
    """The table that a request names, by name or ARN. Raises AwsError (ResourceNotFoundException)."""
    if not isinstance(name, str):
        raise invalid("Value null at 'tableName' failed to satisfy constraint: Member must not be null")
    table = items.table(call.arn(f"table/{short(name)}"))
    if table is None:
        raise AwsError("ResourceNotFoundException", "Requested resource not found")
    return table


def short(name: str) -> str:
    """A table's name, also when its ARN was given."""
    return name.rpartition("/")[2]


def names_and_values(params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands for attribute names and for values in the expressions of a request."""
    return params.get("ExpressionAttributeNames") or {}, params.get("ExpressionAttributeValues") or {}


def check_used(params: dict[str, Any]) -> None:
    """Raise for a name or a value that is given but appears in no expression."""
    for member, placeholder in (("ExpressionAttributeNames", _NAME), ("ExpressionAttributeValues", _VALUE)):
        given = params.get(member)
        if not given:
            continue
        used = {
            found
            for name, text in params.items()
            if name.endswith("Expression") and isinstance(text, str)
            for found in placeholder.findall(text)
        }
        unused = sorted(set(given) - used)
        if unused:
            raise invalid(f"Value provided in {member} unused in expressions: keys: {{{', '.join(unused)}}}")
