"""Tables in Markdown that read as plain text too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table; all columns but the first are for numbers, so on the right."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (heading, rule, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "| " + " | ".join(cells) + " |"
