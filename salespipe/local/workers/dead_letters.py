"""What a pipe sends to its dead-letter queue: where the failed records are in the stream, not the records.

The body has the shape of messages seen on AWS (`DDBStreamBatchInfo`).
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from salespipe.local.stores.changes import Change, sequence_number

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"


def dead_letter(
    pipe_arn: str, stream_arn: str, shard_id: str, changes: Sequence[Change], condition: str, now: float
) -> str:
    """The message body for consecutive changes (at least one) that the pipe gave up."""
    first, last = changes[0], changes[-1]
    return json.dumps(
        {
            "context": {"partnerResourceArn": pipe_arn, "condition": condition},
            "version": "1.0",
            "timestamp": _instant(now, "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": sequence_number(first.sequence),
                "endSequenceNumber": sequence_number(last.sequence),
                "approximateArrivalOfFirstRecord": _instant(first.created, "seconds"),
                "approximateArrivalOfLastRecord": _instant(last.created, "seconds"),
                "batchSize": len(changes),
                "streamArn": stream_arn,
            },
        },
        separators=(",", ":"),
    )


def _instant(seconds: float, precision: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
