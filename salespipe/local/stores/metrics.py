"""CloudWatch metrics by the minute, counted in the transaction of the data they count: they are exact."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from salespipe.local.stores.database import Database


@dataclass(frozen=True, slots=True)
class Minute:
    """What was measured within one minute; `start` is epoch seconds."""

    start: int
    total: float
    samples: float
    smallest: float
    largest: float


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
        minute = int(time.time() if at is None else at) // 60 * 60
        with self._db.write() as connection:
            connection.execute(
                "insert into metrics values (?,?,?,?,?,?,?,?) on conflict do update set"
                " total = total + excluded.total, samples = samples + excluded.samples,"
                " smallest = min(smallest, excluded.smallest), largest = max(largest, excluded.largest)",
                (namespace, metric, _text(dimensions), minute, value, samples, value, value),
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
        rows = self._db.read().execute(
            "select distinct namespace, metric, dimensions from metrics where ? is null or namespace = ?"
            " order by namespace, metric, dimensions",
            (namespace, namespace),
        )
        return [(row[0], row[1], json.loads(row[2])) for row in rows]


def _text(dimensions: Mapping[str, str]) -> str:
    return json.dumps(dict(dimensions), sort_keys=True, separators=(",", ":"))
