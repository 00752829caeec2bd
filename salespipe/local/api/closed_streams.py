"""Streams that were switched off, or whose table was deleted: readable for another 24 hours.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html (enabling and disabling),
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from salespipe.local.stores import Stores
from salespipe.local.stores.items import Table

KIND = "closed-stream"
"""Of the documents; each has the ARN of its stream for id, and is as old as its stream is closed."""


@dataclass(frozen=True)
class Stream:
    """What DescribeStream has to say of a stream, whose table may be another by now. `key_schema` as in DescribeTable,
    `created` in epoch seconds: a stream's label is the moment it was made."""

    arn: str
    view: str
    key_schema: list[dict[str, str]]

    @property
    def label(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def table(self) -> str:
        return self.arn.split("/")[1]

    @property
    def created(self) -> float:
        return datetime.fromisoformat(self.label).replace(tzinfo=UTC).timestamp()


def stream_of(table: Table) -> Stream | None:
    """The stream that a table has."""
    if table.stream_arn is None:
        return None
    keys = zip(table.keys, ("HASH", "RANGE"), strict=False)
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in keys]
    return Stream(table.stream_arn, table.view or "", schema)


class ClosedStreams:
    """Kept among the documents until `drop`."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def close(self, table: Table) -> None:
        """Close the stream that the table has. Joins an open `write()`."""
        stream = stream_of(table)
        if stream is not None:
            document = {"view": stream.view, "key_schema": stream.key_schema}
            self._stores.documents.put(KIND, stream.arn, document)

    def get(self, arn: str) -> Stream | None:
        """The closed stream with this ARN."""
        found = self._stores.documents.get(KIND, arn)
        return None if found is None else _stream(arn, found)

    def of(self, region: str, table: str | None) -> list[Stream]:
        """Those of a region, or of one table there."""
        found = [_stream(arn, document) for arn, document in self._stores.documents.all(KIND).items()]
        return [one for one in found if one.arn.split(":")[3] == region and table in (None, one.table)]

    def drop(self, before: float) -> None:
        """Forget the streams that were closed before that moment (epoch seconds)."""
        while old := self._stores.documents.older(KIND, before, 100):
            for arn in old:
                with self._stores.db.write():
                    self._stores.changes.drop(arn)
                    self._stores.documents.delete(KIND, arn)


def _stream(arn: str, document: dict[str, Any]) -> Stream:
    return Stream(arn, document["view"], document["key_schema"])
