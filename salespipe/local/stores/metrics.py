"""CloudWatch metrics by the minute, counted in the transaction of the data they count: they are exact."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from salespipe.local.stores.database import Database


@dataclass(frozen=True, slots=True)
class Minute:
    """What was measured within one minute; `start` is epoch seconds."""

    start: int
    total: float
    samples: float
    smallest: float
    largest: float


class Series(NamedTuple):
    """One metric: its dimensions as the text that they are stored as."""

    namespace: str
    metric: str
    dimensions: str


class Metrics:
    """Values added within one minute are kept as sum, number, smallest and largest."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        value: float,
        at: float | None = None,
        samples: float = 1,
    ) -> None:
        """Add one value (epoch seconds `at`, now when not given); joins an open `write()`."""
        self._add(namespace, {metric: value}, dimensions, at, samples)

    def add_all(self, namespace: str, values: Mapping[str, float], dimensions: Mapping[str, str]) -> None:
        """Add one value of each of several metrics, now; joins an open `write()`."""
        self._add(namespace, values, dimensions, None, 1)

    def _add(
        self,
        namespace: str,
        values: Mapping[str, float],
        dimensions: Mapping[str, str],
        at: float | None,
        samples: float,
    ) -> None:
        minute = int(time.time() if at is None else at) // 60 * 60
        text = _text(dimensions)
        with self._db.write() as connection:
            connection.executemany(
                "insert into metrics values (?,?,?,?,?,?,?,?) on conflict do update set"
                " total = total + excluded.total, samples = samples + excluded.samples,"
                " smallest = min(smallest, excluded.smallest), largest = max(largest, excluded.largest)",
                [(namespace, metric, text, minute, value, samples, value, value) for metric, value in values.items()],
            )

    def read(
        self, namespace: str, metric: str, dimensions: Mapping[str, str], start: float, end: float
    ) -> list[Minute]:
        """The minutes that begin within [start, end), oldest first."""
        rows = self._db.read().execute(
            "select minute, total, samples, smallest, largest from metrics where namespace = ? and metric = ?"
            " and dimensions = ? and minute >= ? and minute < ? order by minute",
            (namespace, metric, _text(dimensions), start, end),
        )
        return [Minute(*row) for row in rows]

    def names(self, namespace: str | None = None) -> list[tuple[str, str, dict[str, str]]]:
        """Every (namespace, metric, dimensions) that has values."""
        return [
            (found[0], found[1], json.loads(found[2]))
            for found in self.series()
            if namespace in (None, found.namespace)
        ]

    def series(self) -> Iterator[Series]:
        """Every metric that has values, in order; costs the same however many values each has."""
        found = Series("", "", "")
        sql = (
            "select namespace, metric, dimensions from metrics where (namespace, metric, dimensions) > (?,?,?)"
            " order by namespace, metric, dimensions limit 1"
        )
        while row := self._db.read().execute(sql, found).fetchone():
            found = Series(*row)
            yield found

    def forget(self, dimension: str, value: str | None = None) -> None:
        """Remove every metric that has this dimension, with any value when none is given; joins an open `write()`."""
        gone = [
            found
            for found in self.series()
            if (own := json.loads(found.dimensions).get(dimension)) is not None and value in (None, own)
        ]
        with self._db.write() as connection:
            connection.executemany("delete from metrics where namespace = ? and metric = ? and dimensions = ?", gone)

    def first(self, series: Series, begin: int) -> int | None:
        """The first minute at or after `begin` (epoch seconds) that has a value."""
        row = self._db.read().execute(
            "select minute from metrics where namespace = ? and metric = ? and dimensions = ? and minute >= ?"
            " order by minute limit 1",
            (*series, begin),
        )
        found = row.fetchone()
        return None if found is None else int(found[0])


def _text(dimensions: Mapping[str, str]) -> str:
    return json.dumps(dict(dimensions), sort_keys=True, separators=(",", ":"))
