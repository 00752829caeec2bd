"""What each fault does to the runtime. Every effect is a hook that its operation looks at only while it is set.

throttle-table   item operations are refused: a `share` of them, or what is above `rate` units a second
fail-lambda      a call of the function ends with an error of the function
time-out-lambda  a call ends as one that ran into its time-out, after `delay` seconds (on AWS after the whole time-out)
fail-s3          a write into the bucket is answered SlowDown
delay-s3         a write into the bucket takes `delay` seconds longer
expire-iterators every shard iterator that was handed out, of the Kinesis stream and of the change stream, has expired
disable-stream   the table's change stream is switched off; at the end a new one, with a new ARN, is switched on
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.faults.registry import Fault, FaultError, Kind
from salespipe.local.functions import DeployedFunction, Functions, Invocation
from salespipe.local.limits.bucket import Bucket
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores.items import ItemStore
from salespipe.local.stores.objects import ObjectStore

log = logging.getLogger(__name__)

_SLOW_DOWN = "Please reduce your request rate."
_SAID = "salespipe chaos: fail-lambda"


class Expiring(Protocol):
    """Something that hands out iterators of streams."""

    def expire(self, stream_arn: str) -> None:
        """All that were handed out until now, of this stream or of the streams of this table, have expired."""


class Streams(Protocol):
    """What switches the change stream of a table."""

    def stream_of(self, table_arn: str) -> tuple[str | None, str | None]:
        """The ARN and the view of the stream that is on, None where none is. Raises AwsError without a table."""

    def switch_stream(self, table_arn: str, view: str | None) -> None:
        """Switch it on with a view, or off with None. Raises AwsError."""


def kinds(
    throttle: Throttle,
    functions: Functions,
    objects: ObjectStore,
    iterators: Iterable[Expiring],
    streams: Streams,
) -> dict[str, Kind]:
    """Every fault of the runtime by name."""
    table, function, s3 = _TableTrouble(throttle), _LambdaTrouble(functions), _S3Trouble(objects)
    stream = _StreamTrouble(streams)
    readers = list(iterators)

    def expire(fault: Fault) -> None:
        for reader in readers:
            reader.expire(_resource(fault, "stream"))
            reader.expire(_resource(fault, "table"))

    return {
        "throttle-table": Kind(table.begin, table.end, {"share": None, "rate": None}),
        "fail-lambda": Kind(function.begin, function.end, {"share": 1.0}),
        "time-out-lambda": Kind(function.begin, function.end, {"share": 1.0, "delay": None}),
        "fail-s3": Kind(s3.begin, s3.end, {"share": 1.0}),
        "delay-s3": Kind(s3.begin, s3.end, {"share": 1.0, "delay": 1.0}),
        "expire-iterators": Kind(expire),
        "disable-stream": Kind(stream.begin, stream.end),
    }


class _TableTrouble:
    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def begin(self, fault: Fault) -> None:
        if "share" in fault.options and "rate" in fault.options:
            raise FaultError("throttle-table takes a share or a rate, not both")
        self._throttle.squeeze(_resource(fault, "table"), _refusing(fault))

    def end(self, fault: Fault) -> None:
        self._throttle.squeeze(_resource(fault, "table"), None)


def _refusing(fault: Fault, clock: Callable[[], float] = time.monotonic) -> Callable[[float], bool]:
    """Whether units are refused: above `rate`, or in a `share` of all cases, which is half of them unless given."""
    rate = fault.options.get("rate")
    if rate is None:
        fault.options = {"share": 0.5, **fault.options}
        return lambda units: fault.strikes()
    bucket = Bucket(rate, clock())

    def refuse(units: float) -> bool:
        now = clock()
        if bucket.has(units, now):
            bucket.owe(units, now)
            return False
        fault.count()
        return True

    return refuse


class _Troubles:
    """The faults of one kind of operation, by what they are about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[str, Fault]] = []

    def add(self, about: str, fault: Fault) -> None:
        with self._lock:
            self._faults = [*self._faults, (about, fault)]

    def remove(self, fault: Fault) -> bool:
        """Whether others are left."""
        with self._lock:
            self._faults = [pair for pair in self._faults if pair[1] is not fault]
            return bool(self._faults)

    def about(self, what: str) -> list[Fault]:
        return [fault for about, fault in self._faults if about == what]


class _LambdaTrouble:
    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._troubles = _Troubles()

    def begin(self, fault: Fault) -> None:
        self._troubles.add(_resource(fault, "function"), fault)
        self._functions.instead = self._instead

    def end(self, fault: Fault) -> None:
        if not self._troubles.remove(fault):
            self._functions.instead = None

    def _instead(self, function: DeployedFunction) -> Invocation | None:
        for fault in self._troubles.about(function.arn):
            if not fault.strikes():
                continue
            if fault.name == "fail-lambda":
                return _invocation("RuntimeError", _SAID, 0.0)
            waited = fault.options.get("delay", 0.0)
            fault.wait(waited)
            said = f"Error: Task timed out after {function.timeout_s:.2f} seconds"
            return _invocation("Sandbox.Timedout", said, waited * 1000)
        return None


def _invocation(kind: str, message: str, milliseconds: float) -> Invocation:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Invocation(payload, "Unhandled", f"[ERROR] {kind}: {message}\n", milliseconds)


class _S3Trouble:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._troubles = _Troubles()

    def begin(self, fault: Fault) -> None:
        self._troubles.add(_resource(fault, "bucket"), fault)
        self._objects.before_write = self._before_write

    def end(self, fault: Fault) -> None:
        if not self._troubles.remove(fault):
            self._objects.before_write = None

    def _before_write(self, bucket: str) -> None:
        for fault in self._troubles.about(bucket):
            if not fault.strikes():
                continue
            if fault.name == "fail-s3":
                raise AwsError("SlowDown", _SLOW_DOWN, 503)
            fault.wait(fault.options["delay"])


class TableStreams:
    """Switches streams as a client would: by UpdateTable."""

    def __init__(self, items: ItemStore, update_table: Handler, account: str) -> None:
        self._items = items
        self._update_table = update_table
        self._account = account

    def stream_of(self, table_arn: str) -> tuple[str | None, str | None]:
        table = self._items.table(table_arn)
        if table is None:
            raise AwsError("ResourceNotFoundException", f"there is no table {table_arn}")
        return table.stream_arn, table.view

    def switch_stream(self, table_arn: str, view: str | None) -> None:
        wanted = {"StreamEnabled": False} if view is None else {"StreamEnabled": True, "StreamViewType": view}
        params = {"TableName": table_arn.rpartition("/")[2], "StreamSpecification": wanted}
        region = table_arn.split(":")[3]
        self._update_table(Call("dynamodb", "UpdateTable", self._account, region, params))


class _StreamTrouble:
    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._views: dict[str, str] = {}

    def begin(self, fault: Fault) -> None:
        table = _resource(fault, "table")
        arn, view = self._streams.stream_of(table)
        if arn is None or view is None:
            raise FaultError("the table's change stream is off already")
        self._streams.switch_stream(table, None)
        self._views[table] = view
        fault.count()

    def end(self, fault: Fault) -> None:
        table = _resource(fault, "table")
        view = self._views.pop(table)
        try:
            if self._streams.stream_of(table)[0] is None:
                self._streams.switch_stream(table, view)
        except AwsError as error:
            # The table was deleted meanwhile, and the stream with it.
            log.warning("the change stream of %s was not switched on again: %s", table, error)


def _resource(fault: Fault, kind: str) -> str:
    try:
        return fault.resources[kind]
    except KeyError:
        raise FaultError(f"{fault.name} has to be told its {kind}") from None
