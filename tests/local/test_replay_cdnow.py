"""All 69,659 CDNOW orders through the embedded runtime: each one reaches Athena, with its money to the cent."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from salespipe.services import provision
from salespipe.services.crawl import crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from salespipe.services.replay import replay
from salespipe.services.write import WriteResult
from salespipe.stack.naming import DATA_PREFIX, ERROR_PREFIX
from tests import cdnow
from tests.embedded import Embedded

_PATIENCE = 120.0


def lake_rows(s3: Any, bucket: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """The rows of the objects not yet in `seen`, which they are added to."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA_PREFIX):
        for key in (entry["Key"] for entry in page.get("Contents", ())):
            if key not in seen:
                seen.add(key)
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
                for line in text.splitlines():
                    yield json.loads(line, parse_float=Decimal, parse_int=Decimal)


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_every_cdnow_order_reaches_athena_to_the_cent(runtime: Embedded) -> None:
    p: Pipeline = runtime.pipeline()
    list(provision.up(p, provision.plan(p)))

    *_, result = replay(p, cdnow.cdnow_file(), mapping=cdnow.MAPPING)
    assert isinstance(result, WriteResult)
    assert result.inserted == cdnow.ORDERS

    s3 = runtime.client("s3")
    seen: set[str] = set()
    money: dict[str, Decimal] = {}
    events: set[str] = set()
    rows = 0
    deadline = time.monotonic() + _PATIENCE
    while len(money) < cdnow.ORDERS and time.monotonic() < deadline:
        for row in lake_rows(s3, p.names.bucket, seen):
            rows += 1
            events.add(row["event_id"])
            money[row["orderid"]] = row["amount"]
        if len(money) < cdnow.ORDERS:
            time.sleep(0.2)

    assert len(money) == len(events) == rows == cdnow.ORDERS
    assert sum(money.values()) == Decimal(cdnow.MONEY)
    assert s3.list_objects_v2(Bucket=p.names.bucket, Prefix=ERROR_PREFIX)["KeyCount"] == 0

    list(crawl(p, wait=True))
    living = query(p, "SELECT count(*), count(DISTINCT orderid), sum(amount) FROM orders_current")
    every = query(p, "SELECT count(*), count(DISTINCT event_id), round(sum(amount), 2) FROM orders")
    assert living.rows == [(cdnow.ORDERS, cdnow.ORDERS, Decimal(cdnow.MONEY))]
    assert every.rows == [(cdnow.ORDERS, cdnow.ORDERS, float(cdnow.MONEY))]
