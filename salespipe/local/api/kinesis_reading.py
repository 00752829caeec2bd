"""Reading a Kinesis stream: iterators, and the records behind them.

API and limits: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Callable
from typing import Any

from salespipe.local.api.iterators import Iterators, Position
from salespipe.local.api.kinesis_shards import Shards, size_of
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.limits.refusals import shard_refused
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores.shards import ShardLog, parse_sequence_number, sequence_number, shard_id, shard_number

ITERATOR_SECONDS = 5 * 60
MAX_GET_RECORDS = 10_000
MAX_GET_BYTES = 10 * 1024 * 1024


class KinesisReading:
    """Over the shard log. `shards` gives those of a stream by its ARN, or raises AwsError; `arn_of` gives the ARN that
    a call names."""

    def __init__(
        self,
        log: ShardLog,
        shards: Callable[[str], Shards],
        arn_of: Callable[[Call], str],
        throttle: Throttle,
        account: str,
    ) -> None:
        self._log = log
        self._shards = shards
        self._arn = arn_of
        self._throttle = throttle
        self._account = account
        self.iterators = Iterators(ITERATOR_SECONDS)

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {"GetRecords": self.get_records, "GetShardIterator": self.get_shard_iterator}

    def get_shard_iterator(self, call: Call) -> dict[str, Any]:
        """TRIM_HORIZON, LATEST, AT_TIMESTAMP, AT_ or AFTER_SEQUENCE_NUMBER."""
        arn = self._arn(call)
        try:
            shard = shard_number(call.params.get("ShardId", ""))
        except ValueError:
            shard = -1
        if shard not in self._shards(arn).by_number:
            raise AwsError(
                "ResourceNotFoundException",
                f"Shard {call.params.get('ShardId')} in stream {arn.rpartition('/')[2]} under account "
                f"{self._account} does not exist",
            )
        after = self._after(call, arn, shard)
        return {"ShardIterator": self.iterators.make(Position(arn, shard, after))}

    def _after(self, call: Call, arn: str, shard: int) -> int:
        kind = call.params.get("ShardIteratorType")
        if kind == "TRIM_HORIZON":
            return 0
        if kind == "LATEST":
            return self._log.last(arn, shard)
        if kind == "AT_TIMESTAMP":
            if "Timestamp" not in call.params:
                raise AwsError(
                    "InvalidArgumentException", "Must specify timestampInMillis for iterator type AT_TIMESTAMP"
                )
            return self._log.at_or_after(arn, shard, int(float(call.params["Timestamp"]) * 1000)) - 1
        if kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            try:
                given = parse_sequence_number(call.params.get("StartingSequenceNumber", ""))
            except ValueError as error:
                raise AwsError("InvalidArgumentException", "StartingSequenceNumber is not valid") from error
            return given - 1 if kind == "AT_SEQUENCE_NUMBER" else given
        raise AwsError("ValidationException", f"Invalid ShardIteratorType: {kind}")

    def get_records(self, call: Call) -> dict[str, Any]:
        """Up to 10,000 records or 10 MB; a closed shard that was read to its end has no next iterator."""
        position = self.iterators.read(call.params.get("ShardIterator"))
        arn, shard = position.stream_arn, position.shard
        known = self._shards(arn).by_number
        limit = call.params.get("Limit", MAX_GET_RECORDS)
        if not 1 <= limit <= MAX_GET_RECORDS:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must "
                f"have value between 1 and {MAX_GET_RECORDS}",
            )
        limited = self._throttle.on
        if limited and not self._throttle.read(arn, shard):
            raise shard_refused(arn, shard)
        found = self._log.read(arn, shard, position.after, limit, MAX_GET_BYTES)
        if limited:
            self._throttle.was_read(arn, shard, sum(map(size_of, found)))
        after = found[-1].sequence if found else position.after
        waiting = self._log.arrived(arn, shard, after)
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": sequence_number(shard, record.sequence),
                    "ApproximateArrivalTimestamp": record.arrived_ms / 1000,
                    "Data": binascii.b2a_base64(record.data, newline=False).decode("ascii"),
                    "PartitionKey": record.partition_key,
                }
                for record in found
            ],
            "MillisBehindLatest": max(0, time.time_ns() // 1_000_000 - waiting) if waiting else 0,
        }
        if known[shard].is_open or waiting:
            answer["NextShardIterator"] = self.iterators.make(Position(arn, shard, after))
        else:
            answer["ChildShards"] = [
                {
                    "ShardId": shard_id(child.number),
                    "ParentShards": [shard_id(p) for p in (child.parent, child.adjacent) if p is not None],
                    "HashKeyRange": {"StartingHashKey": str(child.first_hash), "EndingHashKey": str(child.last_hash)},
                }
                for child in known.values()
                if shard in (child.parent, child.adjacent)
            ]
        return answer
