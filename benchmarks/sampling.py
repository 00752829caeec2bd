"""What a pipeline has used, and how far it is, sampled while it works.

A sample is one call of GetMetricData for two counts and two reads of /proc for each process: see `Sampler.cpu_seconds`
for what all of them cost on this side; the runtime's side of it is in the runtime's own time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.home import Home
from benchmarks.processes import children, use

_LOOK_FOR_CHILDREN = 2.0  # seconds: it reads all of /proc
_DISK = 5.0  # seconds: it looks at every file of the home
_PERIOD = 3600


@dataclass(frozen=True)
class Sample:
    """At `at` (seconds of time.perf_counter) so many orders were written and delivered, and so much CPU was used by
    the client, the runtime and the function's processes since they started. Memory is what is resident."""

    at: float
    written: int
    delivered: int
    client_cpu: float
    runtime_cpu: float
    function_cpu: float
    runtime_mb: float
    function_mb: float
    disk_bytes: int


class Sampler:
    """Takes samples of one home's pipeline and of the client that writes into it."""

    def __init__(self, home: Home, client: int) -> None:
        self._home = home
        self._client = client
        self._runtime = home.pid
        self._functions: dict[int, float] = {}  # the CPU time of each process that ran a function
        self._looked = self._weighed = float("-inf")
        self._disk = 0
        self._cloudwatch = home.pipeline.aws.client("cloudwatch")
        self._queries = [_sum(name, *metric) for name, metric in _metrics(home).items()]
        self._since = datetime.now(UTC) - timedelta(hours=1)
        self.samples: list[Sample] = []
        self.cpu_seconds = 0.0

    def take(self) -> Sample:
        """One more sample."""
        began, cpu = time.perf_counter(), time.process_time()
        written, delivered = self._counts()
        runtime = use(self._runtime)
        function_mb = self._look_at_functions(began)
        if began - self._weighed >= _DISK:
            self._weighed, self._disk = began, self._home.disk_bytes()
        sample = Sample(
            began,
            written,
            delivered,
            use(self._client).cpu_seconds,
            runtime.cpu_seconds,
            sum(self._functions.values()),
            runtime.now_mb,
            function_mb,
            self._disk,
        )
        self.samples.append(sample)
        self.cpu_seconds += time.process_time() - cpu
        return sample

    def _counts(self) -> tuple[int, int]:
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=self._queries, StartTime=self._since, EndTime=datetime.now(UTC) + timedelta(minutes=1)
        )
        found = {result["Id"]: round(sum(result["Values"])) for result in answer["MetricDataResults"]}
        return found["written"], found["delivered"]

    def _look_at_functions(self, now: float) -> float:
        """Their memory; a process that is gone keeps the CPU time it had."""
        if not self._functions or now - self._looked >= _LOOK_FOR_CHILDREN:
            self._looked = now
            for pid in children(self._runtime):
                self._functions.setdefault(pid, 0.0)
        resident = 0.0
        for pid in self._functions:
            try:
                used = use(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
            self._functions[pid] = used.cpu_seconds
            resident += used.now_mb
        return resident


def _metrics(home: Home) -> dict[str, tuple[str, str, str, str]]:
    names = home.pipeline.names
    return {
        "written": ("Salespipe", "Changes", "TableName", names.table),
        "delivered": ("AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", names.delivery),
    }


def _sum(name: str, namespace: str, metric: str, dimension: str, value: str) -> dict[str, Any]:
    """The question for all that was counted in an hour."""
    asked = {"Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": dimension, "Value": value}]}
    return {"Id": name, "MetricStat": {"Metric": asked, "Period": _PERIOD, "Stat": "Sum"}}
