"""Objects under orders/ that do not fit, once orders are compacted: readers go on, and they are named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal

import pytest

from salespipe.errors import QueryError, SalespipeError
from salespipe.services import compact as service
from salespipe.services.compact import CompactResult, compact
from salespipe.services.crawl import CrawlResult, crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from tests.services import lakes
from tests.services.compact_kills import Killed, Killer, as_another_process

EVENT = {"orderid": "HAND1", "event_type": "INSERT", "event_id": "hand", "sequence_number": "1"}
COUNTS = "SELECT count(*), count(DISTINCT event_id), count(product_name) FROM orders"


@pytest.fixture(scope="module")
def made(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose orders are all compacted, so that what is delivered is only what a test puts there."""
    lakes.fill(pipeline, objects=1, events=60)
    *_, result = compact(pipeline, service.plan(pipeline))
    assert isinstance(result, CompactResult)
    assert lakes.keys(pipeline, "orders/") == []
    return pipeline


@pytest.fixture
def p(made: Pipeline) -> Iterator[Pipeline]:
    yield made
    for key in lakes.keys(made, "orders/"):
        made.aws.client("s3").delete_object(Bucket=made.names.bucket, Key=key)
    crawled(made)


def crawled(p: Pipeline) -> CrawlResult:
    *_, result = crawl(p, wait=False)
    assert isinstance(result, CrawlResult)
    return result


def put(p: Pipeline, place: str, **columns: object) -> str:
    key = f"orders/{place}"
    body = json.dumps({**EVENT, **columns}) + "\n"
    p.aws.client("s3").put_object(Bucket=p.names.bucket, Key=key, Body=body.encode())
    return key


@pytest.mark.parametrize(
    ("column", "said"), [("amount", "is string now and double"), ("run", "is string now and a partition")]
)
def test_a_value_that_does_not_fit_is_named_and_gone_with_its_object(p: Pipeline, column: str, said: str) -> None:
    before = lakes.facts(p)
    key = put(p, f"{lakes.HOURS[0]}/bad.json", **{column: "abc"})
    seen: set[tuple[object, ...]] = set()
    events = crawl(p, wait=False)
    with pytest.raises(SalespipeError, match=f"column {column} .* {said} .*/{key}$") as caught:
        seen.update(query(p, COUNTS).rows[0] for _ in events)
    assert "move" in caught.value.hint
    assert seen == {(61, 61, 60)}
    assert query(p, "SELECT count(*) FROM orders_current WHERE orderid = 'HAND1'").rows == [(1,)]
    p.aws.client("s3").delete_object(Bucket=p.names.bucket, Key=key)
    assert crawled(p).problems == ()
    assert lakes.facts(p) == before


def test_orders_beside_an_object_in_no_hour_are_there_and_it_is_named(p: Pipeline) -> None:
    before = lakes.facts(p)
    key = put(p, "odd/j.json", amount=1)
    assert f"s3://{p.names.bucket}/{key}: not where the delivery writes" in crawled(p).problems[0]
    assert lakes.facts(p) == before
    lakes.put(p, "dt=2026-02-02/hour=05", "new", lakes.rows(9, 7))
    seen = [query(p, COUNTS).rows for _ in crawl(p, wait=False)]
    assert {rows[0] for rows in seen} == {(60, 60, 60), (67, 67, 67)}
    p.aws.client("s3").delete_object(Bucket=p.names.bucket, Key=key)
    assert [table.name for table in crawled(p).tables] == ["orders"]
    assert query(p, COUNTS).rows == [(67, 67, 67)]


def test_a_fraction_in_a_column_of_whole_numbers_is_not_compacted(p: Pipeline) -> None:
    for number in range(5):
        put(p, f"{lakes.HOURS[1]}/half-{number}.json", quantity=2.5)
    put(p, f"{lakes.HOURS[1]}/whole.json", quantity=2)
    with pytest.raises(SalespipeError, match=r"quantity .* double now and bigint .*-0.json, .*-2.json and more$"):
        crawled(p)
    with pytest.raises(SalespipeError, match="column quantity"):
        list(compact(p, service.plan(p)))
    assert len(lakes.keys(p, "orders/")) == 6


def test_new_columns_are_found_although_folders_differ_in_compression(p: Pipeline) -> None:
    put(p, "dt=2026-02-03/hour=00/plain.json", amount=1, gift="no")
    lakes.put(p, lakes.HOURS[0], "late", [{**row, "coupon": "X1"} for row in lakes.rows(7, 3)])
    assert [table.name for table in crawled(p).tables] == ["orders"]
    assert query(p, "SELECT count(*), count(coupon), count(gift) FROM orders").rows == [(64, 3, 1)]


@pytest.mark.heavy
def test_a_kill_at_every_call_of_a_crawl_that_finds_a_column(p: Pipeline) -> None:
    moment = 0
    while True:
        new = f"new_{moment}"
        rows = [{**row, new: "x"} for row in lakes.rows(100 + moment, 2)]
        lakes.put(p, f"dt=2026-03-01/hour={moment:02}", "new", rows)
        killer = Killer(lambda seen: len(seen) == moment + 1, after=bool(moment % 2))  # noqa: B023 - at once
        with as_another_process(p) as other, suppress(Killed):
            killer.watch(other)
            list(crawl(other, wait=False))
        assert query(p, COUNTS).rows[0] in [(60 + many,) * 3 for many in (2 * moment, 2 * moment + 2)], killer.seen
        assert lakes.facts(p), killer.seen
        crawled(p)
        assert query(p, f"SELECT count({new}) FROM orders").rows == [(2,)]
        if not killer.dead:
            break
        moment += 1
    assert moment > 10


def test_a_value_too_large_for_the_view_is_found_as_the_hint_says(p: Pipeline) -> None:
    key = put(p, f"{lakes.HOURS[1]}/large.json", amount=1.2e19)
    crawled(p)
    with pytest.raises(QueryError, match="Cannot cast DOUBLE") as caught:
        query(p, "SELECT sum(amount) FROM orders_current")
    find = re.search(r"SELECT .* IS NULL(?=, or FROM orders_compacted; )", caught.value.hint)
    assert find is not None
    assert query(p, find[0]).rows == [(f"s3://{p.names.bucket}/{key}", "HAND1", 1.2e19)]
    later = {**EVENT, "event_type": "MODIFY", "event_id": "later", "sequence_number": "2", "amount": 12}
    lakes.put(p, lakes.HOURS[2], "later", [later])
    assert query(p, "SELECT amount FROM orders_current WHERE orderid = 'HAND1'").rows == [(Decimal("12.00"),)]


def test_tables_that_somebody_changed_are_put_right(p: Pipeline) -> None:
    """As the crawler did to them in earlier builds."""
    before = lakes.facts(p)
    glue = p.aws.client("glue")
    table = glue.get_table(DatabaseName=p.names.database, Name="raw_orders")["Table"]
    columns = [{"Name": "orderid", "Type": "string"}, {"Name": "amount", "Type": "int"}]
    changed = {
        "Name": "raw_orders",
        "StorageDescriptor": {**table["StorageDescriptor"], "Columns": columns},
        "PartitionKeys": table["PartitionKeys"],
    }
    glue.update_table(DatabaseName=p.names.database, TableInput=changed)
    crawled(p)
    assert lakes.facts(p) == before
    glue.delete_table(DatabaseName=p.names.database, Name="raw_orders")
    glue.create_table(
        DatabaseName=p.names.database,
        TableInput={**changed, "PartitionKeys": [{"Name": "partition_0", "Type": "string"}]},
    )
    lakes.put(p, lakes.HOURS[2], "late", lakes.rows(8, 4))
    crawled(p)
    assert query(p, COUNTS).rows == [(64, 64, 64)]
