"""How much the pipeline takes where it runs, as far as its target says.

AWS says it of a table (TableSizeBytes, up to six hours old) and of objects (their listing). What logs and other things
take is nobody's concern there; a target for whom it is publishes `Salespipe StoredBytes`, by Part of its whole store,
by TableName of a table's changes, by StreamName of a stream's records. On one that does not it is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from salespipe.aws.errors import translated
from salespipe.services.pipeline import Pipeline

PARTS = ("records", "items", "objects", "logs", "free", "overhead")


@dataclass(frozen=True)
class Disk:
    """Bytes: of the table's changes, of the stream's records, and of the whole store by part."""

    changes: int | None
    records: int | None
    parts: dict[str, int] | None


def disk(p: Pipeline, now: datetime | None = None) -> Disk:
    """Ask CloudWatch once for the newest value of each."""
    now = now or datetime.now(UTC)
    asked = {"changes": ("TableName", p.names.table), "records": ("StreamName", p.names.stream)}
    asked |= {f"part_{part}": ("Part", part) for part in PARTS}
    queries = [_query(id, dimension, value) for id, (dimension, value) in asked.items()]
    with translated():
        answer = p.aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            ScanBy="TimestampDescending",
        )
    found = {result["Id"]: int(result["Values"][0]) for result in answer["MetricDataResults"] if result["Values"]}
    parts = {part: found[f"part_{part}"] for part in PARTS if f"part_{part}" in found}
    return Disk(found.get("changes"), found.get("records"), parts or None)


def _query(id: str, dimension: str, value: str) -> dict[str, Any]:
    metric = {
        "Namespace": "Salespipe",
        "MetricName": "StoredBytes",
        "Dimensions": [{"Name": dimension, "Value": value}],
    }
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
