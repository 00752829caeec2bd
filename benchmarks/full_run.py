"""One run of orders through every hop on a pipeline of its own, and what it is like with all of them stored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.command_process import CommandProcess, command
from benchmarks.home import Home, fresh_home, up
from benchmarks.processes import use
from benchmarks.queryable import Queryable, put_to_queryable
from benchmarks.sampling import Sample, Sampler
from benchmarks.slices import Slice, slices
from benchmarks.tailing import RATE, SECONDS, Tailing, put_to_tail
from salespipe.errors import SalespipeError
from salespipe.services.objects import error_records
from salespipe.services.status import arrived

SEED = 1
_RATE = 1_000_000_000  # operations a second: more than any machine can do
_RESTARTS = 3
_PATIENCE = 60.0
_EVERY, _EVERY_AT_THE_END = 0.5, 0.05  # seconds between samples


@dataclass(frozen=True)
class FullRun:
    """`seconds` go from the first write to the last record in an object, `write_seconds` to the last acknowledgement;
    `waiting` records were on their way then. CPU is in microseconds for each order, from the first write to the last
    record: of `generate`, of the runtime and of the function's process; `sampling_cpu` is the share of one core that
    was spent on looking. `cost_ratio`: the CPU of an order in the last slice to that in the first, None without
    slices; `cost_ratio_by_function`: the same, counted in the CPU of the function, see `Slice.cpu_by_function`. Peaks
    are of resident memory; `runtime_peak_later_mb` is of all that came after the last record, in a process started
    anew. `disk_bytes` is what the home grew. `start_seconds`: asked for with nothing stored, until it answers;
    `restart_seconds`: the same with all of it stored, the median of `restarts`.
    """

    orders: int
    seconds: float
    orders_per_second: float
    write_seconds: float
    written_per_second: float
    waiting: int
    client_cpu_us: float
    runtime_cpu_us: float
    function_cpu_us: float
    sampling_cpu: float
    cost_ratio: float | None
    cost_ratio_by_function: float | None
    runtime_peak_mb: float
    runtime_peak_later_mb: float
    function_peak_mb: float
    disk_bytes: int
    start_seconds: float
    restart_seconds: float
    restarts: tuple[float, ...]
    tail: Tailing
    queryable: Queryable
    slices: tuple[Slice, ...]


def full_run(orders: int, size: int) -> FullRun:
    """Measure one run, in slices of `size` orders. Raises SalespipeError when an order does not arrive once."""
    with fresh_home() as home:
        up(home.pipeline)
        return _measure(home, orders, size)


def _measure(home: Home, orders: int, size: int) -> FullRun:
    p, disk = home.pipeline, home.disk_bytes()
    wrote = _Wrote()
    with command("generate", "--count", str(orders), "--rate", str(_RATE), "--seed", str(SEED), told=wrote) as generate:
        sampler = Sampler(home, generate.pid)
        waiting = _until_delivered(generate, wrote, sampler, orders)
        generate.end()
    began = wrote.at - wrote.seconds
    first, last = [sample for sample in sampler.samples if not sample.written][-1], sampler.samples[-1]
    seconds = last.at - began
    peak = use(home.pid).peak_mb
    disk = home.disk_bytes() - disk
    if (found := arrived(p)) != orders or error_records(p):
        raise SalespipeError(f"{orders} orders were written, {found} arrived, {error_records(p)} among the errors")
    cut = slices(sampler.samples, orders, size)
    each = 1_000_000 / orders
    restarts = tuple(home.restart() for _ in range(_RESTARTS))
    return FullRun(
        orders=orders,
        seconds=seconds,
        orders_per_second=orders / seconds,
        write_seconds=wrote.seconds,
        written_per_second=orders / wrote.seconds,
        waiting=waiting,
        client_cpu_us=(last.client_cpu - first.client_cpu) * each,
        runtime_cpu_us=(last.runtime_cpu - first.runtime_cpu) * each,
        function_cpu_us=(last.function_cpu - first.function_cpu) * each,
        sampling_cpu=sampler.cpu_seconds / (last.at - sampler.samples[0].at),
        cost_ratio=_last_to_first([one.cpu_us for one in cut]),
        cost_ratio_by_function=_last_to_first([one.cpu_by_function for one in cut]),
        runtime_peak_mb=peak,
        function_peak_mb=max(sample.function_mb for sample in sampler.samples),
        disk_bytes=disk,
        start_seconds=home.start_seconds,
        restart_seconds=median(restarts),
        restarts=restarts,
        tail=put_to_tail(p, min(orders, round(RATE * SECONDS))),
        queryable=put_to_queryable(p),
        runtime_peak_later_mb=use(home.pid).peak_mb,
        slices=cut,
    )


def _last_to_first(costs: Sequence[float]) -> float | None:
    return costs[-1] / costs[0] if costs and costs[0] else None


class _Wrote:
    """What `generate` said in the end, and when."""

    def __init__(self) -> None:
        self.seconds = self.at = 0.0

    def __call__(self, summary: Any, now: float) -> None:
        self.seconds, self.at = float(summary["seconds"]), now


def _until_delivered(generate: CommandProcess, wrote: _Wrote, sampler: Sampler, orders: int) -> int:
    """Take samples until all is delivered; how many records were on their way at the last acknowledgement."""
    waiting: int | None = None
    moved = time.monotonic()
    before: Sample | None = None
    while True:
        wrote_all = generate.said_all
        sample = sampler.take()
        if before is None or (sample.written, sample.delivered) != (before.written, before.delivered):
            before, moved = sample, time.monotonic()
        if wrote_all and waiting is None:
            if not wrote.at:
                generate.fail("ended early")
            waiting = orders - sample.delivered
        if sample.delivered >= orders:
            return waiting or 0
        if time.monotonic() - moved > _PATIENCE:
            generate.fail(f"wrote {sample.written} of {orders} orders, {sample.delivered} arrived; nothing moves")
        time.sleep(_EVERY if waiting is None else _EVERY_AT_THE_END)
