"""Partition projection: partitions that are computed from a table's properties and not looked up in the catalog.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-setting-up.html and
/partition-projection-supported-types.html.
A column that a query compares with constants (`=`, `IN`) is projected to those of them that are in its range; of any
other column every value is made, and the conditions of the query are then tried on them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from salespipe.local.athena.catalog import Partition, Table
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.projected_dates import DateRange

MOST = 1_000_000
"""Values of one column, and partitions of one table, that are made at most."""

Keep = Callable[[Sequence[int], Sequence[tuple[str, ...]]], Sequence[tuple[str, ...]]]
"""Those of some rows of values (of the partition columns at these positions) that the query's conditions keep."""


@dataclass(frozen=True)
class Enum:
    """Values that are listed."""

    listed: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.listed)

    def values(self) -> Iterable[str]:
        return self.listed

    def member(self, text: str) -> str | None:
        """The value that `text` is, or None."""
        return text if text in self.listed else None


@dataclass(frozen=True)
class Integers:
    """Whole numbers from `low` to `high` in steps, with leading zeros up to `digits`."""

    low: int
    high: int
    step: int
    digits: int

    @property
    def count(self) -> int:
        return max(0, (self.high - self.low) // self.step + 1)

    def values(self) -> Iterable[str]:
        return (self._shown(number) for number in range(self.low, self.high + 1, self.step))

    def member(self, text: str) -> str | None:
        """The value that `text` is, or None."""
        if not re.fullmatch(r"[+-]?\d+", text):
            return None
        number = int(text)
        if not self.low <= number <= self.high or (number - self.low) % self.step:
            return None
        return self._shown(number)

    def _shown(self, number: int) -> str:
        return ("-" if number < 0 else "") + str(abs(number)).zfill(self.digits)


@dataclass(frozen=True)
class Injected:
    """Any value, but only those that the query names."""

    count = 0

    def values(self) -> Iterable[str]:
        return ()

    def member(self, text: str) -> str | None:
        """The value itself."""
        return text


Domain = Enum | Integers | DateRange | Injected


class Projection:
    """The configuration of one table. Raises HIVE_METASTORE_ERROR for one that is not complete or makes no sense."""

    def __init__(self, table: Table, now: datetime) -> None:
        self._table = table
        properties = table.parameters
        names = [key.name for key in table.partition_keys]
        missing = [name for name in names if f"projection.{name}.type" not in properties]
        if missing:
            raise self._failure(
                f"Table {table.database}.{table.name} is configured for partition projection, but the following "
                f"partition columns are missing projection configuration: [{', '.join(missing)}]"
            )
        self._domains = [self._domain(name, now) for name in names]
        self._template = properties.get("storage.location.template", "")
        absent = [name for name in names if self._template and f"${{{name}}}" not in self._template]
        if absent:
            raise self._failure(f"storage.location.template has no placeholder for [{', '.join(absent)}]")

    def partitions(self, given: Mapping[str, Sequence[str]], keep: Keep) -> list[Partition]:
        """The partitions that the query reads; `given` are the constants that it compares a column with."""
        choices = []
        for index, (key, domain) in enumerate(zip(self._table.partition_keys, self._domains, strict=True)):
            values = self._values(key.name, domain, given.get(key.name))
            choices.append([value for (value,) in keep([index], [(value,) for value in values])])
        count = 1
        for choice in choices:
            count *= len(choice)
        if count > MOST:
            raise NotSupported(f"a query over {count:,} projected partitions")
        rows = keep(range(len(choices)), list(itertools.product(*choices)))
        return [Partition(row, replace(self._table.storage, location=self._location(row))) for row in rows]

    def _values(self, name: str, domain: Domain, given: Sequence[str] | None) -> list[str]:
        if given is not None:
            found = [domain.member(text) for text in given]
            return list(dict.fromkeys(value for value in found if value is not None))
        if isinstance(domain, Injected):
            raise QueryFailure(
                "CONSTRAINT_VIOLATION",
                f"For the injected projected partition column {name}, the WHERE clause must contain only static "
                "equality conditions, and at least one such condition must be present.",
            )
        if domain.count > MOST:
            raise NotSupported(f"the projected partition column {name} with {domain.count:,} values")
        return list(domain.values())

    def _location(self, row: Sequence[str]) -> str:
        names = [key.name for key in self._table.partition_keys]
        if not self._template:
            folders = "/".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
            return f"{self._table.storage.location.rstrip('/')}/{folders}/"
        location = self._template
        for name, value in zip(names, row, strict=True):
            location = location.replace(f"${{{name}}}", value)
        return location

    # reading the properties

    def _domain(self, name: str, now: datetime) -> Domain:
        kind = self._property(name, "type").strip().lower()
        if kind == "enum":
            return Enum(tuple(self._property(name, "values").split(",")))
        if kind == "integer":
            return self._integers(name)
        if kind == "date":
            return self._dates(name, now)
        if kind == "injected":
            if next(key for key in self._table.partition_keys if key.name == name).type.name != "varchar":
                raise self._failure(f"Injected partition column {name} is not of type string")
            return Injected()
        raise self._failure(f"Unknown projection type for partition column {name}: {kind}")

    def _integers(self, name: str) -> Integers:
        low, high = self._range(name)
        numbers = [low, high, self._property(name, "interval", "1"), self._property(name, "digits", "0")]
        try:
            first, last, step, digits = (int(number) for number in numbers)
        except ValueError:
            raise self._failure(f"Invalid range, interval or digits for partition column {name}: {numbers}") from None
        if step < 1 or digits < 0 or first > last:
            raise self._failure(f"Invalid range, interval or digits for partition column {name}: {numbers}")
        return Integers(first, last, step, digits)

    def _dates(self, name: str, now: datetime) -> DateRange:
        low, high = self._range(name)
        interval = self._property(name, "interval", "")
        unit = self._property(name, "interval.unit", "")
        try:
            return DateRange.of(self._property(name, "format"), low, high, interval.strip(), unit.strip().upper(), now)
        except ValueError as error:
            raise self._failure(f"Invalid projection of partition column {name}: {error}") from None

    def _range(self, name: str) -> tuple[str, str]:
        low, comma, high = self._property(name, "range").partition(",")
        if not comma:
            raise self._failure(f"The range of partition column {name} must have two elements")
        return low, high

    def _property(self, name: str, part: str, default: str | None = None) -> str:
        value = self._table.parameters.get(f"projection.{name}.{part}", default)
        if value is None:
            raise self._failure(f"Missing required property projection.{name}.{part}")
        return value

    def _failure(self, said: str) -> QueryFailure:
        return QueryFailure("HIVE_METASTORE_ERROR", f"{said} (table {self._table.database}.{self._table.name})")


def is_projected(table: Table) -> bool:
    """Whether a table's partitions are computed."""
    return bool(table.partition_keys) and table.parameters.get("projection.enabled", "").strip().lower() == "true"
