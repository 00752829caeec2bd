"""A DynamoDB table behind BatchWriteItem with AWS's rules, and a clock that only sleeping moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from salespipe.aws.clients import Clients
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names

Request = dict[str, Any]


class FakeTable:
    """Keeps each order's history. `refuse(requests)` says which of them come back unprocessed, or raises."""

    def __init__(self, refuse: Callable[[list[Request]], list[Request]] = lambda requests: []) -> None:
        self.meta = type("Meta", (), {"events": HierarchicalEmitter()})
        self.items: dict[str, Any] = {}
        self.history: dict[str, list[Any]] = {}
        self.batches: list[int] = []
        self._refuse = refuse
        self._lock = threading.Lock()

    def batch_write_item(self, RequestItems: dict[str, list[Request]]) -> dict[str, Any]:
        ((table, requests),) = RequestItems.items()
        keys = [key_of(request) for request in requests]
        if not 0 < len(requests) <= 25:
            raise client_error("ValidationException", "1 to 25 requests")
        if len(set(keys)) < len(keys):
            raise client_error("ValidationException", "Provided list of item keys contains duplicates")
        with self._lock:
            back = self._refuse(requests)
            self.batches.append(len(requests))
            for key, request in zip(keys, requests, strict=True):
                if request not in back:
                    item = request["PutRequest"]["Item"] if "PutRequest" in request else None
                    self.history.setdefault(key, []).append(item)
                    self.items[key] = item
        return {"UnprocessedItems": {table: back} if back else {}, "ResponseMetadata": {"RetryAttempts": 0}}

    def pipeline(self) -> Pipeline:
        clients = cast(Clients, type("Fake", (), {"client": lambda _, service: self})())
        return Pipeline(clients, Names("sales", "123456789012", "us-east-1"), BY_TARGET["local"])

    @property
    def writes(self) -> int:
        return sum(map(len, self.history.values()))


class FakeClock:
    """Seconds that pass only in `sleep`; from any thread."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.now += seconds


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "BatchWriteItem")


def key_of(request: Request) -> str:
    keyed = request["DeleteRequest"]["Key"] if "DeleteRequest" in request else request["PutRequest"]["Item"]
    return str(keyed["orderid"]["S"])
