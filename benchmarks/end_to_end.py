"""Orders through every hop: written with `generate` as fast as it goes, until the last one is in an object in S3.

An order here is one operation of `generate` (an insert, an update or a delete): one change event, one row in the lake.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.home import Home, fresh_home, up
from benchmarks.processes import use, use_of_children
from benchmarks.queryable import Queryable, put_to_queryable
from benchmarks.writing import result_of
from salespipe.errors import SalespipeError
from salespipe.services.generate import generate
from salespipe.services.objects import error_records
from salespipe.services.pipeline import Pipeline
from salespipe.services.status import arrived, in_flight

SEED = 1
_NO_RATE = 1e9  # operations a second: more than any machine can do
_PATIENCE = 60.0


@dataclass(frozen=True)
class EndToEnd:
    """One run on a pipeline of its own.

    `seconds` go from the first write to the last record in an object, `write_seconds` to the last acknowledgement;
    `waiting` records were on their way then. CPU is in microseconds for each order: of this process while it wrote,
    of the runtime and of the function's process from the first write to the last record. Peaks are of resident memory.
    `store_bytes` is what the home grew on the disk for each order. `restart_seconds`: stopped and asked for again, with
    all of it stored, until it answers.
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
    runtime_peak_mb: float
    function_peak_mb: float
    store_bytes: float
    start_seconds: float
    restart_seconds: float
    queryable: Queryable


def end_to_end(orders: int) -> EndToEnd:
    """Measure one run. Raises SalespipeError when an order does not arrive."""
    with fresh_home() as home:
        up(home.pipeline)
        return _measure(home, orders)


def _measure(home: Home, orders: int) -> EndToEnd:
    p, pid = home.pipeline, home.pid
    disk, runtime_cpu, own_cpu = home.disk_bytes(), use(pid).cpu_seconds, time.process_time()
    wrote = result_of(generate(p, rate=_NO_RATE, count=orders, seed=SEED))
    written = time.perf_counter()
    own_cpu = time.process_time() - own_cpu
    waiting = in_flight(p) or 0
    _until_delivered(p)
    seconds = time.perf_counter() - written + wrote.seconds
    runtime, function = use(pid), use_of_children(pid)
    disk = home.disk_bytes() - disk
    if (found := arrived(p)) != orders or error_records(p):
        raise SalespipeError(f"{orders} orders were written, {found} arrived, {error_records(p)} among the errors")
    queryable = put_to_queryable(p)
    per_order = 1_000_000 / orders
    return EndToEnd(
        orders=orders,
        seconds=seconds,
        orders_per_second=orders / seconds,
        write_seconds=wrote.seconds,
        written_per_second=orders / wrote.seconds,
        waiting=waiting,
        client_cpu_us=own_cpu * per_order,
        runtime_cpu_us=(runtime.cpu_seconds - runtime_cpu) * per_order,
        function_cpu_us=function.cpu_seconds * per_order,
        runtime_peak_mb=runtime.peak_mb,
        function_peak_mb=function.peak_mb,
        store_bytes=disk / orders,
        start_seconds=home.start_seconds,
        restart_seconds=home.restart(),
        queryable=queryable,
    )


def _until_delivered(p: Pipeline) -> None:
    """Wait until nothing is in flight; asked so seldom that asking costs the runtime little."""
    least, since = None, time.monotonic()
    while left := in_flight(p):
        if least is None or left < least:
            least, since = left, time.monotonic()
        elif time.monotonic() - since > _PATIENCE:
            raise SalespipeError(f"{left} orders have not moved for {_PATIENCE:.0f} s")
        time.sleep(min(max(left / 20_000, 0.02), 1.0))
