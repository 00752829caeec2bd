"""The loop around a poller: waking, resting, failing, stopping."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from salespipe.local.stores.bell import Bell
from salespipe.local.workers.worker import Worker


class Scripted:
    """A poller that does what the test says and tells when it has been called."""

    topic = "topic"

    def __init__(self) -> None:
        self.act: Callable[[], float] = lambda: 60.0
        self.calls = 0
        self.called = threading.Condition()

    def poll(self) -> float:
        with self.called:
            self.calls += 1
            self.called.notify_all()
        return self.act()

    def wait_for(self, calls: int) -> None:
        with self.called:
            assert self.called.wait_for(lambda: self.calls >= calls, 5)


@pytest.fixture
def poller() -> Scripted:
    return Scripted()


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def worker(poller: Scripted, bell: Bell) -> Iterator[Worker]:
    made = Worker("w", poller, bell, threading.Event())
    yield made
    made.signal()
    made.join()


def test_it_rests_until_the_bell_rings(worker: Worker, poller: Scripted, bell: Bell) -> None:
    worker.start()
    poller.wait_for(1)
    began = time.monotonic()
    bell.ring("another")
    bell.ring("topic")
    poller.wait_for(2)
    assert time.monotonic() - began < 1
    assert poller.calls == 2


def test_a_ring_during_a_poll_is_not_missed(worker: Worker, poller: Scripted, bell: Bell) -> None:
    def rung() -> float:
        if poller.calls == 1:
            bell.ring("topic")
        return 60.0

    poller.act = rung
    worker.start()
    poller.wait_for(2)


def test_more_to_do_is_done_at_once(worker: Worker, poller: Scripted) -> None:
    poller.act = lambda: 0.0 if poller.calls < 1000 else 60.0
    worker.start()
    poller.wait_for(1000)


def test_it_looks_again_when_the_time_is_up(worker: Worker, poller: Scripted) -> None:
    poller.act = lambda: 0.01
    worker.start()
    poller.wait_for(3)


def test_an_error_shows_is_logged_once_and_passes(
    worker: Worker, poller: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_three_times() -> float:
        if poller.calls <= 3:
            assert worker.error == (None if poller.calls == 1 else "ValueError: no bucket")
            raise ValueError("no bucket")
        return 0.001

    poller.act = fails_three_times
    began = time.monotonic()
    with caplog.at_level(logging.ERROR):
        worker.start()
        poller.wait_for(5)
    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
    assert worker.error is None
    assert [record.message for record in caplog.records] == ["w: ValueError: no bucket"]


@pytest.mark.parametrize("state", ["resting", "failing", "busy"])
def test_it_stops_at_once(worker: Worker, poller: Scripted, state: str) -> None:
    def act() -> float:
        if state == "failing":
            raise ValueError("again")
        return 60.0 if state == "resting" else 0.0

    poller.act = act
    worker.start()
    poller.wait_for(1)
    began = time.monotonic()
    worker.signal()
    worker.join()
    assert time.monotonic() - began < 0.5
