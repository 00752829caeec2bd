"""Clients that answer from a script, for what a service does that no emulation does: fail late, or be stuck."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from salespipe.aws.clients import Clients


class Script:
    """`answers` by operation: a list is given one by one, its last for ever; an exception is raised, a callable called.

    Every service is this one object. An operation without an answer returns {}; `calls` is what was called.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.calls: list[str] = []

    def client(self, service: str) -> Any:
        return self

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**params: Any) -> Any:
            self.calls.append(operation)
            answer = self.answers.get(operation, {})
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if isinstance(answer, ClientError):
                raise answer
            return answer(**params) if callable(answer) else answer

        return call

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(self.answers.get(operation, {}))

    @property
    def clients(self) -> Clients:
        return cast(Clients, self)


class Paginator:
    """One page: the answer."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def paginate(self, **_: Any) -> list[Any]:
        return [self.page]
