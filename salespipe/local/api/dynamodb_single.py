"""Operations on one item: read, put, delete, update.

Updates and conditions are evaluated by moto's expression machinery on our items, inside one transaction, so there are
no lost updates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from salespipe.local import moto_inside
from salespipe.local.api.dynamodb_metering import Meter, unless
from salespipe.local.api.dynamodb_requests import names_and_values, table_of
from salespipe.local.api.dynamodb_search import project
from salespipe.local.api.dynamodb_values import invalid, key, stored
from salespipe.local.call import Call
from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores
from salespipe.local.stores.items import Item, Table, Write


class Done(NamedTuple):
    """A write that was carried out, and the item that it met."""

    old: Item | None
    write: Write


class SingleItems:
    """Handlers, and behind those that write what they share with a transaction, which calls it in its `write()`."""

    def __init__(self, stores: Stores, meter: Meter) -> None:
        self._stores = stores
        self._items = stores.items
        self._meter = meter

    def get_item(self, call: Call) -> dict[str, Any]:
        """The item, or an empty document."""
        table = table_of(self._items, call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)
        found = self._items.get(table, place)
        if self._meter.on:
            unless(self._meter.read(table, place, found, call.params))
        return {} if found is None else {"Item": project(found, call.params)}

    def put_item(self, call: Call) -> dict[str, Any]:
        """Insert or replace, under a condition if one is given."""
        return _returned(call.params, self.put(call))

    def delete_item(self, call: Call) -> dict[str, Any]:
        """Delete, under a condition if one is given; deleting what is not there is no error."""
        return _returned(call.params, self.delete(call))

    def update_item(self, call: Call) -> dict[str, Any]:
        """Apply an update expression; an item that is not there begins as its key."""
        return _returned(call.params, self.update(call))

    def put(self, call: Call, times: int = 1) -> Done:
        """PutItem at `times` its units."""
        table = table_of(self._items, call, call.params.get("TableName"))
        item, size = stored(call.params.get("Item"), table)
        return self._conditional(table, call.params, item, lambda _: Write(item, False, size), times)

    def delete(self, call: Call, times: int = 1) -> Done:
        """DeleteItem at `times` its units."""
        table = table_of(self._items, call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)
        return self._conditional(table, call.params, place, lambda _: Write(place, True, 0), times)

    def update(self, call: Call, times: int = 1) -> Done:
        """UpdateItem at `times` its units."""
        table = table_of(self._items, call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)

        def change(old: Item | None) -> Write:
            new, size = stored(self._updated(call, table, place, old, call.params), table)
            return Write(new, False, size)

        return self._conditional(table, call.params, place, change, times)

    def _updated(self, call: Call, table: Table, place: Item, old: Item | None, params: dict[str, Any]) -> Item:
        if "AttributeUpdates" in params:
            raise invalid("AttributeUpdates is not supported locally: use UpdateExpression")
        expression = params.get("UpdateExpression")
        if not expression:
            return dict(place if old is None else old)
        names, values = names_and_values(params)
        return moto_inside.updated(call.region, table.name, place, old, expression, names, values)

    def _conditional(
        self, table: Table, params: dict[str, Any], place: Item, change: Callable[[Item | None], Write], times: int
    ) -> Done:
        """Read, check and write in one transaction."""
        if "Expected" in params:
            raise invalid("Expected is not supported locally: use ConditionExpression")
        with self._stores.db.write():
            old = self._items.get_for_update(table, place)
            self.check(params, old)
            write = change(old)
            if self._meter.on:
                unless(self._meter.write(table, write, old, times=times))
            self._items.apply(table, [write])
        return Done(old, write)

    def check(self, params: dict[str, Any], old: Item | None) -> None:
        """Raise AwsError (ConditionalCheckFailedException) if a condition is given that is not true of the item."""
        names, values = names_and_values(params)
        if not moto_inside.condition_holds(params.get("ConditionExpression"), names, values, old):
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")


def _returned(params: dict[str, Any], done: Done) -> dict[str, Any]:
    """`Attributes`, as ReturnValues asks for them."""
    asked = params.get("ReturnValues", "NONE")
    old, new = done.old, None if done.write.delete else done.write.item
    if asked == "ALL_OLD" and old is not None:
        return {"Attributes": old}
    if asked == "ALL_NEW" and new is not None:
        return {"Attributes": new}
    image = {"UPDATED_NEW": new, "UPDATED_OLD": old}.get(asked)
    if image is None or not params.get("UpdateExpression"):
        return {}
    # Also those that got the value they had; of a nested path the whole attribute.
    updated = moto_inside.touched(params["UpdateExpression"], params.get("ExpressionAttributeNames") or {})
    return {"Attributes": {name: value for name, value in image.items() if name in updated}}
