"""Everything: `python -m benchmarks.pipeline [--orders N ...] [--json]`.

`benchmarks.end_to_end` and then `benchmarks.hops`, as one report; takes what they take. Tables, or with --json the
document of `Report`, go to stdout, progress to stderr. Ctrl-C leaves nothing behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import end_to_end, hops
from benchmarks.command import execute, parser, positive
from benchmarks.full_run import FullRun
from benchmarks.machine import Machine
from benchmarks.report import run_lines
from benchmarks.side_by_side import Comparison


@dataclass(frozen=True)
class Report:
    """Its fields, as those of what is in it, are the keys of the JSON document."""

    machine: Machine
    runs: tuple[FullRun, ...]
    comparisons: tuple[Comparison, ...]
    missing: dict[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C, 1 when a measurement failed."""
    made = parser("benchmarks.pipeline", "measure the whole pipeline")
    made.add_argument("--orders", type=positive, nargs="+", default=[10_000, 100_000], metavar="N")
    end_to_end.add_slice(made)
    hops.add_options(made)
    options = made.parse_args(arguments)

    def measure() -> Report:
        through = end_to_end.measure(options.orders, options.slice)
        by_hop = hops.measure(options)
        return Report(through.machine, through.runs, by_hop.comparisons, by_hop.missing)

    return execute(measure, _lines, as_json=options.json)


def _lines(report: Report) -> Iterator[str]:
    yield f"Measured on: {report.machine}"
    yield ""
    yield from run_lines(report.runs)
    yield ""
    yield from hops.tables(report.comparisons, report.missing)


if __name__ == "__main__":
    sys.exit(main())
