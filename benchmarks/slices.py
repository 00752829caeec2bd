"""A long run cut into slices of equally many orders: how fast each was, what an order cost in it, memory by its end.

An order counts half when it is written and half when it is in S3, so that a backlog that grows or shrinks moves no
cost from one slice into another. Delivery comes in large steps; between two of them the line is straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.sampling import Sample


@dataclass(frozen=True)
class Slice:
    """Orders `begin` to `end`. CPU is in microseconds an order: of the client, the runtime and the function's process.
    Memory is the most that was seen resident in the slice, `disk_bytes` what the home took at its end."""

    begin: int
    end: int
    orders_per_second: float
    client_cpu_us: float
    runtime_cpu_us: float
    function_cpu_us: float
    runtime_mb: float
    function_mb: float
    disk_bytes: int

    @property
    def cpu_us(self) -> float:
        """All that an order cost."""
        return self.client_cpu_us + self.runtime_cpu_us + self.function_cpu_us

    @property
    def cpu_by_function(self) -> float:
        """The same, counted in what the function used: it does the same for every order, so it tells how fast the
        machine was just then."""
        return self.cpu_us / self.function_cpu_us if self.function_cpu_us else 0.0


def slices(samples: Sequence[Sample], orders: int, size: int) -> tuple[Slice, ...]:
    """Slices of `size` orders, the last with what is left over too; none when there would be fewer than two.

    The samples go from before the first write to the last delivery.
    """
    if orders < 2 * size:
        return ()
    ends = [*range(size, orders - size + 1, size), orders]
    line = _line(samples)
    marks = [_at(line, end) for end in (0, *ends)]
    return tuple(
        _slice(samples, begin, end, before, after)
        for (begin, end), (before, after) in zip(pairwise((0, *ends)), pairwise(marks), strict=True)
    )


@dataclass(frozen=True)
class _Mark:
    """Where the run was when so many orders were done."""

    at: float
    client_cpu: float
    runtime_cpu: float
    function_cpu: float


def _line(samples: Sequence[Sample]) -> list[Sample]:
    """The last sample in which nothing was written, and each in which more was delivered than before."""
    first = [sample for sample in samples if not sample.written][-1:] or [samples[0]]
    steps = [after for before, after in pairwise(samples) if after.delivered > before.delivered]
    return [*first, *steps]


def _done(sample: Sample) -> float:
    return (sample.written + sample.delivered) / 2


def _at(line: Sequence[Sample], orders: int) -> _Mark:
    for before, after in pairwise(line):
        if _done(after) >= orders:
            share = (orders - _done(before)) / (_done(after) - _done(before))
            return _Mark(
                *(
                    getattr(before, name) + share * (getattr(after, name) - getattr(before, name))
                    for name in _Mark.__dataclass_fields__
                )
            )
    raise ValueError(f"the samples end before {orders} orders were written and delivered")


def _slice(samples: Sequence[Sample], begin: int, end: int, before: _Mark, after: _Mark) -> Slice:
    within = [sample for sample in samples if before.at <= sample.at <= after.at] or [
        max((sample for sample in samples if sample.at <= after.at), key=lambda sample: sample.at)
    ]
    each = 1_000_000 / (end - begin)
    return Slice(
        begin,
        end,
        (end - begin) / (after.at - before.at),
        (after.client_cpu - before.client_cpu) * each,
        (after.runtime_cpu - before.runtime_cpu) * each,
        (after.function_cpu - before.function_cpu) * each,
        max(sample.runtime_mb for sample in within),
        max(sample.function_mb for sample in within),
        within[-1].disk_bytes,
    )
