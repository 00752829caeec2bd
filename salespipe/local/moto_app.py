"""moto's server application, called in process: the control planes that are not ours.

Calls are serialised, since moto's state is not made for threads. A call that changed something is answered only after
the state of its service is in the store, so what was acknowledged is there again after a kill; of SQS, a call that
only concerns messages is answered after those messages are. What the store does not take is undone here too, so what
was refused can be asked for again.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder, run_wsgi_app

from salespipe.local import moto_inside
from salespipe.local.errors import AwsError, StoreError
from salespipe.local.http import Reply, Request
from salespipe.local.messages import OPERATIONS as ON_MESSAGES
from salespipe.local.messages import Messages
from salespipe.local.stores import Stores
from salespipe.local.stores.bell import CONTROL

_TARGETS = {
    "athena": "AmazonAthena",
    "dynamodb": "DynamoDB_20120810",
    "firehose": "Firehose_20150804",
    "glue": "AWSGlue",
    "kinesis": "Kinesis_20131202",
    "logs": "Logs_20140328",
    "sqs": "AmazonSQS",
}
T = TypeVar("T")

_VERSION = re.compile(rb"\d+(\.\w+)+")
_READS = re.compile(r"(Get|List|Describe|BatchGet|Search|Query|Scan|Head|PutLogEvents)")


class Moto:
    """One moto per process. Rings the bell's CONTROL topic after each change of a control plane."""

    def __init__(self, stores: Stores) -> None:
        self.account = moto_inside.ACCOUNT
        self._stores = stores
        self._lock = threading.RLock()
        self._changed: set[str] | None = None
        """The services changed within `together`; None outside."""
        self._undone: set[str] = set()
        """The services whose state here is not the one in the store, which could not be read."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._messages = Messages(stores)
        moto_inside.reset()
        for service, state in stores.control.all().items():
            self._restore(service, state)
        self._app: Callable[..., Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)

    def close(self) -> None:
        """Leave nothing behind in moto's module globals."""
        with self._lock:
            moto_inside.reset()

    def http(self, request: Request) -> Reply:
        """Pass one HTTP request on."""
        environ = EnvironBuilder(
            method=request.method,
            path=request.path,
            query_string=request.query,
            headers=list(request.headers.items()),
            data=request.body,
            base_url="http://localhost",
        ).get_environ()
        with self._lock:
            self._undo()
            chunks, status, headers = run_wsgi_app(self._app, environ, buffered=True)
            # moto allows every web page to read its answers; this endpoint allows none.
            own = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            reply = Reply(int(status.split(" ", 1)[0]), own, b"".join(chunks))
            if reply.status < 400:
                operation = _operation(request)
                if request.service == "sqs" and operation in ON_MESSAGES:
                    self._keep_messages(operation)
                elif _changes(request, operation):
                    self._keep(request.service)
        return reply

    def call(self, service: str, operation: str, params: dict[str, Any], *, region: str) -> dict[str, Any]:
        """One operation of a JSON-protocol service. Raises AwsError."""
        headers = _signed(service, region) | {
            "x-amz-target": f"{_TARGETS[service]}.{operation}",
            "content-type": "application/x-amz-json-1.1",
        }
        return _document(self.http(Request("POST", "/", "", headers, json.dumps(params).encode())))

    def rest(
        self, service: str, method: str, path: str, body: dict[str, Any] | None = None, *, region: str
    ) -> dict[str, Any]:
        """One operation of a REST-JSON service (pipes, lambda). Raises AwsError."""
        headers = _signed(service, region) | {"content-type": "application/json"}
        path, _, query = path.partition("?")
        return _document(
            self.http(Request(method, path, query, headers, b"" if body is None else json.dumps(body).encode()))
        )

    def bucket_exists(self, bucket: str) -> bool:
        """Whether an S3 bucket exists."""
        return moto_inside.bucket_exists(bucket)

    def glue_table(self, region: str, database: str, name: str) -> dict[str, Any] | None:
        """What GetTable says, a few milliseconds sooner; None without such a table."""
        with self._lock:
            self._undo()
            return moto_inside.glue_table(region, database, name)

    def glue_partitions(self, region: str, database: str, name: str) -> list[dict[str, Any]] | None:
        """What GetPartitions says, a millisecond a partition sooner; None without such a table."""
        with self._lock:
            self._undo()
            return moto_inside.glue_partitions(region, database, name)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is changed inside, here and in the stores, is one step: a kill or an error leaves all of it or nothing.

        Others wait with their writes, so nothing in there may take long.
        """
        with self._lock:
            if self._changed is not None:
                yield
                return
            changed = self._changed = set()
            try:
                with self._stores.db.write():
                    yield
                    self._save(changed)
            except BaseException:
                self._undo(changed)
                raise
            finally:
                self._changed = None
                self._stores.bell.ring(CONTROL)

    def change(self, service: str, action: Callable[[], T]) -> T:
        """Do what moto has no operation for to the state of a service, and keep it."""
        with self._lock:
            self._undo()
            try:
                done = action()
            except BaseException:
                self._undo({service})
                raise
            self._keep(service)
        return done

    def _keep(self, service: str) -> None:
        """Put the state of a service into the store. If that fails the state is what it was before."""
        if self._changed is not None:
            self._changed.add(service)
            return
        try:
            self._save({service})
        except BaseException:
            self._undo({service})
            raise
        finally:
            self._stores.bell.ring(CONTROL)

    def _keep_messages(self, operation: str) -> None:
        """The same where only messages changed, which are no control plane: nobody is woken."""
        if self._changed is not None:
            self._changed.add("sqs")
            return
        try:
            self._messages.save(operation)
        except BaseException:
            self._undo({"sqs"})
            raise

    def _save(self, services: set[str]) -> None:
        version = moto_inside.VERSION.encode() + b"\n"
        states = {name: version + moto_inside.dump(name) for name in sorted(services & set(moto_inside.DURABLE))}
        with self._stores.db.write():
            for name, state in states.items():
                self._stores.control.save(name, state)
            if "sqs" in states:
                self._messages.save()

    def _undo(self, services: Iterable[str] = ()) -> None:
        """Go back to the states in the store; those that cannot be read are tried again before the next call."""
        self._undone |= set(services) & set(moto_inside.DURABLE)
        for service in sorted(self._undone):
            self._restore(service, self._stores.control.get(service))
            self._undone.discard(service)

    def _restore(self, service: str, state: bytes | None) -> None:
        _restore(service, state, self._stores.home)
        if service == "sqs":
            self._messages.restore()


def _signed(service: str, region: str) -> dict[str, str]:
    """Headers that tell moto the service and the region; it checks no signature."""
    scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, SignedHeaders=host"
    return {"authorization": scope + ", Signature=0", "host": f"{service}.{region}.amazonaws.com"}


def _operation(request: Request) -> str:
    """The operation that a request names; none in REST."""
    operation = request.target[1]
    if not operation and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        operation = parse_qs(request.body.decode("latin-1")).get("Action", [""])[0]
    return operation


def _changes(request: Request, operation: str) -> bool:
    """Whether a request may have changed a control plane, by its operation or, in REST, by its method."""
    return not _READS.match(operation) if operation else request.method not in ("GET", "HEAD")


def _restore(service: str, state: bytes | None, home: Path) -> None:
    """Make the state of a service the one from the store. Raises StoreError when this moto cannot read it."""
    written_by, _, saved = (state or b"").partition(b"\n")
    try:
        moto_inside.load(service, None if state is None else saved)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        if _VERSION.fullmatch(written_by) is None or written_by == moto_inside.VERSION.encode():
            raise StoreError(
                f"the store {home / 'store.db'} is damaged: its {service} resources cannot be read ({why}): put a copy "
                f"of {home} back, or move it away to begin with an empty one"
            ) from error
        raise StoreError(
            f"the {service} resources in the store were written with moto {written_by.decode()} and cannot be read "
            f"with moto {moto_inside.VERSION} ({why}): install the other version, or use another SALESPIPE_HOME"
        ) from error


def _document(reply: Reply) -> dict[str, Any]:
    text = reply.body.decode()
    document: dict[str, Any] = json.loads(text) if text.strip() else {}
    if reply.status >= 400:
        headers = {name.lower(): value for name, value in reply.headers}
        code = str(document.get("__type") or headers.get("x-amzn-errortype") or reply.status)
        message = str(document.get("message") or document.get("Message") or text)
        raise AwsError(code.rsplit("#", 1)[-1].split(":")[0], message, reply.status)
    return document
