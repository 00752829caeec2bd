"""What a delivery stream holds of one shard between reading and writing: the next object, and its errors."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from salespipe.local.stores.shards import ShardRecord
from salespipe.local.workers.transform import Failure


@dataclass
class Buffer:
    """Grows until it is flushed; empty, it has `last` 0. `entered` is when its oldest record was read (monotonic s)."""

    parts: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    size: int = 0
    records: int = 0
    delivered: int = 0
    read_bytes: int = 0
    succeeded: int = 0
    succeeded_bytes: int = 0
    first: int = 0
    last: int = 0
    oldest_ms: int = 0
    entered: float = 0.0

    def took(self, records: Sequence[ShardRecord], entered: float) -> None:
        """Say which records went in, whatever became of them."""
        if not self.last:
            self.first, self.oldest_ms, self.entered = records[0].sequence, records[0].arrived_ms, entered
        self.last = records[-1].sequence
        self.records += len(records)
        self.read_bytes += sum(len(record.data) for record in records)

    def add(self, data: Sequence[bytes], delimiter: bytes) -> None:
        """Append records verbatim, each followed by the delimiter (nothing, unless configured)."""
        self.parts += [one + delimiter for one in data] if delimiter else data
        self.size += sum(map(len, data)) + len(delimiter) * len(data)
        self.delivered += len(data)

    def fail(self, failed: Sequence[tuple[ShardRecord, Failure]], function_arn: str) -> None:
        """Append a line for each failed record, as AWS writes it to the error prefix."""
        for record, failure in failed:
            line = orjson.dumps(
                {
                    "attemptsMade": failure.attempts,
                    "arrivalTimestamp": record.arrived_ms,
                    "errorCode": failure.code,
                    "errorMessage": failure.message,
                    "attemptEndingTimestamp": failure.ended_ms,
                    "rawData": b64encode(record.data).decode("ascii"),
                    "lambdaArn": function_arn,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            self.errors.append(line)
            self.size += len(line)
