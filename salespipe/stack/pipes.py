"""The pipe: the table's change stream to Kinesis, one record a change.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_CreatePipe.html. Missing permissions do not fail the
creation call: the pipe becomes CREATE_FAILED and has to be deleted and created again. A fresh stream can stay
unreadable for more than 90 s even with the right policy, so that failure is transient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from salespipe.aws.absent import if_there
from salespipe.stack.dynamodb import Table, stream_arn
from salespipe.stack.firehose import Delivery
from salespipe.stack.kinesis import Stream
from salespipe.stack.naming import Names
from salespipe.stack.resource import Found, Resource, Seen, Values
from salespipe.stack.spreading import PIPES, passes

_BATCH = 100
_ATTEMPTS = 10
_AGE_SECONDS = 12 * 3600  # half of what the stream keeps: a dead letter names records that can still be read
_STANDING = {"RUNNING", "STOPPED"}
_FAILED = {"CREATE_FAILED", "CREATE_ROLLBACK_FAILED", "DELETE_FAILED", "DELETE_ROLLBACK_FAILED"}


class Pipe(Resource):
    """The partition key is a path: a bare name would be a constant and put every change on one shard."""

    kind = "pipe"
    awaited = True
    exists_codes = frozenset({"ConflictException"})
    replace_on: ClassVar[Mapping[str, str]] = {
        "source": "a pipe's source is fixed at creation; the new pipe reads the stream of the table as it is now",
        "delivery": "what it sent while nothing was delivered is lost to the lake; a new pipe sends the last 24 hours "
        "again, with the event ids they had",
        "start": "a pipe's start is fixed at creation; changes of the last 24 hours arrive again, with the event "
        "ids they had",
    }

    @property
    def name(self) -> str:
        return self.names.pipe

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "source": stream_arn(self.names.table, seen),
            "start": "TRIM_HORIZON",
            "delivery": "reads the stream" if _delivered(self.names, seen) else "is made anew",
            "reading": {
                "BatchSize": _BATCH,
                "MaximumRetryAttempts": _ATTEMPTS,
                "MaximumRecordAgeInSeconds": _AGE_SECONDS,
                "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
                "DeadLetterConfig": {"Arn": self.names.arn("sqs", self.names.dead_letters)},
            },
            "target": self.names.stream_arn,
            "partition key": "$.dynamodb.Keys.orderid.S",
            "role": self.names.role_arn("pipe"),
            "state": "RUNNING",
            "log": {
                "Level": "ERROR",
                "CloudwatchLogsLogDestination": {
                    "LogGroupArn": self.names.arn("logs", f"log-group:{self.names.pipe_log}")
                },
            },
        }

    def read(self) -> Found | None:
        pipe = if_there(self.aws.client("pipes").describe_pipe, Name=self.name)
        if pipe is None:
            return None
        current = pipe["CurrentState"]
        if current == "DELETING":
            return Found(settings={}, state="deleting")
        reading = dict(pipe.get("SourceParameters", {}).get("DynamoDBStreamParameters", {}))
        settings = {
            "source": pipe["Source"],
            # Required by AWS and so always there; an endpoint that forgets it on update says nothing about it.
            "start": reading.pop("StartingPosition", "TRIM_HORIZON"),
            "delivery": "reads the stream",
            "reading": reading,
            "target": pipe["Target"],
            "partition key": pipe.get("TargetParameters", {}).get("KinesisStreamParameters", {}).get("PartitionKey"),
            "role": pipe["RoleArn"],
            "state": pipe["DesiredState"],
            "log": pipe.get("LogConfiguration"),
        }
        state: Literal["ready", "busy", "failed"] = "busy"
        if current in _FAILED:
            state = "failed"
        elif current in _STANDING or current.endswith("_FAILED"):
            state = "ready"
            # Wanted running, but EventBridge stopped it or could not start it.
            if pipe["DesiredState"] == "RUNNING":
                settings["state"] = current
        return Found(settings, pipe.get("Tags", {}), state, pipe.get("StateReason", ""))

    def create(self, desired: Values) -> None:
        self.aws.client("pipes").create_pipe(
            Name=self.name,
            Description=f"salespipe {self.names.pipeline}: changes of {self.names.table} to {self.names.stream}",
            Source=desired["source"],
            SourceParameters={"DynamoDBStreamParameters": {**desired["reading"], "StartingPosition": desired["start"]}},
            Tags=self.names.tags,
            **self._changeable(desired),
        )

    def update(self, desired: Values, found: Found) -> None:
        changes = self._changeable(desired)
        if any(found.settings["reading"].get(name) != value for name, value in desired["reading"].items()):
            changes["SourceParameters"] = {"DynamoDBStreamParameters": desired["reading"]}
        self.aws.client("pipes").update_pipe(Name=self.name, **changes)

    def delete(self) -> None:
        """Without StopPipe first: deleting stops it too, and its position is lost either way."""
        if_there(self.aws.client("pipes").delete_pipe, Name=self.name)

    def transient(self, reason: str) -> bool:
        return passes(reason, PIPES)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        table = seen.get((Table.kind, self.names.table))
        again = "changes of the last 24 hours arrive again, with the event ids they had"
        return (
            *((again,) if table is not None and table.settings.get("stream") == "enabled" else ()),
            f"starts at {desired['start']}, not LATEST: no change made before it stands is missed",
            f"partition key {desired['partition key']}, not a constant: an order's changes stay in order, all shards "
            "are used",
            f"{_ATTEMPTS} retries and {_AGE_SECONDS // 3600} hours at most, not for ever; a bad batch is bisected "
            "and what is given up goes to the dead letters",
        )

    def _changeable(self, desired: Values) -> dict[str, Any]:
        return {
            "DesiredState": desired["state"],
            "Target": desired["target"],
            "TargetParameters": {"KinesisStreamParameters": {"PartitionKey": desired["partition key"]}},
            "RoleArn": desired["role"],
            "LogConfiguration": desired["log"],
        }


def _delivered(names: Names, seen: Seen) -> bool:
    """Whether what the pipe sends is being delivered: a new delivery stream begins at the newest record."""
    delivery = seen.get((Delivery.kind, names.delivery))
    return delivery is not None and delivery.state == "ready" and seen.get((Stream.kind, names.stream)) is not None
