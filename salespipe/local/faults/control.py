"""The commands' side of the runtime's faults and limits: asks over HTTP, and kills. Imports neither moto nor duckdb."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from salespipe.local.faults.registry import FaultError
from salespipe.local.runtime import Running, alive

_SECONDS = 30
_GONE_SECONDS = 10.0


class Control:
    """The faults of one scope, which is a pipeline, in one running runtime. Raises FaultError for what is refused and
    OSError when the runtime does not answer."""

    def __init__(self, running: Running, scope: str, resources: Mapping[str, str]) -> None:
        self._running = running
        self._scope = scope
        self._resources = dict(resources)

    def active(self) -> tuple[str, list[dict[str, Any]]]:
        """The limits as text, and each active fault (see `Registry.active`)."""
        told = ask(self._running, "GET", f"faults?{urlencode({'scope': self._scope})}")
        return told["limits"], told["faults"]

    def start(self, name: str, seconds: float | None, options: Mapping[str, float]) -> dict[str, Any]:
        """Begin a fault and describe it."""
        wanted = {"start": name, "scope": self._scope, "resources": self._resources, "seconds": seconds}
        return ask(self._running, "POST", "faults", {**wanted, "options": dict(options)})

    def stop(self, name: str | None) -> list[str]:
        """End one fault or all; the names of those that were active."""
        stopped: list[str] = ask(self._running, "POST", "faults", {"stop": name, "scope": self._scope})["stopped"]
        return stopped

    def kill(self) -> None:
        """End the runtime as a crash would (SIGKILL), and wait until it is gone."""
        pid = self._running.pid
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _GONE_SECONDS
        while alive(pid):
            if time.monotonic() > deadline:
                raise FaultError(f"process {pid} was killed and is still there")
            time.sleep(0.01)


def set_limits(running: Running, text: str) -> str:
    """Give the runtime other throughput limits; returns them as it reads them."""
    return str(ask(running, "POST", "limits", {"limits": text})["limits"])


def ask(running: Running, method: str, path: str, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One request to the runtime's own operations (`admin.py`). Raises FaultError, OSError."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=_SECONDS)
    try:
        body = None if document is None else json.dumps(document)
        connection.request(method, f"/_salespipe/{path}", body)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"the local runtime gave no answer: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise FaultError(str(answer.get("error", f"status {response.status}")))
    return answer
