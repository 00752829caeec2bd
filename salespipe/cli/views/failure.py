"""What a person is told of an error: one line, the place in their statement if one is meant, and what to do."""

from __future__ import annotations

from salespipe.cli.views.console import visible
from salespipe.cli.views.table import cell_width
from salespipe.errors import QueryError, SalespipeError

_WIDEST = 100
_BEFORE = 60


def told(error: SalespipeError) -> list[str]:
    """The lines for stderr."""
    place = excerpt(error.line, error.column) if isinstance(error, QueryError) and error.line else []
    hint = [f"  hint: {error.hint}"] if error.hint else []
    return [f"salespipe: error: {' '.join(str(error).splitlines())}", *place, *hint]


def excerpt(line: str, column: int) -> list[str]:
    """`line` and a caret below `column` (from 1); of a long line what is around it, between dots."""
    start = max(0, column - 1 - _BEFORE) if len(line) > _WIDEST else 0
    end = start + _WIDEST
    before = ("..." if start else "") + visible(line[start : column - 1])
    shown = before + visible(line[column - 1 : end]) + ("..." if len(line) > end else "")
    return [f"  {shown}", "  " + " " * cell_width(before) + "^"]
