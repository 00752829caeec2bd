"""A resource kind over a dict, with the real interface, that records every call made on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from salespipe.aws.clients import Clients
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from salespipe.stack.resource import Found, Resource, Seen, Values

NAMES = Names("sales", "123456789012", "us-east-1")


class Fake(Resource):
    """`stands` is the resource as AWS would have it; `calls` is shared to see the order over several.

    What a call leaves is the first of `after_create`, `after_update` or `after_delete`, else what was asked for;
    `reads` are given one by one before `stands` is.
    """

    kind = "fake"
    awaited = True
    exists_codes = frozenset({"Exists"})

    def __init__(self, name: str, calls: list[str], wanted: Values | None = None) -> None:
        super().__init__(cast(Clients, None), NAMES, BY_TARGET["local"])
        self.called = name
        self.calls = calls
        self.wanted = dict(wanted or {"size": 1})
        self.stands: Found | None = None
        self.before_create: Callable[[], None] = lambda: None
        self.before_delete: Callable[[], None] = lambda: None
        self.after_create: list[Found] = []
        self.after_update: list[Found] = []
        self.after_delete: list[Found] = []
        self.reads: list[Found] = []
        self.haste = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self.called

    def desired(self, seen: Seen) -> dict[str, Any]:
        return dict(self.wanted)

    def read(self) -> Found | None:
        with self._lock:
            return self.reads.pop(0) if self.reads else self.stands

    def create(self, desired: Values) -> None:
        self.calls.append(f"create {self.name}")
        self.before_create()
        with self._lock:
            if self.stands is not None:
                raise client_error("Exists")
            self.stands = self.after_create.pop(0) if self.after_create else self.standing(desired)

    def update(self, desired: Values, found: Found) -> None:
        self.calls.append(f"update {self.name}")
        self.stands = self.after_update.pop(0) if self.after_update else self.standing(desired)

    def delete(self) -> None:
        self.calls.append(f"delete {self.name}")
        self.before_delete()
        self.stands = self.after_delete.pop(0) if self.after_delete else None

    def transient(self, reason: str) -> bool:
        return bool(self.haste) and self.haste in reason

    def standing(self, settings: Mapping[str, Any] | None = None) -> Found:
        return Found(dict(self.wanted if settings is None else settings), self.names.tags)


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
