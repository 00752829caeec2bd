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
import threading
import time
from collections.abc import Callable, Sequence

from salespipe.local.api.iterators import Iterators
from salespipe.local.errors import AwsError
from salespipe.local.faults.registry import Fault, FaultError, Kind
from salespipe.local.faults.stream import StreamSwitch
from salespipe.local.functions import DeployedFunction, Functions, Invocation
from salespipe.local.limits.bucket import Bucket
from salespipe.local.limits.throttle import Throttle
from salespipe.local.stores.objects import ObjectStore

_SLOW_DOWN = "Please reduce your request rate."
_SAID = "salespipe chaos: fail-lambda"


def kinds(
    throttle: Throttle,
    functions: Functions,
    objects: ObjectStore,
    iterators: Sequence[Iterators],
    stream: StreamSwitch,
) -> dict[str, Kind]:
    """Every fault of the runtime by name. `iterators` are those of every service that hands some out."""
    table, function, s3 = _TableTrouble(throttle), _LambdaTrouble(functions), _S3Trouble(objects)

    def expire(fault: Fault) -> None:
        for service in iterators:
            service.expire(fault.about("stream"))
            service.expire(fault.about("table"))

    return {
        "throttle-table": Kind(table.begin, table.end, {"share": None, "rate": None}),
        "fail-lambda": Kind(function.begin, function.end, {"share": 1.0}),
        "time-out-lambda": Kind(function.begin, function.end, {"share": 1.0, "delay": None}),
        "fail-s3": Kind(s3.begin, s3.end, {"share": 1.0}),
        "delay-s3": Kind(s3.begin, s3.end, {"share": 1.0, "delay": 1.0}),
        "expire-iterators": Kind(expire),
        "disable-stream": Kind(stream.off, stream.on, over=stream.is_on),
    }


class _TableTrouble:
    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def begin(self, fault: Fault) -> None:
        if "share" in fault.options and "rate" in fault.options:
            raise FaultError("throttle-table takes a share or a rate, not both")
        self._throttle.squeeze(fault.about("table"), _refusing(fault))

    def end(self, fault: Fault) -> None:
        self._throttle.squeeze(fault.about("table"), None)


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
        self._troubles.add(fault.about("function"), fault)
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
        self._troubles.add(fault.about("bucket"), fault)
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
