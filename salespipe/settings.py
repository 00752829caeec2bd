"""The settings whose default depends on the target, in one table; nothing else may differ between targets.

AWS: Firehose accepts a buffer of 0..900 s and 1..128 MB; 60 s keeps objects large enough to be cheap to query
(https://docs.aws.amazon.com/firehose/latest/dev/create-configure.html). On one machine a second is enough.
A shard answers five GetRecords a second, shared by all who read it (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a pipeline is built with. `plan` prints each of these."""

    buffer_seconds: int
    buffer_mb: int
    lambda_buffer_seconds: int
    stream_mode: str  # ON_DEMAND or PROVISIONED
    stream_view: str  # NEW_AND_OLD_IMAGES or NEW_IMAGE
    scan_cutoff_mb: int
    tail_poll_seconds: float  # pause between two reads of one shard


BY_TARGET = {
    "local": Settings(
        buffer_seconds=1,
        buffer_mb=5,
        lambda_buffer_seconds=1,
        stream_mode="ON_DEMAND",
        stream_view="NEW_AND_OLD_IMAGES",
        scan_cutoff_mb=10_000,
        tail_poll_seconds=0.02,
    ),
    "aws": Settings(
        buffer_seconds=60,
        buffer_mb=5,
        lambda_buffer_seconds=60,
        stream_mode="ON_DEMAND",
        stream_view="NEW_AND_OLD_IMAGES",
        scan_cutoff_mb=10_000,
        tail_poll_seconds=0.25,
    ),
}
