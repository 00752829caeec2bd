"""Whether a query leaves out hours that the catalog does not know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from salespipe.aws.clients import Clients
from salespipe.services import compact
from salespipe.services.crawl import crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.uncrawled import uncrawled
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.services.lakes import put, rows
from tests.unit.scripted_aws import Script
from tests.unit.test_query_resultfile import client_error

NOW = datetime(2026, 2, 1, 2, tzinfo=UTC)
SQL = "SELECT count(*) FROM orders"


def crawled(p: Pipeline) -> None:
    for _ in crawl(p, wait=False):
        pass


def test_hours_after_the_crawl_are_counted_until_the_next_one(pipeline: Pipeline) -> None:
    assert uncrawled(pipeline, SQL, NOW) == 0  # there is nothing at all
    put(pipeline, "dt=2026-01-31/hour=21", "1", rows(1, 2))
    assert uncrawled(pipeline, SQL, NOW) == 0  # the query fails and says so
    crawled(pipeline)
    put(pipeline, "dt=2026-01-31/hour=21", "2", rows(2, 2))
    assert uncrawled(pipeline, SQL, NOW) == 0  # that hour is known

    put(pipeline, "dt=2026-01-31/hour=23", "1", rows(3, 2))
    put(pipeline, "dt=2026-02-01/hour=00", "1", rows(4, 2))
    assert uncrawled(pipeline, SQL, NOW) == 2
    for sql in ('select 1 from "ORDERS_CURRENT"', "SELECT 1 FROM raw_orders"):
        assert uncrawled(pipeline, sql, NOW) == 2
    for sql in ("SELECT 'orders'", "SELECT 1 -- orders", "SELECT 1 FROM orders_compacted"):
        assert uncrawled(pipeline, sql, NOW) == 0
    crawled(pipeline)
    assert uncrawled(pipeline, SQL, NOW) == 0

    compaction = compact.compact(pipeline, compact.plan(pipeline))
    for _ in compaction:
        pass
    assert uncrawled(pipeline, SQL, NOW) == 0  # orders is a view now
    put(pipeline, "dt=2026-02-01/hour=01", "1", rows(6, 2))
    assert uncrawled(pipeline, SQL, NOW) == 1


@pytest.mark.parametrize("operation", ["list_objects_v2", "get_table", "batch_get_partition"])
def test_who_may_not_look_is_told_nothing(operation: str) -> None:
    def folders(Prefix: str, **_: Any) -> dict[str, Any]:
        below = "hour=00/" if "dt=" in Prefix else "dt=2026-01-31/"
        return {"CommonPrefixes": [{"Prefix": Prefix + below}]}

    script = Script(
        {
            "list_objects_v2": folders,
            "get_table": {"Table": {"Name": "orders"}},
            "batch_get_partition": {"Partitions": []},
        }
    )
    p = Pipeline(cast(Clients, script), Names("sales", "123456789012", "eu-central-1"), BY_TARGET["local"])
    assert uncrawled(p, SQL, NOW) == 1
    script.answers[operation] = client_error("AccessDeniedException")
    assert uncrawled(p, SQL, NOW) == 0
