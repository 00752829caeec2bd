"""Metrics become coarser with age and then go, as CloudWatch keeps them: minutes for 15 days, five minutes for 63 days,
hours for 455 days.

Half a day of one metric is a step. How far it was done is kept among the positions; done again it changes nothing.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from salespipe.local.stores.database import Database
from salespipe.local.stores.metrics import Metrics, Series

_DAY = 86400
_WINDOW = _DAY // 2
_OFTEN = 3600
_WORKER = "metric ages"


class Age(NamedTuple):
    """From that age on (seconds) there is one value a `period` (seconds); 0: none."""

    seconds: int
    period: int


AGES = (Age(15 * _DAY, 300), Age(63 * _DAY, 3600), Age(455 * _DAY, 0))


class MetricAges:
    """Of all metrics of a store."""

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self._metrics = metrics

    def steps(self, now: float) -> Iterator[None]:
        """All that is due at `now` (epoch seconds), which is something once an hour."""
        for age in AGES:
            end = (int(now) - age.seconds) // _OFTEN * _OFTEN
            begin = self._done(age)
            while begin < end:
                begin = max(begin, self._first(begin) or end)
                until = min(end, begin // _WINDOW * _WINDOW + _WINDOW)
                if begin < end:
                    for series in self._metrics.series():
                        self._step(series, begin, until, age.period)
                        yield
                self._save(age, until)
                begin = until

    def _done(self, age: Age) -> int:
        row = self._db.read().execute(
            "select value from positions where worker = ? and shard = ?", (_WORKER, str(age.seconds))
        )
        found = row.fetchone()
        return int(found[0]) if found else 0

    def _save(self, age: Age, until: int) -> None:
        with self._db.write() as connection:
            connection.execute(
                "insert or replace into positions values (?,?,?)", (_WORKER, str(age.seconds), str(until))
            )

    def _first(self, begin: int) -> int | None:
        """The first minute at or after `begin` that any metric has."""
        found = [self._metrics.first(series, begin) for series in self._metrics.series()]
        return min((minute for minute in found if minute is not None), default=None)

    def _step(self, series: Series, begin: int, end: int, period: int) -> None:
        of = (*series, begin, end)
        where = "where namespace = ? and metric = ? and dimensions = ? and minute >= ? and minute < ?"
        with self._db.write() as connection:
            merged = []
            if period:
                merged = connection.execute(
                    f"select minute / {period} * {period}, sum(total), sum(samples), min(smallest), max(largest)"
                    f" from metrics {where} group by 1",
                    of,
                ).fetchall()
            connection.execute(f"delete from metrics {where}", of)
            connection.executemany(
                "insert into metrics values (?,?,?,?,?,?,?,?)",
                [(*series, *values) for values in merged],
            )
