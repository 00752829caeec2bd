"""DynamoDB items: our own operations over the item store; table definitions stay with moto.

Updates and conditions are evaluated by moto's expression machinery on our items, inside one transaction, so there are
no lost updates. API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.closed_streams import ClosedStreams
from salespipe.local.api.dynamodb_metering import Meter, unless
from salespipe.local.api.dynamodb_search import project, query, scan
from salespipe.local.api.dynamodb_transactions import cancel_for, cancellation
from salespipe.local.api.dynamodb_values import invalid, key, stored
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.limits.throttle import Throttle
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.items import Item, ItemStore, SameItemError, Table, TableGoneError, Write

MAX_BATCH = 25
MAX_BATCH_GET = 100
MAX_TRANSACTION = 100

_NAME = re.compile(r"#\w+")
_VALUE = re.compile(r":\w+")

_REFUSED = (
    "BatchExecuteStatement",
    "ExecuteStatement",
    "ExecuteTransaction",
    "CreateBackup",
    "ExportTableToPointInTime",
    "ImportTable",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
)


class DynamoDbApi:
    """Item operations, and the table operations that our store has to hear of."""

    def __init__(self, stores: Stores, moto: Moto, throttle: Throttle | None = None) -> None:
        self._stores = stores
        self._items = stores.items
        self._closed = ClosedStreams(stores)
        self._moto = moto
        self._meter = Meter(throttle or Throttle())

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        own: dict[str, Handler] = {
            "BatchGetItem": self.batch_get_item,
            "BatchWriteItem": self.batch_write_item,
            "CreateTable": self.create_table,
            "DeleteItem": self.delete_item,
            "DeleteTable": self.delete_table,
            "DescribeTable": self.describe_table,
            "GetItem": self.get_item,
            "PutItem": self.put_item,
            "Query": self.query,
            "Scan": self.scan,
            "TransactGetItems": self.transact_get_items,
            "TransactWriteItems": self.transact_write_items,
            "UpdateItem": self.update_item,
            "UpdateTable": self.update_table,
        }
        return {name: _while_there(handler) for name, handler in own.items()} | dict.fromkeys(_REFUSED, _refuse)

    # ---- tables ----

    def reconcile(self) -> None:
        """After a start: a kill between the two steps of creating or deleting a table left one of them undone."""
        real = moto_inside.tables()
        for arn in self._items.arns():
            if arn not in real:
                self._drop(arn)
        for region, name in real.values():
            self._declare(region, name)

    def create_table(self, call: Call) -> dict[str, Any]:
        """Created by moto, then made known to the item store."""
        with self._moto.together():
            answer = self._moto.call("dynamodb", "CreateTable", call.params, region=call.region)
            return {"TableDescription": self._declare(call.region, answer["TableDescription"]["TableName"])}

    def update_table(self, call: Call) -> dict[str, Any]:
        """Changed by moto; a stream that was switched on, off or anew takes effect for the next write."""
        name = _short(call.params.get("TableName", ""))
        with self._moto.together():
            if (call.params.get("StreamSpecification") or {}).get("StreamEnabled"):
                self._moto.change("dynamodb", lambda: moto_inside.allow_stream(call.region, name))
            self._moto.call("dynamodb", "UpdateTable", call.params, region=call.region)
            return {"TableDescription": self._declare(call.region, name)}

    def _declare(self, region: str, name: str) -> dict[str, Any]:
        if len(moto_inside.stream_label(region, name) or "") > len("2024-03-31T08:44:58.172"):
            self._moto.change("dynamodb", lambda: moto_inside.trim_stream_label(region, name))
        table = self._described(region, name)
        types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table["AttributeDefinitions"]}
        schema = {
            element["KeyType"]: (element["AttributeName"], types[element["AttributeName"]])
            for element in table["KeySchema"]
        }
        stream = table.get("StreamSpecification", {})
        stream_arn = table.get("LatestStreamArn") if stream.get("StreamEnabled") else None
        with self._stores.db.write():
            before = self._items.table(table["TableArn"])
            if before is not None and before.stream_arn != stream_arn:
                self._closed.close(before)
            self._items.declare(
                table["TableArn"], schema["HASH"], schema.get("RANGE"), stream_arn, stream.get("StreamViewType")
            )
        return table

    def describe_table(self, call: Call) -> dict[str, Any]:
        """moto's description with the counts of our store (on AWS they are up to six hours old)."""
        table = self._described(call.region, call.params.get("TableName", ""))
        table["ItemCount"], table["TableSizeBytes"] = self._items.counts(table["TableArn"])
        return {"Table": table}

    def _described(self, region: str, name: str) -> dict[str, Any]:
        answer = self._moto.call("dynamodb", "DescribeTable", {"TableName": name}, region=region)
        table: dict[str, Any] = answer["Table"]
        return table

    def delete_table(self, call: Call) -> dict[str, Any]:
        """Deleted with its items; its stream is closed."""
        with self._moto.together():
            answer = self._moto.call("dynamodb", "DeleteTable", call.params, region=call.region)
            self._drop(answer["TableDescription"]["TableArn"])
        return answer

    def _drop(self, arn: str) -> None:
        with self._stores.db.write():
            table = self._items.table(arn)
            if table is not None:
                self._closed.close(table)
            self._items.drop(arn)

    def _table(self, call: Call, name: Any) -> Table:
        if not isinstance(name, str):
            raise invalid("Value null at 'tableName' failed to satisfy constraint: Member must not be null")
        table = self._items.table(call.arn(f"table/{_short(name)}"))
        if table is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return table

    # ---- one item ----

    def get_item(self, call: Call) -> dict[str, Any]:
        """The item, or an empty document."""
        table = self._table(call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)
        found = self._items.get(table, place)
        if self._meter.on:
            unless(self._meter.read(table, place, found, call.params))
        return {} if found is None else {"Item": project(found, call.params)}

    def put_item(self, call: Call, times: int = 1) -> dict[str, Any]:
        """Insert or replace, under a condition if one is given; at `times` its units."""
        table = self._table(call, call.params.get("TableName"))
        item, size = stored(call.params.get("Item"), table)
        old = self._conditional(table, call.params, item, lambda _: Write(item, False, size), times)
        return _returned(call.params, old, item)

    def delete_item(self, call: Call, times: int = 1) -> dict[str, Any]:
        """Delete, under a condition if one is given; deleting what is not there is no error."""
        table = self._table(call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)
        old = self._conditional(table, call.params, place, lambda _: Write(place, True, 0), times)
        return _returned(call.params, old, None)

    def update_item(self, call: Call, times: int = 1) -> dict[str, Any]:
        """Apply an update expression; an item that is not there begins as its key."""
        table = self._table(call, call.params.get("TableName"))
        place = key(call.params.get("Key"), table)
        made: list[Item] = []

        def change(old: Item | None) -> Write:
            new, size = stored(self._updated(call, table, place, old, call.params), table)
            made.append(new)
            return Write(new, False, size)

        old = self._conditional(table, call.params, place, change, times)
        return _returned(call.params, old, made[0])

    def _updated(self, call: Call, table: Table, place: Item, old: Item | None, params: dict[str, Any]) -> Item:
        if "AttributeUpdates" in params:
            raise invalid("AttributeUpdates is not supported locally: use UpdateExpression")
        expression = params.get("UpdateExpression")
        if not expression:
            return dict(place if old is None else old)
        names, values = _names_and_values(params)
        return moto_inside.updated(call.region, table.name, place, old, expression, names, values)

    def _conditional(
        self, table: Table, params: dict[str, Any], place: Item, change: Callable[[Item | None], Write], times: int
    ) -> Item | None:
        """Read, check and write in one transaction; return what was there before."""
        if "Expected" in params:
            raise invalid("Expected is not supported locally: use ConditionExpression")
        with self._stores.db.write():
            old = self._items.get_for_update(table, place)
            self._check(params, old)
            write = change(old)
            if self._meter.on:
                unless(self._meter.write(table, write, old, times=times))
            self._items.apply(table, [write])
        return old

    def _check(self, params: dict[str, Any], old: Item | None) -> None:
        names, values = _names_and_values(params)
        if not moto_inside.condition_holds(params.get("ConditionExpression"), names, values, old):
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")

    # ---- many items ----

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
        work = [(self._table(call, name), given) for name, given in requests.items()]
        writes = [(table, [_write(request, table) for request in given]) for table, given in work]
        unprocessed: dict[str, list[dict[str, Any]]] = {}
        try:
            with self._stores.db.write():
                if self._meter.on:
                    writes, unprocessed = self._meter.affordable(self._items, writes, requests)
                for table, batch in writes:
                    self._items.apply(table, batch)
        except SameItemError as error:
            raise invalid("Provided list of item keys contains duplicates") from error
        return {"UnprocessedItems": unprocessed}

    def batch_get_item(self, call: Call) -> dict[str, Any]:
        """Up to 100 items; those that do not exist are left out."""
        requests: dict[str, dict[str, Any]] = call.params.get("RequestItems") or {}
        if sum(len(asked["Keys"]) for asked in requests.values()) > MAX_BATCH_GET:
            raise invalid("Too many items requested for the BatchGetItem call")
        responses: dict[str, list[Item]] = {}
        left: dict[str, dict[str, Any]] = {}
        refused: AwsError | None = None
        answered = 0
        for name, asked in requests.items():
            table = self._table(call, name)
            found, unread = [], []
            for place in asked["Keys"]:
                item = self._items.get(table, key(place, table))
                error = self._meter.read(table, place, item, asked) if self._meter.on else None
                if error is None:
                    found.append(item)
                else:
                    refused = error
                    unread.append(place)
            answered += len(found)
            responses[name] = [project(item, asked) for item in found if item is not None]
            if unread:
                left[name] = {**asked, "Keys": unread}
        if not answered:
            unless(refused)
        return {"Responses": responses, "UnprocessedKeys": left}

    def transact_get_items(self, call: Call) -> dict[str, Any]:
        """The items in the order asked for."""
        answers = []
        reasons: list[dict[str, str]] = []
        for element in call.params.get("TransactItems", []):
            asked = element["Get"]
            table = self._table(call, asked["TableName"])
            place = key(asked["Key"], table)
            found = self._items.get(table, place)
            error = self._meter.read(table, place, found, asked, times=2) if self._meter.on else None
            reasons.append(cancellation(error))
            answers.append({} if found is None else {"Item": project(found, asked)})
        cancel_for(reasons)
        return {"Responses": answers}

    def transact_write_items(self, call: Call) -> dict[str, Any]:
        """All of the writes, or none and the reason of each."""
        elements = call.params.get("TransactItems") or []
        if not 1 <= len(elements) <= MAX_TRANSACTION:
            raise invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have "
                f"length between 1 and {MAX_TRANSACTION}"
            )
        places = [self._place(call, *one) for element in elements for one in element.items()]
        if len(set(places)) != len(places):
            raise invalid("Transaction request cannot include multiple operations on one item")
        reasons: list[dict[str, str]] = []
        with self._stores.db.write():
            for element in elements:
                ((kind, params),) = element.items()
                try:
                    self._transact(call, kind, params)
                    reasons.append(cancellation(None))
                except AwsError as error:
                    reasons.append(cancellation(error))
            cancel_for(reasons)
        return {}

    def _place(self, call: Call, kind: str, params: dict[str, Any]) -> tuple[str, tuple[bytes, bytes]]:
        """Which item an element of a transaction is about."""
        table = self._table(call, params.get("TableName"))
        if kind == "Put":
            return table.arn, table.place(stored(params.get("Item"), table)[0])
        return table.arn, table.place(key(params.get("Key"), table))

    def _transact(self, call: Call, kind: str, params: dict[str, Any]) -> None:
        _check_used(params)
        inner = Call(call.service, kind, call.account, call.region, params)
        if kind == "Put":
            self.put_item(inner, times=2)
        elif kind == "Delete":
            self.delete_item(inner, times=2)
        elif kind == "Update":
            self.update_item(inner, times=2)
        else:
            table = self._table(call, params["TableName"])
            place = key(params["Key"], table)
            found = self._items.get_for_update(table, place)
            if self._meter.on:
                unless(self._meter.check(table, place, found))
            self._check(params, found)

    def query(self, call: Call) -> dict[str, Any]:
        """The items of one hash key value in range key order."""
        return self._page(query, call)

    def scan(self, call: Call) -> dict[str, Any]:
        """A page of all items."""
        return self._page(scan, call)

    def _page(
        self, look: Callable[[ItemStore, Table, dict[str, Any]], tuple[dict[str, Any], int]], call: Call
    ) -> dict[str, Any]:
        table = self._table(call, call.params.get("TableName"))
        answer, looked_at = look(self._items, table, call.params)
        if self._meter.on:
            unless(self._meter.page(table, looked_at, call.params))
        return answer


def _write(request: dict[str, Any], table: Table) -> Write:
    if "PutRequest" in request:
        item, size = stored(request["PutRequest"].get("Item"), table)
        return Write(item, False, size)
    if "DeleteRequest" in request:
        return Write(key(request["DeleteRequest"].get("Key"), table), True, 0)
    raise invalid("Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest")


def _returned(params: dict[str, Any], old: Item | None, new: Item | None) -> dict[str, Any]:
    """`Attributes`, as ReturnValues asks for them."""
    asked = params.get("ReturnValues", "NONE")
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


def _names_and_values(params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return params.get("ExpressionAttributeNames") or {}, params.get("ExpressionAttributeValues") or {}


def _check_used(params: dict[str, Any]) -> None:
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


def _short(name: str) -> str:
    """A table's name, also when its ARN was given."""
    return name.rpartition("/")[2]


def _while_there(handler: Handler) -> Handler:
    """The handler, for which a table that is deleted while it works is one that does not exist."""

    def handle(call: Call) -> dict[str, Any]:
        _check_used(call.params)
        try:
            return handler(call)
        except TableGoneError as error:
            raise AwsError("ResourceNotFoundException", "Requested resource not found") from error

    return handle


def _refuse(call: Call) -> dict[str, Any]:
    raise AwsError("UnknownOperationException", f"{call.operation} is not supported by the local DynamoDB")
