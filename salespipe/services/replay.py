"""Real orders out of a file, written into the table as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from salespipe.orders import Operation
from salespipe.services.orderfile import OrderFile
from salespipe.services.pipeline import Pipeline
from salespipe.services.provision import require
from salespipe.services.write import WriteProgress, WriteResult, check_limits, write


def replay(
    p: Pipeline,
    path: Path,
    *,
    mapping: Mapping[str, str],
    rate: float | None = None,
    limit: int | None = None,
) -> Iterator[WriteProgress | WriteResult]:
    """Insert the first `limit` orders of the file, or all, at `rate` a second or as fast as it goes when None.

    The file is read twice: everything is checked before anything is written, so a bad row leaves no half of the
    file behind, and no file is too large for the memory. An order whose id is in the table is replaced, so a file
    replayed again changes nothing but what was changed since; where a file has an orderid twice, the later row is a
    change to the same order. Each order written counts as inserted in the result, whether it was there or not: the
    table does not say.

    Raises UsageError (the file, the mapping, a value: with its row), NotThereError, and what `write` raises.
    """
    check_limits(rate=rate, count=limit)
    file = OrderFile(path, mapping)
    require(p)
    try:
        file.check(limit)
    except KeyboardInterrupt:
        yield WriteResult(0, 0, 0, 0.0, 0.0, 0, interrupted=True)
        return
    yield from write(p, (Operation("insert", order) for order in file.orders(limit)), rate=rate)
