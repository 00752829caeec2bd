"""DynamoDB Streams over the change log: one shard a stream.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

from __future__ import annotations

from typing import Any

import orjson

from salespipe.local.api.iterators import Iterators, Position
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.changes import StreamSource, parse_sequence_number, sequence_number

ITERATOR_SECONDS = 15 * 60
MAX_RECORDS = 1000
MAX_BYTES = 1024 * 1024
SHARD_ID = "shardId-00000000000000000001-0a1b2c3d"


class StreamsApi:
    """Reads only; what is read was written with the items."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto
        self._iterators = Iterators(ITERATOR_SECONDS)

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "DescribeStream": self.describe_stream,
            "GetRecords": self.get_records,
            "GetShardIterator": self.get_shard_iterator,
            "ListStreams": self.list_streams,
        }

    def source(self, stream_arn: str) -> StreamSource:
        """What the records of a stream repeat of it. Raises AwsError (ResourceNotFoundException)."""
        table = self._stores.items.table(stream_arn.partition("/stream/")[0])
        if table is None or table.stream_arn != stream_arn or table.view is None:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: Stream: {stream_arn} not found")
        return StreamSource(stream_arn, stream_arn.split(":")[3], table.view)

    def _described(self, source: StreamSource) -> dict[str, Any]:
        """The description of the stream's table."""
        name = source.arn.split("/")[1]
        answer = self._moto.call("dynamodb", "DescribeTable", {"TableName": name}, region=source.region)
        table: dict[str, Any] = answer["Table"]
        return table

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
        table = self._described(self.source(arn))
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
        self.source(arn)
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
        source = self.source(position.stream_arn)
        limit = min(call.params.get("Limit") or MAX_RECORDS, MAX_RECORDS)
        records: list[orjson.Fragment] = []
        after = position.after
        size = 0
        for change in self._stores.changes.read(position.stream_arn, after, limit, MAX_BYTES):
            size += change.size
            if records and size > MAX_BYTES:
                break
            records.append(orjson.Fragment(change.record_json(source)))
            after = change.sequence
        following = self._iterators.make(Position(position.stream_arn, 0, after))
        return {"Records": records, "NextShardIterator": following}
