"""What was measured, as one JSON document or as Markdown tables that read as plain text too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.end_to_end import EndToEnd
from benchmarks.machine import Machine
from benchmarks.side_by_side import Comparison
from benchmarks.tailing import Tailing


@dataclass(frozen=True)
class Report:
    """One run of the benchmark; its fields, as those of what is in it, are the keys of the JSON document."""

    machine: Machine
    end_to_end: tuple[EndToEnd, ...]
    tail: Tailing
    side_by_side: tuple[Comparison, ...]


_ROWS: tuple[tuple[str, Callable[[EndToEnd], str]], ...] = (
    ("orders/s, first write to last record in S3", lambda run: f"{run.orders_per_second:,.0f}"),
    ("orders/s, first write to last acknowledgement", lambda run: f"{run.written_per_second:,.0f}"),
    ("on their way at the last acknowledgement", lambda run: f"{run.waiting:,}"),
    ("seconds in all", lambda run: f"{run.seconds:.1f}"),
    ("CPU an order: client", lambda run: f"{run.client_cpu_us:.0f} µs"),
    ("CPU an order: runtime", lambda run: f"{run.runtime_cpu_us:.0f} µs"),
    ("CPU an order: Lambda process", lambda run: f"{run.function_cpu_us:.0f} µs"),
    ("peak memory: runtime", lambda run: f"{run.runtime_peak_mb:.0f} MB"),
    ("peak memory: Lambda process", lambda run: f"{run.function_peak_mb:.0f} MB"),
    ("disk an order", lambda run: f"{run.store_bytes:,.0f} bytes"),
    ("put to queryable", lambda run: f"{run.queryable.total:.2f} s"),
    ("of which until it is in S3", lambda run: f"{run.queryable.delivered:.2f} s"),
    ("of which the query", lambda run: f"{run.queryable.query:.2f} s"),
    ("a crawl (once for each new hour)", lambda run: f"{run.queryable.crawl:.2f} s"),
    ("start to ready, empty", lambda run: f"{run.start_seconds:.2f} s"),
    ("start to ready, with all of it stored", lambda run: f"{run.restart_seconds:.2f} s"),
)


def lines(report: Report) -> Iterator[str]:
    """The tables, with the machine above them."""
    yield f"Measured on: {report.machine}"
    yield ""
    runs = report.end_to_end
    yield from markdown(
        ["end to end", *(f"{run.orders:,} orders" for run in runs)],
        [[name, *(tell(run) for run in runs)] for name, tell in _ROWS],
    )
    yield ""
    tail = report.tail
    yield from markdown(
        [f"put to seen in tail, {tail.events:,} orders", "p50", "p99", "worst"],
        [[f"at {tail.rate:,.0f} orders/s", *(f"{ms:.0f} ms" for ms in (tail.p50_ms, tail.p99_ms, tail.worst_ms))]],
    )
    yield ""
    first = report.side_by_side[0]
    peers = [result.peer for result in first.results]
    yield from markdown(
        [f"side by side, boto3, {first.threads} threads", *peers, "ratio", *(f"lost by {peer}" for peer in peers)],
        [
            [
                f"{one.operation}, {one.count:,} each",
                *(f"{result.per_second:,.0f}/s, {result.server_cpu_us:.0f} µs" for result in one.results),
                f"{one.ratio:.1f}",
                *(f"{result.lost:,}" for result in one.results),
            ]
            for one in report.side_by_side
        ],
    )
    yield ""
    yield "Side by side: the median of the rounds, each a second, and the server's CPU for one; ratio to the best peer."


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table; all columns but the first are for numbers, so on the right."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (heading, rule, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "| " + " | ".join(cells) + " |"
