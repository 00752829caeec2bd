"""What CloudWatch counted along the pipeline.

Names and dimensions are the documented ones:
https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html,
https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-monitoring.html (namespace AWS/EventBridge/Pipes).
DynamoDB publishes no count of change events; `Salespipe Changes {TableName}` is ours: a target that knows the
count may publish it, and on one that does not it is None. So are `Salespipe Expired {PipeName}` and
`{DeliveryStreamName}`. On AWS the numbers are a minute or two late and, in the
words of the Pipes page, "not meant to be a complete accounting".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from salespipe.aws.errors import translated
from salespipe.services.pipeline import Pipeline

_LONGEST = timedelta(days=14)
_LATEST = timedelta(minutes=10)


@dataclass(frozen=True)
class Counts:
    """Records counted since the pipeline's table was made, at most 14 days back; None: nothing was published."""

    changes: int | None  # change events the table wrote
    piped: int | None  # events the pipe processed
    incoming: int | None  # records put on the stream
    processed: int | None  # records the transform answered Ok or Dropped
    delivered: int | None  # records written to the lake
    invocations: int | None
    function_errors: int | None
    missed_changes: int | None  # events that went by age before the pipe had passed them on
    missed_records: int | None  # records that went by age before delivery had written them


def counts(p: Pipeline, since: datetime, now: datetime | None = None) -> Counts:
    """Ask CloudWatch once for every metric of the pipeline. `since` is when the pipeline was made.

    Data points begin on whole periods, so what an earlier pipeline of the same name counted within the first
    period (a minute for a pipeline younger than a day, an hour at most) is counted too.
    """
    now = now or datetime.now(UTC)
    start = max(since, now - _LONGEST)
    period = _period(now - start)
    began = datetime.fromtimestamp(start.timestamp() // period * period, UTC)
    names = p.names
    asked = {
        "changes": ("Salespipe", "Changes", "TableName", names.table, "Sum"),
        "piped": ("AWS/EventBridge/Pipes", "EventCount", "PipeName", names.pipe, "Sum"),
        "incoming": ("AWS/Kinesis", "IncomingRecords", "StreamName", names.stream, "Sum"),
        "processed": ("AWS/Firehose", "SucceedProcessing.Records", "DeliveryStreamName", names.delivery, "Sum"),
        "delivered": ("AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", names.delivery, "Sum"),
        "invocations": ("AWS/Lambda", "Invocations", "FunctionName", names.function, "Sum"),
        "function_errors": ("AWS/Lambda", "Errors", "FunctionName", names.function, "Sum"),
        "missed_changes": ("Salespipe", "Expired", "PipeName", names.pipe, "Sum"),
        "missed_records": ("Salespipe", "Expired", "DeliveryStreamName", names.delivery, "Sum"),
    }
    values = _values(p, asked, period, began, now)
    return Counts(**{name: round(sum(found)) if found else None for name, found in values.items()})


def freshness(p: Pipeline, since: datetime, now: datetime) -> float | None:
    """Seconds: the age of the oldest record that delivery holds, as last published; None when that was not within ten
    minutes. Of its minute it is the most."""
    start = max(since, now - _LATEST).timestamp() // 60 * 60
    name = "DeliveryToS3.DataFreshness"
    asked = {"age": ("AWS/Firehose", name, "DeliveryStreamName", p.names.delivery, "Maximum")}
    found = _values(p, asked, 60, datetime.fromtimestamp(start, UTC), now)["age"]
    return found[-1] if found else None


def _values(
    p: Pipeline, asked: dict[str, tuple[str, str, str, str, str]], period: int, began: datetime, now: datetime
) -> dict[str, list[float]]:
    """The data points, oldest first, of each metric that is asked for: namespace, name, a dimension with its value, and
    the statistic."""
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": dimension, "Value": value}],
                },
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, (namespace, metric, dimension, value, statistic) in asked.items()
    ]
    values: dict[str, list[float]] = {name: [] for name in asked}
    request: dict[str, Any] = {
        "MetricDataQueries": queries,
        "StartTime": began,
        "EndTime": now + timedelta(minutes=1),
        "ScanBy": "TimestampAscending",
    }
    while True:
        with translated():
            page = p.aws.client("cloudwatch").get_metric_data(**request)
        for result in page["MetricDataResults"]:
            values[result["Id"]].extend(result["Values"])
        if not page.get("NextToken"):
            break
        request["NextToken"] = page["NextToken"]
    return values


def _period(window: timedelta) -> int:
    """Seconds a data point covers: as fine as keeps nine metrics within one page of 100,800 points."""
    if window <= timedelta(days=1):
        return 60
    return 300 if window <= timedelta(days=5) else 3600
