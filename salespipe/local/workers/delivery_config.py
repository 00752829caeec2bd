"""What a delivery stream is told to do: the answer of DescribeDeliveryStream, checked, with AWS's defaults filled in.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationDescription.html
https://docs.aws.amazon.com/firehose/latest/APIReference/API_ProcessorParameter.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from salespipe.local.workers.prefix import PrefixError, check_prefixes

MB = 1024 * 1024
_EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}


class DeliveryConfigError(ValueError):
    """The delivery stream asks for something that it cannot do, or that is not available on the local target."""


@dataclass(frozen=True)
class LambdaProcessor:
    """The transforming function; the buffer is what one invocation takes at most."""

    arn: str
    retries: int
    buffer_bytes: int
    buffer_seconds: float


@dataclass(frozen=True)
class DeliveryConfig:
    """A delivery stream from a Kinesis stream to S3. `created` is epoch seconds; sizes in bytes."""

    name: str
    arn: str
    version: str
    created: float
    source_arn: str
    bucket: str
    prefix: str
    error_prefix: str
    buffer_bytes: int
    buffer_seconds: float
    gzip: bool
    extension: str
    time_zone: str
    processor: LambdaProcessor | None
    delimiter: bytes

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @classmethod
    def from_description(cls, stream: Mapping[str, Any]) -> DeliveryConfig:
        """From the `DeliveryStreamDescription` that DescribeDeliveryStream answers. Raises DeliveryConfigError."""
        source = (stream.get("Source") or {}).get("KinesisStreamSourceDescription")
        if source is None:
            raise DeliveryConfigError("the local target delivers from Kinesis streams only")
        destination = (stream.get("Destinations") or [{}])[0]
        s3 = destination.get("ExtendedS3DestinationDescription") or destination.get("S3DestinationDescription")
        if s3 is None:
            raise DeliveryConfigError("the local target delivers to S3 only")
        _refuse_what_is_not_there(s3)
        compression = s3.get("CompressionFormat") or "UNCOMPRESSED"
        if compression not in _EXTENSIONS:
            raise DeliveryConfigError(f"compression {compression} is not available on the local target")
        hints = s3.get("BufferingHints") or {}
        processor, delimiter = _processors(s3.get("ProcessingConfiguration") or {})
        made = cls(
            name=str(stream["DeliveryStreamName"]),
            arn=str(stream["DeliveryStreamARN"]),
            version=str(stream["VersionId"]),
            created=float(stream["CreateTimestamp"]),
            source_arn=str(source["KinesisStreamARN"]),
            bucket=str(s3["BucketARN"]).rpartition(":")[2],
            prefix=s3.get("Prefix") or "",
            error_prefix=s3.get("ErrorOutputPrefix") or "",
            buffer_bytes=int(float(hints.get("SizeInMBs", 5)) * MB),
            buffer_seconds=float(hints.get("IntervalInSeconds", 300)),
            gzip=compression == "GZIP",
            extension=s3.get("FileExtension") or _EXTENSIONS[compression],
            time_zone=s3.get("CustomTimeZone") or "UTC",
            processor=processor,
            delimiter=delimiter,
        )
        try:
            check_prefixes(made.prefix, made.error_prefix, datetime.now(UTC))
            ZoneInfo(made.time_zone)
        except PrefixError as error:
            raise DeliveryConfigError(str(error)) from error
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise DeliveryConfigError(f"Provided custom time zone is not supported. {made.time_zone}") from error
        return made


def _refuse_what_is_not_there(s3: Mapping[str, Any]) -> None:
    for setting, what in (
        ("DataFormatConversionConfiguration", "format conversion"),
        ("DynamicPartitioningConfiguration", "dynamic partitioning"),
    ):
        if (s3.get(setting) or {}).get("Enabled"):
            raise DeliveryConfigError(f"{what} is not available on the local target")
    if s3.get("S3BackupMode") == "Enabled":
        raise DeliveryConfigError("backup of source records is not available on the local target")


def _processors(processing: Mapping[str, Any]) -> tuple[LambdaProcessor | None, bytes]:
    function: LambdaProcessor | None = None
    delimiter = b""
    for processor in processing.get("Processors") or [] if processing.get("Enabled") else []:
        given = {one.get("ParameterName"): one.get("ParameterValue") for one in processor.get("Parameters") or []}
        if processor.get("Type") == "Lambda":
            if not given.get("LambdaArn"):
                raise DeliveryConfigError("LambdaArn is required when Lambda processor is used.")
            function = LambdaProcessor(
                arn=given["LambdaArn"],
                retries=int(_number(given, "NumberOfRetries", 3)),
                buffer_bytes=int(_number(given, "BufferSizeInMBs", 1) * MB),
                buffer_seconds=_number(given, "BufferIntervalInSeconds", 60),
            )
        elif processor.get("Type") == "AppendDelimiterToRecord":
            delimiter = _delimiter(given.get("Delimiter") or "\\n")
        else:
            raise DeliveryConfigError(f"processor {processor.get('Type')} is not available on the local target")
    return function, delimiter


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise DeliveryConfigError(f"{name} {text!r} is not a number of 0 or above")
    return value


def _delimiter(text: str) -> bytes:
    """The API takes the two characters backslash and n for a new line."""
    try:
        return text.encode().decode("unicode_escape").encode()
    except UnicodeError as error:
        raise DeliveryConfigError(f"Delimiter {text!r} cannot be read: {error}") from error
