"""Columns and counts of what was read, for one object, folder or table; merging is all that is done with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from salespipe.local.crawling.hivetypes import INT_MAX, INT_MIN, UNKNOWN, HiveType, infer, widen


@dataclass
class Columns:
    """Columns in the order in which they were first seen, by lower-case name; `paths` keeps the names as written."""

    types: dict[str, HiveType] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    def add(self, name: str, kind: HiveType) -> None:
        """One more value of this type in this column."""
        self.paths.add(name)
        lower = name.lower()
        self.types[lower] = widen(self.types.get(lower, UNKNOWN), kind)

    def merge(self, other: Columns) -> None:
        """Add everything that `other` has seen; its new columns come last."""
        self.paths |= other.paths
        for name, kind in other.types.items():
            self.types[name] = widen(self.types.get(name, UNKNOWN), kind)

    def document(self) -> dict[str, Any]:
        return {"types": list(self.types.items()), "paths": sorted(self.paths)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Columns:
        return cls(dict(document["types"]), set(document["paths"]))


class RowReader:
    """Infers columns from JSON objects, quickly: a row with the names and types of an earlier one is not looked at
    again, but for its whole numbers (which may be too large for an int) and its nested values.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._seen: dict[tuple[object, ...], tuple[str, ...]] = {}

    def read(self, row: dict[str, Any]) -> None:
        """Take one row into account."""
        shape = (*row, *map(type, row.values()))
        again = self._seen.get(shape)
        if again is None:
            for name, value in row.items():
                self._columns.add(name, infer(value))
            self._seen[shape] = tuple(
                name for name, value in row.items() if type(value) is int or isinstance(value, list | dict)
            )
            return
        for name in again:
            value = row[name]
            if type(value) is not int or not INT_MIN <= value <= INT_MAX:
                self._columns.add(name, infer(value))


@dataclass(frozen=True)
class Format:
    """How the bytes of an object are laid out: what one table's objects must have in common."""

    classification: str
    compression: str
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str, default: str = "") -> str:
        return dict(self.options).get(name, default)

    def __str__(self) -> str:
        return self.classification if self.compression == "none" else f"{self.classification} ({self.compression})"


@dataclass(frozen=True)
class Reading:
    """What the start of one object showed. `records` is estimated from it when the object is longer.

    `problem` says what is wrong with the object, e.g. `line 3 is not JSON`; the rest of it counts all the same.
    """

    format: Format
    columns: Columns
    records: int
    problem: str = ""
