"""Names: which column a reference means, in the relations at hand and then in the queries around them.

https://trino.io/docs/current/sql/select.html; names are matched without regard to case, as Trino does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.types import Type, quoted, row_fields


@dataclass(frozen=True)
class Typed:
    """A translated expression: the engine's SQL and the Trino type of its value."""

    sql: str
    type: Type


@dataclass(frozen=True)
class Field:
    """A column that can be referred to. `qualifier` is the name of its relation (`t`, or catalog, database, table);
    `used` is told when the column is read; one `merged` away by USING and a `hidden` one (`$path`) are left out of `*`.
    `origin` are the columns (mention, name) that it is taken from unchanged: a row in which it has a value comes from a
    row of each such mention that has the same value there, or from none of that mention's. `needs` are the columns that
    are read for it where it is an output of a query, if anybody reads it (see `needed`).
    """

    name: str | None
    sql: str
    type: Type
    qualifier: tuple[str, ...] = ()
    used: Callable[[], None] | None = None
    merged: bool = False
    hidden: bool = False
    origin: tuple[tuple[int, str], ...] = ()
    needs: frozenset[tuple[int, str]] = frozenset()

    def read(self) -> Typed:
        """The column as an expression; from now on it counts as read."""
        if self.used is not None:
            self.used()
        return Typed(self.sql, self.type)


@dataclass
class Relation:
    """Something in FROM: its SQL with an alias, and its columns."""

    sql: str
    fields: list[Field]


@dataclass
class Scope:
    """The columns in reach of an expression, the parameters of the lambdas around it and the query outside."""

    fields: list[Field]
    parent: Scope | None = None
    lambdas: dict[str, Typed] = field(default_factory=dict)
    ctes: dict[str, Any] = field(default_factory=dict)
    depth: int = 0
    """How many lambdas are around it."""

    def within(self, parameters: dict[str, Typed]) -> Scope:
        """The scope of a lambda's body."""
        return replace(self, lambdas={**self.lambdas, **parameters}, depth=self.depth + 1)

    def column(self, parts: list[str], at: tuple[int, int]) -> Typed:
        """What `a.b.c` means: a column under its relation's name, or a field of a row. Raises COLUMN_NOT_FOUND."""
        wanted = [part.lower() for part in parts]
        scope: Scope | None = self
        while scope is not None:
            found = scope._look(wanted, parts, at)
            if found is not None:
                return found
            scope = scope.parent
        raise QueryFailure(
            "COLUMN_NOT_FOUND",
            f"Column '{'.'.join(parts)}' cannot be resolved or requester is not authorized to access requested "
            "resources",
            at,
        )

    def _look(self, wanted: list[str], parts: list[str], at: tuple[int, int]) -> Typed | None:
        if wanted[0] in self.lambdas:
            return dereference(self.lambdas[wanted[0]], wanted[1:], at)
        for index in range(len(wanted) - 1, -1, -1):
            found = list(self._matching(wanted[:index], wanted[index]))
            if len(found) > 1:
                raise QueryFailure("AMBIGUOUS_NAME", f"Column '{'.'.join(parts)}' is ambiguous", at)
            if found:
                return dereference(found[0].read(), wanted[index + 1 :], at)
        return None

    def _matching(self, qualifier: list[str], name: str) -> Iterable[Field]:
        for candidate in self.fields:
            if candidate.name is None or candidate.name.lower() != name:
                continue
            if qualifier and list(candidate.qualifier[-len(qualifier) :]) != qualifier:
                continue
            if candidate.merged:
                continue
            yield candidate


def row_of(values: Sequence[Typed]) -> Typed:
    """An anonymous row."""
    parts = ", ".join(f"{quoted(f'field{index}')} := {value.sql}" for index, value in enumerate(values))
    types = tuple(value.type for value in values)
    return Typed(f"struct_pack({parts})", Type("row", types, fields=(None,) * len(types)))


def dereference(base: Typed, names: list[str], at: tuple[int, int]) -> Typed:
    """A field of a row, by name."""
    for name in names:
        if base.type.name != "row":
            raise QueryFailure("TYPE_MISMATCH", f"Expression {name} is not of type ROW", at)
        named = zip(base.type.fields, row_fields(base.type), strict=True)
        fields = {
            field[0].lower(): field for given, field in named if given
        }  # one without a name has none to be read by
        if name not in fields:
            raise QueryFailure("COLUMN_NOT_FOUND", f"Column '{name}' cannot be resolved", at)
        original, type_ = fields[name]
        base = Typed(f"({base.sql}).{quoted(original)}", type_)
    return base
