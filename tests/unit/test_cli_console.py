"""Streams, progress and the loop over a service's events."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from salespipe.cli.shell import follow
from salespipe.cli.views.console import Console, Progress
from salespipe.cli.views.streams import ClosedPipe, OutputError


class Terminal(io.StringIO):
    """A stream that says it is a terminal, 80 columns wide."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A pipe that nobody reads any more."""

    def flush(self) -> None:
        raise BrokenPipeError


class Full(io.StringIO):
    """A disk without room."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@dataclass(frozen=True)
class Result:
    total: int


def test_talk_goes_to_stderr_and_results_to_stdout() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)

    console.talk("working")
    console.document({"a": 1})

    assert (out.getvalue(), err.getvalue()) == ('{"a": 1}\n', "working\n")


def test_quiet_is_silent_but_for_errors() -> None:
    err = io.StringIO()
    console = Console(io.StringIO(), err, quiet=True)

    console.talk("working")
    console.progress.update("10 %")
    console.error("broken")

    assert err.getvalue() == "broken\n"


def test_a_closed_pipe_is_told_apart() -> None:
    console = Console(Closed(), io.StringIO())

    with pytest.raises(ClosedPipe):
        console.write("x")
    with pytest.raises(ClosedPipe):
        console.lines(["x"])


def test_a_full_disk_is_an_error_in_words() -> None:
    console = Console(Full(), io.StringIO())

    with pytest.raises(OutputError, match="cannot write the output: No space left on device"):
        console.write("x")
    with pytest.raises(OutputError, match="cannot write the output: No space left on device"):
        console.lines(["x"])


@pytest.mark.parametrize("err", [Closed(), Full()])
def test_a_stderr_that_fails_stops_nothing(err: io.StringIO) -> None:
    out = io.StringIO()
    console = Console(out, err)
    console.progress = Progress(err, quiet=False, every=0.0)

    console.progress.update("10 %")
    console.talk("working")
    console.error("broken")
    console.write("done")

    assert out.getvalue() == "done\n"


def test_a_terminal_that_goes_away_stops_no_progress() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as err:  # noqa: PTH123 - a descriptor has no path
        progress = Progress(err, quiet=False, every=0.0, clock=iter([0.0, 1.0, 2.0]).__next__)
        progress.update("10 %")
        os.close(ours)
        progress.update("20 %")
        progress.clear()


@pytest.mark.parametrize("failure", [ClosedPipe(), OutputError("full")])
def test_a_service_runs_to_its_end_though_its_events_cannot_be_shown(failure: Exception) -> None:
    worked: list[int] = []

    def service() -> Iterator[object]:
        for number in range(3):
            worked.append(number)
            yield number
        yield Result(3)

    def show(event: object) -> None:
        assert event == 0, "nothing more is shown"
        raise failure

    with pytest.raises(type(failure)):
        follow(service(), Result, show)
    assert worked == [0, 1, 2]


@pytest.mark.parametrize(
    ("out", "color", "styled"), [(Terminal(), True, True), (Terminal(), False, False), (io.StringIO(), True, False)]
)
def test_colours_need_a_terminal_and_permission(out: io.StringIO, color: bool, styled: bool) -> None:
    assert ("\x1b" in Console(out, io.StringIO(), color=color).style("x", "red")) is styled


def test_progress_without_a_terminal_is_a_plain_line_now_and_then() -> None:
    times = iter([0.0, 1.0, 5.5, 6.0, 11.0])
    err = io.StringIO()
    progress = Progress(err, quiet=False, every=5.0, clock=lambda: next(times))

    for step in ("a", "b", "c", "d"):
        progress.update(step)
    progress.clear()

    assert err.getvalue() == "b\nd\n"


def test_progress_on_a_terminal_is_one_line_that_other_words_replace() -> None:
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as err:  # noqa: PTH123 - a descriptor has no path
        console = Console(io.StringIO(), err)
        console.progress = Progress(err, quiet=False, clock=iter([0.0, 1.0, 2.0]).__next__)
        console.progress.update("10 %")
        console.progress.update("20 %")
        console.talk("done")
        shown = ""
        while not shown.endswith("done\r\n"):
            shown += os.read(ours, 1000).decode()
    os.close(ours)

    assert shown == "\r\x1b[2K10 %\r\x1b[2K20 %\r\x1b[2Kdone\r\n"


def test_follow_shows_every_event_and_returns_the_result() -> None:
    shown: list[object] = []

    assert follow(iter_of(1, 2, Result(3)), Result, shown.append) == Result(3)
    assert shown == [1, 2]


def test_an_interrupt_while_showing_reaches_the_service() -> None:
    def service() -> Iterator[object]:
        done = 0
        try:
            while True:
                done += 1
                yield done
        except KeyboardInterrupt:
            yield Result(done)

    def show(event: object) -> None:
        if event == 3:
            raise KeyboardInterrupt

    assert follow(service(), Result, show) == Result(3)


def test_a_service_that_does_not_handle_the_interrupt_ends_with_it() -> None:
    closed = []

    def service() -> Iterator[object]:
        try:
            yield 1
        finally:
            closed.append(True)

    def show(event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(service(), Result, show)
    assert closed


def iter_of(*events: object) -> Iterator[object]:
    yield from events
