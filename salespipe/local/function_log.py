"""The log of a function: what it prints, between START, END and REPORT lines, in one file of bounded size.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import math
from pathlib import Path

from salespipe.local.log_file import turn_over

MAX_BYTES = 5 * 1024 * 1024
TAIL_BYTES = 4096
"""What `LogType: Tail` returns: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""


class FunctionLog:
    """Appends to `path`. Past MAX_BYTES the file becomes `<path>.1` and begins anew, for open writers as well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def begin(self, request_id: str) -> int:
        """Write START; return where this invocation's part begins."""
        self.bound()
        mark = self.path.stat().st_size
        self._write(f"START RequestId: {request_id} Version: $LATEST\n")
        return mark

    def end(self, request_id: str, duration_ms: float, memory_mb: int, used_mb: int, init_ms: float | None) -> None:
        """Write END and REPORT; `init_ms` is given for the first invocation of an environment."""
        init = "" if init_ms is None else f"\tInit Duration: {init_ms:.2f} ms"
        self._write(
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {math.ceil(duration_ms)} ms\tMemory Size: {memory_mb} MB\t"
            f"Max Memory Used: {used_mb} MB{init}\n"
        )

    def tail(self, mark: int) -> str:
        """The last 4 KB of what was written since `mark`."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(min(mark, size), size - TAIL_BYTES, 0))
            return file.read().decode(errors="replace")

    def bound(self) -> None:
        """Turn the file over when it is too large. The function's process writes in append mode and goes on at 0."""
        turn_over(self.path, MAX_BYTES)

    def _write(self, text: str) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode())
