"""Many items in one request, each for itself: what is too much now is handed back to be asked for again.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local.api.dynamodb_metering import Meter, unless
from salespipe.local.api.dynamodb_requests import table_of
from salespipe.local.api.dynamodb_search import project
from salespipe.local.api.dynamodb_values import invalid, key, stored
from salespipe.local.call import Call
from salespipe.local.errors import AwsError
from salespipe.local.itemsize import item_size
from salespipe.local.stores import Stores
from salespipe.local.stores.items import Item, SameItemError, Table, Write

MAX_BATCH = 25
MAX_BATCH_GET = 100
ANSWER_BYTES = 16 * 1024 * 1024

_DUPLICATES = "Provided list of item keys contains duplicates"


class Batches:
    """BatchWriteItem and BatchGetItem."""

    def __init__(self, stores: Stores, meter: Meter) -> None:
        self._stores = stores
        self._items = stores.items
        self._meter = meter

    def batch_write_item(self, call: Call) -> dict[str, Any]:
        """Up to 25 puts and deletes; each table's are written in one transaction."""
        requests: dict[str, list[dict[str, Any]]] = call.params.get("RequestItems") or {}
        if not 1 <= sum(map(len, requests.values())) <= MAX_BATCH:
            raise invalid(
                "Too many items requested for the BatchWriteItem call" if requests else "RequestItems is empty"
            )
        if not all(requests.values()):
            raise invalid(
                "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must "
                f"satisfy constraint: [Member must have length less than or equal to {MAX_BATCH}, Member must have "
                "length greater than or equal to 1]"
            )
        work = [(table_of(self._items, call, name), given) for name, given in requests.items()]
        writes = [(table, [_write(request, table) for request in given]) for table, given in work]
        unprocessed: dict[str, list[dict[str, Any]]] = {}
        try:
            with self._stores.db.write():
                if self._meter.on:
                    writes, unprocessed = self._meter.affordable(self._items, writes, requests)
                for table, batch in writes:
                    self._items.apply(table, batch)
        except SameItemError as error:
            raise invalid(_DUPLICATES) from error
        return {"UnprocessedItems": unprocessed}

    def batch_get_item(self, call: Call) -> dict[str, Any]:
        """Up to 100 items of 16 MB together; those that do not exist are left out."""
        requests: dict[str, dict[str, Any]] = call.params.get("RequestItems") or {}
        if sum(len(asked["Keys"]) for asked in requests.values()) > MAX_BATCH_GET:
            raise invalid("Too many items requested for the BatchGetItem call")
        work = [(name, asked, *self._keys(call, name, asked)) for name, asked in requests.items()]
        responses: dict[str, list[Item]] = {}
        left: dict[str, dict[str, Any]] = {}
        refused: AwsError | None = None
        answered = size = 0
        full = False
        for name, asked, table, places in work:
            found, unread = [], []
            for given, place in zip(asked["Keys"], places, strict=True):
                item = None if full else self._items.get(table, place)
                more = 0 if item is None else item_size(item)
                full = full or size + more > ANSWER_BYTES
                if full:
                    unread.append(given)
                    continue
                error = self._meter.read(table, place, item, asked) if self._meter.on else None
                if error is None:
                    found.append(item)
                    size += more
                else:
                    refused = error
                    unread.append(given)
            answered += len(found)
            responses[name] = [project(item, asked) for item in found if item is not None]
            if unread:
                left[name] = {**asked, "Keys": unread}
        if not answered:
            unless(refused)
        return {"Responses": responses, "UnprocessedKeys": left}

    def _keys(self, call: Call, name: str, asked: dict[str, Any]) -> tuple[Table, list[Item]]:
        """The table, and the keys that are asked of it. Raises AwsError (ValidationException) if two are the same."""
        table = table_of(self._items, call, name)
        keys = [key(given, table) for given in asked["Keys"]]
        if len(set(map(table.place, keys))) != len(keys):
            raise invalid(_DUPLICATES)
        return table, keys


def _write(request: dict[str, Any], table: Table) -> Write:
    if "PutRequest" in request:
        item, size = stored(request["PutRequest"].get("Item"), table)
        return Write(item, False, size)
    if "DeleteRequest" in request:
        return Write(key(request["DeleteRequest"].get("Key"), table), True, 0)
    raise invalid("Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest")
