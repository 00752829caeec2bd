"""The inside of an execution environment: runs in the function's own process, on the standard library alone.

Started as a script (never imported): `function_child.py <announcements> <payload> <answer> <function ARN>`, the first
three being descriptors, with the function's folder as the working directory. Requests are announced on standard input
until it is closed: the payload lies in the one file then, and the answer is put into the other before it is announced.
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html, python-exceptions.html
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import json
import logging
import os
import resource
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_HEAD = struct.Struct(">II")
_GRACE_SECONDS = 5
_STARTED = time.monotonic()


class Context:
    """The second argument of a handler."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline_ms: int, arn: str) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        return max(int(self._deadline_ms - time.time() * 1000), 0)

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Lines as Lambda's Python runtime formats them, with the id of the request at hand."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = self.request_id
        return super().format(record)


class _Output(io.FileIO):
    """What a function prints. A disk that does not take it is no failure of the function, as on AWS."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


class LoadError(Exception):
    """The handler cannot be had: `kind` is the error type that Lambda reports."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def load(handler: str, root: str) -> Callable[[Any, Context], Any]:
    """The function behind `module.name`. Raises LoadError; whatever the module itself raises passes through."""
    module_name, _, name = handler.rpartition(".")
    sys.path.insert(0, root)
    if not Path(root, "salespipe").exists():
        # This interpreter may have it installed; on AWS only what is in the zip is there.
        sys.modules["salespipe"] = None  # type: ignore[assignment]
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise LoadError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    try:
        found: Callable[[Any, Context], Any] = getattr(module, name)
    except AttributeError as error:
        raise LoadError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'") from error
    return found


def error_document(error: BaseException, request_id: str) -> bytes:
    """The payload of a failed invocation."""
    frames = traceback.extract_tb(error.__traceback__)
    document = {
        "errorMessage": str(error),
        "errorType": error.kind if isinstance(error, LoadError) else type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list([frame for frame in frames if frame.filename != __file__]),
    }
    sys.stderr.write(f"[ERROR] {document['errorType']}: {document['errorMessage']}\n")
    sys.stderr.writelines(["Traceback (most recent call last):\n", *document["stackTrace"]])
    return json.dumps(document).encode()


def read_exactly(source: BinaryIO, size: int) -> bytes:
    """`size` bytes; ends the process when the other side is gone."""
    data = source.read(size)
    if len(data) < size:
        os._exit(0)
    return data


def read_all(descriptor: int, size: int) -> bytes:
    """The first `size` bytes of a shared file."""
    data = os.pread(descriptor, size, 0)
    while len(data) < size:
        data += os.pread(descriptor, size - len(data), len(data))
    return data


def write_all(descriptor: int, data: bytes) -> None:
    """Put `data` at the beginning of a shared file."""
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, memoryview(data)[done:], done)


def main(announcements: int, payloads: int, answers: int, arn: str) -> None:
    """Serve requests for ever."""
    requests = os.fdopen(os.dup(0), "rb", buffering=4096)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Output(1, "wb")), "utf-8", "backslashreplace", line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(_Output(2, "wb")), "utf-8", "backslashreplace", line_buffering=True)
    log = LogHandler(sys.stdout)
    log.setFormatter(
        logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )
    )
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(log)
    handler: Callable[[Any, Context], Any] | None = None
    init_ms = 0.0
    while True:
        meta_size, payload_size = _HEAD.unpack(read_exactly(requests, _HEAD.size))
        meta = json.loads(read_exactly(requests, meta_size))
        payload = read_all(payloads, payload_size)
        log.request_id = meta["id"]
        context = Context(meta["id"], meta["deadline_ms"], arn)
        # Should the runtime die meanwhile, nobody else ends a handler that hangs.
        faulthandler.dump_traceback_later(context.get_remaining_time_in_millis() / 1000 + _GRACE_SECONDS, exit=True)
        failed = None
        try:
            if handler is None:
                handler = load(os.environ["_HANDLER"], os.environ["LAMBDA_TASK_ROOT"])
                init_ms = (time.monotonic() - _STARTED) * 1000
            result = handler(json.loads(payload) if payload else None, context)
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
            failed, body = "Unhandled", error_document(error, meta["id"])
        else:
            try:
                body = json.dumps(result, ensure_ascii=False).encode()
            except (TypeError, ValueError) as error:
                wrapped = LoadError("Runtime.MarshalError", f"Unable to marshal response: {error}")
                failed, body = "Unhandled", error_document(wrapped, meta["id"])
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.flush()
        sys.stderr.flush()
        used_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told = json.dumps({"error": failed, "init_ms": init_ms, "memory_mb": used_kb // 1024}).encode()
        write_all(answers, body)
        os.write(announcements, _HEAD.pack(len(told), len(body)) + told)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
