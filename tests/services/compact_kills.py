"""Killing a compaction at any of its changing calls, as far as the services can tell: nothing reaches them any more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from salespipe.aws.clients import Clients
from salespipe.services.compact import state
from salespipe.services.pipeline import Pipeline

CHANGING = frozenset(
    {
        "BatchCreatePartition", "BatchDeletePartition", "BatchUpdatePartition", "CreateTable", "DeleteObject",
        "DeleteObjects", "DeleteTable", "PutObject", "StartQueryExecution", "StopQueryExecution", "UpdateCrawler",
        "UpdateTable",
    }
)  # fmt: skip


class Killed(BaseException):
    """The process is gone: no call of it arrives."""


class Killer:
    """Kills at the first changing call for which `at`, given the names of all until then, is true: before it arrives,
    or `after` it was done."""

    def __init__(self, at: Callable[[list[str]], bool], *, after: bool) -> None:
        self.at = at
        self.after = after
        self.dead = False
        self.seen: list[str] = []

    def watch(self, p: Pipeline) -> None:
        for service in ("s3", "glue", "athena"):
            events = p.aws.client(service).meta.events
            events.register_first(f"before-call.{service}", self._before)
            events.register_last(f"after-call.{service}", self._after)

    def _before(self, model: Any, **_: Any) -> None:
        if self.dead:
            raise Killed
        if model.name in CHANGING:
            self.seen.append(model.name)
            self._strike(not self.after)

    def _after(self, model: Any, **_: Any) -> None:
        if model.name in CHANGING:
            self._strike(self.after)

    def _strike(self, now: bool) -> None:
        if now and self.at(self.seen):
            self.dead = True
            raise Killed


@contextmanager
def as_another_process(p: Pipeline) -> Iterator[Pipeline]:
    """The same pipeline with clients of its own, and a lock that names a process which has ended."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    clients = Clients(p.aws.session, p.aws.endpoint_url)
    mine = state._owner
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "_owner", lambda: {**mine(), "pid": gone.pid})
        try:
            yield Pipeline(clients, p.names, p.settings)
        finally:
            clients.close()
