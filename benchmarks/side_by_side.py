"""The same calls against our runtime and its peers, in turns, so that a busy moment of the machine hits them all.

Every operation meets servers that were just started, and every round makes a table, stream or bucket of its own and
removes it. A first, shorter round is not counted. What a server still does after its answers (a checkpoint, say) is
waited for, so that nobody pays for the one before. A peer that is far behind is measured once, not in every round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.load import CALLERS, Callers, run
from benchmarks.operations.operation import Operation, Stage
from benchmarks.peer_environment import PeerMissing
from benchmarks.peers import Peer, Server, null_server
from benchmarks.processes import use
from salespipe.errors import SalespipeError

_WARMING = 10  # the round that is not counted is so many times shorter
_LEAST = 5 * CALLERS
_FAR_BEHIND = 3  # times slower than the fastest
_QUIET_SECONDS = 0.1
_PATIENCE = 10.0


@dataclass(frozen=True)
class Round:
    """One round: items, records or objects a second; CPU in microseconds for each of them, the server's and the
    client's; how many were acknowledged and were not there, as they were written, when everything was read back."""

    per_second: float
    server_cpu_us: float
    client_cpu_us: float
    lost: int


@dataclass(frozen=True)
class Result:
    """One server: the medians of its rounds, what was lost in all of them together, and its memory at its peak.

    `error` says why it could not be measured; then there are no numbers.
    """

    peer: str
    per_second: float | None = None
    server_cpu_us: float | None = None
    client_cpu_us: float | None = None
    lost: int | None = None
    peak_mb: float | None = None
    rounds: tuple[Round, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Comparison:
    """One operation with `count` items, records or objects a round.

    `alone` is the same client against a server that costs next to nothing: about as much as the client can do against
    any server. `ratio` is ours to the best peer, the median of the rounds' ratios; None when no peer was measured.
    """

    operation: str
    unit: str
    count: int
    callers: Callers
    ours: Result
    peers: tuple[Result, ...]
    alone: Result
    ratio: float | None


def compare(
    operation: Operation, ours: Peer, peers: Sequence[Peer], *, callers: Callers, rounds: int, scale: float
) -> Comparison:
    """Measure one operation on everybody. Raises SalespipeError when it fails on ours; on a peer it is told."""
    count = max(round(operation.count * scale), _LEAST)
    with ExitStack() as stack:
        runners = [_Runner(operation, str(peer), callers, count) for peer in (ours, *peers)]
        for runner, peer in zip(runners, (ours, *peers), strict=True):
            try:
                runner.server = stack.enter_context(peer.serve())
            except PeerMissing as error:
                runner.error = str(error)
        null = _Alone(operation, "client alone", callers, count)
        null.server = stack.enter_context(null_server(null.answer))
        everybody = [*runners, null]
        for number in range(rounds + 1):
            for runner in _in_turns(everybody, number):
                runner.turn(count if number else max(count // _WARMING, _LEAST), counts=number > 0)
            if runners[0].error:
                raise SalespipeError(f"{operation.name} on {ours}: {runners[0].error}")
            fastest = max((one.per_second for runner in runners for one in runner.rounds[:1]), default=0.0)
            for runner in runners[1:]:
                runner.is_far_behind = any(one.per_second < fastest / _FAR_BEHIND for one in runner.rounds[:1])
        first, *others = [runner.result() for runner in runners]
        return Comparison(
            operation.name, operation.unit, count, callers, first, tuple(others), null.result(), _ratio(first, others)
        )


def _in_turns(everybody: Sequence[_Runner], number: int) -> Sequence[_Runner]:
    """The order of a round: of two rounds the second goes backwards, so that none always follows the same one; then
    another one begins."""
    begin = number // 2 % len(everybody)
    turns = [*everybody[begin:], *everybody[:begin]]
    return turns[::-1] if number % 2 else turns


def _ratio(ours: Result, peers: Sequence[Result]) -> float | None:
    """To the peer with the best median, of rounds that were measured one soon after the other: what slows the machine
    down for a while is then on both sides."""
    best = max((peer for peer in peers if peer.rounds), key=lambda peer: peer.per_second or 0, default=None)
    if best is None or not ours.rounds:
        return None
    return median(one.per_second / other.per_second for one, other in zip(ours.rounds, best.rounds, strict=False))


@dataclass
class _Runner:
    """One server through all rounds; one that fails is not asked again."""

    operation: Operation
    name: str
    callers: Callers
    count: int
    server: Server | None = None
    error: str = ""
    rounds: list[Round] = field(default_factory=list)
    peak_mb: float = 0.0
    is_far_behind: bool = False

    def turn(self, count: int, *, counts: bool) -> None:
        if self.server is None or self.error or self.is_far_behind:
            return
        try:
            done = self._round(self.server, self._stage(self.server, count))
        except (SalespipeError, BotoCoreError, ClientError, OSError) as error:
            self.error = " ".join(f"{type(error).__name__}: {error}".split())
            return
        if counts:
            self.rounds.append(done)
        self.peak_mb = max(self.peak_mb, use(self.server.pid).peak_mb)

    def _stage(self, server: Server, count: int) -> Stage:
        return self.operation.stage(server.endpoint, count)

    def _round(self, server: Server, stage: Stage) -> Round:
        _wait_until_quiet(server.pid)
        before = use(server.pid).cpu_seconds
        load = run(lambda: server.endpoint.new_client(self.operation.service), stage.send, stage.calls, self.callers)
        _wait_until_quiet(server.pid)
        cpu = use(server.pid).cpu_seconds - before
        if not load.done:
            raise SalespipeError("it acknowledged nothing")
        lost = stage.lost(load.done)
        stage.remove()
        _wait_until_quiet(server.pid)
        each = 1_000_000 / load.done
        return Round(load.done / load.seconds, cpu * each, load.cpu_seconds * each, lost)

    def result(self) -> Result:
        if self.error or not self.rounds:
            return Result(self.name, error=self.error)
        return Result(
            self.name,
            median(one.per_second for one in self.rounds),
            median(one.server_cpu_us for one in self.rounds),
            median(one.client_cpu_us for one in self.rounds),
            sum(one.lost for one in self.rounds),
            self.peak_mb,
            tuple(self.rounds),
        )


class _Alone(_Runner):
    """The client with nobody behind the server."""

    @property
    def answer(self) -> bytes:
        """What every call is answered with."""
        return self.operation.alone(self.count)[1]

    def _stage(self, server: Server, count: int) -> Stage:
        return self.operation.alone(count)[0]


def _wait_until_quiet(pid: int) -> None:
    """Until the process did next to nothing for a moment; not for ever, as some are never quite idle."""
    deadline = time.monotonic() + _PATIENCE
    before = use(pid).cpu_seconds
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        now = use(pid).cpu_seconds
        if now - before < _QUIET_SECONDS / 4:
            return
        before = now
