"""DynamoDB: its operations by name, those on tables, and Query and Scan; the modules beside this do the others.

Item operations are our own, over the item store; table definitions stay with moto. A table is made known to the store
when moto has created it, and dropped when moto has deleted it.
API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.closed_streams import ClosedStreams
from salespipe.local.api.dynamodb_batches import Batches
from salespipe.local.api.dynamodb_metering import Meter, unless
from salespipe.local.api.dynamodb_requests import check_used, short, table_of
from salespipe.local.api.dynamodb_search import query, scan
from salespipe.local.api.dynamodb_single import SingleItems
from salespipe.local.api.dynamodb_transactions import Transactions
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.forgetting import forget_gone
from salespipe.local.limits.throttle import Throttle
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.items import ItemStore, Table, TableGoneError

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
        single = SingleItems(self._stores, self._meter)
        batches = Batches(self._stores, self._meter)
        transactions = Transactions(self._stores, self._meter, single)
        own: dict[str, Handler] = {
            "BatchGetItem": batches.batch_get_item,
            "BatchWriteItem": batches.batch_write_item,
            "CreateTable": self.create_table,
            "DeleteItem": single.delete_item,
            "DeleteTable": self.delete_table,
            "DescribeTable": self.describe_table,
            "GetItem": single.get_item,
            "PutItem": single.put_item,
            "Query": self.query,
            "Scan": self.scan,
            "TransactGetItems": transactions.transact_get_items,
            "TransactWriteItems": transactions.transact_write_items,
            "UpdateItem": single.update_item,
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
        name = short(call.params.get("TableName", ""))
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
            self._stores.metrics.forget("TableName", arn.rpartition("/")[2])
            forget_gone(self._stores)

    # ---- pages ----

    def query(self, call: Call) -> dict[str, Any]:
        """The items of one hash key value in range key order."""
        return self._page(query, call)

    def scan(self, call: Call) -> dict[str, Any]:
        """A page of all items."""
        return self._page(scan, call)

    def _page(
        self, look: Callable[[ItemStore, Table, dict[str, Any]], tuple[dict[str, Any], int]], call: Call
    ) -> dict[str, Any]:
        table = table_of(self._items, call, call.params.get("TableName"))
        answer, looked_at = look(self._items, table, call.params)
        if self._meter.on:
            unless(self._meter.page(table, looked_at, call.params))
        return answer


def _while_there(handler: Handler) -> Handler:
    """The handler, for which a table that is deleted while it works is one that does not exist."""

    def handle(call: Call) -> dict[str, Any]:
        check_used(call.params)
        try:
            return handler(call)
        except TableGoneError as error:
            raise AwsError("ResourceNotFoundException", "Requested resource not found") from error

    return handle


def _refuse(call: Call) -> dict[str, Any]:
    raise AwsError("UnknownOperationException", f"{call.operation} is not supported by the local DynamoDB")
