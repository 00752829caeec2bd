"""Kinesis over the shard log: putting records here, reading them in `kinesis_reading`; streams themselves, their shards
and their modes stay with moto.

API and limits: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

import binascii
import threading
from collections.abc import Sequence
from typing import Any

from salespipe.local import moto_inside
from salespipe.local.api.kinesis_reading import KinesisReading
from salespipe.local.api.kinesis_shards import Shard, Shards, size_of
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.forgetting import forget_gone
from salespipe.local.limits.refusals import HeldError, shard_refused
from salespipe.local.limits.throttle import Throttle
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.shards import (
    Entry,
    sequence_number,
    shard_id,
)

MAX_PUT_RECORDS = 500
MAX_RECORD_BYTES = 1024 * 1024
MAX_PUT_BYTES = 10 * 1024 * 1024


class KinesisApi:
    """Puts records, and forgets a stream's shards whenever the control plane changed them."""

    def __init__(self, stores: Stores, moto: Moto, throttle: Throttle | None = None) -> None:
        self._stores = stores
        self._moto = moto
        self.throttle = throttle or Throttle()
        self._reading = KinesisReading(stores.shards, self.shards, self._arn, self.throttle, moto.account)
        self.iterators = self._reading.iterators
        self._shards: dict[str, Shards] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        changing = ("CreateStream", "DeleteStream", "MergeShards", "SplitShard", "UpdateShardCount", "UpdateStreamMode")
        own: dict[str, Handler] = {
            "PutRecord": self.put_record,
            "PutRecords": self.put_records,
        }
        return own | self._reading.operations() | dict.fromkeys(changing, self._change)

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
        takes = [self.throttle.put(stream_arn, entry.shard, size_of(entry)) for entry in entries]
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


def _sizes(entries: Sequence[Entry]) -> dict[int, tuple[int, int]]:
    """How many records, and how many bytes, go into each shard."""
    found: dict[int, tuple[int, int]] = {}
    for entry in entries:
        count, size = found.get(entry.shard, (0, 0))
        found[entry.shard] = (count + 1, size + size_of(entry))
    return found
