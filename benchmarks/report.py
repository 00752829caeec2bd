"""Runs end to end as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.full_run import FullRun
from benchmarks.markdown import markdown
from benchmarks.slices import Slice

_MB = 1_000_000

_ROWS: tuple[tuple[str, Callable[[FullRun], str]], ...] = (
    ("orders/s, first write to last record in S3", lambda run: f"{run.orders_per_second:,.0f}"),
    ("orders/s, first write to last acknowledgement", lambda run: f"{run.written_per_second:,.0f}"),
    ("on their way at the last acknowledgement", lambda run: f"{run.waiting:,}"),
    ("seconds in all", lambda run: f"{run.seconds:.1f}"),
    ("CPU an order: client", lambda run: f"{run.client_cpu_us:.0f} µs"),
    ("CPU an order: runtime", lambda run: f"{run.runtime_cpu_us:.0f} µs"),
    ("CPU an order: Lambda process", lambda run: f"{run.function_cpu_us:.0f} µs"),
    ("CPU an order, last slice to first", lambda run: _ratio(run.cost_ratio)),
    ("the same, by the Lambda's CPU, which tells the machine's speed", lambda run: _ratio(run.cost_ratio_by_function)),
    ("peak memory: runtime", lambda run: f"{run.runtime_peak_mb:.0f} MB"),
    ("peak memory: Lambda process", lambda run: f"{run.function_peak_mb:.0f} MB"),
    ("peak memory: runtime, crawling and querying all of it", lambda run: f"{run.runtime_peak_later_mb:.0f} MB"),
    ("disk", lambda run: f"{run.disk_bytes / _MB:,.0f} MB"),
    ("disk an order", lambda run: f"{run.disk_bytes / run.orders:,.0f} bytes"),
    ("start to ready, empty", lambda run: f"{run.start_seconds:.2f} s"),
    ("start to ready, with all of it stored", lambda run: f"{run.restart_seconds:.2f} s"),
    ("put to tail at 1,000 orders/s, p50", lambda run: f"{run.tail.p50_ms:.0f} ms"),
    ("put to tail at 1,000 orders/s, p99", lambda run: f"{run.tail.p99_ms:.0f} ms"),
    ("put to tail at 1,000 orders/s, worst", lambda run: f"{run.tail.worst_ms:.0f} ms"),
    ("put to queryable", lambda run: f"{run.queryable.total:.2f} s"),
    ("of which until it is in S3", lambda run: f"{run.queryable.delivered:.2f} s"),
    ("of which the query", lambda run: f"{run.queryable.query:.2f} s"),
    ("a crawl (once for each new hour)", lambda run: f"{run.queryable.crawl:.2f} s"),
)

_SLICES: tuple[tuple[str, Callable[[Slice], str]], ...] = (
    ("orders/s", lambda one: f"{one.orders_per_second:,.0f}"),
    ("CPU an order", lambda one: f"{one.cpu_us:.0f} µs"),
    ("client", lambda one: f"{one.client_cpu_us:.0f} µs"),
    ("runtime", lambda one: f"{one.runtime_cpu_us:.0f} µs"),
    ("Lambda", lambda one: f"{one.function_cpu_us:.0f} µs"),
    ("runtime's memory", lambda one: f"{one.runtime_mb:.0f} MB"),
    ("disk", lambda one: f"{one.disk_bytes / _MB:,.0f} MB"),
)


def run_lines(runs: Sequence[FullRun]) -> Iterator[str]:
    """All runs side by side, then the slices of the longest."""
    yield from markdown(
        ["end to end", *(f"{run.orders:,} orders" for run in runs)],
        [[name, *(tell(run) for run in runs)] for name, tell in _ROWS],
    )
    longest = max(runs, key=lambda run: run.orders)
    if longest.slices:
        yield ""
        yield from markdown(
            [f"slices of {longest.orders:,} orders", *(name for name, _ in _SLICES)],
            [[f"{one.begin:,} to {one.end:,}", *(tell(one) for _, tell in _SLICES)] for one in longest.slices],
        )
    yield ""
    yield (
        "The client is `salespipe generate` in a process of its own. In the slices an order counts half when it is"
        " written and half when it is in S3; memory is the most seen in the slice, disk what the home takes at its end."
        f" Looking on took {longest.sampling_cpu:.1%} of one core. From `start to ready, with all of it stored` on, all"
        " of it is stored. Put to tail: rates reached "
        + ", ".join(f"{run.tail.rate:,.0f}/s over {run.tail.events:,} orders" for run in runs)
        + "."
    )


def _ratio(found: float | None) -> str:
    return "-" if found is None else f"{found:.2f}"
