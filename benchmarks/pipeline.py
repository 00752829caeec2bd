"""The first benchmark: `python -m benchmarks.pipeline [--orders N ...] [--json]`.

Everything runs as users run it: a background runtime out of a temporary home, and the services behind the commands.
Alternatives are measured in the same run. Tables, or with --json the document of `benchmarks.report.Report`, go to
stdout, progress to stderr. Ctrl-C leaves nothing behind. Needs Linux, for what processes used.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.end_to_end import end_to_end
from benchmarks.machine import this_machine
from benchmarks.report import Report, lines
from benchmarks.side_by_side import side_by_side
from benchmarks.tailing import RATE, put_to_tail
from salespipe.errors import SalespipeError

_TAIL_SECONDS = 10
_COMPARED = 20_000  # items or records a round: stock moto's cost of a record grows with their number


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C, 1 when a measurement failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description="measure the whole pipeline")
    parser.add_argument("--orders", type=_positive, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the tables")
    options = parser.parse_args(arguments)
    if not sys.platform.startswith("linux"):
        parser.error("what processes used is read from /proc, which only Linux has")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = measure(options.orders)
    except KeyboardInterrupt:
        return 130
    except SalespipeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        print("\n".join(lines(report)))
    return 0


def measure(orders: Sequence[int]) -> Report:
    """Every measurement, one after the other. Raises SalespipeError when one fails."""
    machine = this_machine()
    most = max(orders)
    runs = []
    for count in orders:
        _say(f"{count:,} orders end to end")
        runs.append(end_to_end(count))
    events = min(most, int(RATE * _TAIL_SECONDS))
    _say(f"{events:,} orders from put to tail")
    tail = put_to_tail(events)
    compared = min(most, _COMPARED)
    _say(f"{compared:,} items and records side by side")
    return Report(machine, tuple(runs), tail, side_by_side(compared))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _say(what: str) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
