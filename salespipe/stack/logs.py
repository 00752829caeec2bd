"""CloudWatch log groups, made beforehand so that they carry our tag and do not grow for ever.

Firehose does not create its log stream, so that one is made here too
(https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html).
"""

from __future__ import annotations

from typing import Any

from salespipe.aws.absent import if_there
from salespipe.aws.clients import Clients
from salespipe.settings import Settings
from salespipe.stack.naming import Names
from salespipe.stack.resource import Found, Resource, Seen, Values

_KEPT_DAYS = 14


class LogGroup(Resource):
    """One log group and, when `log_stream` is given, that log stream in it."""

    kind = "log group"
    exists_codes = frozenset({"ResourceAlreadyExistsException"})

    def __init__(self, aws: Clients, names: Names, settings: Settings, group: str, log_stream: str = "") -> None:
        super().__init__(aws, names, settings)
        self.group = group
        self.log_stream = log_stream

    @property
    def name(self) -> str:
        return self.group

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {"days kept": _KEPT_DAYS} | ({"log stream": self.log_stream} if self.log_stream else {})

    def read(self) -> Found | None:
        logs = self.aws.client("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"]
        group = next((g for g in groups if g["logGroupName"] == self.group), None)
        if group is None:
            return None
        settings: dict[str, Any] = {"days kept": group.get("retentionInDays")}
        if self.log_stream:
            streams = logs.describe_log_streams(logGroupName=self.group, logStreamNamePrefix=self.log_stream)[
                "logStreams"
            ]
            names = [s["logStreamName"] for s in streams if s["logStreamName"] == self.log_stream]
            settings["log stream"] = names[0] if names else None
        tags = if_there(logs.list_tags_for_resource, resourceArn=self.names.arn("logs", f"log-group:{self.group}"))
        return None if tags is None else Found(settings, tags.get("tags", {}))

    def create(self, desired: Values) -> None:
        self.aws.client("logs").create_log_group(logGroupName=self.group, tags=self.names.tags)
        self.update(desired, Found(settings={}))

    def update(self, desired: Values, found: Found) -> None:
        logs = self.aws.client("logs")
        if found.settings.get("days kept") != desired["days kept"]:
            logs.put_retention_policy(logGroupName=self.group, retentionInDays=desired["days kept"])
        if self.log_stream and not found.settings.get("log stream"):
            logs.create_log_stream(logGroupName=self.group, logStreamName=self.log_stream)

    def delete(self) -> None:
        if_there(self.aws.client("logs").delete_log_group, logGroupName=self.group)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (f"kept {_KEPT_DAYS} days",)
