"""Which columns of its tables a statement needs in the end: what a view or subquery gives and nobody reads is not.

While a statement is translated, each column that is read is told here. What is read for one output of a query is kept
apart, and counts if that output is read itself. Where it is hard to say (DISTINCT, GROUP BY, ORDER BY, a recursion)
every output counts: rather one column too many than too few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from salespipe.local.athena.scope import Field

Column = tuple[int, str]
"""The mention of a table or subquery, and the name there."""


class Needed:
    """What is read, for what."""

    def __init__(self) -> None:
        self._read: set[Column] = set()
        self._apart = [self._read]
        self._follows: dict[Column, frozenset[Column]] = {}

    def read(self, column: Column) -> None:
        """A column is read."""
        self._apart[-1].add(column)

    def fields(self, fields: Iterable[Field]) -> None:
        """Outputs of a query are read."""
        for field in fields:
            self._apart[-1].update(field.needs)

    def follows(self, column: Column, needs: frozenset[Column]) -> None:
        """What has to be read for a column of a subquery."""
        self._follows[column] = needs

    @contextmanager
    def apart(self) -> Iterator[set[Column]]:
        """Collects what is read meanwhile, which counts only if what it is read for does."""
        found: set[Column] = set()
        self._apart.append(found)
        try:
            yield found
        finally:
            self._apart.pop()

    def all(self) -> set[Column]:
        """Every column that is needed, at the end."""
        found: set[Column] = set()
        waiting = list(self._read)
        while waiting:
            column = waiting.pop()
            if column not in found:
                found.add(column)
                waiting.extend(self._follows.get(column, ()))
        return found
