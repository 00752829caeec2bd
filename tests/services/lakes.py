"""A lake of many small objects, as the delivery would have written them hours ago, and what a query says of it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

from salespipe.orders.simulator import simulate
from salespipe.services import provision
from salespipe.services.crawl import crawl
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query

EVENT = {"insert": "INSERT", "update": "MODIFY", "delete": "REMOVE"}
HOURS = ("dt=2026-01-31/hour=22", "dt=2026-01-31/hour=23", "dt=2026-02-01/hour=00")

SUMS = """
    SELECT count(*), count(DISTINCT event_id), sum(CAST(amount AS decimal(18,2))),
        min(dt || hour), max(dt || hour), count(DISTINCT dt || hour), sum(quantity)
    FROM orders
"""
LIVING = "SELECT count(*), sum(amount), sum(price) FROM orders_current"


@dataclass(frozen=True)
class Facts:
    """What `orders` and `orders_current` say."""

    sums: tuple[object, ...]
    living: tuple[object, ...]


def rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Change events as the transform writes them."""
    return [
        {
            **{name: float(v) if name in ("price", "amount") else v for name, v in operation.order.row().items()},
            "event_type": EVENT[operation.kind],
            "event_id": f"{seed:08x}{number:024x}",
            "event_time": "2026-01-31T22:00:00Z",
            "sequence_number": f"{seed}{number:020d}",
        }
        for number, operation in enumerate(islice(simulate(seed), count))
    ]


def put(p: Pipeline, hour: str, name: str, events: list[dict[str, Any]]) -> str:
    """An object of the delivery: GZIP, one event a line. Returns its key."""
    key = f"orders/{hour}/salespipe-sales-delivery-1-{name}.gz"
    body = gzip.compress("".join(json.dumps(event) + "\n" for event in events).encode())
    p.aws.client("s3").put_object(Bucket=p.names.bucket, Key=key, Body=body)
    return key


def fill(p: Pipeline, *, objects: int, events: int, seed: int = 1) -> None:
    """`objects` in each of three hours that are long closed, with `events` in all, crawled."""
    made = rows(seed, events)
    many = len(HOURS) * objects
    for number in range(many):
        put(p, HOURS[number // objects], f"{seed}-{number:05d}", made[number::many])
    list(crawl(p, wait=False))


def stand(p: Pipeline) -> None:
    """Bring the pipeline up."""
    list(provision.up(p, provision.plan(p)))


def facts(p: Pipeline) -> Facts:
    """What people would see now."""
    return Facts(query(p, SUMS).rows[0], query(p, LIVING).rows[0])


def keys(p: Pipeline, prefix: str) -> list[str]:
    """The keys under `prefix`."""
    pages = p.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=p.names.bucket, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def uncompact(p: Pipeline) -> None:
    """Nothing was ever delivered, crawled or compacted."""
    glue = p.aws.client("glue")
    for table in glue.get_tables(DatabaseName=p.names.database)["TableList"]:
        glue.delete_table(DatabaseName=p.names.database, Name=table["Name"])
    glue.update_crawler(Name=p.names.crawler, TablePrefix="")
    for key in [key for prefix in ("orders/", "compacted/", "compacting/") for key in keys(p, prefix)]:
        p.aws.client("s3").delete_object(Bucket=p.names.bucket, Key=key)
