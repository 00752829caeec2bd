"""Metrics of the pipeline, read as clients of three generations read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import JSONSerializer, QuerySerializer, RpcV2CBORSerializer

from salespipe.local.api.cloudwatch import CloudWatchApi
from salespipe.local.http import Reply, Request
from salespipe.local.protocols import service_model
from salespipe.local.stores import Stores

HOUR = 1_795_212_000  # a whole hour
STREAM = {"StreamName": "s"}
_XML = "{http://monitoring.amazonaws.com/doc/2010-08-01/}"

Ask = Callable[..., Any]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores.open(tmp_path / "home")
    for minute, value in ((0, 5), (0, 7), (1, 1), (5, 10)):
        opened.metrics.add("AWS/Kinesis", "IncomingRecords", STREAM, value, at=HOUR + 60 * minute)
    opened.metrics.add("AWS/Firehose", "DeliveryToS3.DataFreshness", {"DeliveryStreamName": "d"}, 3.5, at=HOUR)
    try:
        yield opened
    finally:
        opened.close()


def request(operation: str, serialized: dict[str, Any]) -> Request:
    headers = {name.lower(): value for name, value in serialized["headers"].items()}
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body)
        headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    return Request("POST", serialized["url_path"], "", headers, body.encode() if isinstance(body, str) else body)


def asked(stores: Stores, serializer: Any, operation: str, params: dict[str, Any]) -> Reply:
    model = service_model("cloudwatch").operation_model(operation)
    reply = CloudWatchApi(stores).handle(request(operation, serializer.serialize_to_request(params, model)))
    assert reply is not None
    return reply


@pytest.fixture
def ask(stores: Stores) -> Ask:
    """Asks in AWS JSON and returns the answer."""

    def asking(operation: str, **params: Any) -> Any:
        return json.loads(asked(stores, JSONSerializer(), operation, params).body)

    return asking


def query(statistic: str, period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/Kinesis",
        "MetricName": "IncomingRecords",
        "Dimensions": [{"Name": name, "Value": value} for name, value in STREAM.items()],
    }
    return {"Id": statistic.lower(), "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}, **more}


def window(minutes: int = 10) -> dict[str, datetime]:
    return {
        "StartTime": datetime.fromtimestamp(HOUR, UTC),
        "EndTime": datetime.fromtimestamp(HOUR + 60 * minutes, UTC),
    }


def test_values_come_by_period_newest_first(ask: Ask) -> None:
    queries = [query(name) for name in ("Sum", "SampleCount", "Minimum", "Maximum", "Average")]
    results = ask("GetMetricData", MetricDataQueries=queries, **window())["MetricDataResults"]
    assert {result["Id"]: result["Values"] for result in results} == {
        "sum": [10, 1, 12],
        "samplecount": [1, 1, 2],
        "minimum": [10, 1, 5],
        "maximum": [10, 1, 7],
        "average": [10, 1, 6],
    }
    assert results[0]["Timestamps"] == [HOUR + 300, HOUR + 60, HOUR]
    assert {result["StatusCode"] for result in results} == {"Complete"}
    assert results[0]["Label"] == "IncomingRecords"


def test_longer_periods_sum_and_may_come_oldest_first(ask: Ask) -> None:
    answer = ask("GetMetricData", MetricDataQueries=[query("Sum", 300)], ScanBy="TimestampAscending", **window())[
        "MetricDataResults"
    ][0]
    assert (answer["Timestamps"], answer["Values"]) == ([HOUR, HOUR + 300], [13, 10])


def test_the_window_is_half_open(ask: Ask) -> None:
    answer = ask("GetMetricData", MetricDataQueries=[query("Sum")], **window(5))["MetricDataResults"][0]
    assert answer["Values"] == [1, 12]


def test_a_metric_without_values_and_a_query_without_return_data(ask: Ask) -> None:
    nothing = query("Sum")
    nothing["MetricStat"]["Metric"]["MetricName"] = "Absent"
    results = ask("GetMetricData", MetricDataQueries=[nothing, query("Maximum", ReturnData=False)], **window())
    assert [(result["Id"], result["Values"]) for result in results["MetricDataResults"]] == [("sum", [])]


def test_metric_statistics_have_units(ask: Ask) -> None:
    params = {"Namespace": "AWS/Firehose", "MetricName": "DeliveryToS3.DataFreshness", "Period": 60}
    dimensions = [{"Name": "DeliveryStreamName", "Value": "d"}]
    answer = ask("GetMetricStatistics", **params, Dimensions=dimensions, Statistics=["Maximum", "Sum"], **window())
    assert answer == {
        "Label": "DeliveryToS3.DataFreshness",
        "Datapoints": [{"Timestamp": HOUR, "Maximum": 3.5, "Sum": 3.5, "Unit": "Seconds"}],
    }


def test_metrics_are_listed_by_dimension(ask: Ask) -> None:
    metric = {
        "Namespace": "AWS/Kinesis",
        "MetricName": "IncomingRecords",
        "Dimensions": [{"Name": "StreamName", "Value": "s"}],
    }
    assert ask("ListMetrics", Namespace="AWS/Kinesis")["Metrics"] == [metric]
    assert ask("ListMetrics", Namespace="AWS/Kinesis", Dimensions=[{"Name": "StreamName"}])["Metrics"] == [metric]
    other = [{"Name": "StreamName", "Value": "other"}]
    assert ask("ListMetrics", Namespace="AWS/Kinesis", Dimensions=other)["Metrics"] == []


def test_cbor_is_spoken(stores: Stores) -> None:
    reply = asked(stores, RpcV2CBORSerializer(), "GetMetricData", {"MetricDataQueries": [query("Sum")], **window()})
    shape = service_model("cloudwatch").operation_model("GetMetricData").output_shape
    parsed = RpcV2CBORParser().parse(
        {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.body}, shape
    )
    result = parsed["MetricDataResults"][0]
    assert result["Values"] == [10.0, 1.0, 12.0]
    assert result["Timestamps"][2] == datetime.fromtimestamp(HOUR, UTC)


def test_the_query_protocol_is_spoken(stores: Stores) -> None:
    params = {"MetricDataQueries": [query("Sum"), query("Maximum")], **window()}
    reply = asked(stores, QuerySerializer(), "GetMetricData", params)
    root = ElementTree.fromstring(reply.body)
    results = root.findall(f"{_XML}GetMetricDataResult/{_XML}MetricDataResults/{_XML}member")
    values = [[value.text for value in result.findall(f"{_XML}Values/{_XML}member")] for result in results]
    assert values == [["10.0", "1.0", "12.0"], ["10.0", "1.0", "7.0"]]
    assert results[0].findall(f"{_XML}Timestamps/{_XML}member")[2].text == "2026-11-20T22:00:00Z"


@pytest.mark.parametrize("serializer", [JSONSerializer(), QuerySerializer(), RpcV2CBORSerializer()])
def test_errors_are_said_in_the_protocol_of_the_request(stores: Stores, serializer: Any) -> None:
    reply = asked(stores, serializer, "GetMetricData", {"MetricDataQueries": [query("p99")], **window()})
    assert reply.status == 400
    if isinstance(serializer, RpcV2CBORSerializer):
        shape = service_model("cloudwatch").operation_model("GetMetricData").output_shape
        response = {"status_code": 400, "headers": dict(reply.headers), "body": reply.body}
        error = RpcV2CBORParser().parse(response, shape)["Error"]
        assert (error["Code"], "p99" in error["Message"]) == ("InvalidParameterValue", True)
    else:
        assert b"InvalidParameterValue" in reply.body
        assert b"p99" in reply.body


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DescribeAlarms", {}),
        ("ListMetrics", {}),
        ("ListMetrics", {"Namespace": "Mine"}),
        ("GetMetricStatistics", {"Namespace": "Mine", "MetricName": "m", "Period": 60, **window()}),
        ("GetMetricData", {"MetricDataQueries": [{"Id": "a", "Expression": "1+1"}], **window()}),
    ],
)
def test_the_rest_is_left_to_moto(stores: Stores, operation: str, params: dict[str, Any]) -> None:
    model = service_model("cloudwatch").operation_model(operation)
    sent = request(operation, JSONSerializer().serialize_to_request(params, model))
    assert CloudWatchApi(stores).handle(sent) is None


def test_ours_and_others_together_are_refused(ask: Ask) -> None:
    queries = [query("Sum"), {"Id": "twice", "Expression": "sum*2"}]
    answer = ask("GetMetricData", MetricDataQueries=queries, **window())
    assert answer["__type"] == "ValidationError"


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[]"])
def test_a_request_that_cannot_be_read_is_an_error_of_the_client(stores: Stores, body: bytes) -> None:
    for path, headers in (
        ("/", {"x-amz-target": "GraniteServiceVersion20100801.GetMetricData"}),
        ("/service/GraniteServiceVersion20100801/operation/GetMetricData", {}),
    ):
        reply = CloudWatchApi(stores).handle(Request("POST", path, "", headers, body))
        assert reply is not None
        assert reply.status == 400


def test_what_the_store_takes_is_a_metric_of_now(stores: Stores, ask: Ask) -> None:
    stores.objects.put("b", "k", b"x" * 1000)
    now = datetime.now(UTC)
    around = {"StartTime": now - timedelta(minutes=2), "EndTime": now + timedelta(minutes=2)}

    def values(**window: datetime) -> list[float]:
        metric = {
            "Namespace": "Salespipe",
            "MetricName": "StoredBytes",
            "Dimensions": [{"Name": "Part", "Value": "objects"}],
        }
        asked_for = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
        found: list[float] = ask("GetMetricData", MetricDataQueries=[asked_for], **window)["MetricDataResults"][0][
            "Values"
        ]
        return found

    assert values(**around) == [1000]
    assert values(StartTime=now - timedelta(days=2), EndTime=now - timedelta(days=1)) == []
    listed = ask("ListMetrics", Namespace="Salespipe", MetricName="StoredBytes")["Metrics"]
    assert {each["Dimensions"][0]["Value"] for each in listed} >= {"records", "items", "objects", "logs"}
