"""DynamoDB Streams over the change log: one shard a stream.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from __future__ import annotations

from typing import Any

import orjson

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

    def _require(self, stream_arn: str) -> None:
        """Raise AwsError (ResourceNotFoundException) if there is no such stream."""
        table = self._stores.items.table(stream_arn.partition("/stream/")[0])
        if table is None or table.stream_arn != stream_arn:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: Stream: {stream_arn} not found")

    def list_streams(self, call: Call) -> dict[str, Any]:
        """The streams of the region, or of one table."""
        wanted = call.params.get("TableName")
        tables = [wanted] if wanted else self._moto.call("dynamodb", "ListTables", {}, region=call.region)["TableNames"]
        streams = []
        for name in tables:
            table = self._moto.call("dynamodb", "DescribeTable", {"TableName": name}, region=call.region)["Table"]
            if table.get("LatestStreamArn") and "StreamSpecification" in table:
                streams.append(
                    {
                        "StreamArn": table["LatestStreamArn"],
                        "StreamLabel": table["LatestStreamLabel"],
                        "TableName": name,
                    }
                )
        return {"Streams": streams}

    def describe_stream(self, call: Call) -> dict[str, Any]:
        """The stream and its one open shard."""
        arn = call.params.get("StreamArn", "")
        self._require(arn)
        if self._throttle.on and not self._throttle.describe_stream(arn):
            raise stream_refused("DescribeStream")
        asked = {"TableName": arn.split("/")[1]}
        table = self._moto.call("dynamodb", "DescribeTable", asked, region=arn.split(":")[3])["Table"]
        first = self._stores.changes.first(arn)
        return {
            "StreamDescription": {
                "StreamArn": arn,
                "StreamLabel": table["LatestStreamLabel"],
                "StreamStatus": "ENABLED",
                "StreamViewType": table["StreamSpecification"]["StreamViewType"],
                "CreationRequestDateTime": table["CreationDateTime"],
                "TableName": table["TableName"],
                "KeySchema": table["KeySchema"],
                "Shards": [
                    {
                        "ShardId": SHARD_ID,
                        "SequenceNumberRange": {"StartingSequenceNumber": sequence_number(first)},
                    }
                ],
            }
        }

    def get_shard_iterator(self, call: Call) -> dict[str, Any]:
        """TRIM_HORIZON, LATEST, AT_ or AFTER_SEQUENCE_NUMBER."""
        arn = call.params.get("StreamArn", "")
        self._require(arn)
        if call.params.get("ShardId") != SHARD_ID:
            raise AwsError("ResourceNotFoundException", "Requested resource not found: Shard does not exist")
        kind = call.params.get("ShardIteratorType")
        if kind == "TRIM_HORIZON":
            after = 0
        elif kind == "LATEST":
            after = self._stores.changes.last(arn)
        elif kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            try:
                given = parse_sequence_number(call.params.get("SequenceNumber", ""))
            except ValueError as error:
                raise AwsError("ValidationException", "Invalid SequenceNumber") from error
            after = given - (kind == "AT_SEQUENCE_NUMBER")
        else:
            raise AwsError("ValidationException", f"Invalid ShardIteratorType: {kind}")
        return {"ShardIterator": self._iterators.make(Position(arn, 0, after))}

    def get_records(self, call: Call) -> dict[str, Any]:
        """Up to 1,000 records or 1 MB."""
        position = self._iterators.read(call.params.get("ShardIterator"))
        arn = position.stream_arn
        self._require(arn)
        limit = min(call.params.get("Limit") or MAX_RECORDS, MAX_RECORDS)
        limited = self._throttle.on
        if limited and not self._throttle.read_stream(arn):
            raise stream_refused("GetRecords")
        found = self._stores.changes.read(arn, position.after, limit, MAX_BYTES)
        if limited:
            self._throttle.stream_was_read(arn, sum(len(change.record) for change in found))
        following = Position(arn, 0, found[-1].sequence if found else position.after)
        # One fragment, not one for each record: the bytes are stored as a reader gets them.
        records = orjson.Fragment(b"[" + b",".join([change.record for change in found]) + b"]")
        return {"Records": records, "NextShardIterator": self._iterators.make(following)}
