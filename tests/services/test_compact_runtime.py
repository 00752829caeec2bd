"""Compaction on the embedded runtime: what people see is the same before, meanwhile and afterwards."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.errors import QueryError, SalespipeError
from salespipe.services import compact as service
from salespipe.services import provision
from salespipe.services.compact import CompactProgress, CompactResult, catalog, compact, sql, state
from salespipe.services.crawl import CrawlResult, crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from salespipe.services.query.history import history
from salespipe.services.status import status
from tests.services import lakes
from tests.services.compact_kills import Killed, Killer, as_another_process


@pytest.fixture
def p(pipeline: Pipeline) -> Pipeline:
    """A pipeline with 6 objects in three closed hours, crawled and never compacted."""
    lakes.uncompact(pipeline)
    lakes.fill(pipeline, objects=2, events=60)
    return pipeline


def run(p: Pipeline) -> CompactResult:
    result = list(compact(p, service.plan(p)))[-1]
    assert isinstance(result, CompactResult)
    return result


def test_many_objects_become_few_and_everything_reads_as_before(p: Pipeline) -> None:
    before = lakes.facts(p)
    plan = service.plan(p)
    assert (len(plan.hours), plan.objects, len(plan.batches), plan.pending) == (3, 6, 1, False)
    result = run(p)
    assert (result.hours, result.objects, result.rows, result.new_objects, result.left) == (3, 6, 60, 3, 0)
    assert (result.bytes, result.finished) == (plan.bytes, "")
    assert lakes.facts(p) == before
    assert lakes.keys(p, "orders/") == []
    assert lakes.keys(p, "compacting/") == ["compacting/state.json"]
    assert {key.rpartition("/")[0].rpartition("/")[0] for key in lakes.keys(p, "compacted/")} == {
        f"compacted/orders/{hour}" for hour in lakes.HOURS
    }
    crawled = list(crawl(p, wait=False))[-1]
    assert isinstance(crawled, CrawlResult)
    assert [(table.name, table.partitions) for table in crawled.tables] == [("orders", 3)]
    assert lakes.facts(p) == before
    hop = {hop.name: hop for hop in status(p).hops}["lake"]
    assert (hop.state, hop.bytes) == ("READY", result.new_bytes)
    unasked = [each.sql for each in history(p, 50) if re.search(r"\bINSERT\b|\bVIEW\b|\bTABLE\b", each.sql)]
    marks = {re.sub(r"\*/.*|CREATE EXTERNAL .*", "", sql, flags=re.DOTALL).strip() for sql in unasked}
    assert marks == {"/* salespipe compact", "/* salespipe crawl", ""}


def test_an_object_in_no_hour_is_named_before_the_first_compaction_too(p: Pipeline) -> None:
    s3 = p.aws.client("s3")
    for keys in (["orders/odd/j.json"], []):
        for key in keys:
            s3.put_object(Bucket=p.names.bucket, Key=key, Body=b'{"orderid": "HAND1"}\n')
        *_, result = crawl(p, wait=False)
        assert isinstance(result, CrawlResult)
        assert [problem.partition(": not where")[0] for problem in result.problems] == [
            f"s3://{p.names.bucket}/{key}" for key in keys
        ]
        for key in keys:
            s3.delete_object(Bucket=p.names.bucket, Key=key)


def test_a_column_with_the_name_of_a_partition_is_refused(p: Pipeline) -> None:
    lakes.put(p, lakes.HOURS[0], "more", [{**row, "run": 7} for row in lakes.rows(9, 2)])
    list(crawl(p, wait=False))
    with pytest.raises(SalespipeError, match="a column run, which is a partition"):
        run(p)
    assert query(p, "SELECT count(*), sum(run) FROM orders").rows == [(62, 14)]


def test_a_second_compaction_finds_nothing_and_changes_nothing(p: Pipeline) -> None:
    run(p)
    before = lakes.facts(p), lakes.keys(p, "compacted/")
    assert (service.plan(p).hours, run(p).rows) == ({}, 0)
    assert (lakes.facts(p), lakes.keys(p, "compacted/")) == before


def test_later_orders_and_new_columns_are_there_beside_the_compacted_ones(p: Pipeline) -> None:
    run(p)
    more = [{**row, "coupon": "X1"} for row in lakes.rows(9, 7)]
    lakes.put(p, lakes.HOURS[0], "late", more[:4])
    assert query(p, "SELECT count(*) FROM orders").rows == [(64,)]  # at once, as the hour is in the catalog
    lakes.put(p, "dt=2026-02-02/hour=05", "new", more[4:])
    list(crawl(p, wait=False))
    coupons = "SELECT count(*), count(coupon), count(DISTINCT event_id) FROM orders"
    assert query(p, coupons).rows == [(67, 7, 67)]
    before = lakes.facts(p)
    assert run(p).rows == 7
    assert (query(p, coupons).rows, lakes.facts(p)) == ([(67, 7, 67)], before)


@pytest.mark.heavy
def test_a_nested_column_may_come_and_go(p: Pipeline) -> None:
    with_address = [{**row, "addr": {"city": "Bern", "at": [1.5, 2.5]}} for row in lakes.rows(9, 7)]
    lakes.put(p, lakes.HOURS[0], "nested", with_address)
    list(crawl(p, wait=False))
    run(p)
    lakes.put(p, lakes.HOURS[0], "plain", lakes.rows(10, 3))
    list(crawl(p, wait=False))
    cities = "SELECT count(*), count(addr), max(addr.city), max(addr.at[2]) FROM orders"
    assert query(p, cities).rows == [(70, 7, "Bern", 2.5)]
    run(p)
    assert query(p, cities).rows == [(70, 7, "Bern", 2.5)]


@pytest.mark.heavy
def test_a_numeric_column_that_is_read_as_whole_numbers_once_changes_no_type(p: Pipeline) -> None:
    whole = [{**row, "price": 5, "amount": 5} for row in lakes.rows(3, 8)]
    for key in lakes.keys(p, "orders/"):
        p.aws.client("s3").delete_object(Bucket=p.names.bucket, Key=key)
    lakes.uncompact(p)
    lakes.put(p, lakes.HOURS[0], "whole", whole)
    list(crawl(p, wait=False))
    run(p)
    lakes.fill(p, objects=1, events=30)
    before = lakes.facts(p)
    run(p)
    assert lakes.facts(p) == before


def test_what_comes_while_a_run_is_under_way_is_seen_and_kept(p: Pipeline) -> None:
    plan = service.plan(p)
    steps: list[str] = []
    late = iter(lakes.rows(5, 20))
    came: list[str] = []
    for event in compact(p, plan):
        if isinstance(event, CompactProgress):
            steps.append(event.step)
            came.append(lakes.put(p, lakes.HOURS[1], f"late-{event.step}-{len(came)}", [next(late)]))
            assert query(p, "SELECT count(*), count(DISTINCT event_id) FROM orders").rows == [(60 + len(came),) * 2]
    assert steps == ["copy", "verify", "switch", "delete", "done"]
    assert lakes.keys(p, "orders/") == sorted(came)
    before = lakes.facts(p)
    assert run(p).rows == len(came)
    assert lakes.facts(p) == before


@pytest.mark.heavy
def test_an_object_that_changes_after_it_was_read_stays(p: Pipeline) -> None:
    plan = service.plan(p)
    key = plan.hours[next(iter(plan.hours))][0].key
    for event in compact(p, plan):
        if isinstance(event, CompactProgress) and event.step == "delete":
            p.aws.client("s3").put_object(Bucket=p.names.bucket, Key=key, Body=b"{}\n")
    assert isinstance(event, CompactResult)
    assert (event.left, event.objects, lakes.keys(p, "orders/")) == (1, 5, [key])


def test_a_copy_that_differs_is_taken_back(p: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lakes.facts(p), lakes.keys(p, "orders/")
    insert = sql.insert
    monkeypatch.setattr(sql, "insert", lambda *given: f"{insert(*given)}\n  AND quantity > 1")
    with pytest.raises(SalespipeError, match="the copy differs from what was delivered in the hour dt=2026-01-31"):
        run(p)
    assert (lakes.facts(p), lakes.keys(p, "orders/"), lakes.keys(p, "compacted/")) == (*before, [])
    monkeypatch.undo()
    assert run(p).rows == 60


@pytest.mark.heavy
def test_an_object_that_athena_cannot_read_stops_it_before_anything_changes(p: Pipeline) -> None:
    lakes.put(p, lakes.HOURS[2], "blank", [])
    s3 = p.aws.client("s3")
    s3.put_object(Bucket=p.names.bucket, Key=f"orders/{lakes.HOURS[2]}/odd", Body=b'{"orderid": \n')
    with pytest.raises(QueryError, match="HIVE_CURSOR_ERROR"):
        run(p)
    assert lakes.keys(p, "compacted/") == []
    s3.delete_object(Bucket=p.names.bucket, Key=f"orders/{lakes.HOURS[2]}/odd")
    assert (run(p).objects, lakes.keys(p, "orders/")) == (7, [])


@pytest.mark.heavy
def test_an_hour_that_the_catalog_does_not_know_is_left_alone(p: Pipeline) -> None:
    key = lakes.put(p, "dt=2026-02-03/hour=11", "x", lakes.rows(4, 3))
    assert [(hour.dt, hour.hour) for hour in service.plan(p).unknown] == [("2026-02-03", "11")]
    run(p)
    assert lakes.keys(p, "orders/") == [key]


def test_ctrl_c_before_the_switch_takes_everything_back(p: Pipeline) -> None:
    before = lakes.facts(p), lakes.keys(p, "orders/")
    events = compact(p, service.plan(p))
    assert any(isinstance(event, CompactProgress) and event.step == "verify" for event in events)
    with pytest.raises(KeyboardInterrupt):
        events.throw(KeyboardInterrupt())
    assert (lakes.facts(p), lakes.keys(p, "orders/"), lakes.keys(p, "compacted/")) == (*before, [])
    assert lakes.keys(p, "compacting/") == ["compacting/state.json"]


def test_two_at_once_are_refused(p: Pipeline) -> None:
    with state.held(p), pytest.raises(SalespipeError, match="a compaction is at work: process"):
        run(p)
    assert run(p).rows == 60


def test_down_and_up_keep_what_was_compacted(p: Pipeline) -> None:
    run(p)
    before = lakes.facts(p)
    list(provision.down(p, provision.plan_down(p, delete_data=False)))
    lakes.stand(p)
    assert p.aws.client("glue").get_crawler(Name=p.names.crawler)["Crawler"]["TablePrefix"] == "crawled_"
    assert not provision.plan(p).pending
    list(crawl(p, wait=False))
    assert lakes.facts(p) == before
    lakes.put(p, lakes.HOURS[0], "more", lakes.rows(8, 5))
    list(crawl(p, wait=False))
    assert query(p, "SELECT count(*) FROM orders").rows == [(65,)]
    assert run(p).rows == 5
    assert query(p, "SELECT count(*), count(DISTINCT event_id) FROM orders").rows == [(65, 65)]


def test_a_reader_sees_every_order_once_at_every_moment(p: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs of two objects each, while another thread asks all the time."""
    monkeypatch.setattr("salespipe.services.compact.hours._MOST_PATH_BYTES", 300)
    before = query(p, lakes.SUMS).rows
    seen: list[Any] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                seen.append(query(p, lakes.SUMS).rows)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                seen.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        plan = service.plan(p)
        assert len(plan.batches) >= 3
        list(compact(p, plan))
    finally:
        over.set()
        reader.join()
    assert len(seen) > len(plan.batches)
    assert all(rows == before for rows in seen), [rows for rows in seen if rows != before]
    assert lakes.keys(p, "orders/") == []


def killed_and_ended(p: Pipeline, at: Callable[[list[str]], bool], after: bool) -> bool:
    """Kill a first compaction there, then compact again; what people see is the same each time. Whether it struck."""
    before = lakes.facts(p)
    killer = Killer(at, after=after)
    with as_another_process(p) as other:
        killer.watch(other)
        plan = service.plan(other)
        try:
            list(compact(other, plan))
        except Killed:
            assert killer.dead
    assert lakes.facts(p) == before, killer.seen
    run(p)
    assert lakes.facts(p) == before, killer.seen
    assert (lakes.keys(p, "orders/"), lakes.keys(p, "compacting/")) == ([], ["compacting/state.json"])
    assert catalog.table(p, "orders_next") is None
    return killer.dead


@pytest.mark.parametrize(
    ("call", "number", "after"),
    [
        pytest.param("UpdateTable", 1, True, marks=pytest.mark.heavy),  # orders is a view of what it was
        pytest.param("StartQueryExecution", 3, True, marks=pytest.mark.heavy),  # the copy is being written
        pytest.param("UpdateTable", 2, False, marks=pytest.mark.heavy),  # just before the switch
        ("UpdateTable", 2, True),  # just after it: nobody has written it down
        ("DeleteObjects", 1, True),  # the old objects are gone
        pytest.param("UpdateTable", 3, True, marks=pytest.mark.heavy),  # all of them, but the run is not over
    ],
)
def test_a_kill_leaves_what_people_see_and_the_next_run_ends_it(
    p: Pipeline, call: str, number: int, after: bool
) -> None:
    assert killed_and_ended(p, lambda seen: seen[-1] == call and seen.count(call) == number, after)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_every_call_of_a_first_compaction(pipeline: Pipeline, after: bool) -> None:
    moment = 0
    while True:
        lakes.uncompact(pipeline)
        lakes.fill(pipeline, objects=2, events=60)
        if not killed_and_ended(pipeline, lambda seen: len(seen) == moment + 1, after):  # noqa: B023 - at once
            break
        moment += 1
    assert moment > 25
