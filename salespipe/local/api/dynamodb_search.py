"""Query, Scan and projections over the item store.

A page ends at `Limit` items looked at, or at 1 MB, as on AWS:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.dynamodb_values import invalid, key, value
from salespipe.local.itemsize import item_size
from salespipe.local.stores.items import BEHIND_ALL, Item, ItemStore, Table
from salespipe.local.stores.keys import sortable

PAGE_BYTES = 1024 * 1024

_NOT_BELOW = frozenset({"=", ">", ">=", "BETWEEN", "BEGINS_WITH"})
_NOT_ABOVE = frozenset({"=", "<", "<=", "BETWEEN"})
_COMPARISONS: dict[str, Callable[[bytes, bytes, bytes], bool]] = {
    "=": lambda place, first, _: place == first,
    "<": lambda place, first, _: place < first,
    "<=": lambda place, first, _: place <= first,
    ">": lambda place, first, _: place > first,
    ">=": lambda place, first, _: place >= first,
    "BETWEEN": lambda place, first, last: first <= place <= last,
    "BEGINS_WITH": lambda place, first, _: place.startswith(first),
}
"""What a key condition can ask of a place, with the first and the last place that it names."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def scan(items: ItemStore, table: Table, params: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A page of the table, and the bytes of all items that were looked at; segments are not split further: the first
    gives all, the others nothing."""
    if params.get("IndexName"):
        raise invalid("the local Scan does not support IndexName")
    if params.get("Segment"):
        return {"Items": [], "Count": 0, "ScannedCount": 0}, 0
    start = params.get("ExclusiveStartKey")
    return _page(items.scan(table, None if start is None else key(start, table)), table, params)


def query(items: ItemStore, table: Table, params: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The items with one hash key value that meet the range key condition, in range key order, and the bytes of all
    items that were looked at."""
    if params.get("IndexName"):
        raise invalid("the local Query does not support IndexName")
    if "KeyConditionExpression" not in params:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    schema = [{"AttributeName": table.hash_key, "KeyType": "HASH"}]
    if table.range_key is not None:
        schema.append({"AttributeName": table.range_key, "KeyType": "RANGE"})
    hashes, ranges = moto_inside.key_conditions(
        params["KeyConditionExpression"],
        params.get("ExpressionAttributeNames") or {},
        params.get("ExpressionAttributeValues") or {},
        schema,
    )
    if len(hashes) != 1:
        raise invalid("Query condition missed key schema element: " + table.hash_key)
    forward = params.get("ScanIndexForward", True)
    hash_value = _of_kind(hashes[0][1], table.hash_type)
    start = params.get("ExclusiveStartKey")
    after = None if start is None else key(start, table)
    if after is not None and sortable(after[table.hash_key]) != sortable(hash_value):
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    comparisons = _comparisons(table, ranges)
    low, high = _bounds(comparisons)
    found = items.partition(table, hash_value, low=low, high=high, after=after, forward=forward)
    if comparisons:
        # At a bound lies also what is not to be equal to it.
        found = (item for item in found if _meets(table.place(item)[1], comparisons))
    return _page(found, table, params)


def _meets(place: bytes, comparisons: Iterable[tuple[str, list[bytes]]]) -> bool:
    return all(_COMPARISONS[how](place, places[0], places[-1]) for how, places in comparisons)


def _comparisons(table: Table, ranges: Sequence[tuple[str, str, list[Item]]]) -> list[tuple[str, list[bytes]]]:
    """The comparisons of the range key, each with the places that it names: keys are compared as they are ordered, so
    binary by its bytes and numbers by all their digits. Raises AwsError (ValidationException)."""
    made = []
    for _, how, operands in ranges:
        if how not in _COMPARISONS:
            raise invalid("Query key condition not supported")
        places = [sortable(_of_kind(operand, table.range_type)) for operand in operands]
        if how == "BEGINS_WITH" and table.range_type == "N":
            raise invalid(
                "Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or "
                "function: begins_with, operand type: N"
            )
        made.append((how, places))
    return made


def _bounds(comparisons: Iterable[tuple[str, list[bytes]]]) -> tuple[bytes, bytes]:
    """The first and the last place that comparisons allow, so that a page reads little else."""
    low, high = b"", BEHIND_ALL
    for how, places in comparisons:
        if how in _NOT_BELOW:
            low = max(low, places[0])
        if how in _NOT_ABOVE:
            high = min(high, places[-1])
        if how == "BEGINS_WITH":
            high = min(high, _behind(places[0]))
    return low, high


def _behind(prefix: bytes) -> bytes:
    """The first place behind all that begin so."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1])


def _of_kind(given: Any, kind: str | None) -> dict[str, Any]:
    """A value that a key is compared with. Raises AwsError (ValidationException) if it is of another type."""
    checked = value(given)
    if kind not in checked:
        raise invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    return checked


def _page(found: Iterable[Item], table: Table, params: dict[str, Any]) -> tuple[dict[str, Any], int]:
    limit = params.get("Limit")
    names = params.get("ExpressionAttributeNames") or {}
    values = params.get("ExpressionAttributeValues") or {}
    count_only = params.get("Select") == "COUNT"
    kept: list[Item] = []
    matched = looked = size = 0
    answer: dict[str, Any] = {}
    last: Item | None = None
    for item in found:
        if last is not None and (looked == limit or size >= PAGE_BYTES):
            answer["LastEvaluatedKey"] = table.key_of(last)
            break
        looked += 1
        size += item_size(item)
        last = item
        if moto_inside.condition_holds(params.get("FilterExpression"), names, values, item):
            matched += 1
            if not count_only:
                kept.append(project(item, params))
    answer |= {"Count": matched, "ScannedCount": looked}
    return (answer if count_only else answer | {"Items": kept}), size


def project(item: Item, params: dict[str, Any]) -> Item:
    """The parts of an item that `ProjectionExpression` (or `AttributesToGet`) names; all of it without one."""
    expression = params.get("ProjectionExpression")
    if not expression:
        wanted = params.get("AttributesToGet")
        return item if wanted is None else {name: item[name] for name in wanted if name in item}
    names = params.get("ExpressionAttributeNames") or {}
    made: Item = {}
    for path in expression.split(","):
        steps: list[str | int] = []
        for name, index in _STEP.findall(path.strip()):
            steps.append(names.get(name, name) if name else int(index))
        _copy({"M": item}, {"M": made}, steps)
    return made


def _copy(source: dict[str, Any], target: dict[str, Any], steps: list[str | int]) -> None:
    """Copy what lies at `steps` from one DynamoDB value into another; what is not there is passed over."""
    step, *rest = steps
    if isinstance(step, str):
        if step not in source.get("M", {}):
            return
        inner = source["M"][step]
        if not rest:
            target["M"][step] = inner
            return
        below = target["M"].setdefault(step, {"M": {}} if isinstance(rest[0], str) else {"L": []})
        _copy(inner, below, rest)
    elif step < len(source.get("L", [])):
        inner = source["L"][step]
        if not rest:
            target["L"].append(inner)
            return
        below = {"M": {}} if isinstance(rest[0], str) else {"L": []}
        target["L"].append(below)
        _copy(inner, below, rest)
