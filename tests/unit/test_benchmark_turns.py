"""How the servers take turns, on servers that all answer the same and calls that take as long as they are told to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from benchmarks import side_by_side
from benchmarks.endpoint import Endpoint
from benchmarks.operations.operation import Stage, played
from benchmarks.peer_environment import PeerMissing
from benchmarks.peers import Peer, Server, null_server
from benchmarks.side_by_side import Comparison, compare
from salespipe.errors import SalespipeError

CALLS = 20


class Waiting:
    """A call takes the seconds that its server was given; a server without any refuses the call."""

    name, unit, service, count = "Wait", "calls", "dynamodb", CALLS

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds = seconds
        self.by_url: dict[str, float] = {}
        self.turns: list[str] = []

    def peer(self, name: str) -> Peer:
        @contextmanager
        def serve() -> Iterator[Server]:
            if name not in self.seconds:
                raise PeerMissing("it did not start")
            with null_server(b"{}") as server:
                self.by_url[server.endpoint.url] = self.seconds[name]
                yield server

        return Peer(name, "1", serve)

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        wait = self.by_url[endpoint.url]
        self.turns.append(endpoint.url)

        def send(client: Any, call: Any) -> int:
            if not wait:
                raise ConnectionError("refused")
            time.sleep(wait)
            return 1

        return Stage(range(count), send, lambda done: 1 if wait > 0.01 else 0, lambda: None)

    def alone(self, count: int) -> tuple[Stage, bytes]:
        return played(range(count), lambda client, call: 1), b"{}"


@pytest.fixture(autouse=True)
def _no_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "_QUIET_SECONDS", 0.001)


def compared(seconds: Mapping[str, float], *names: str, rounds: int = 3) -> tuple[Comparison, Waiting]:
    waiting = Waiting(seconds)
    ours, *peers = [waiting.peer(name) for name in names]
    return compare(waiting, ours, peers, callers="threads", rounds=rounds, scale=1), waiting


@pytest.mark.heavy
def test_everybody_has_the_same_rounds_but_who_is_far_behind_has_one() -> None:
    one, waiting = compared({"ours": 0.008, "near": 0.009, "far": 0.1}, "ours", "near", "far")

    near, far = one.peers
    assert [len(result.rounds) for result in (one.ours, near, far, one.alone)] == [3, 3, 1, 3]
    pairs = zip(one.ours.rounds, near.rounds, strict=True)
    assert one.ratio == sorted(mine.per_second / theirs.per_second for mine, theirs in pairs)[1]
    assert (one.ours.lost, near.lost, far.lost) == (0, 0, 1)
    assert waiting.turns[3:6] == waiting.turns[2::-1]  # of two rounds the second goes backwards
    assert waiting.turns[6] != waiting.turns[0]  # then another one begins


@pytest.mark.heavy
def test_a_peer_that_does_not_start_or_fails_is_told_and_not_compared_with() -> None:
    one, _ = compared({"ours": 0.005, "failing": 0.0}, "ours", "failing", "gone")

    failing, gone = one.peers
    assert failing.error == "SalespipeError: ConnectionError: refused"
    assert gone.error == "it did not start"
    assert (failing.per_second, gone.per_second, one.ratio) == (None, None, None)


def test_a_failure_of_ours_ends_it() -> None:
    with pytest.raises(SalespipeError, match=r"^Wait on ours 1: SalespipeError: ConnectionError: refused$"):
        compared({"ours": 0.0, "near": 0.005}, "ours", "near")
