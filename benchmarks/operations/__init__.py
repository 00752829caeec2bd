"""The operations that are measured hop by hop. A further one is one class and one line in OPERATIONS."""

from __future__ import annotations

from benchmarks.operations.dynamodb import BatchWriteItem, PutItem, StreamGetRecords
from benchmarks.operations.kinesis import GetRecords, PutRecords
from benchmarks.operations.operation import Operation
from benchmarks.operations.s3 import PutObject

OPERATIONS: dict[str, Operation] = {
    "put-item": PutItem(),
    "batch-write-item": BatchWriteItem(),
    "stream-get-records": StreamGetRecords(),
    "put-records": PutRecords(),
    "get-records": GetRecords(),
    "put-object": PutObject(),
}
