"""What a pipe is told to do: the answer of DescribePipe, checked and with AWS's defaults filled in.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_PipeSourceDynamoDBStreamParameters.html
https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_PipeTargetKinesisStreamParameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_BATCH = 500
"""A pipe to Kinesis puts a batch with one PutRecords."""


class PipeConfigError(ValueError):
    """The pipe asks for something that a pipe cannot do, or that is not available on the local target."""


@dataclass(frozen=True)
class PipeConfig:
    """A pipe from a DynamoDB stream to a Kinesis stream. Ages and windows in seconds; -1 means without limit."""

    name: str
    arn: str
    created: float
    source_arn: str
    target_arn: str
    partition_key: str
    starting_position: str
    batch_size: int
    window: float
    retries: int
    max_age: float
    bisect: bool
    dead_letter_arn: str | None
    filters: tuple[str, ...]
    template: str | None

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @classmethod
    def from_description(cls, pipe: Mapping[str, Any]) -> PipeConfig:
        """From the document that DescribePipe answers. Raises PipeConfigError."""
        source, target = str(pipe["Source"]), str(pipe["Target"])
        if ":dynamodb:" not in source or ":kinesis:" not in target:
            raise PipeConfigError(f"the local target moves DynamoDB streams to Kinesis, not {source} to {target}")
        if pipe.get("Enrichment"):
            raise PipeConfigError("enrichment is not available on the local target")
        source_parameters = pipe.get("SourceParameters") or {}
        target_parameters = pipe.get("TargetParameters") or {}
        stream = source_parameters.get("DynamoDBStreamParameters")
        if stream is None:
            raise PipeConfigError("SourceParameters.DynamoDBStreamParameters Missing required parameter.")
        key = (target_parameters.get("KinesisStreamParameters") or {}).get("PartitionKey")
        if not key:
            raise PipeConfigError("TargetParameters.KinesisStreamParameters.PartitionKey Missing required parameter.")
        batch_size = int(stream.get("BatchSize") or 1)
        if batch_size > MAX_BATCH:
            raise PipeConfigError(
                f"The configured batch size {batch_size} is greater than the max supported {MAX_BATCH}"
            )
        dead_letter_arn = (stream.get("DeadLetterConfig") or {}).get("Arn")
        if dead_letter_arn and ":sqs:" not in dead_letter_arn:
            raise PipeConfigError(f"dead letters go to an SQS queue on the local target, not to {dead_letter_arn}")
        filters = (source_parameters.get("FilterCriteria") or {}).get("Filters") or []
        if not all(one.get("Pattern") for one in filters):
            raise PipeConfigError("SourceParameters.FilterCriteria: a filter has no Pattern.")
        return cls(
            name=str(pipe["Name"]),
            arn=str(pipe["Arn"]),
            created=float(pipe["CreationTime"]),
            source_arn=source,
            target_arn=target,
            partition_key=str(key),
            starting_position=str(stream.get("StartingPosition")),
            batch_size=batch_size,
            window=float(stream.get("MaximumBatchingWindowInSeconds") or 0),
            retries=int(stream.get("MaximumRetryAttempts", -1)),
            max_age=float(stream.get("MaximumRecordAgeInSeconds", -1)),
            bisect=stream.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
            dead_letter_arn=dead_letter_arn,
            filters=tuple(one["Pattern"] for one in filters),
            template=target_parameters.get("InputTemplate") or None,
        )
