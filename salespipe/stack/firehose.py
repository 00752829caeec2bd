"""The delivery stream: Kinesis to S3 through the transform, data and failures under prefixes of their own.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html. It begins to
read at LATEST, so it has to be ACTIVE before anything is put on the stream
(https://docs.aws.amazon.com/firehose/latest/dev/create-name.html); that is why the pipe depends on it. The time in a
prefix is the arrival of the oldest record of the object (https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from salespipe.aws.absent import if_there
from salespipe.stack.kinesis import Stream
from salespipe.stack.naming import DATA_PREFIX, ERROR_PREFIX
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list
from salespipe.stack.spreading import FIREHOSE, passes

_HOUR = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
_LAMBDA_BUFFER_MB = 1
_LAMBDA_RETRIES = 3


class Delivery(Resource):
    """Firehose echoes defaults with what it was given, so only the settings declared here are compared."""

    kind = "delivery"
    awaited = True
    exists_codes = frozenset({"ResourceInUseException"})
    replace_on: ClassVar[Mapping[str, str]] = {
        "source": "the source of a delivery stream is fixed at creation; the new one begins at the newest record"
    }

    @property
    def name(self) -> str:
        return self.names.delivery

    def desired(self, seen: Seen) -> dict[str, Any]:
        # A delivery stream reads the very stream it was made for, not a later one of the same name.
        stream = self.names.stream_arn if seen.get((Stream.kind, self.names.stream)) else "(a new stream)"
        return {
            "source": {"stream": stream, "role": self.names.role_arn("delivery")},
            "destination": {
                "RoleARN": self.names.role_arn("delivery"),
                "BucketARN": self.names.bucket_arn,
                "Prefix": f"{DATA_PREFIX}{_HOUR}",
                "ErrorOutputPrefix": f"{ERROR_PREFIX}!{{firehose:error-output-type}}/{_HOUR}",
                "CompressionFormat": "GZIP",
                "S3BackupMode": "Disabled",
            },
            "buffer": {
                "SizeInMBs": self.settings.buffer_mb,
                "IntervalInSeconds": self.settings.buffer_seconds,
            },
            "transform": {
                "LambdaArn": self.names.function_arn,
                "BufferSizeInMBs": str(_LAMBDA_BUFFER_MB),
                "BufferIntervalInSeconds": str(self.settings.lambda_buffer_seconds),
                "NumberOfRetries": str(_LAMBDA_RETRIES),
            },
            "log": {
                "Enabled": True,
                "LogGroupName": self.names.delivery_log,
                "LogStreamName": self.names.delivery_log_stream,
            },
        }

    def read(self) -> Found | None:
        firehose = self.aws.client("firehose")
        answer = if_there(firehose.describe_delivery_stream, DeliveryStreamName=self.name)
        if answer is None:
            return None
        stream = answer["DeliveryStreamDescription"]
        status = stream["DeliveryStreamStatus"]
        if status == "DELETING":
            return Found(settings={}, state="deleting")
        tags = if_there(firehose.list_tags_for_delivery_stream, DeliveryStreamName=self.name) or {}
        source = stream.get("Source", {}).get("KinesisStreamSourceDescription", {})
        target = stream["Destinations"][0].get("ExtendedS3DestinationDescription", {})
        settings = {
            "source": {"stream": source.get("KinesisStreamARN"), "role": source.get("RoleARN")},
            "destination": target,
            "buffer": target.get("BufferingHints"),
            "transform": _lambda_parameters(target.get("ProcessingConfiguration", {})),
            "log": target.get("CloudWatchLoggingOptions"),
        }
        state: Literal["ready", "busy", "failed"] = "busy"
        if status == "ACTIVE":
            state = "ready"
        elif status in {"CREATING_FAILED", "DELETING_FAILED"}:
            state = "failed"
        reason = stream.get("FailureDescription", {}).get("Details", "")
        return Found(settings, from_tag_list(tags.get("Tags")), state, reason)

    def create(self, desired: Values) -> None:
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": desired["source"]["stream"],
                "RoleARN": desired["source"]["role"],
            },
            ExtendedS3DestinationConfiguration=self._destination(desired),
            Tags=self.tag_list,
        )

    def update(self, desired: Values, found: Found) -> None:
        firehose = self.aws.client("firehose")
        stream = firehose.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]
        firehose.update_destination(
            DeliveryStreamName=self.name,
            CurrentDeliveryStreamVersionId=stream["VersionId"],
            DestinationId=stream["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=self._destination(desired),
        )

    def delete(self) -> None:
        if_there(self.aws.client("firehose").delete_delivery_stream, DeliveryStreamName=self.name)

    def transient(self, reason: str) -> bool:
        return passes(reason, FIREHOSE)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        buffer = desired["buffer"]
        return (
            f"an object after {buffer['IntervalInSeconds']} s or {buffer['SizeInMBs']} MB per shard, GZIP, "
            f"under {DATA_PREFIX}dt=/hour=/",
            f"failures apart under {ERROR_PREFIX}, outside what the crawler reads",
        )

    def losses(self, found: Found) -> tuple[str, ...]:
        return ("what it has buffered and not yet written",)

    def _destination(self, desired: Values) -> dict[str, Any]:
        parameters = [{"ParameterName": n, "ParameterValue": v} for n, v in desired["transform"].items()]
        return {
            **desired["destination"],
            "BufferingHints": desired["buffer"],
            "CloudWatchLoggingOptions": desired["log"],
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": parameters}],
            },
        }


def _lambda_parameters(processing: Values) -> dict[str, str] | None:
    """The parameters of the Lambda processor by name, or None when the data is not transformed."""
    if not processing.get("Enabled"):
        return None
    for processor in processing.get("Processors", []):
        if processor["Type"] == "Lambda":
            return {p["ParameterName"]: _plain(p["ParameterValue"]) for p in processor.get("Parameters", [])}
    return None


def _plain(value: str) -> str:
    """One spelling for what may be echoed in another: `1.0` for `1`, `function:$LATEST` for `function`."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value.removesuffix(":$LATEST")
