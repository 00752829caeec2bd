"""Firehose's call of the transforming Lambda: the event, the check of the answer, the repeats.

Every record comes back as data, as dropped, or as failed with an error code. A batch is repeated when the function
failed or timed out, `NumberOfRetries` times; AWS spreads the usual three over 80 to 95 s, here they take 0.7 s.
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html
https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html (codes and messages)
"""

from __future__ import annotations

import binascii
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import orjson

from salespipe.local.errors import AwsError
from salespipe.local.functions import Invocation
from salespipe.local.stores.shards import ShardRecord, sequence_number, shard_id
from salespipe.local.workers.delivery_config import DeliveryConfig, LambdaProcessor

Invoke = Callable[[str, str, bytes], Invocation]
"""Takes region, function ARN and payload. Raises AwsError."""

MAX_RECORDS = 3000
"""Of one invocation, so that 3 MB of data and everything around them stay below Lambda's 6 MB."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0

_PARSE_MESSAGE = (
    "There was an error parsing returned records from the Lambda function. Ensure that the returned records follow "
    "the status model required by Amazon Data Firehose."
)
_FORMAT_MESSAGE = (
    "Check your function and make sure the output is in required format. In addition to that, make sure the processed "
    "records contain valid result status of Dropped, Ok, or ProcessingFailed"
)
_MISSING_MESSAGE = (
    "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids."
)
_DUPLICATED_MESSAGE = (
    "Multiple records were returned with the same record ID. Ensure that the Lambda function returns unique record "
    "IDs for each record."
)


class InterruptedTransformError(Exception):
    """The worker is told to stop: nothing came of the batch, and it will be read again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why records failed; `ended_ms` is when the last attempt ended."""

    code: str
    message: str
    attempts: int
    ended_ms: int


@dataclass(frozen=True, slots=True)
class Transformed:
    """What became of a batch: data in the order of the records, how many dropped, and those that failed."""

    data: list[bytes]
    dropped: int
    failed: list[tuple[ShardRecord, Failure]]


class _BadAnswerError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Transform:
    """Invokes the function of one delivery stream; `pause(seconds)` waits and says whether to stop.

    `turn` is held while the event is made and the answer read, not while the function runs.
    """

    def __init__(
        self,
        config: DeliveryConfig,
        processor: LambdaProcessor,
        invoke: Invoke,
        pause: Callable[[float], bool],
        turn: AbstractContextManager[None],
    ) -> None:
        self._config = config
        self._processor = processor
        self._invoke = invoke
        self._pause = pause
        self._turn = turn

    def run(self, shard: int, records: Sequence[ShardRecord]) -> Transformed:
        """Transform records of one shard. Raises InterruptedTransformError when the worker is to stop."""
        with self._turn:
            ids, payload = self._event(shard, records)
        wait = FIRST_PAUSE
        attempt = 0
        while True:
            attempt += 1
            answer, failure = self._attempt(payload, attempt)
            if failure is None:
                with self._turn:
                    return _sorted(records, ids, answer, attempt)
            if attempt > self._processor.retries:
                return Transformed([], 0, [(record, failure) for record in records])
            if self._pause(wait):
                raise InterruptedTransformError
            wait = min(wait * 2, LONGEST_PAUSE)

    def _attempt(self, payload: bytes, attempt: int) -> tuple[bytes, Failure | None]:
        try:
            made = self._invoke(self._config.region, self._processor.arn, payload)
        except AwsError as error:
            if self._pause(0):
                raise InterruptedTransformError from error
            if error.code == "ResourceNotFoundException":
                text = "The specified Lambda function does not exist. Use a different function that does exist."
                return b"", _failure("Lambda.ResourceNotFound", text, attempt)
            return b"", _failure("Lambda.InvocationFailed", error.message, attempt)
        if made.error is None:
            return made.payload, None
        if self._pause(0):
            raise InterruptedTransformError
        if b'"Sandbox.Timedout"' in made.payload:
            text = "The Lambda function invocation timed out. Increase the Timeout setting in the Lambda function."
            return b"", _failure("Lambda.FunctionTimedOut", text, attempt)
        text = "The Lambda function was successfully invoked but it returned an error result."
        return b"", _failure("Lambda.FunctionError", text, attempt)

    def _event(self, shard: int, records: Sequence[ShardRecord]) -> tuple[list[str], bytes]:
        """The record ids, and the payload with them."""
        name = shard_id(shard)
        ids: list[str] = []
        items: list[dict[str, Any]] = []
        for record in records:
            number = sequence_number(shard, record.sequence)
            ids.append(number + "000000")
            items.append(
                {
                    "recordId": ids[-1],
                    "approximateArrivalTimestamp": record.arrived_ms,
                    "data": binascii.b2a_base64(record.data, newline=False).decode("ascii"),
                    "kinesisRecordMetadata": {
                        "sequenceNumber": number,
                        "subsequenceNumber": 0,
                        "partitionKey": record.partition_key,
                        "shardId": name,
                        "approximateArrivalTimestamp": record.arrived_ms,
                    },
                }
            )
        payload = orjson.dumps(
            {
                "invocationId": str(uuid.uuid4()),
                "sourceKinesisStreamArn": self._config.source_arn,
                "deliveryStreamArn": self._config.arn,
                "region": self._config.region,
                "records": items,
            }
        )
        return ids, payload


def _sorted(records: Sequence[ShardRecord], ids: Sequence[str], answer: bytes, attempt: int) -> Transformed:
    """What the answer says of each record."""
    try:
        answered = _answered(answer)
    except _BadAnswerError as error:
        failure = _failure(error.code, str(error), attempt)
        return Transformed([], 0, [(record, failure) for record in records])
    data: list[bytes] = []
    failed: list[tuple[ShardRecord, Failure]] = []
    dropped = 0
    missing = _failure("Lambda.MissingRecordId", _MISSING_MESSAGE, attempt)
    refused = _failure("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record", attempt)
    for record, name in zip(records, ids, strict=True):
        result = answered.get(name)
        if result is None:
            failed.append((record, missing))
        elif isinstance(result, bytes):
            data.append(result)
        elif result == "Dropped":
            dropped += 1
        else:
            failed.append((record, refused))
    return Transformed(data, dropped, failed)


def _answered(answer: bytes) -> dict[str, bytes | str]:
    """By record id: the data of an `Ok`, else the word. Raises _BadAnswerError when the whole batch has to fail."""
    try:
        records = orjson.loads(answer)["records"]
    except orjson.JSONDecodeError as error:
        raise _BadAnswerError("Lambda.JsonProcessingException", _PARSE_MESSAGE) from error
    except (KeyError, TypeError) as error:
        raise _BadAnswerError("Lambda.FunctionError", _FORMAT_MESSAGE) from error
    found: dict[str, bytes | str] = {}
    try:
        for record in records:
            name, result = record["recordId"], record["result"]
            if name in found:
                raise _BadAnswerError("Lambda.DuplicatedRecordId", _DUPLICATED_MESSAGE)
            if result == "Ok":
                found[name] = binascii.a2b_base64(record["data"])
            elif result in ("Dropped", "ProcessingFailed"):
                found[name] = result
            else:
                raise _BadAnswerError("Lambda.FunctionError", _FORMAT_MESSAGE)
    except binascii.Error as error:
        raise _BadAnswerError("Lambda.JsonProcessingException", _PARSE_MESSAGE) from error
    except (KeyError, TypeError, ValueError) as error:
        raise _BadAnswerError("Lambda.FunctionError", _FORMAT_MESSAGE) from error
    return found


def _failure(code: str, message: str, attempts: int) -> Failure:
    return Failure(code, message, attempts, time.time_ns() // 1_000_000)
