"""DynamoDB Streams over the change log: one shard a stream, which ends when the stream is closed.

Changes are kept for 24 hours. A reader who was not there in time is told so, at GetShardIterator and at GetRecords.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from __future__ import annotations

from typing import Any

import orjson

from salespipe.local.api.closed_streams import ClosedStreams, Stream, stream_of
from salespipe.local.api.iterators import Iterators, Position
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.limits.refusals import stream_refused
from salespipe.local.limits.throttle import Throttle
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.changes import parse_sequence_number, sequence_number

ITERATOR_SECONDS = 15 * 60
MAX_RECORDS = 1000
MAX_BYTES = 1024 * 1024
SHARD_ID = "shardId-00000000000000000001-0a1b2c3d"


class StreamsApi:
    """Reads only; what is read was written with the items."""

    def __init__(self, stores: Stores, moto: Moto, throttle: Throttle | None = None) -> None:
        self._stores = stores
        self._moto = moto
        self._closed_streams = ClosedStreams(stores)
        self._throttle = throttle or Throttle()
        self.iterators = self._iterators = Iterators(ITERATOR_SECONDS)

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "DescribeStream": self.describe_stream,
            "GetRecords": self.get_records,
            "GetShardIterator": self.get_shard_iterator,
            "ListStreams": self.list_streams,
        }

    def _stream(self, arn: str) -> tuple[Stream, bool]:
        """A stream, and whether it is open. Raises AwsError (ResourceNotFoundException)."""
        table = self._stores.items.table(arn.partition("/stream/")[0])
        current = None if table is None else stream_of(table)
        if current is not None and current.arn == arn:
            return current, True
        closed = self._closed_streams.get(arn)
        if closed is None:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
        return closed, False

    def list_streams(self, call: Call) -> dict[str, Any]:
        """The streams of the region, or of one table; closed ones first."""
        wanted = call.params.get("TableName")
        closed = self._closed_streams.of(call.region, wanted)
        streams = [(one.arn, one.label, one.table) for one in closed]
        tables = [wanted] if wanted else self._moto.call("dynamodb", "ListTables", {}, region=call.region)["TableNames"]
        for name in tables:
            try:
                asked = {"TableName": name}
                table = self._moto.call("dynamodb", "DescribeTable", asked, region=call.region)["Table"]
            except AwsError:
                if closed and wanted:  # the table is gone, its stream is not
                    break
                raise
            if table.get("LatestStreamArn") and (table.get("StreamSpecification") or {}).get("StreamEnabled"):
                streams.append((table["LatestStreamArn"], table["LatestStreamLabel"], name))
        return {
            "Streams": [{"StreamArn": arn, "StreamLabel": label, "TableName": name} for arn, label, name in streams]
        }

    def describe_stream(self, call: Call) -> dict[str, Any]:
        """The stream and its one shard, which is open until the stream is closed."""
        arn = call.params.get("StreamArn", "")
        stream, is_open = self._stream(arn)
        if self._throttle.on and not self._throttle.describe_stream(arn):
            raise stream_refused("DescribeStream")
        changes = self._stores.changes
        sequences = {"StartingSequenceNumber": sequence_number(changes.first(arn) or changes.last(arn))}
        if not is_open:
            sequences["EndingSequenceNumber"] = sequence_number(changes.last(arn))
        return {
            "StreamDescription": {
                "StreamArn": arn,
                "StreamLabel": stream.label,
                "StreamStatus": "ENABLED" if is_open else "DISABLED",
                "StreamViewType": stream.view,
                "CreationRequestDateTime": stream.created,
                "TableName": stream.table,
                "KeySchema": stream.key_schema,
                "Shards": [{"ShardId": SHARD_ID, "SequenceNumberRange": sequences}],
            }
        }

    def get_shard_iterator(self, call: Call) -> dict[str, Any]:
        """TRIM_HORIZON, LATEST, AT_ or AFTER_SEQUENCE_NUMBER."""
        arn = call.params.get("StreamArn", "")
        self._stream(arn)
        if call.params.get("ShardId") != SHARD_ID:
            raise AwsError("ResourceNotFoundException", "Requested resource not found: Shard does not exist")
        kind = call.params.get("ShardIteratorType")
        horizon = self._stores.changes.trimmed(arn)
        if kind == "TRIM_HORIZON":
            after = horizon
        elif kind == "LATEST":
            after = self._stores.changes.last(arn)
        elif kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            try:
                given = parse_sequence_number(call.params.get("SequenceNumber", ""))
            except ValueError as error:
                raise AwsError("ValidationException", "Invalid SequenceNumber") from error
            after = given - (kind == "AT_SEQUENCE_NUMBER")
            if after < horizon:
                raise _trimmed()
        else:
            raise AwsError("ValidationException", f"Invalid ShardIteratorType: {kind}")
        return {"ShardIterator": self._iterators.make(Position(arn, 0, after))}

    def get_records(self, call: Call) -> dict[str, Any]:
        """Up to 1,000 records or 1 MB."""
        position = self._iterators.read(call.params.get("ShardIterator"))
        arn = position.stream_arn
        _, is_open = self._stream(arn)
        limit = min(call.params.get("Limit") or MAX_RECORDS, MAX_RECORDS)
        limited = self._throttle.on
        if limited and not self._throttle.read_stream(arn):
            raise stream_refused("GetRecords")
        if position.after < self._stores.changes.trimmed(arn):
            raise _trimmed()
        found = self._stores.changes.read(arn, position.after, limit, MAX_BYTES)
        if limited:
            self._throttle.stream_was_read(arn, sum(len(change.record) for change in found))
        after = found[-1].sequence if found else position.after
        # One fragment, not one for each record: the bytes are stored as a reader gets them.
        records = orjson.Fragment(b"[" + b",".join([change.record for change in found]) + b"]")
        if not is_open and after >= self._stores.changes.last(arn):
            return {"Records": records}  # the end of a closed shard: there is no next iterator
        return {"Records": records, "NextShardIterator": self._iterators.make(Position(arn, 0, after))}


def _trimmed() -> AwsError:
    return AwsError(
        "TrimmedDataAccessException",
        "The operation attempted to read past the oldest stream record in a shard: it was older than 24 hours and has "
        "been removed.",
    )
