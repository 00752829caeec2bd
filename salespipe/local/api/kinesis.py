"""Kinesis records over the shard log; streams themselves, their shards and their modes stay with moto.

API and limits: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

import binascii
import threading
import time
from collections.abc import Sequence
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.iterators import Iterators, Position
from salespipe.local.api.kinesis_shards import Shard, Shards
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.forgetting import forget_gone
from salespipe.local.limits.refusals import HeldError, shard_refused
from salespipe.local.limits.throttle import Throttle
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.shards import (
    Entry,
    ShardRecord,
    parse_sequence_number,
    sequence_number,
    shard_id,
    shard_number,
)

ITERATOR_SECONDS = 5 * 60
MAX_PUT_RECORDS = 500
MAX_RECORD_BYTES = 1024 * 1024
MAX_PUT_BYTES = 10 * 1024 * 1024
MAX_GET_RECORDS = 10_000
MAX_GET_BYTES = 10 * 1024 * 1024


class KinesisApi:
    """Puts and gets records; forgets a stream's shards whenever the control plane changed them."""

    def __init__(self, stores: Stores, moto: Moto, throttle: Throttle | None = None) -> None:
        self._stores = stores
        self._moto = moto
        self.throttle = throttle or Throttle()
        self.iterators = self._iterators = Iterators(ITERATOR_SECONDS)
        self._shards: dict[str, Shards] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        changing = ("CreateStream", "DeleteStream", "MergeShards", "SplitShard", "UpdateShardCount", "UpdateStreamMode")
        own: dict[str, Handler] = {
            "GetRecords": self.get_records,
            "GetShardIterator": self.get_shard_iterator,
            "PutRecord": self.put_record,
            "PutRecords": self.put_records,
        }
        return own | dict.fromkeys(changing, self._change)

    def _change(self, call: Call) -> dict[str, Any]:
        """Left to moto; shards are read anew afterwards, and a deleted stream's records go with it."""
        arn = self._arn(call)
        try:
            with self._moto.together():
                answer = self._moto.call("kinesis", call.operation, call.params, region=call.region)
                if call.operation == "CreateStream" and call.params.get("Tags"):
                    tags = {"StreamName": call.params["StreamName"], "Tags": call.params["Tags"]}
                    self._moto.call("kinesis", "AddTagsToStream", tags, region=call.region)
                if call.operation == "DeleteStream":
                    self._stores.shards.drop(arn)
                    forget_gone(self._stores)
        finally:
            # Also after a failure: what was read meanwhile may have been of a state that did not come to be.
            with self._lock:
                self._changes += 1
                self._shards.pop(arn, None)
        return answer

    def _arn(self, call: Call) -> str:
        return call.params.get("StreamARN") or call.arn(f"stream/{call.params.get('StreamName', '')}")

    def shards(self, stream_arn: str) -> Shards:
        """The shards of a stream. Raises AwsError (ResourceNotFoundException)."""
        found = self._shards.get(stream_arn)
        if found is None:
            name = stream_arn.rpartition("/")[2]
            changes = self._changes
            try:
                rows = moto_inside.stream_shards(stream_arn.split(":")[3], name)
            except LookupError as error:
                raise AwsError(
                    "ResourceNotFoundException", f"Stream {name} under account {self._moto.account} not found."
                ) from error
            found = Shards([Shard(*row) for row in rows])
            # Held for this only: what was read while the control plane changed is not remembered.
            with self._lock:
                if changes == self._changes:
                    self._shards[stream_arn] = found
        return found

    def reconcile(self) -> None:
        """After a start: a kill between the two steps of deleting a stream left its records."""
        real = moto_inside.streams()
        for arn in self._stores.shards.arns():
            if arn not in real:
                self._stores.shards.drop(arn)

    # ---- putting ----

    def put(self, stream_arn: str, records: Sequence[tuple[str, bytes]]) -> list[tuple[int, int]]:
        """Append (partition key, data) records; return (shard, sequence) of each. Joins an open `write()`.

        For who moves data inside: it is not refused what is above the shards' limits, but held. Raises HeldError.
        """
        shards = self.shards(stream_arn)
        entries = [Entry(shards.route(key), key, data) for key, data in records]
        if self.throttle.on:
            held = self.throttle.put_all(stream_arn, _sizes(entries))
            if held > 0:
                raise HeldError(held)
        sequences = self._append(stream_arn, entries)
        return [(entry.shard, sequence) for entry, sequence in zip(entries, sequences, strict=True)]

    def _append(self, stream_arn: str, entries: Sequence[Entry]) -> list[int]:
        name = {"StreamName": stream_arn.rpartition("/")[2]}
        with self._stores.db.write():
            self.shards(stream_arn)  # a stream that was deleted meanwhile is not written to
            sequences = self._stores.shards.append(stream_arn, entries)
            size = sum(len(entry.data) for entry in entries)
            self._stores.metrics.add_all("AWS/Kinesis", {"IncomingRecords": len(entries), "IncomingBytes": size}, name)
        return sequences

    def put_record(self, call: Call) -> dict[str, Any]:
        """One record."""
        answers, refused = self._put(call, [call.params])
        if refused:
            raise refused[0]
        return answers[0] | {"EncryptionType": "NONE"}

    def put_records(self, call: Call) -> dict[str, Any]:
        """Up to 500 records; the answer is parallel to the request."""
        records = call.params.get("Records") or []
        if not 1 <= len(records) <= MAX_PUT_RECORDS:
            raise AwsError(
                "ValidationException",
                "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length "
                f"less than or equal to {MAX_PUT_RECORDS}",
            )
        answers, refused = self._put(call, records)
        return {"FailedRecordCount": len(refused), "Records": answers, "EncryptionType": "NONE"}

    def _put(self, call: Call, records: list[dict[str, Any]]) -> tuple[list[dict[str, str]], list[AwsError]]:
        """The answer for each record, and the errors of those that were refused."""
        arn = self._arn(call)
        shards = self.shards(arn)
        entries = []
        total = 0
        for record in records:
            key = record.get("PartitionKey", "")
            if not 1 <= len(key) <= 256:
                raise AwsError("ValidationException", "PartitionKey must have 1 to 256 characters")
            try:
                data = binascii.a2b_base64(record["Data"], strict_mode=True)
            except (KeyError, TypeError, ValueError) as error:
                raise AwsError("SerializationException", "Data is not base64") from error
            size = len(data) + len(key.encode())
            total += size
            if size > MAX_RECORD_BYTES:
                raise AwsError(
                    "ValidationException",
                    f"Record size {size} exceeds the maximum of {MAX_RECORD_BYTES} bytes (data and partition key)",
                )
            entries.append(Entry(shards.route(key, record.get("ExplicitHashKey")), key, data))
        if total > MAX_PUT_BYTES:
            raise AwsError("InvalidArgumentException", f"Records size exceeds {MAX_PUT_BYTES} bytes")
        if self.throttle.on:
            return self._put_within_limits(arn, entries)
        return self._answers(arn, entries), []

    def _answers(self, stream_arn: str, entries: Sequence[Entry]) -> list[dict[str, str]]:
        sequences = self._append(stream_arn, entries)
        return [
            {"ShardId": shard_id(entry.shard), "SequenceNumber": sequence_number(entry.shard, sequence)}
            for entry, sequence in zip(entries, sequences, strict=True)
        ]

    def _put_within_limits(
        self, stream_arn: str, entries: Sequence[Entry]
    ) -> tuple[list[dict[str, str]], list[AwsError]]:
        """The records that the shards take just now, whatever became of those before them."""
        takes = [self.throttle.put(stream_arn, entry.shard, _size(entry)) for entry in entries]
        taken = [entry for entry, takes_it in zip(entries, takes, strict=True) if takes_it]
        made = iter(self._answers(stream_arn, taken) if taken else [])
        answers: list[dict[str, str]] = []
        refused: list[AwsError] = []
        for entry, takes_it in zip(entries, takes, strict=True):
            if takes_it:
                answers.append(next(made))
            else:
                refused.append(shard_refused(stream_arn, entry.shard))
                answers.append({"ErrorCode": refused[-1].code, "ErrorMessage": refused[-1].message})
        return answers, refused

    # ---- getting ----

    def get_shard_iterator(self, call: Call) -> dict[str, Any]:
        """TRIM_HORIZON, LATEST, AT_TIMESTAMP, AT_ or AFTER_SEQUENCE_NUMBER."""
        arn = self._arn(call)
        try:
            shard = shard_number(call.params.get("ShardId", ""))
        except ValueError:
            shard = -1
        if shard not in self.shards(arn).by_number:
            raise AwsError(
                "ResourceNotFoundException",
                f"Shard {call.params.get('ShardId')} in stream {arn.rpartition('/')[2]} under account "
                f"{self._moto.account} does not exist",
            )
        after = self._after(call, arn, shard)
        return {"ShardIterator": self._iterators.make(Position(arn, shard, after))}

    def _after(self, call: Call, arn: str, shard: int) -> int:
        kind = call.params.get("ShardIteratorType")
        if kind == "TRIM_HORIZON":
            return 0
        if kind == "LATEST":
            return self._stores.shards.last(arn, shard)
        if kind == "AT_TIMESTAMP":
            if "Timestamp" not in call.params:
                raise AwsError(
                    "InvalidArgumentException", "Must specify timestampInMillis for iterator type AT_TIMESTAMP"
                )
            return self._stores.shards.at_or_after(arn, shard, int(float(call.params["Timestamp"]) * 1000)) - 1
        if kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            try:
                given = parse_sequence_number(call.params.get("StartingSequenceNumber", ""))
            except ValueError as error:
                raise AwsError("InvalidArgumentException", "StartingSequenceNumber is not valid") from error
            return given - 1 if kind == "AT_SEQUENCE_NUMBER" else given
        raise AwsError("ValidationException", f"Invalid ShardIteratorType: {kind}")

    def get_records(self, call: Call) -> dict[str, Any]:
        """Up to 10,000 records or 10 MB; a closed shard that was read to its end has no next iterator."""
        position = self._iterators.read(call.params.get("ShardIterator"))
        arn, shard = position.stream_arn, position.shard
        known = self.shards(arn).by_number
        limit = call.params.get("Limit", MAX_GET_RECORDS)
        if not 1 <= limit <= MAX_GET_RECORDS:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must "
                f"have value between 1 and {MAX_GET_RECORDS}",
            )
        limited = self.throttle.on
        if limited and not self.throttle.read(arn, shard):
            raise shard_refused(arn, shard)
        log = self._stores.shards
        found = log.read(arn, shard, position.after, limit, MAX_GET_BYTES)
        if limited:
            self.throttle.was_read(arn, shard, sum(map(_size, found)))
        after = found[-1].sequence if found else position.after
        waiting = log.arrived(arn, shard, after)
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": sequence_number(shard, record.sequence),
                    "ApproximateArrivalTimestamp": record.arrived_ms / 1000,
                    "Data": binascii.b2a_base64(record.data, newline=False).decode("ascii"),
                    "PartitionKey": record.partition_key,
                    "EncryptionType": "NONE",
                }
                for record in found
            ],
            "MillisBehindLatest": max(0, self._now_ms() - waiting) if waiting else 0,
        }
        if known[shard].is_open or waiting:
            answer["NextShardIterator"] = self._iterators.make(Position(arn, shard, after))
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

    @staticmethod
    def _now_ms() -> int:
        return time.time_ns() // 1_000_000


def _size(record: Entry | ShardRecord) -> int:
    """The bytes that count for a shard's limits."""
    return len(record.data) + len(record.partition_key.encode())


def _sizes(entries: Sequence[Entry]) -> dict[int, tuple[int, int]]:
    """How many records, and how many bytes, go into each shard."""
    found: dict[int, tuple[int, int]] = {}
    for entry in entries:
        count, size = found.get(entry.shard, (0, 0))
        found[entry.shard] = (count + 1, size + _size(entry))
    return found
