"""Query, Scan and projections over the item store.

A page ends at `Limit` items looked at, or at 1 MB, as on AWS:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.dynamodb_values import invalid, key
from salespipe.local.itemsize import item_size
from salespipe.local.stores.items import Item, ItemStore, Table

PAGE_BYTES = 1024 * 1024

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
    found: Iterable[Item] = items.partition(table, hashes[0][1], forward=forward)
    for name, comparison, operands in ranges:
        found = [item for item in found if moto_inside.compare(comparison, item[name], operands)]
    start = params.get("ExclusiveStartKey")
    if start is not None:
        begin = table.place(key(start, table))
        found = [item for item in found if (table.place(item) > begin) == forward and table.place(item) != begin]
    return _page(found, table, params)


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
