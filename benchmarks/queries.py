"""Aggregates over orders: `python -m benchmarks.queries [--orders N] [--rounds N] [--peers NAME ...] [--json]`.

Through the endpoint and PyAthena, over raw JSON objects as the delivery writes them and again when `compact` has made
Parquet of them; beside it, in the same rounds, DuckDB by itself over the very same Parquet files, and MiniStack with a
copy of them. The answers are compared: ours must be DuckDB's, and what MiniStack says else is told.

The orders are put into the bucket, not written through the hops (see `lake`). Tables, or with --json the document of
`Queries`, go to stdout, progress to stderr. Ctrl-C leaves nothing behind but the peer's environment in the platform's
cache folder. Needs Linux, for what processes used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.aggregates import AGGREGATES, difference
from benchmarks.asking import POLL, THREADS, Asked, ByPyAthena, Timer, Timing, directly, on_peer, ours
from benchmarks.command import execute, parser, positive, say
from benchmarks.home import Home, fresh_home, up
from benchmarks.lake import fill
from benchmarks.machine import Machine, this_machine
from benchmarks.markdown import markdown
from benchmarks.peer_environment import PeerMissing
from benchmarks.peers import Package, Peer
from benchmarks.processes import use
from salespipe.errors import SalespipeError
from salespipe.services.compact import CompactResult, compact, plan
from salespipe.services.crawl import crawl
from salespipe.stack.naming import COMPACTED_TABLE

ORDERS = 1_000_000
ROUNDS = 7
_RAW_ROUNDS = 3
_FOLDER = "compacted/orders/"
_FACTOR, _MORE_MS = 1.3, 100.0
_PEER = Package("MiniStack", "ministack", "", "ministack.app", beside=(f"duckdb=={version('duckdb')}",))
PEERS = {"ministack": _PEER}


@dataclass(frozen=True)
class Row:
    """One aggregate. `ratio` is ours over Parquet to DuckDB directly, `more_ms` how much longer ours takes, `spare_ms`
    how much shorter than 1.3 times as long and 100 ms; `gain`: raw to Parquet; `peer_ratio`: the peer to ours.
    `peer_said` is why there is no peer, or what it answered else."""

    name: str
    sql: str
    raw: Timing
    parquet: Timing
    direct: Timing
    peer: Timing | None
    peer_said: str
    ratio: float
    more_ms: float
    spare_ms: float
    gain: float
    peer_ratio: float | None


@dataclass(frozen=True)
class Queries:
    """Its fields, as those of what is in it, are the keys of the JSON document. `raw_objects` became `objects` of
    Parquet within `compact_seconds`; `peak_mb` is the most memory that the runtime had resident, from crawl to end."""

    machine: Machine
    orders: int
    raw_objects: int
    raw_bytes: int
    objects: int
    bytes: int
    compact_seconds: float
    peak_mb: float
    peer: str
    rows: tuple[Row, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 130 after Ctrl-C, 1 when a measurement failed."""
    made = parser("benchmarks.queries", "measure aggregates through the endpoint, and DuckDB directly")
    made.add_argument("--orders", type=positive, default=ORDERS, metavar="N", help="orders in the lake")
    made.add_argument("--rounds", type=positive, default=ROUNDS, metavar="N", help="the median of so many")
    made.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="whom to compare with")
    options = made.parse_args(arguments)
    return execute(lambda: measure(options), lines, as_json=options.json)


def measure(options: argparse.Namespace) -> Queries:
    """Raises SalespipeError when our answer is not DuckDB's."""
    machine = this_machine()
    peer: Peer | None = None
    missing = "not asked"
    for name in options.peers:
        try:
            peer = PEERS[name].peer()
        except PeerMissing as error:
            missing = str(error)
            say(f"not measured: {PEERS[name].name}: {error}")
    with fresh_home() as home:
        up(home.pipeline)
        return _measure(machine, home, options.orders, options.rounds, peer, missing)


def _measure(machine: Machine, home: Home, orders: int, rounds: int, peer: Peer | None, missing: str) -> Queries:
    p = home.pipeline
    say(f"preparing: {orders:,} orders, put into the bucket")
    raw_objects = fill(p, orders)
    home.restart()  # so that the peak of memory is that of crawling and asking
    for _ in crawl(p, wait=False):
        pass
    me = ours(p, home.endpoint, home.pid)
    say("measuring: raw JSON")
    raw = {name: _asked([me], sql, min(_RAW_ROUNDS, rounds))[0] for name, sql in AGGREGATES.items()}
    say("compacting")
    began = time.perf_counter()
    done = [event for event in compact(p, plan(p, open_hours=True)) if isinstance(event, CompactResult)][-1]
    seconds = time.perf_counter() - began
    if done.rows != orders:
        raise SalespipeError(f"{orders} orders were put into the lake, {done.rows} were compacted")
    with ExitStack() as stack:
        pattern = home.path / "objects" / "*" / _FOLDER / "dt=*" / "hour=*" / "run=*" / "*"
        everybody: list[Asked] = [me, stack.enter_context(directly(pattern))]
        said = missing
        if peer is not None:
            try:
                everybody.append(_prepared(stack, home, peer))
                said = ""
            except Exception as error:  # noqa: BLE001 - it is not ours, and the report tells what it is
                said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                say(f"not measured: {peer}: {said}")
        rows = []
        for name, sql in AGGREGATES.items():
            say(f"measuring: {name}")
            rows.append(_row(name, sql, raw[name], _asked(everybody, sql, rounds), said))
    return Queries(
        machine,
        orders,
        raw_objects,
        done.bytes,
        done.new_objects,
        done.new_bytes,
        seconds,
        use(home.pid).peak_mb,
        str(peer or ""),
        tuple(rows),
    )


def _prepared(stack: ExitStack, home: Home, peer: Peer) -> ByPyAthena:
    p = home.pipeline
    server = stack.enter_context(peer.serve())
    table = p.aws.client("glue").get_table(DatabaseName=p.names.database, Name=COMPACTED_TABLE)["Table"]
    return on_peer(server.endpoint, server.pid, p, table, _FOLDER)


def _asked(everybody: Sequence[Asked], sql: str, rounds: int) -> list[Timer]:
    """One query with all of them, turn by turn, another one first each time; one round before does not count."""
    for each in everybody:
        Timer(each).turn(sql)
    timers = [Timer(each) for each in everybody]
    for number in range(rounds):
        first = number % len(timers)
        for timer in timers[first:] + timers[:first]:
            timer.turn(sql)
    return timers


def _row(name: str, sql: str, before: Timer, timers: Sequence[Timer], said: str) -> Row:
    mine, direct, *others = timers
    raw, parquet, plain = before.timing(), mine.timing(), direct.timing()
    if raw is None or parquet is None or plain is None:
        raise SalespipeError(f"{name}: {before.error or mine.error or direct.error}")
    for timer, who in ((before, "the raw objects"), (direct, "DuckDB directly")):
        if found := difference(mine.rows, timer.rows):
            raise SalespipeError(f"{name}: over Parquet the answer is not that of {who}: {found}")
    peer = others[0].timing() if others else None
    if others:
        said = others[0].error or difference(mine.rows, others[0].rows)
    return row(name, sql, raw, parquet, plain, peer, said)


def row(name: str, sql: str, raw: Timing, parquet: Timing, direct: Timing, peer: Timing | None, said: str) -> Row:
    """With what follows from the times."""
    return Row(
        name,
        sql,
        raw,
        parquet,
        direct,
        peer,
        said,
        ratio=parquet.ms / direct.ms,
        more_ms=parquet.ms - direct.ms,
        spare_ms=_FACTOR * direct.ms + _MORE_MS - parquet.ms,
        gain=raw.ms / parquet.ms,
        peer_ratio=peer.ms / parquet.ms if peer is not None else None,
    )


def lines(report: Queries) -> Iterator[str]:
    """The tables, with the machine above them."""
    yield f"Measured on: {report.machine}"
    yield ""
    peer = report.peer or "MiniStack"
    heading = [f"{report.orders:,} orders", "raw JSON", "Parquet", "DuckDB directly", "ratio", "difference"]
    heading += ["1.3 x + 100 ms", "compaction's gain", peer, f"{peer} to ours"]
    yield from markdown(heading, [_cells(one) for one in report.rows])
    yield ""
    yield from markdown(
        ["CPU, bytes scanned", "raw JSON", "Parquet", "DuckDB directly", "raw, scanned", "Parquet, scanned"],
        [
            [
                one.name,
                *(f"{timing.cpu_ms:,.0f} ms" for timing in (one.raw, one.parquet, one.direct)),
                *(f"{timing.scanned or 0:,}" for timing in (one.raw, one.parquet)),
            ]
            for one in report.rows
        ],
    )
    yield ""
    yield (
        f"The orders were put into the bucket as {report.raw_objects:,} GZIP objects over three days, as the"
        f" delivery would write them, and did not come through the hops. `compact` made {report.objects:,} objects"
        f" ({report.bytes / 1e6:,.0f} MB) of them ({report.raw_bytes / 1e6:,.0f} MB) in {report.compact_seconds:.0f} s."
        f" PyAthena's default cursor with poll_interval={POLL} (its own is 1 s), from execute to the last row; DuckDB"
        f" in a process of its own with {THREADS} threads over the same files, from execute to the last row. Medians of"
        " rounds in which all took turns, after one that does not count; CPU is the mean of the process that answers."
        f" `1.3 x + 100 ms`: whether ours took less than that, and what was left or lacked. Ours and DuckDB's answers"
        f" were the same. Peak memory of the runtime: {report.peak_mb:.0f} MB."
    )
    for one in report.rows:
        if one.peer_said:
            yield f"{peer}, {one.name}: {one.peer_said}"


def _cells(one: Row) -> list[str]:
    wrong = "*" if one.peer_said else ""
    return [
        one.name,
        *(f"{timing.ms:,.0f} ms" for timing in (one.raw, one.parquet, one.direct)),
        f"{one.ratio:.2f}",
        f"{one.more_ms:+,.0f} ms",
        f"{'within' if one.spare_ms >= 0 else 'beyond'}, {abs(one.spare_ms):,.0f} ms",
        f"{one.gain:,.1f} x",
        "not measured" if one.peer is None else f"{one.peer.ms:,.0f} ms{wrong}",
        "-" if one.peer_ratio is None else f"{one.peer_ratio:.2f}{wrong}",
    ]


if __name__ == "__main__":
    sys.exit(main())
