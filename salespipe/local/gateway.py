"""The HTTP endpoint: finds out which operation a request is for, asks our own handler first and moto for the rest.

An ASGI application. The operations that move data (HOT) are answered at once, on the event loop's thread: they take
milliseconds and wait for nothing but the store. Everything else may wait for moto or for files, and is answered on a
thread of a small pool; Lambda calls, which may take minutes, have threads of their own. Only requests addressed to
this machine's loopback names are served, and none that a browser sends for a web page (`Origin`): no page the user
visits can drive the endpoint.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import getrandbits
from typing import Any, Protocol

import orjson

from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.internal_error import internal_error
from salespipe.local.moto_app import Moto
from salespipe.local.trouble import Storage

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_THREADS = 16
_JSON_1_0 = "application/x-amz-json-1.0"
_OURS = "/_salespipe/"

HOT = frozenset(
    {
        b"DynamoDB_20120810.BatchWriteItem",
        b"DynamoDB_20120810.DeleteItem",
        b"DynamoDB_20120810.GetItem",
        b"DynamoDB_20120810.PutItem",
        b"DynamoDB_20120810.UpdateItem",
        b"DynamoDBStreams_20120810.GetRecords",
        b"Kinesis_20131202.GetRecords",
        b"Kinesis_20131202.GetShardIterator",
        b"Kinesis_20131202.PutRecord",
        b"Kinesis_20131202.PutRecords",
    }
)
"""X-Amz-Target of what is answered on the event loop's thread. Their handlers take no lock that is ever held while
waiting for the turn."""

log = logging.getLogger(__name__)


class HttpApi(Protocol):
    """A service that does not speak the JSON protocol; None leaves the request to moto."""

    def handle(self, request: Request) -> Reply | None:
        """Answer the request or leave it."""


class Gateway:
    """Routes by the X-Amz-Target header, else by the service that the request was signed for."""

    def __init__(
        self,
        moto: Moto,
        json_apis: Mapping[str, tuple[str, Mapping[str, Handler]]],
        http_apis: Mapping[str, HttpApi],
        health: Callable[[], dict[str, Any]],
        storage: Storage,
        admin: Callable[[Request], Reply],
    ) -> None:
        """`json_apis`: target prefix -> (service, handlers by operation); `http_apis`: signing name -> api; `admin`
        answers what is asked under /_salespipe/."""
        self._moto = moto
        self._json = json_apis
        self._http = http_apis
        self._health = health
        self._storage = storage
        self._admin = admin
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="request")
        self._slow = ThreadPoolExecutor(_THREADS, thread_name_prefix="invoke")

    def close(self) -> None:
        """Wait for the requests under way."""
        self._pool.shutdown(wait=True)
        self._slow.shutdown(wait=True)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """One HTTP request."""
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body", False):
            chunks = [body]
            while message.get("more_body", False):
                message = await receive()
                chunks.append(message.get("body", b""))
            body = b"".join(chunks)
        if message["type"] == "http.disconnect":
            return
        request = Request.received(
            scope["method"].encode(), scope["raw_path"], scope["query_string"], scope["headers"], body
        )
        reply = self.at_once(request)
        if reply is None:
            pool = self._slow if request.service == "lambda" else self._pool
            reply = await asyncio.get_running_loop().run_in_executor(pool, self.answer, request)
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in reply.headers
            if name.lower() not in ("connection", "transfer-encoding")
        ]
        if not any(name.lower() == b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    def at_once(self, request: Request) -> Reply | None:
        """The answers that need no thread: to hot operations, refusals, and who we are, also while every thread is
        busy."""
        host = request.headers.get("host", "")
        if (host.rpartition(":")[0] or host) not in _LOOPBACK or "origin" in request.headers:
            return Reply(403, [("Content-Type", "text/plain")], b"this endpoint serves programs on this machine only\n")
        if request.path == "/_salespipe/health":
            return Reply(200, [("Content-Type", "application/json")], orjson.dumps(self._health()))
        return self.answer(request) if is_hot(request.headers.get("x-amz-target", "").encode()) else None

    def answer(self, request: Request) -> Reply:
        """The answer to a request; a failure of ours is logged and answered as the service's internal failure, and so
        is one of the storage, with what to do about it."""
        try:
            return self._route(request)
        except Exception as error:
            words = self._storage.words(error)
            if words is None:
                log.exception("%s %s %s", request.method, request.path, request.headers.get("x-amz-target", ""))
            return internal_error(request, words or "the local endpoint failed; see its log")

    def _route(self, request: Request) -> Reply:
        prefix, operation = request.target
        service, handlers = self._json.get(prefix, ("", {}))
        handler = handlers.get(operation)
        if handler is not None:
            return self._json_call(request, service, operation, handler)
        if request.path.startswith(_OURS):
            return self._admin(request)
        api = self._http.get(request.service)
        reply = None if api is None else api.handle(request)
        return self._moto.http(request) if reply is None else reply

    def _json_call(self, request: Request, service: str, operation: str, handler: Handler) -> Reply:
        content_type = request.headers.get("content-type", _JSON_1_0)
        try:
            try:
                params = orjson.loads(request.body or b"{}")
            except orjson.JSONDecodeError as error:
                raise AwsError("SerializationException", "the request is not JSON") from error
            if not isinstance(params, dict):
                raise AwsError("SerializationException", "the request is not a JSON object")
            answer = handler(Call(service, operation, self._moto.account, request.region, params))
        except AwsError as error:
            return _json_error(error, content_type)
        return Reply(200, _json_headers(content_type), orjson.dumps(answer))


def is_hot(target: bytes) -> bool:
    """Whether the operation with this X-Amz-Target is answered at once."""
    return target in HOT


def _json_headers(content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("x-amzn-RequestId", _request_id())]


def _request_id() -> str:
    """As unique as AWS's; not drawn from the system's randomness, which would be a system call for each request."""
    digits = f"{getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _json_error(error: AwsError, content_type: str) -> Reply:
    body = orjson.dumps({"__type": error.code, "message": error.message, "Message": error.message, **error.details})
    return Reply(error.status, _json_headers(content_type), body)
