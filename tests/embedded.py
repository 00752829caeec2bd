"""The embedded runtime inside the test's own process, with clients for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salespipe.aws.clients import Clients
from salespipe.local.limits.throttle import Throttle
from salespipe.local.process import Runtime
from salespipe.local.stores import Stores
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.aws import new_session


class Embedded:
    """A runtime over `home`; `restart` is a stop in order followed by a start over the same home."""

    def __init__(self, home: Path, throttle: Throttle | None = None) -> None:
        self.home = home
        self._throttle = throttle

    def start(self) -> None:
        self.runtime = Runtime(self.home, self._throttle)
        self.runtime.start()
        self.clients = Clients(new_session(), self.endpoint)

    def stop(self) -> None:
        self.clients.close()
        self.runtime.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def endpoint(self) -> str:
        return self.runtime.endpoint

    @property
    def stores(self) -> Stores:
        return self.runtime.stores

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def pipeline(self, name: str = "sales") -> Pipeline:
        """A pipeline's names and settings; nothing is created."""
        return Pipeline(self.clients, Names(name, self.clients.account, self.clients.region), BY_TARGET["local"])
