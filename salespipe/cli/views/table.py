"""Tables as text. Nothing is ever cut off: rows too wide for the terminal are written one value a line.

A cell that is None is a NULL: the word, dim where there are colours, as nothing at all would be empty text.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from salespipe.cli.views.console import visible

_MEASURED = 1_000
NULL = "NULL"
"""What a NULL is in a table for people."""
_JOINER = "\u200d"
_AS_EMOJI = "\ufe0f"
_TONES = range(0x1F3FB, 0x1F400)

Cells = Sequence[str | None]


def plain(columns: Sequence[str], rows: Iterable[Cells], *, right: Iterable[int] = ()) -> Iterator[str]:
    """The lines of a plain table: a heading, a rule, the rows; columns two blanks apart, as wide as the first 1,000
    rows need. A wider cell further down moves what stands to the right of it."""
    left = ([NULL if cell is None else visible(cell) for cell in row] for row in rows)
    first = [[visible(cell) for cell in columns], *islice(left, _MEASURED)]
    widths = [max(map(cell_width, column)) for column in zip(*first, strict=True)]
    numbers = set(right)
    for index, row in enumerate(chain(first, left)):
        yield "  ".join(
            _pad(cell, width, number in numbers) for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        if index == 0:
            yield "  ".join("-" * width for width in widths)


def terminal(columns: Sequence[str], rows: Sequence[Cells], *, right: Iterable[int], width: int, color: bool) -> str:
    """A table drawn for a terminal of `width` columns; rows that do not fit are turned on their side."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[NULL if cell is None else visible(cell) for cell in row] for row in (columns, *rows)]
    needed = sum(max(map(cell_width, column)) + 3 for column in zip(*cells, strict=True)) + 1
    if needed > width:
        return "\n".join(vertical(columns, rows, color=color))
    numbers = set(right)
    table = Table(box=box.ROUNDED)
    for number, name in enumerate(cells[0]):
        table.add_column(Text(name), justify="right" if number in numbers else "left", no_wrap=True)
    for row, shown in zip(rows, cells[1:], strict=True):
        table.add_row(*(Text(text, "dim" if cell is None else "") for cell, text in zip(row, shown, strict=True)))
    drawn = io.StringIO()
    Console(file=drawn, width=width, force_terminal=color, highlight=False).print(table)
    return drawn.getvalue().rstrip("\n")


def vertical(columns: Sequence[str], rows: Iterable[Cells], *, color: bool) -> Iterator[str]:
    """Each row as a block of `column  value` lines."""
    names = [visible(name) for name in columns]
    null = f"\x1b[2m{NULL}\x1b[0m" if color else NULL
    widest = max((cell_width(name) for name in names), default=0)
    for number, row in enumerate(rows, 1):
        yield f"-- row {number} --"
        for name, cell in zip(names, row, strict=True):
            yield f"{_pad(name, widest, False)}  {null if cell is None else visible(cell)}".rstrip()


def cell_width(text: str) -> int:
    """Columns that `text` takes in a terminal: wide East Asian characters and emoji two, marks none, and an emoji that
    is joined of several as many as its first."""
    if text.isascii():
        return len(text)
    total = last = 0
    before = ""
    for character in text:
        if character == _AS_EMOJI:
            total, last = total + (last == 1), 2
        elif before == _JOINER or (ord(character) in _TONES and last == 2):
            pass
        elif unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            last = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            total += last
        before = character
    return total


def _pad(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - cell_width(text))
    return blanks + text if right else text + blanks
