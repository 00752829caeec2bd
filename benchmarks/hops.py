"""Hop by hop over HTTP: `python -m benchmarks.hops [--peers NAME ...] [--rounds N] [--scale X] [--json]`.

The local target's endpoint side by side, in the same run, with other local AWS endpoints, all asked by stock boto3
from four threads of one process, and again from four processes, as one interpreter lock can be less than a server can
do. A peer that cannot be installed or does not know an operation is "not measured", with the reason on stderr.
Tables, or with --json the document of `Hops`, go to stdout, progress to stderr. Ctrl-C leaves nothing behind but the
peers' environments in the platform's cache folder. Needs Linux, for what processes used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.command import execute, parser, positive, positive_float, say
from benchmarks.load import CALLERS, Callers
from benchmarks.machine import Machine, this_machine
from benchmarks.markdown import markdown
from benchmarks.operations import OPERATIONS
from benchmarks.peer_environment import PeerMissing
from benchmarks.peers import PEERS, Peer, ours
from benchmarks.side_by_side import Comparison, Result, compare

ROUNDS = 5
CLIENTS: tuple[Callers, ...] = ("threads", "processes")
_LIMITED = 0.9  # of what the client can do at all
_CLIENTS: dict[Callers, str] = {
    "threads": f"boto3, {CALLERS} threads in one process",
    "processes": f"boto3, {CALLERS} processes",
}


@dataclass(frozen=True)
class Hops:
    """One run; its fields, as those of what is in it, are the keys of the JSON document. `missing`: the peers that
    were asked for and are not in it, with the reason."""

    machine: Machine
    comparisons: tuple[Comparison, ...]
    missing: dict[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C, 1 when a measurement failed."""
    options_of = parser("benchmarks.hops", "measure each operation side by side with other local AWS endpoints")
    add_options(options_of)
    options = options_of.parse_args(arguments)
    return execute(lambda: measure(options), lines, as_json=options.json)


def add_options(options_of: argparse.ArgumentParser) -> None:
    """What can be chosen about the comparison."""
    options_of.add_argument(
        "--operations", nargs="+", choices=OPERATIONS, default=list(OPERATIONS), help="what to call"
    )
    options_of.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="whom to compare with")
    options_of.add_argument("--fresh-peers", action="store_true", help="install the peers anew, their newest versions")
    options_of.add_argument("--clients", nargs="+", choices=CLIENTS, default=CLIENTS, help="how boto3 is run")
    options_of.add_argument("--rounds", type=positive, default=ROUNDS, metavar="N", help="the median of so many counts")
    options_of.add_argument(
        "--scale", type=positive_float, default=1.0, metavar="X", help="so many times the usual items a round"
    )


def measure(options: argparse.Namespace) -> Hops:
    """Every operation, one after the other. Raises SalespipeError when one fails on ours."""
    machine = this_machine()
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for name in options.peers:
        try:
            peers.append(PEERS[name].peer(fresh=options.fresh_peers))
        except PeerMissing as error:
            missing[PEERS[name].name] = str(error)
            say(f"not measured: {PEERS[name].name}: {error}")
    done = []
    for callers in options.clients:
        for name in options.operations:
            operation = OPERATIONS[name]
            say(f"measuring: {operation.name}, {_CLIENTS[callers]}")
            one = compare(operation, ours(), peers, callers=callers, rounds=options.rounds, scale=options.scale)
            for result in one.peers:
                if result.error:
                    say(f"not measured: {operation.name} on {result.peer}: {result.error}")
            done.append(one)
    return Hops(machine, tuple(done), missing)


def lines(report: Hops) -> Iterator[str]:
    """The tables, with the machine above them."""
    yield f"Measured on: {report.machine}"
    yield ""
    yield from tables(report.comparisons, report.missing)


def tables(comparisons: Sequence[Comparison], missing: Iterable[str]) -> Iterator[str]:
    """One table for each way to run the client; `missing` are the names of peers that could not be installed."""
    for callers, client in _CLIENTS.items():
        rows = [one for one in comparisons if one.callers == callers]
        if rows:
            yield from markdown(*_table(client, rows, list(missing)))
            yield ""
    yield (
        "A second, the median of the rounds (one round for a peer three times slower than the fastest), and the"
        " server's CPU for one; ratio to the best peer, the median of the rounds' ratios; lost: acknowledged, but not"
        " there when all was read back, in all rounds together, in the order of the columns. `*`: 90 % or more of what"
        " the client does alone, against a server that costs next to nothing, so hardly about the server."
    )


def _table(client: str, rows: Sequence[Comparison], missing: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    servers = [rows[0].ours.peer, *(peer.peer for peer in rows[0].peers), *missing]
    heading = [client, *servers, "client alone", "ratio", "lost"]
    return heading, [_row(one, len(missing)) for one in rows]


def _row(one: Comparison, missing: int) -> list[str]:
    results = [one.ours, *one.peers, *[Result("")] * missing]
    most = one.alone.per_second or float("inf")
    return [
        f"{one.operation}, {one.count:,} {one.unit}",
        *(_speed(result, most) for result in results),
        f"{one.alone.per_second:,.0f}/s",
        "-" if one.ratio is None else f"{one.ratio:.2f}",
        " / ".join("-" if result.lost is None else f"{result.lost:,}" for result in results),
    ]


def _speed(result: Result, most: float) -> str:
    if result.per_second is None:
        return "not measured"
    limited = "*" if result.per_second >= _LIMITED * most else ""
    return f"{result.per_second:,.0f}/s{limited}, {result.server_cpu_us:,.0f} µs"


if __name__ == "__main__":
    sys.exit(main())
