"""Orders through every hop: `python -m benchmarks.end_to_end [--orders N ...] [--slice N] [--json]`.

`salespipe generate` writes them, as fast as it goes and in a process of its own, into a pipeline of its own, until the
last one is in an object in S3. Then, with all of them stored: how long the runtime takes to start, and from the put of
an order until `tail` tells it and until a query finds it. An order here is one operation of `generate` (an insert, an
update or a delete): one change event, one row in the lake.

Tables, or with --json the document of `EndToEnd`, go to stdout, progress to stderr. Ctrl-C leaves nothing behind.
Needs Linux, for what processes used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.command import execute, parser, positive, say
from benchmarks.full_run import FullRun, full_run
from benchmarks.machine import Machine, this_machine
from benchmarks.report import run_lines

ORDERS = (1_000_000,)
SLICE = 100_000


@dataclass(frozen=True)
class EndToEnd:
    """Its fields, as those of what is in it, are the keys of the JSON document; one run for each number of orders."""

    machine: Machine
    runs: tuple[FullRun, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C, 1 when a measurement failed."""
    made = parser("benchmarks.end_to_end", "measure orders through every hop")
    made.add_argument("--orders", type=positive, nargs="+", default=ORDERS, metavar="N", help="one run for each")
    add_slice(made)
    options = made.parse_args(arguments)
    return execute(lambda: measure(options.orders, options.slice), lines, as_json=options.json)


def add_slice(made: argparse.ArgumentParser) -> None:
    """Into what a run is cut."""
    made.add_argument("--slice", type=positive, default=SLICE, metavar="N", help="orders of a slice of the run")


def measure(orders: Sequence[int], size: int) -> EndToEnd:
    """One run after the other. Raises SalespipeError when one fails."""
    machine, runs = this_machine(), []
    for count in orders:
        say(f"measuring: {count:,} orders end to end")
        runs.append(full_run(count, size))
    return EndToEnd(machine, tuple(runs))


def lines(report: EndToEnd) -> Iterator[str]:
    """The tables, with the machine above them."""
    yield f"Measured on: {report.machine}"
    yield ""
    yield from run_lines(report.runs)


if __name__ == "__main__":
    sys.exit(main())
