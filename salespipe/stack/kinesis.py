"""The stream that carries the change events: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"""

from __future__ import annotations

from typing import Any

from salespipe.aws.absent import if_there
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list


class Stream(Resource):
    """On demand it begins with four shards; provisioned it has one. A mode can be switched twice in 24 hours."""

    kind = "stream"
    awaited = True
    exists_codes = frozenset({"ResourceInUseException"})

    @property
    def name(self) -> str:
        return self.names.stream

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {"mode": self.settings.stream_mode}

    def read(self) -> Found | None:
        kinesis = self.aws.client("kinesis")
        answer = if_there(kinesis.describe_stream_summary, StreamName=self.name)
        if answer is None:
            return None
        summary = answer["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "DELETING":
            return Found(settings={}, state="deleting")
        tags = if_there(kinesis.list_tags_for_stream, StreamName=self.name) or {}
        settings = {"mode": summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")}
        ready = summary["StreamStatus"] == "ACTIVE"
        return Found(settings, from_tag_list(tags.get("Tags")), "ready" if ready else "busy")

    def create(self, desired: Values) -> None:
        kinesis = self.aws.client("kinesis")
        shards = {"ShardCount": 1} if desired["mode"] == "PROVISIONED" else {}
        kinesis.create_stream(
            StreamName=self.name,
            StreamModeDetails={"StreamMode": desired["mode"]},
            Tags=self.names.tags,
            **shards,
        )

    def update(self, desired: Values, found: Found) -> None:
        self.aws.client("kinesis").update_stream_mode(
            StreamARN=self.names.stream_arn, StreamModeDetails={"StreamMode": desired["mode"]}
        )

    def delete(self) -> None:
        if_there(self.aws.client("kinesis").delete_stream, StreamName=self.name, EnforceConsumerDeletion=True)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (f"{desired['mode'].lower().replace('_', ' ')}, kept 24 hours",)

    def losses(self, found: Found) -> tuple[str, ...]:
        return ("change events that are not delivered yet",)
