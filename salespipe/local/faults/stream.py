"""The fault `disable-stream`: a table's change stream off and on again, by UpdateTable, as a client would do it.

The stream that is switched on is a new one. What happened to the table meanwhile is respected: a stream that somebody
else has switched on is left alone, and a table that is gone needs none.
"""

from __future__ import annotations

import logging

from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.faults.registry import Fault, FaultError
from salespipe.local.stores.items import ItemStore

log = logging.getLogger(__name__)


class StreamSwitch:
    """`update_table` is DynamoDB's operation in this runtime, of the account `account`."""

    def __init__(self, items: ItemStore, update_table: Handler, account: str) -> None:
        self._items = items
        self._update_table = update_table
        self._account = account
        self._views: dict[str, str] = {}

    def off(self, fault: Fault) -> None:
        """Begin. Raises FaultError when the stream is off already, AwsError."""
        arn = fault.about("table")
        table = self._items.table(arn)
        if table is None or table.stream_arn is None or table.view is None:
            raise FaultError("the table's change stream is off already" if table else f"there is no table {arn}")
        self._set(arn, {"StreamEnabled": False})
        self._views[arn] = table.view
        fault.count()

    def on(self, fault: Fault) -> None:
        """End: with the view that the stream had."""
        arn = fault.about("table")
        view = self._views.pop(arn)
        table = self._items.table(arn)
        if table is None or table.stream_arn is not None:
            return
        try:
            self._set(arn, {"StreamEnabled": True, "StreamViewType": view})
        except AwsError as error:
            log.warning("the change stream of %s was not switched on again: %s", arn, error)

    def is_on(self, fault: Fault) -> bool:
        """Whether somebody has switched a stream on since."""
        table = self._items.table(fault.about("table"))
        return table is not None and table.stream_arn is not None

    def _set(self, table_arn: str, stream: dict[str, object]) -> None:
        params = {"TableName": table_arn.rpartition("/")[2], "StreamSpecification": stream}
        self._update_table(Call("dynamodb", "UpdateTable", self._account, table_arn.split(":")[3], params))
