"""One execution environment of a function, seen from the runtime: a child process and the pipes to it.

Requests go to the child's standard input, answers come on a pipe of their own; what the function prints goes to the
log file and cannot be mistaken for an answer. The child ends when its input is closed, so also when the runtime dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CHILD = Path(__file__).with_name("function_child.py")
_HEAD = struct.Struct(">II")
_PIPE_BYTES = 1024 * 1024
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
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_CHILD), str(child_end), arn],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(child_end,),
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
        for end in (self._input, self._answers):
            os.set_blocking(end, False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @property
    def alive(self) -> bool:
        return not self._closed and self._child.poll() is None

    def exchange(self, request_id: str, payload: bytes, timeout: float, each_second: Callable[[], None]) -> Reply:
        """Send a request and wait for the answer; on a time-out or a death the child is gone afterwards."""
        now = time.time()
        meta = json.dumps({"id": request_id, "deadline_ms": int((now + timeout) * 1000)}).encode()
        wanted = _HEAD.pack(len(meta), len(payload)) + meta + payload
        try:
            answer = self._transfer(wanted, time.monotonic() + timeout, each_second)
        except TimeoutError:
            self.stop()
            return failure(
                "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            )
        except (BrokenPipeError, EOFError):
            how = self._how_it_ended()
            self.stop()
            return failure("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {how}")
        size, _ = _HEAD.unpack_from(answer)
        told = json.loads(answer[_HEAD.size : _HEAD.size + size])
        self.init_ms = told["init_ms"]
        return Reply(bytes(memoryview(answer)[_HEAD.size + size :]), told["error"], told["memory_mb"])

    def _transfer(self, request: bytes, deadline: float, each_second: Callable[[], None]) -> bytearray:
        """Write the request while reading the answer, so that neither side can block the other."""
        rest = memoryview(request)
        answer = bytearray()
        missing = _HEAD.size
        next_look = time.monotonic() + _SLICE
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._input, selectors.EVENT_WRITE)
            while missing > 0:
                now = time.monotonic()
                if now >= deadline:
                    raise TimeoutError
                if now >= next_look:
                    each_second()
                    next_look = now + _SLICE
                for key, _ in selector.select(min(deadline, next_look) - now):
                    if key.fd == self._input:
                        rest = rest[os.write(self._input, rest[:_PIPE_BYTES]) :]
                        if not rest:
                            selector.unregister(self._input)
                    else:
                        chunk = os.read(self._answers, _PIPE_BYTES)
                        if not chunk:
                            raise EOFError
                        answer += chunk
                        if len(answer) >= _HEAD.size:
                            missing = _HEAD.size + sum(_HEAD.unpack_from(answer)) - len(answer)
        return answer

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
        os.close(self._answers)
