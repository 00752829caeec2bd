"""The same calls against our runtime and its peers, in turns, so that a busy moment of the machine hits them all."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.operations import OPERATIONS, THREADS, Operation, Run
from benchmarks.peers import OURS, PEERS, Server

ROUNDS = 3


@dataclass(frozen=True)
class Result:
    """One peer: the median of what it took a second, and all rounds in `runs`; microseconds of its process's CPU for
    each; how many were acknowledged and lost in all rounds together."""

    peer: str
    per_second: float
    server_cpu_us: float
    lost: int
    runs: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """One operation with `count` items or records a round; ours is the first result. `ratio`: ours to the best peer."""

    operation: str
    count: int
    threads: int
    results: tuple[Result, ...]
    ratio: float


def side_by_side(count: int) -> tuple[Comparison, ...]:
    """Measure every operation on every peer."""
    with ExitStack() as stack:
        servers = {peer.name: stack.enter_context(peer.serve()) for peer in (OURS, *PEERS)}
        return tuple(_compare(name, operation, servers, count) for name, operation in OPERATIONS.items())


def _compare(name: str, operation: Operation, servers: dict[str, Server], count: int) -> Comparison:
    runs: dict[str, list[Run]] = {peer: [] for peer in servers}
    for _ in range(ROUNDS):
        for peer, server in servers.items():
            runs[peer].append(operation(server, count))
    ours, *others = results = tuple(_result(peer, done, count) for peer, done in runs.items())
    ratio = ours.per_second / max(other.per_second for other in others)
    return Comparison(name, count, THREADS, results, ratio)


def _result(peer: str, runs: list[Run], count: int) -> Result:
    speeds = tuple(count / run.seconds for run in runs)
    cpu_us = median(run.server_cpu_seconds for run in runs) / count * 1_000_000
    return Result(peer, median(speeds), cpu_us, sum(run.lost for run in runs), speeds)
