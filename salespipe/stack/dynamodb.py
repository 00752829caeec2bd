"""The orders table, on demand, with its change stream.

The stream keeps old and new image, so that a delete still has its row; its view cannot be changed afterwards
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_StreamSpecification.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from salespipe.aws.absent import if_there
from salespipe.aws.waiting import poll_until
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list

_READY_SECONDS = 300.0


class Table(Resource):
    """`settings["stream arn"]` of what was read is the change stream, for the pipe and its role."""

    kind = "table"
    holds_data = True
    awaited = True
    exists_codes = frozenset({"ResourceInUseException"})
    refuse_on: ClassVar[Mapping[str, str]] = {
        "key": "another key needs another table: copy the items away, then salespipe down --delete-data",
        "stream view": "a stream's view is fixed when it begins, and a new stream loses what the pipe has not "
        "read: go back to the old view, or begin afresh with salespipe down --delete-data",
    }

    @property
    def name(self) -> str:
        return self.names.table

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "key": {"orderid": "HASH", "type": "S"},
            "billing": "PAY_PER_REQUEST",
            "stream": "enabled",
            "stream view": self.settings.stream_view,
        }

    def read(self) -> Found | None:
        dynamodb = self.aws.client("dynamodb")
        answer = if_there(dynamodb.describe_table, TableName=self.name)
        if answer is None:
            return None
        table = answer["Table"]
        if table["TableStatus"] == "DELETING":
            return Found(settings={}, state="deleting")
        tags = if_there(dynamodb.list_tags_of_resource, ResourceArn=table["TableArn"]) or {}
        stream = table.get("StreamSpecification") or {}
        enabled = bool(stream.get("StreamEnabled"))
        types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
        settings = {
            "key": {k["AttributeName"]: k["KeyType"] for k in table["KeySchema"]} | {"type": types.get("orderid")},
            "billing": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "stream": "enabled" if enabled else "disabled",
            # A disabled stream has no view to keep: enabling it again begins a new one.
            "stream view": stream.get("StreamViewType") if enabled else self.settings.stream_view,
            "stream arn": table.get("LatestStreamArn") if enabled else None,
        }
        ready = table["TableStatus"] == "ACTIVE"
        return Found(settings, from_tag_list(tags.get("Tags")), "ready" if ready else "busy")

    def create(self, desired: Values) -> None:
        self.aws.client("dynamodb").create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
            BillingMode=desired["billing"],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": desired["stream view"]},
            Tags=self.tag_list,
        )

    def update(self, desired: Values, found: Found) -> None:
        dynamodb = self.aws.client("dynamodb")
        if found.settings["billing"] != desired["billing"]:
            dynamodb.update_table(TableName=self.name, BillingMode=desired["billing"])
            poll_until(self._when_ready, f"table {self.name}", timeout=_READY_SECONDS, sleep=self.sleep)
        if found.settings["stream"] != desired["stream"]:
            dynamodb.update_table(
                TableName=self.name,
                StreamSpecification={"StreamEnabled": True, "StreamViewType": desired["stream view"]},
            )

    def delete(self) -> None:
        if_there(self.aws.client("dynamodb").delete_table, TableName=self.name)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        if desired["stream view"] == "NEW_AND_OLD_IMAGES":
            view = "change stream with old and new images, not new ones alone: a deleted order keeps its last values"
        else:
            view = f"change stream with {desired['stream view']}: a deleted order arrives as its key alone"
        return ("key orderid, on demand", view)

    def retire(self) -> None:
        """Switch the stream off: a new pipe starts at its beginning, and would deliver the last 24 hours again."""
        found = self._when_ready()
        if found is not None and found.settings["stream"] == "enabled":
            self.aws.client("dynamodb").update_table(TableName=self.name, StreamSpecification={"StreamEnabled": False})

    def keeping(self) -> tuple[str, ...]:
        return (*super().keeping(), "its change stream is switched off until the next up, so that nothing comes twice")

    def losses(self, found: Found) -> tuple[str, ...]:
        return ("every order in it",)

    def _when_ready(self) -> Found | None:
        found = self.read()
        return found if found and found.state == "ready" else None


def stream_arn(names_table: str, seen: Seen) -> str:
    """The change stream's ARN as read with the table, or words that equal no ARN while there is none yet."""
    found = seen.get((Table.kind, names_table))
    return str((found and found.settings.get("stream arn")) or "(the stream of the table, once it is there)")
