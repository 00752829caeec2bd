"""How long the demo waits for delivery, with a target that counts exactly, one that counts late, and one that hangs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from salespipe.errors import TransientError
from salespipe.services.demo import delivered
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names


class Counting:
    """The clients of a target whose metrics move on with every look; no error objects."""

    def __init__(self, looks: Iterator[dict[str, int]]) -> None:
        self._looks = looks

    def client(self, service: str) -> Counting:
        return self

    def describe_table(self, TableName: str) -> dict[str, Any]:
        return {"Table": {"TableStatus": "ACTIVE", "CreationDateTime": datetime.now(UTC)}}

    def get_metric_data(self, MetricDataQueries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        now = next(self._looks)
        return {
            "MetricDataResults": [
                {"Id": query["Id"], "Values": [float(now[query["Id"]])] if query["Id"] in now else []}
                for query in MetricDataQueries
            ]
        }

    def get_paginator(self, operation: str) -> Counting:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{}]


def pipeline(*looks: dict[str, int], then: dict[str, int]) -> Pipeline:
    def forever() -> Iterator[dict[str, int]]:
        yield from looks
        while True:
            yield then

    names = Names("sales", "123456789012", "us-east-1")
    return Pipeline(cast(Any, Counting(forever())), names, replace(BY_TARGET["local"], buffer_seconds=10))


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def exact(changes: int, arrived: int) -> dict[str, int]:
    moved = {"piped": changes, "incoming": changes, "processed": arrived, "delivered": arrived}
    return {"changes": changes, **moved}


def test_an_exact_target_is_waited_for_until_nothing_is_in_flight() -> None:
    clock = Clock()
    p = pipeline(exact(100, 0), exact(100, 0), exact(100, 60), exact(100, 60), then=exact(100, 100))
    waits = list(delivered(p, 100, 0, clock=clock, sleep=clock.sleep))
    assert [wait.in_flight for wait in waits] == [100, 40, 0]
    assert [wait.seconds for wait in waits] == [0.0, 1.0, 2.0]


def test_a_target_that_cannot_tell_is_waited_for_until_the_records_arrived() -> None:
    clock = Clock()
    late = {"delivered": 50}
    p = pipeline(late, late, {"delivered": 149}, {"delivered": 149}, then={"delivered": 150})
    waits = list(delivered(p, 100, 50, clock=clock, sleep=clock.sleep))
    assert [wait.in_flight for wait in waits] == [None, None, None]


def test_an_old_dead_letter_holds_nothing_up() -> None:
    clock = Clock()
    stuck = {"changes": 101, "piped": 100, "incoming": 100, "processed": 100, "delivered": 100}
    assert len(list(delivered(pipeline(then=stuck), 100, 0, clock=clock, sleep=clock.sleep))) == 1


def test_what_never_arrives_ends_in_an_error_that_says_how_much() -> None:
    clock = Clock()
    with pytest.raises(TransientError, match="30 change events") as caught:
        list(delivered(pipeline(then=exact(100, 70)), 100, 0, clock=clock, sleep=clock.sleep))
    assert "salespipe status" in caught.value.hint
    assert clock.now > 120
