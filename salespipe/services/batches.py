"""One batch of operations put into the table, however often DynamoDB asks for it again.

What DynamoDB leaves unprocessed, or refuses because it is busy or not reachable, is sent again after a growing,
random pause, as AWS advises
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html). A repeat is harmless: a put
or delete that was applied already changes nothing.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.errors import translated
from salespipe.aws.verbatim import send_batches_verbatim
from salespipe.errors import TransientError
from salespipe.orders import Operation
from salespipe.services.pipeline import Pipeline

BATCH = 25  # BatchWriteItem's most; its 16 MB are out of reach, as 25 items have at most 400 KB each
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
_PATIENCE = 30.0


@dataclass
class Tally:
    """Operations applied, by kind, and items that had to be sent again."""

    insert: int = 0
    update: int = 0
    delete: int = 0
    retried: int = 0


class BatchSender:
    """Sends batches from any number of threads; `tally` counts what the table said it applied.

    Only a batch whose last request never got an answer may be applied in part without being counted.
    """

    def __init__(
        self,
        p: Pipeline,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = p.aws.client("dynamodb")
        send_batches_verbatim(self._client)
        self._table = p.names.table
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.tally = Tally()

    def stop(self) -> None:
        """Send nothing again from now on: what was not accepted is left, and not counted.

        Only where an error came instead of an answer it is asked once more, as the batch may have been applied.
        """
        self._stopping.set()

    def send(self, operations: Sequence[Operation]) -> None:
        """Apply `operations`, at most BATCH and each on another order, and count them.

        Raises our error when the write is refused, and TransientError after 30 s without one item accepted.
        """
        waiting = {operation.order.orderid: operation for operation in operations}
        requests = [_request(operation) for operation in operations]
        pause, given_up_at = _FIRST_PAUSE, self._clock() + _PATIENCE
        last_time = False
        while True:
            busy: TransientError | None = None
            try:
                left = self._put(requests)
            except TransientError as error:
                busy, left = error, requests
            accepted = dict(waiting)
            waiting = {key: accepted.pop(key) for key in map(_key, left)}
            with self._lock:
                for operation in accepted.values():
                    setattr(self.tally, operation.kind, getattr(self.tally, operation.kind) + 1)
            if not left or last_time:
                return
            if self._stopping.is_set():
                if busy is None:
                    return
                last_time = True
            if accepted:
                pause, given_up_at = _FIRST_PAUSE, self._clock() + _PATIENCE
            elif self._clock() >= given_up_at:
                raise busy or TransientError(
                    f"{self._table}: no item accepted for {_PATIENCE:g} s", "try again, or at a lower --rate"
                )
            self._sleep(random.uniform(pause / 2, pause))
            pause = min(pause * 2, _LONGEST_PAUSE)
            self._count_retried(len(left))
            requests = left

    def _put(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send once (botocore itself repeats some failures, which is counted); what is left to send again."""
        try:
            with translated():
                answer = self._client.batch_write_item(RequestItems={self._table: requests})
        except TransientError as error:
            if isinstance(error.__cause__, ClientError):
                self._count_retried(len(requests) * _repeats(error.__cause__.response))
            raise
        self._count_retried(len(requests) * _repeats(answer))
        left: list[dict[str, Any]] = answer.get("UnprocessedItems", {}).get(self._table, [])
        return left

    def _count_retried(self, items: int) -> None:
        if items:
            with self._lock:
                self.tally.retried += items


def _request(operation: Operation) -> dict[str, Any]:
    if operation.kind == "delete":
        return {"DeleteRequest": {"Key": {"orderid": {"S": operation.order.orderid}}}}
    return {"PutRequest": {"Item": operation.order.item()}}


def _key(request: dict[str, Any]) -> str:
    delete = request.get("DeleteRequest")
    return str((delete["Key"] if delete else request["PutRequest"]["Item"])["orderid"]["S"])


def _repeats(answer: dict[str, Any]) -> int:
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))
