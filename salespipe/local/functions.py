"""Deployed Lambda functions, each run in a process of its own from the deployed zip, as Lambda runs it.

One execution environment per function: it stays warm, calls to it queue, and it is replaced when the code or the
configuration changed, when a call timed out or when it died. AWS would run queued calls side by side.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from salespipe.local.errors import AwsError
from salespipe.local.function_log import FunctionLog
from salespipe.local.function_process import FunctionProcess, failure
from salespipe.local.stores.metrics import Metrics
from salespipe.local.trouble import Storage

log = logging.getLogger(__name__)

_BACKGROUND = 4
MAX_PAYLOAD = 6 * 1024 * 1024
"""Bytes of a synchronous request or response.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


@dataclass(frozen=True)
class DeployedFunction:
    """A function as the control plane has it; `sha256` is the code's digest in whatever form the control plane uses."""

    name: str
    arn: str
    handler: str
    runtime: str
    timeout_s: int
    memory_mb: int
    zip_bytes: bytes = field(repr=False)
    sha256: str
    environment: dict[str, str]


Lookup = Callable[[str, str], DeployedFunction]
"""Takes a region and a function's name or ARN. Raises AwsError (ResourceNotFoundException)."""


@dataclass(frozen=True)
class Invocation:
    """What an invocation gave: the payload, `Unhandled` if it failed, the end of its log, and its milliseconds."""

    payload: bytes
    error: str | None
    log_tail: str
    duration_ms: float


class Functions:
    """Every execution environment of this runtime. `environment` is what all functions see besides their own."""

    def __init__(
        self,
        home: Path,
        lookup: Lookup,
        *,
        environment: Mapping[str, str] | None = None,
        metrics: Metrics | None = None,
        storage: Storage | None = None,
    ) -> None:
        self._home = home
        self._storage = storage or Storage(home)
        self._lookup = lookup
        self._common = dict(environment or {})
        self._metrics = metrics
        self.instead: Callable[[DeployedFunction], Invocation | None] | None = None
        """Asked before a function is called, while set: what comes of the call instead, None to make it."""
        self._environments: dict[tuple[str, str], _Environment] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._background = ThreadPoolExecutor(_BACKGROUND, thread_name_prefix="invocation")

    def invoke(self, region: str, name: str, payload: bytes) -> Invocation:
        """Call a function and wait for it. A failure of the function is a result; a missing one raises AwsError."""
        if len(payload) > MAX_PAYLOAD:
            raise AwsError(
                "RequestEntityTooLargeException",
                f"{len(payload)} byte payload is too large for the RequestResponse invocation type "
                f"(limit {MAX_PAYLOAD} bytes)",
                413,
            )
        function = self._lookup(region, name)
        instead = self.instead  # which may be taken away at any moment
        if instead is not None and (made := instead(function)) is not None:
            self._count(function.name, made)
            return made
        with self._lock:
            if self._stopping.is_set():
                raise AwsError("ServiceException", "the runtime is stopping", 500)
            key = (region, function.name)
            environment = self._environments.get(key)
            if environment is None:
                log = FunctionLog(self._home / "logs" / "lambda" / f"{function.name}.log")
                folder = self._home / "functions"
                environment = self._environments[key] = _Environment(region, folder, log, self._common)
        made = environment.invoke(function, payload)
        self._count(function.name, made)
        return made

    def invoke_later(self, region: str, name: str, payload: bytes) -> None:
        """Call a function in the background; one that fails is called twice more, a second later and two (on AWS a
        minute and two). Raises AwsError if there is no such function.
        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
        self.require(region, name)
        self._background.submit(self._until_it_succeeds, region, name, payload)

    def require(self, region: str, name: str) -> None:
        """Raise AwsError if there is no such function."""
        self._lookup(region, name)

    def _until_it_succeeds(self, region: str, name: str, payload: bytes) -> None:
        try:
            for pause in (1, 2, 0):
                made = self._storage.insist(lambda: self.invoke(region, name, payload), self._stopping)
                if made.error is None or self._stopping.wait(pause):
                    return
        except AwsError as error:
            # Deleted or stopped meanwhile: nobody waits for an answer.
            log.warning("asynchronous invocation of %s came to nothing: %s", name, error)
        except Exception:
            log.exception("asynchronous invocation of %s", name)

    def _count(self, name: str, made: Invocation) -> None:
        if self._metrics is None:
            return
        values = {"Invocations": 1, "Errors": 0 if made.error is None else 1, "Duration": made.duration_ms}
        self._metrics.add_all("AWS/Lambda", values, {"FunctionName": name})

    def refresh(self) -> None:
        """End the environments of functions that are gone. Call it after a change of the control plane."""
        with self._lock:
            running = list(self._environments.items())
        for (region, name), environment in running:
            try:
                self._lookup(region, name)
            except AwsError:
                with self._lock:
                    self._environments.pop((region, name), None)
                environment.stop()

    def sweep(self, deployed: Container[str]) -> None:
        """Remove the unpacked code that no function has: `deployed` holds the digests of code, in hexadecimal, that
        one has. Call it before anything is invoked."""
        folder = self._home / "functions"
        for code in folder.iterdir() if folder.is_dir() else ():
            if code.name not in deployed:
                shutil.rmtree(code)

    def stop(self) -> None:
        """End every process, also those that are at work; later calls raise AwsError."""
        with self._lock:
            self._stopping.set()
            running = list(self._environments.values())
            self._environments.clear()
        for environment in running:
            environment.stop()
        self._background.shutdown(cancel_futures=True)


class _Environment:
    """The process of one function, and what it was started from."""

    def __init__(self, region: str, folder: Path, log: FunctionLog, common: Mapping[str, str]) -> None:
        self._region = region
        self._folder = folder
        self._log = log
        self._common = common
        self._turn = threading.Lock()
        self._process: FunctionProcess | None = None
        self._started_from: DeployedFunction | None = None
        self._stopped = False

    def invoke(self, function: DeployedFunction, payload: bytes) -> Invocation:
        with self._turn:
            if self._stopped:
                raise AwsError("ServiceException", "the function's environment is being ended", 500)
            request_id = str(uuid.uuid4())
            mark = self._log.begin(request_id)
            cold = self._started_from != _without_code(function) or self._process is None
            process = self._warm(function)
            began = time.monotonic()
            reply = process.exchange(request_id, payload, function.timeout_s, self._log.bound)
            duration = (time.monotonic() - began) * 1000
            if len(reply.payload) > MAX_PAYLOAD:
                reply = failure(
                    "Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes).",
                )
            if not process.alive:
                self._drop()
            self._log.end(request_id, duration, function.memory_mb, reply.memory_mb, process.init_ms if cold else None)
            return Invocation(reply.payload, reply.error, self._log.tail(mark), duration)

    def _warm(self, function: DeployedFunction) -> FunctionProcess:
        wanted = _without_code(function)
        if self._process is not None and self._started_from != wanted:
            self._drop()
        if self._process is None:
            root = unpack(function.zip_bytes, self._folder)
            environment = {**self._common, **_variables(function, self._region, root), **function.environment}
            self._process = FunctionProcess(function.arn, root, environment, self._log.path)
            self._started_from = wanted
            if self._stopped:
                self._process.stop()
        return self._process

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def stop(self) -> None:
        """End the process; a call that it is busy with comes back as failed, later ones raise AwsError."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.stop()
        with self._turn:
            self._drop()


def _without_code(function: DeployedFunction) -> DeployedFunction:
    """What makes an environment another one: the digest stands for the code."""
    return replace(function, zip_bytes=b"")


def unpack(zip_bytes: bytes, folder: Path) -> Path:
    """The folder with the content of a zip, named by its digest; unpacked once, whole or not at all."""
    root = folder / hashlib.sha256(zip_bytes).hexdigest()
    if not root.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{root.name}.{uuid.uuid4().hex}.part"
        try:
            with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
                archive.extractall(unfinished)
            unfinished.rename(root)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            # There is one if another environment with the same code was quicker.
            if not root.is_dir():
                raise
    return root


def _variables(function: DeployedFunction, region: str, root: Path) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (defined runtime variables)."""
    return {
        "_HANDLER": function.handler,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local/[$LATEST]",
        "AWS_REGION": region,
        "LAMBDA_RUNTIME_DIR": str(root),
        "LAMBDA_TASK_ROOT": str(root),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
    }
