"""The writer, over a fake table with AWS's rules and a fake clock: pace, order, retries, the ends of a run."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from random import Random
from types import FrameType
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from salespipe.cli import shell
from salespipe.errors import AccessError, NotThereError, SalespipeError, TransientError, UsageError
from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from salespipe.services import apart
from salespipe.services import write as write_module
from salespipe.services.batches import BatchSender
from salespipe.services.write import WriteProgress, WriteResult, check_limits, write
from tests.services.faketable import FakeClock, FakeTable, Request, client_error


def orders(count: int | None = None) -> Iterator[Operation]:
    return islice(simulate(7), count)


def result_of(events: Iterator[WriteProgress | WriteResult]) -> WriteResult:
    *progress, last = events
    assert isinstance(last, WriteResult)
    assert not any(isinstance(event, WriteResult) for event in progress)
    return last


def total(result: WriteProgress) -> int:
    return result.inserted + result.updated + result.deleted


class Interrupts:
    """Ctrl-C, which does something only while it is armed, so that it never strikes the test itself."""

    armed = False

    def handle(self, number: int, frame: object) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    def strike(self) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    interrupts = Interrupts()
    before = signal.signal(signal.SIGINT, interrupts.handle)
    yield interrupts
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("rate", [0.2, 1 / 3, 1, 7, 19, 50, 333, 500, 2_000])
def test_the_rate_is_held_and_nothing_comes_early(rate: float) -> None:
    clock, taken = FakeClock(), list[float]()

    def watched() -> Iterator[Operation]:
        for operation in orders():
            taken.append(clock() - 1_000)
            yield operation

    count = max(5, int(rate * 3))
    result = result_of(write(FakeTable().pipeline(), watched(), rate=rate, count=count, clock=clock, sleep=clock.sleep))

    assert total(result) == count
    assert result.rate == pytest.approx(rate, rel=0.001)
    for index, moment in enumerate(taken[:count]):
        assert index / rate - 1e-9 <= moment <= index / rate + (0.0501 if rate >= 20 else 1e-6)


def test_time_that_was_lost_is_caught_up() -> None:
    clock = FakeClock()

    def stalling() -> Iterator[Operation]:
        for index, operation in enumerate(orders()):
            if index == 100:
                clock.sleep(1.5)
            yield operation

    result = result_of(write(FakeTable().pipeline(), stalling(), rate=100, count=500, clock=clock, sleep=clock.sleep))

    assert result.seconds == pytest.approx(5, abs=0.01)


def test_a_duration_ends_the_run() -> None:
    clock = FakeClock()
    result = result_of(write(FakeTable().pipeline(), orders(), rate=40, duration=3, clock=clock, sleep=clock.sleep))

    assert (total(result), result.seconds) == (120, 3)


def test_progress_comes_about_twice_a_second() -> None:
    clock = FakeClock()
    events = list(write(FakeTable().pipeline(), orders(), rate=0.5, count=5, clock=clock, sleep=clock.sleep))

    assert len(events) == pytest.approx(20, abs=2)
    assert [total(event) for event in events] == sorted(total(event) for event in events)


def test_without_a_rate_batches_are_full() -> None:
    table = FakeTable()
    result = result_of(write(table.pipeline(), orders(5_000)))

    assert total(result) == table.writes == 5_000
    assert sum(size == 25 for size in table.batches) > 0.8 * 5_000 / 25


def test_every_orders_changes_arrive_in_their_order_though_many_come_back() -> None:
    dice = Random(3)
    table = FakeTable(lambda requests: [request for request in requests if dice.random() < 0.2])
    result = result_of(write(table.pipeline(), orders(6_000), sleep=lambda seconds: None))

    assert table.history == expected_history(orders(6_000))
    assert total(result) == 6_000
    assert result.retried > 600


def test_many_changes_of_one_order_stay_in_order() -> None:
    first = next(orders()).order
    changes = [Operation("update", replace(first, quantity=number)) for number in range(1, 200)]
    table = FakeTable()
    result_of(write(table.pipeline(), iter(changes)))

    assert table.history == expected_history(iter(changes))
    assert set(table.batches) == {1}


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_table_that_is_busy_is_asked_again_after_growing_pauses(code: str) -> None:
    clock, pauses, refusals = FakeClock(), list[float](), iter(range(5))

    def busy(requests: list[Request]) -> list[Request]:
        if next(refusals, None) is not None:
            raise client_error(code)
        return []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.sleep(seconds)

    inserts = [operation for operation in orders(50) if operation.kind == "insert"][:10]
    result = result_of(write(FakeTable(busy).pipeline(), inserts, clock=clock, sleep=sleep))

    assert (total(result), result.retried) == (10, 50)
    assert all(0.025 * 2**n <= pause <= 0.05 * 2**n for n, pause in enumerate(pauses))


def test_a_table_that_stays_busy_is_given_up() -> None:
    clock = FakeClock()
    events = write(FakeTable(list).pipeline(), orders(10), clock=clock, sleep=clock.sleep)

    with pytest.raises(TransientError, match="no item accepted for 30 s"):
        list(events)
    assert clock() < 1_000 + 60


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ResourceNotFoundException", NotThereError),
        ("AccessDeniedException", AccessError),
        ("ValidationException", SalespipeError),
    ],
)
def test_a_refused_write_stops_the_run_and_loses_no_count(code: str, kind: type[SalespipeError]) -> None:
    calls = iter(range(100))

    def refuse(requests: list[Request]) -> list[Request]:
        if next(calls) >= 10:
            raise client_error(code)
        return []

    table, seen = FakeTable(refuse), list[WriteProgress]()
    with pytest.raises(kind, match=code):
        seen.extend(write(table.pipeline(), orders()))

    assert total(seen[-1]) == table.writes
    assert len(table.batches) < 30


def test_ctrl_c_while_waiting_finishes_what_is_under_way(interrupts: Interrupts) -> None:
    clock, table = FakeClock(), FakeTable()

    def sleep(seconds: float) -> None:
        if clock() > 1_002:
            interrupts.strike()
        clock.sleep(seconds)

    interrupts.armed = True
    result = result_of(write(table.pipeline(), orders(), rate=100, clock=clock, sleep=sleep))

    assert result.interrupted
    assert total(result) == table.writes > 190


def test_ctrl_c_at_any_moment_counts_what_is_applied_and_tells_it(interrupts: Interrupts) -> None:
    """The real signal, among real threads."""
    dice, interrupted = Random(5), 0
    for _ in range(80):
        table = FakeTable()
        strike = threading.Timer(dice.random() * 0.02, interrupts.strike)
        events = write(table.pipeline(), orders(), count=20_000)
        result: WriteResult | None = None
        strike.start()
        with suppress(KeyboardInterrupt):
            interrupts.armed = True
            result = shell.follow(events, WriteResult, lambda event: None)
            interrupts.armed = False
        strike.join()
        end_of_threads()
        if result is None:
            assert table.writes in (0, 20_000)
        else:
            interrupted += result.interrupted
            assert total(result) == table.writes

    assert interrupted > 40


@pytest.mark.parametrize("comes_back", [True, False])
def test_after_ctrl_c_a_batch_without_an_answer_is_asked_about_once_more(comes_back: bool) -> None:
    clock, calls = FakeClock(), list[int]()
    table = FakeTable()
    put = table.batch_write_item

    def losing(RequestItems: dict[str, list[Request]]) -> dict[str, Any]:
        """The first batch is applied, but its answer is lost, and Ctrl-C comes at that moment."""
        calls.append(1)
        if len(calls) == 1:
            put(RequestItems)
            sender.stop()
        elif comes_back:
            return put(RequestItems)
        raise ConnectionClosedError(endpoint_url="http://table")

    table.batch_write_item = losing  # type: ignore[method-assign]
    sender = BatchSender(table.pipeline(), clock=clock, sleep=clock.sleep)
    sender.send([operation for operation in orders(50) if operation.kind == "insert"][:10])

    assert (len(calls), sender.tally.insert) == (2, 10 if comes_back else 0)


def test_ctrl_c_in_the_hands_of_the_caller_is_thrown_in() -> None:
    clock, table = FakeClock(), FakeTable()
    events: Any = write(table.pipeline(), orders(), rate=100, clock=clock, sleep=clock.sleep)
    next(events)
    result = events.throw(KeyboardInterrupt())
    while not isinstance(result, WriteResult):
        result = next(events)

    assert result.interrupted
    assert total(result) == table.writes > 0
    assert next(events, None) is None


def test_ctrl_c_at_any_line_counts_what_is_applied_and_tells_it() -> None:
    """The signal's exception is raised at one line after another of what the main thread runs: the watching, the start
    of the thread that works, the showing."""
    steps, told = 0, 0
    while True:
        table = FakeTable()
        result, struck = interrupted_at(steps, table)
        if result is not None:
            told += 1
            assert total(result) == table.writes
        else:  # before the first operation, or behind the last one
            assert table.writes in (0, COUNT), f"step {steps}: nothing is told of what was applied"
        if not struck:
            break
        steps += 1

    assert told > 20


COUNT = 30


def interrupted_at(step: int, table: FakeTable) -> tuple[WriteResult | None, bool]:
    """What `follow` returns of a run with an interrupt at its `step`th line (None: it ends with it), and whether there
    was such a line."""
    left, files = step, {module.__file__ for module in (write_module, apart, shell, threading)}

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files or frame.f_code.co_name == "<module>":
            return None
        if event == "line":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return trace

    events = write(table.pipeline(), orders(), count=COUNT)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return shell.follow(events, WriteResult, lambda event: None), left < 0
    except KeyboardInterrupt:
        return None, True
    finally:
        sys.settrace(before)


def end_of_threads() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("write"):
            thread.join()


@pytest.mark.parametrize("number", [0, 3])
def test_a_thread_that_cannot_be_started_ends_the_run(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start, table, seen = threading.Thread.start, FakeTable(), list[WriteProgress]()

    def refused(thread: threading.Thread) -> None:
        if thread.name == f"write_{number}":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        seen.extend(write(table.pipeline(), orders()))

    assert total(seen[-1]) == table.writes


def test_a_caller_that_goes_away_leaves_no_thread_behind() -> None:
    clock, table = FakeClock(), FakeTable()
    events: Any = write(table.pipeline(), orders(), rate=100, clock=clock, sleep=clock.sleep)
    next(events)
    events.close()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write")]


def test_nothing_to_write_is_a_result_of_nothing() -> None:
    assert total(result_of(write(FakeTable().pipeline(), iter([])))) == 0


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["rate", "count", "duration"])
def test_limits_that_make_no_sense_are_refused(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"--{name} must be above 0"):
        check_limits(**{name: value})


def expected_history(operations: Iterator[Operation]) -> dict[str, list[Any]]:
    history: dict[str, list[Any]] = {}
    for operation in operations:
        state = None if operation.kind == "delete" else operation.order.item()
        history.setdefault(operation.order.orderid, []).append(state)
    return history
