"""CloudWatch's reading side for the metrics that our workers count; everything else is left to moto.

GetMetricData, GetMetricStatistics and ListMetrics for the namespaces of `stores.metrics`, whose values are kept by
the minute: a period below a minute is answered as a minute, and there are no percentiles. Counts are exact and there
at once, which AWS does not promise. What the store takes on disk (`usage`) is a metric that has but one value, of now.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from salespipe.local import usage
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.protocols import decode, encode, encode_error, operation_of, service_model
from salespipe.local.stores import Stores
from salespipe.local.stores.metrics import Minute
from salespipe.local.usage import Usage

OURS = frozenset({"AWS/DynamoDB", "AWS/EventBridge/Pipes", "AWS/Firehose", "AWS/Kinesis", "AWS/Lambda", "Salespipe"})
_MINUTE = 60
_STATISTICS: dict[str, Callable[[Sequence[Minute]], float]] = {
    "Sum": lambda minutes: sum(minute.total for minute in minutes),
    "SampleCount": lambda minutes: sum(minute.samples for minute in minutes),
    "Minimum": lambda minutes: min(minute.smallest for minute in minutes),
    "Maximum": lambda minutes: max(minute.largest for minute in minutes),
    "Average": lambda minutes: sum(minute.total for minute in minutes) / sum(minute.samples for minute in minutes),
}
_UNITS = (("Bytes", "Bytes"), ("Duration", "Milliseconds"), ("Latency", "Milliseconds"), ("Freshness", "Seconds"))

Params = dict[str, Any]


class CloudWatchApi:
    """Answers in whichever of the protocols the client speaks."""

    def __init__(self, stores: Stores) -> None:
        self._metrics = stores.metrics
        self._usage = Usage(stores)
        self._operations: dict[str, Callable[[Params], Params | None]] = {
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
        }

    def handle(self, request: Request) -> Reply | None:
        """The answer, or None for what is not ours."""
        found = operation_of(request)
        if found is None or found[1] not in self._operations:
            return None
        protocol, operation = found
        model = service_model("cloudwatch").operation_model(operation)
        try:
            answer = self._operations[operation](decode(protocol, request, model.input_shape))
        except AwsError as error:
            return encode_error(protocol, error)
        return None if answer is None else encode(protocol, operation, answer, model.output_shape)

    def get_metric_data(self, params: Params) -> Params | None:
        """GetMetricData. Raises AwsError for metric math, and where our metrics and others are asked for together."""
        queries = params.get("MetricDataQueries") or []
        stats = [query["MetricStat"] for query in queries if "MetricStat" in query]
        ours = [stat for stat in stats if stat["Metric"].get("Namespace") in OURS]
        if not ours:
            return None
        if len(ours) < len(queries):
            raise AwsError(
                "ValidationError",
                "on the local target metrics of the pipeline cannot be asked for together with metric math or with "
                "metrics of other namespaces",
            )
        window = _window(params)
        newest_first = params.get("ScanBy") != "TimestampAscending"
        return {
            "MetricDataResults": [
                self._result(query, window, newest_first) for query in queries if query.get("ReturnData", True)
            ],
            "Messages": [],
        }

    def _result(self, query: Params, window: tuple[float, float], newest_first: bool) -> Params:
        stat = query["MetricStat"]
        metric = stat["Metric"]
        points = self._points(metric, window, stat.get("Period"), stat.get("Unit"))
        if newest_first:
            points.reverse()
        compute = _statistic(str(stat.get("Stat")))
        return {
            "Id": query["Id"],
            "Label": query.get("Label") or metric["MetricName"],
            "Timestamps": [start for start, _ in points],
            "Values": [float(compute(minutes)) for _, minutes in points],
            "StatusCode": "Complete",
        }

    def get_metric_statistics(self, params: Params) -> Params | None:
        """GetMetricStatistics."""
        if params.get("Namespace") not in OURS:
            return None
        names = [*(params.get("Statistics") or []), *(params.get("ExtendedStatistics") or [])]
        if not names:
            raise AwsError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
        statistics = {name: _statistic(name) for name in names}
        unit = _unit(params["MetricName"])
        return {
            "Label": params["MetricName"],
            "Datapoints": [
                {
                    "Timestamp": start,
                    **{name: float(compute(minutes)) for name, compute in statistics.items()},
                    "Unit": unit,
                }
                for start, minutes in self._points(params, _window(params), params.get("Period"), params.get("Unit"))
            ],
        }

    def list_metrics(self, params: Params) -> Params | None:
        """ListMetrics of one of our namespaces; without a namespace moto lists what others have put."""
        namespace = params.get("Namespace")
        if namespace not in OURS:
            return None
        wanted = params.get("Dimensions") or []
        return {
            "Metrics": [
                {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                }
                for name, dimensions in self._names(namespace)
                if params.get("MetricName") in (None, name)
                and all(
                    dimension["Name"] in dimensions and dimension.get("Value") in (None, dimensions[dimension["Name"]])
                    for dimension in wanted
                )
            ]
        }

    def _names(self, namespace: str) -> list[tuple[str, dict[str, str]]]:
        """Metric and dimensions of all that have values."""
        found = [(name, dimensions) for _, name, dimensions in self._metrics.names(namespace)]
        if namespace == usage.METRIC[0]:
            found += [(usage.METRIC[1], dimensions) for dimensions in self._usage.dimensions()]
        return found

    def _points(
        self, metric: Mapping[str, Any], window: tuple[float, float], period: int | None, unit: str | None
    ) -> list[tuple[int, list[Minute]]]:
        """The minutes of a metric by period, oldest first; periods begin at multiples of their length."""
        if unit and unit != _unit(metric["MetricName"]):
            return []
        length = max(_MINUTE, int(period or _MINUTE) // _MINUTE * _MINUTE)
        start, end = window
        dimensions = {entry["Name"]: entry["Value"] for entry in metric.get("Dimensions") or []}
        begin = int(start) // length * length
        if (metric["Namespace"], metric["MetricName"]) == usage.METRIC:
            now, taken = int(time.time()) // _MINUTE * _MINUTE, self._usage.read(dimensions)
            if taken is None or not begin <= now < end:
                return []
            return [(now // length * length, [Minute(now, taken, 1, taken, taken)])]
        points: dict[int, list[Minute]] = {}
        for minute in self._metrics.read(metric["Namespace"], metric["MetricName"], dimensions, begin, end):
            points.setdefault(minute.start // length * length, []).append(minute)
        return sorted(points.items())


def _window(params: Params) -> tuple[float, float]:
    start, end = params.get("StartTime"), params.get("EndTime")
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        raise AwsError("MissingParameter", "The parameters StartTime and EndTime are required.")
    if start >= end:
        raise AwsError("ValidationError", "The parameter EndTime must be greater than StartTime.")
    return start, end


def _statistic(name: str) -> Callable[[Sequence[Minute]], float]:
    if name not in _STATISTICS:
        raise AwsError("InvalidParameterValue", f"The statistic {name} is not kept on the local target.")
    return _STATISTICS[name]


def _unit(metric: str) -> str:
    return next((unit for part, unit in _UNITS if part in metric), "Count")
