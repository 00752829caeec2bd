"""Faults with a clock and a timer of their own: when they begin and end, whom they belong to, what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from salespipe.errors import NotThereError, UsageError
from salespipe.local.faults.registry import Fault, FaultError, Kind, Registry
from salespipe.services import chaos, faults


class Time:
    """A clock, and what was asked to happen later."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: list[Waiting] = []

    def later(self, seconds: float, action: Callable[[], None]) -> Waiting:
        self.waiting.append(Waiting(self.now + seconds, action))
        return self.waiting[-1]

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        for one in [one for one in self.waiting if one.at <= self.now]:
            self.waiting.remove(one)
            if not one.cancelled:
                one.action()


class Waiting:
    def __init__(self, at: float, action: Callable[[], None]) -> None:
        self.at = at
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Bench:
    """A registry of three kinds that write down what they do."""

    def __init__(self) -> None:
        self.time = Time()
        self.log: list[str] = []
        kinds = {
            "slow": Kind(self._did("begin"), self._did("end"), {"share": 1.0, "delay": None}),
            "dark": Kind(self._did("begin"), self._did("end")),
            "once": Kind(self._did("once")),
            "broken": Kind(self._fail, self._did("end")),
        }
        self.registry = Registry(kinds, lambda: self.time.now, self.time.later)

    def _did(self, what: str) -> Callable[[Fault], None]:
        return lambda fault: self.log.append(f"{what} {fault.name} {fault.scope}")

    @staticmethod
    def _fail(fault: Fault) -> None:
        raise FaultError("it cannot be done")

    def start(self, name: str, scope: str = "a", seconds: float | None = None, **options: float) -> dict[str, Any]:
        return self.registry.start(name, scope, {}, seconds, options)

    def names(self, scope: str | None = None) -> list[str]:
        return [one["name"] for one in self.registry.active(scope)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_fault_ends_after_its_time(bench: Bench) -> None:
    told = bench.start("slow", seconds=30, share=0.5)
    assert told == {
        "name": "slow",
        "scope": "a",
        "active": True,
        "options": {"share": 0.5},
        "seconds_left": 30,
        "hits": 0,
    }
    bench.time.pass_by(29)
    assert [one["seconds_left"] for one in bench.registry.active()] == [1]
    bench.time.pass_by(1)
    assert bench.names() == []
    assert bench.log == ["begin slow a", "end slow a"]


def test_a_fault_without_a_time_lasts_until_it_is_stopped(bench: Bench) -> None:
    bench.start("slow")
    bench.time.pass_by(1e6)
    assert bench.names() == ["slow"]
    assert bench.registry.stop("slow", "a") == ["slow"]
    assert bench.registry.stop("slow", "a") == []
    assert bench.log == ["begin slow a", "end slow a"]


def test_begun_again_it_begins_anew_and_its_first_end_is_forgotten(bench: Bench) -> None:
    bench.start("slow", seconds=10)
    bench.time.pass_by(8)
    bench.start("slow", seconds=10, share=0.25)
    bench.time.pass_by(8)
    assert [(one["options"], one["seconds_left"]) for one in bench.registry.active()] == [({"share": 0.25}, 2)]
    bench.time.pass_by(2)
    assert bench.names() == []
    assert bench.log == ["begin slow a", "end slow a"] * 2


def test_one_that_is_done_at_once_is_never_active(bench: Bench) -> None:
    assert bench.start("once")["active"] is False
    assert bench.names() == []
    assert bench.log == ["once once a"]
    with pytest.raises(FaultError, match="takes no time"):
        bench.start("once", seconds=5)


def test_pipelines_do_not_share_faults(bench: Bench) -> None:
    bench.start("slow", "a")
    bench.start("slow", "b")
    bench.start("dark", "b")
    assert (bench.names("a"), bench.names("b")) == (["slow"], ["slow", "dark"])
    assert bench.registry.stop(scope="b") == ["slow", "dark"]
    assert bench.names() == ["slow"]


def test_a_fault_that_cannot_begin_has_not_begun(bench: Bench) -> None:
    with pytest.raises(FaultError, match="cannot be done"):
        bench.start("broken", seconds=5)
    assert bench.names() == []
    bench.time.pass_by(10)
    assert bench.log == []


def test_the_end_of_the_runtime_undoes_nothing_and_nothing_ends_afterwards(bench: Bench) -> None:
    bench.start("slow", seconds=5)
    bench.registry.close()
    bench.time.pass_by(10)
    assert (bench.names(), bench.log) == ([], ["begin slow a"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "unknown"}, "there is no fault 'unknown'; those are slow, dark, once, broken"),
        ({"name": "dark", "options": {"share": 0.5}}, "dark takes no share"),
        ({"name": "slow", "options": {"share": 1.5}}, "share 1.5 is above 1"),
        ({"name": "slow", "options": {"share": 0}}, "share 0 is not a number above 0"),
        ({"name": "slow", "options": {"delay": True}}, "delay True is not a number above 0"),
        ({"name": "slow", "options": {"delay": "1"}}, "delay '1' is not a number above 0"),
        ({"name": "slow", "seconds": -1}, "seconds -1 is not a number above 0"),
    ],
)
def test_what_a_fault_does_not_take_is_refused(bench: Bench, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError) as caught:
        bench.registry.start(**{"scope": "a", "resources": {}, **arguments})
    assert str(caught.value) == said
    assert bench.log == []


def test_a_share_strikes_as_often_as_it_says_and_the_same_in_every_run() -> None:
    first, second = ([_fault(0.3).strikes() for _ in range(1)] for _ in range(2))
    assert first == second
    fault = _fault(0.3)
    struck = [fault.strikes() for _ in range(10_000)]
    assert 2800 <= sum(struck) == fault.hits <= 3200
    other = _fault(0.3)
    assert [other.strikes() for _ in range(10_000)] == struck
    always = _fault(1.0)
    assert all(always.strikes() for _ in range(100))


def _fault(share: float) -> Fault:
    return Fault("slow", "a", {}, {"share": share}, None)


# ---- what the services know of faults ----


class Fake:
    """Faults that are only written down."""

    def __init__(self) -> None:
        self.running: dict[str, dict[str, Any]] = {}

    def active(self) -> tuple[str, list[dict[str, Any]]]:
        return "aws", list(self.running.values())

    def start(self, name: str, seconds: float | None, options: Mapping[str, float]) -> dict[str, Any]:
        told = {"name": name, "active": True, "options": dict(options), "seconds_left": seconds, "hits": 0}
        self.running[name] = told
        return told

    def stop(self, name: str | None) -> list[str]:
        stopped = [one for one in self.running if name in (None, one)]
        for one in stopped:
            del self.running[one]
        return stopped

    def kill(self) -> None:
        self.running.clear()


def test_the_service_looks_and_stops() -> None:
    fake = Fake()
    fake.start("fail-s3", 5.0, {"share": 0.5})
    seen = chaos.look(fake)
    assert seen == chaos.Chaos("aws", {"fail-s3": chaos.Active("fail-s3", True, {"share": 0.5}, 5.0, 0)})
    assert chaos.stop(fake) == ["fail-s3"]
    assert chaos.stop(fake) == []
    with pytest.raises(NotThereError, match="fail-s3 is not active"):
        chaos.stop(fake, "fail-s3")
    with pytest.raises(UsageError, match="no fault 'fail-s4'"):
        chaos.stop(fake, "fail-s4")


@pytest.mark.parametrize(
    ("name", "timed", "options", "said"),
    [
        ("kill-runtime", True, (), "over as soon as it was done"),
        ("expire-iterators", True, (), "over as soon as it was done"),
        ("fail-s3", False, ("rate",), "fail-s3 takes no --rate"),
        ("disable-stream", True, ("share",), "disable-stream takes no --share"),
        ("throttle-table", True, ("share", "rate"), "takes --share or --rate, not both"),
    ],
)
def test_the_service_says_what_a_fault_does_not_take(
    name: str, timed: bool, options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        faults.check(faults.known(name), timed=timed, options=options)
