"""The place of an error in a statement: its line, and a caret below the column."""

from __future__ import annotations

from salespipe.cli.views.console import visible
from salespipe.cli.views.table import cell_width

_WIDEST = 100
_BEFORE = 60


def excerpt(line: str, column: int) -> list[str]:
    """Two lines with `column` (from 1) of `line` marked; of a long line what is around it, between dots."""
    start = max(0, column - 1 - _BEFORE) if len(line) > _WIDEST else 0
    end = start + _WIDEST
    before = ("..." if start else "") + visible(line[start : column - 1])
    shown = before + visible(line[column - 1 : end]) + ("..." if len(line) > end else "")
    return [f"  {shown}", "  " + " " * cell_width(before) + "^"]
