"""The answer to a query, to the screen or into a file, and what there is to say about it.

How many rows, how long from asking to the last row, how much was read, and what that costs on AWS: the local target
says that too, as the same query there would read as much.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from salespipe.cli.views import output, results
from salespipe.cli.views.console import Console, counted
from salespipe.cli.views.units import amount

if TYPE_CHECKING:
    from decimal import Decimal

    from salespipe.services.query.results import Answer, Column


@dataclass(frozen=True)
class Asked:
    """How the rows are wanted: the format, the file if any, and whether JSON goes to stdout beside it."""

    form: str
    file: str | None = None
    json: bool = False

    @property
    def nested(self) -> bool:
        """Whether lists and objects are wanted, and not Athena's text for them."""
        return self.json or results.needs_types(self.form)


class _Counted:
    """An answer's columns and rows, counted while they pass."""

    def __init__(self, answer: Answer) -> None:
        self.columns: tuple[Column, ...] = answer.columns
        self.count = 0
        self.rows = self._passing(answer.rows)

    def _passing(self, rows: Iterable[results.Row]) -> Iterator[results.Row]:
        for row in rows:
            self.count += 1
            yield row


def show(console: Console, answer: Answer, asked: Asked, began: float) -> None:
    """All of it; `began` is time.monotonic() of the asking."""
    # With --json beside a file of text, the one has values and the other Athena's text.
    typed = asked.file is None or results.needs_types(asked.form)
    counting = _Counted(answer if typed or answer.as_text is None else answer.as_text())
    whole = True
    if asked.file is None:
        whole = results.show(console, counting, asked.form)
    else:
        output.save(counting, asked.form, Path(asked.file))
        if asked.json:
            results.show(console, answer, "json")
    if asked.nested:
        results.unread(console, answer.unread)
    if not whole:
        results.cut(console)
    console.talk(_summary(answer, counting.count, whole, asked.file, time.monotonic() - began))


def unseen(console: Console, hours: int) -> None:
    """Say that the answer leaves out orders of hours that the catalog does not know."""
    if hours:
        console.talk(f"note: orders of {counted(hours, 'newer hour')} are not in the catalog yet; run: salespipe crawl")


def _summary(answer: Answer, rows: int, whole: bool, file: str | None, seconds: float) -> str:
    number = counted(rows, "row") if whole else f"the first {results.MOST_ON_A_TERMINAL:,} rows of more"
    if answer.written is not None:
        number = f"{counted(answer.written, 'row')} written"
    elif not answer.columns and not rows:
        number = "done"
    where = f" in {file}" if file else ""
    return f"{number}{where}, {seconds:.2f} s, {amount(answer.scanned_bytes)} scanned{_cost(answer)}"


def _cost(answer: Answer) -> str:
    return f", {dollars(answer.dollars)} on AWS" if answer.charged else ""


def dollars(sum: Decimal) -> str:
    """`$0.00005`, `$1.25`: two digits that count, and cents at least."""
    digits = max(2, -sum.adjusted()) if sum else 2
    return f"${sum:.{digits}f}"
