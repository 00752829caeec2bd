"""Crawling as a service: the order of the calls, waiting, and the view, against stand-ins for the clients."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import duckdb
import pytest
import sqlglot
from botocore.exceptions import ClientError

from salespipe.aws.clients import Clients
from salespipe.errors import NotThereError, QueryError, SalespipeError
from salespipe.services import status
from salespipe.services.crawl import CrawlProgress, CrawlResult, crawl
from salespipe.services.orders_view import current_orders_sql
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names

NAMES = Names("sales", "123456789012", "us-east-1")
LAST = {
    "Status": "SUCCEEDED",
    "LogGroup": "/aws-glue/crawlers",
    "LogStream": NAMES.crawler,
    "MessagePrefix": "run-2",
    "StartTime": datetime(2026, 11, 20, tzinfo=UTC),
}
COLUMNS = ["orderid", "quantity", "price", "amount", "event_type", "event_id", "sequence_number"]


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


class Pages:
    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = pages

    def paginate(self, **params: Any) -> Iterator[dict[str, Any]]:
        return iter(self.pages)


class Fake:
    """Every client at once. `busy` is how often the crawler runs already when it is to be started."""

    def __init__(self, *, tables: bool = True, busy: int = 0) -> None:
        self.calls: list[str] = []
        self.busy = busy
        self.tables = tables
        self.last: dict[str, Any] = LAST
        self.query_state = "SUCCEEDED"
        self.sql = ""
        self.log: list[str] = []
        self.running = 0

    def client(self, name: str) -> Fake:
        return self

    def get_crawler(self, Name: str) -> dict[str, Any]:
        self.running = max(0, self.running - 1)
        return {"Crawler": {"State": "RUNNING" if self.running else "READY", "LastCrawl": self.last}}

    def start_crawler(self, Name: str) -> None:
        self.running = 3
        if self.busy:
            self.busy -= 1
            self.calls.append("refused")
            raise refusal("CrawlerRunningException")
        self.calls.append("started")

    def get_paginator(self, operation: str) -> Pages:
        crawled = {"UPDATED_BY_CRAWLER": NAMES.crawler, "classification": "json"}
        storage = {
            "Columns": [{"Name": name, "Type": "string"} for name in COLUMNS],
            "Location": f"s3://{NAMES.bucket}/orders/",
        }
        keys = [{"Name": "dt", "Type": "string"}, {"Name": "hour", "Type": "string"}]
        tables: list[dict[str, Any]] = [{"Name": "orders_current", "TableType": "VIRTUAL_VIEW"}]
        if self.tables:
            tables.append(
                {"Name": "orders", "StorageDescriptor": storage, "PartitionKeys": keys, "Parameters": crawled}
            )
        return {
            "get_tables": Pages({"TableList": tables[:1]}, {"TableList": tables[1:]}),
            "get_partitions": Pages({"Partitions": [{}, {}]}, {"Partitions": [{}]}),
            "list_objects_v2": Pages({"Contents": [{"Key": "orders/x"}]} if self.tables else {}),
            "filter_log_events": Pages({"events": [{"message": line} for line in self.log]}),
        }[operation]

    def start_query_execution(self, QueryString: str, QueryExecutionContext: Any, WorkGroup: str) -> dict[str, str]:
        assert (QueryExecutionContext, WorkGroup) == ({"Database": NAMES.database}, NAMES.workgroup)
        self.sql = QueryString
        self.calls.append("view")
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        status = {"State": self.query_state, "StateChangeReason": "line 1:\n it is so"}
        return {"QueryExecution": {"Status": status}}

    def scan(self, **params: Any) -> dict[str, int]:
        return {"Count": 1 if self.tables else 0}

    def list_objects_v2(self, **params: Any) -> dict[str, int]:
        return {"KeyCount": 0}

    def get_object(self, **params: Any) -> None:
        raise refusal("NoSuchKey")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def crawled(fake: Fake, *, wait: bool = False) -> tuple[list[CrawlProgress], CrawlResult]:
    clock = Clock()
    pipeline = Pipeline(cast(Clients, fake), NAMES, BY_TARGET["aws"])
    *events, result = crawl(pipeline, wait=wait, clock=clock, sleep=clock.sleep)
    assert isinstance(result, CrawlResult)
    return [event for event in events if isinstance(event, CrawlProgress)], result


def test_a_crawl_ends_with_the_crawlers_tables_and_the_view_on_them() -> None:
    fake = Fake()
    events, result = crawled(fake)
    assert fake.calls == ["started", "view"]
    (table,) = result.tables
    assert result.empty == ""
    assert (table.name, table.partitions) == ("orders", 3)
    assert [column.name for column in table.columns] == [*COLUMNS, "dt", "hour"]
    assert [(event.phase, event.state, event.view) for event in events if event.done] == [
        ("crawling", "READY", ""),
        ("view", "", "made"),
    ]


def test_a_run_under_way_is_waited_for_and_followed_by_one_of_ours() -> None:
    fake = Fake(busy=2)
    crawled(fake)
    assert fake.calls == ["refused", "refused", "started", "view"]


def test_an_empty_lake_has_no_tables_and_no_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "in_flight", lambda p: None)
    fake = Fake(tables=False)
    events, result = crawled(fake, wait=True)
    assert result.tables == ()
    assert "nothing has been delivered yet" in result.empty
    assert events[-1].view == "skipped"
    assert "view" not in fake.calls
    assert events[0].phase == "delivering"
    assert (events[0].done, events[0].in_flight) == (True, 0)


def test_delivery_is_waited_for_until_nothing_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([7, 3, 0])
    monkeypatch.setattr(status, "in_flight", lambda p: next(left))
    events, _ = crawled(Fake(), wait=True)
    assert [(event.in_flight, event.done) for event in events if event.phase == "delivering"] == [
        (7, False),
        (3, False),
        (0, True),
    ]


@pytest.mark.parametrize("left", [None, 5])
def test_delivery_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch, left: int | None) -> None:
    monkeypatch.setattr(status, "in_flight", lambda p: left)
    events, _ = crawled(Fake(), wait=True)
    last = [event for event in events if event.phase == "delivering"][-1]
    assert last.done
    assert last.in_flight == left
    assert last.seconds == pytest.approx(2 * 60 + 30)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_crawl_that_did_not_succeed_is_an_error_with_its_reason(status: str) -> None:
    fake = Fake()
    fake.last = {**LAST, "Status": status, "ErrorMessage": "Database nowhere\nnot found"}
    with pytest.raises(SalespipeError, match=f"ended as {status}: Database nowhere not found") as caught:
        crawled(fake)
    assert "/aws-glue/crawlers" in caught.value.hint


def test_a_view_that_athena_refuses_is_an_error_with_its_reason() -> None:
    fake = Fake()
    fake.query_state = "FAILED"
    with pytest.raises(QueryError, match="could not be made: line 1: it is so"):
        crawled(fake)


def test_without_a_pipeline_there_is_nothing_to_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()

    def missing(Name: str) -> dict[str, Any]:
        raise refusal("EntityNotFoundException")

    monkeypatch.setattr(fake, "get_crawler", missing)
    with pytest.raises(NotThereError, match="pipeline 'sales' is not there") as caught:
        crawled(fake)
    assert caught.value.exit_code == 3


def test_the_crawlers_warnings_of_this_run_are_the_results_problems() -> None:
    fake = Fake()
    fake.log = [
        "[run-1] WARN : an earlier one",
        "[run-2] INFO : Created table orders",
        "[run-2] WARN : s3://b/x: line 2 is not JSON",
    ]
    assert crawled(fake)[1].problems == ("s3://b/x: line 2 is not JSON",)


def test_the_view_holds_the_last_change_of_each_living_order_once_and_exactly() -> None:
    sql = current_orders_sql([*COLUMNS, "dt", "hour"])
    connection = duckdb.connect()
    connection.execute(
        "create table orders (orderid varchar, quantity bigint, price double, amount double, event_type varchar,"
        " event_id varchar, sequence_number varchar, dt varchar, hour varchar)"
    )
    rows = [
        ("kept", 1, 0.1, 0.1, "INSERT", "e1", "99"),
        ("kept", 3, 0.1, 0.3, "MODIFY", "e2", "100"),
        ("kept", 3, 0.1, 0.3, "MODIFY", "e2", "100"),
        ("gone", 1, 5.0, 5.0, "INSERT", "e3", "101"),
        ("gone", 1, 5.0, 5.0, "REMOVE", "e4", "102"),
        ("back", 1, 5.0, 5.0, "REMOVE", "e5", "103"),
        ("back", 2, 1234.5678, 2469.14, "INSERT", "e6", "104"),
    ]
    connection.executemany("insert into orders values (?,?,?,?,?,?,?,'2026-11-20','09')", rows)
    connection.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])
    relation = connection.sql("select * from orders_current order by orderid")
    assert relation.columns == COLUMNS
    assert [str(kind) for kind in relation.types[1:4]] == ["INTEGER", "DECIMAL(18,4)", "DECIMAL(18,2)"]
    assert [tuple(map(str, row[:4])) for row in relation.fetchall()] == [
        ("back", "2", "1234.5678", "2469.14"),
        ("kept", "3", "0.1000", "0.30"),
    ]


def test_the_view_takes_the_columns_that_are_there() -> None:
    sql = current_orders_sql(["orderid", "event_type", "sequence_number"])
    assert "price" not in sql
    with pytest.raises(SalespipeError, match="has no column sequence_number"):
        current_orders_sql(["orderid", "event_type"])
