"""One execution environment of a function, seen from the runtime: a child process and the pipes to it.

Payloads and answers lie in two files in memory that both processes have open, so that megabytes pass in one piece. A
request is announced on the child's standard input, an answer on a pipe of its own; what the function prints goes to
the log file and cannot be mistaken for an answer. The child ends when its input is closed, so also when the runtime
dies.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHILD = Path(__file__).with_name("function_child.py")
_HEAD = struct.Struct(">II")
_SLICE = 1.0


@dataclass(frozen=True)
class Reply:
    """An answer, or the error document that stands for one."""

    payload: bytes
    error: str | None
    memory_mb: int = 0


def failure(kind: str, message: str) -> Reply:
    """The answer of a function that could not give one."""
    return Reply(json.dumps({"errorType": kind, "errorMessage": message}).encode(), "Unhandled")


class FunctionProcess:
    """A started child. One exchange at a time; `stop` may be called from another thread."""

    def __init__(self, arn: str, root: Path, environment: Mapping[str, str], log: Path) -> None:
        answers, child_end = os.pipe()
        self._answers = answers
        self._payload, self._answer = _shared("payload"), _shared("answer")
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_CHILD), str(child_end), str(self._payload), str(self._answer), arn],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(child_end, self._payload, self._answer),
                env=dict(environment),
                cwd=root,
                start_new_session=True,
            )
        os.close(child_end)
        self.init_ms = 0.0
        self._closing = threading.Lock()
        self._closed = False
        assert self._child.stdin is not None
        self._stdin = self._child.stdin
        self._input = self._stdin.fileno()

    @property
    def alive(self) -> bool:
        return not self._closed and self._child.poll() is None

    def exchange(self, request_id: str, payload: bytes, timeout: float, each_second: Callable[[], None]) -> Reply:
        """Send a request and wait for the answer; on a time-out or a death the child is gone afterwards."""
        now = time.time()
        meta = json.dumps({"id": request_id, "deadline_ms": int((now + timeout) * 1000)}).encode()
        try:
            _write(self._payload, payload)
            os.write(self._input, _HEAD.pack(len(meta), len(payload)) + meta)
            told, size = self._announced(time.monotonic() + timeout, each_second)
        except TimeoutError:
            self.stop()
            return failure(
                "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            )
        except (BrokenPipeError, EOFError):
            how = self._how_it_ended()
            self.stop()
            return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {how}")
        self.init_ms = told["init_ms"]
        return Reply(_read(self._answer, size), told["error"], told["memory_mb"])

    def _announced(self, deadline: float, each_second: Callable[[], None]) -> tuple[dict[str, Any], int]:
        """What the child says of its answer, and the answer's size. Raises TimeoutError, EOFError."""
        announced = b""
        missing = _HEAD.size
        ready = select.poll()  # not select(): a descriptor may be above 1023
        ready.register(self._answers, select.POLLIN)
        while missing > 0:
            now = time.monotonic()
            if now >= deadline:
                raise TimeoutError
            if not ready.poll(min(deadline - now, _SLICE) * 1000):
                each_second()
                continue
            chunk = os.read(self._answers, 4096)
            if not chunk:
                raise EOFError
            announced += chunk
            if len(announced) >= _HEAD.size:
                missing = _HEAD.size + _HEAD.unpack_from(announced)[0] - len(announced)
        return json.loads(announced[_HEAD.size :]), _HEAD.unpack_from(announced)[1]

    def _how_it_ended(self) -> str:
        try:
            code = self._child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        if code < 0:
            return f"signal: {signal.Signals(-code).name}"
        return f"exit status {code}"

    def stop(self) -> None:
        """End the child and whatever it started; at once, since nothing in it is worth keeping."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            # It may have ended by itself, with everything it started.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def close(self) -> None:
        """End the child and close the pipes. Only for the thread that exchanges."""
        self.stop()
        # What was left unsent to a child that is gone is of no use to anybody.
        with suppress(OSError):
            self._stdin.close()
        for end in (self._answers, self._payload, self._answer):
            os.close(end)


def _shared(name: str) -> int:
    """The descriptor of a file in memory (where there is no such thing, of a nameless file on the disk)."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write(descriptor: int, data: bytes) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, memoryview(data)[done:], done)


def _read(descriptor: int, size: int) -> bytes:
    data = os.pread(descriptor, size, 0)
    while len(data) < size:
        data += os.pread(descriptor, size - len(data), len(data))
    return data
