"""Status while orders really move through the embedded runtime."""

from __future__ import annotations

from typing import Any

import pytest

from salespipe.aws.waiting import poll_until
from salespipe.services import provision
from salespipe.services.generate import generate
from salespipe.services.pipeline import Pipeline
from salespipe.services.status import in_flight, status
from tests.embedded import Embedded


def hops(p: Pipeline) -> dict[str, Any]:
    return {hop.name: hop for hop in status(p).hops}


def settle(p: Pipeline) -> None:
    poll_until(lambda: in_flight(p) == 0 or None, "nothing in flight", timeout=60, most=0.2)


def test_every_change_is_counted_at_every_hop_and_a_poisoned_record_is_seen(standing: Embedded) -> None:
    p = standing.pipeline()
    for _ in generate(p, rate=2_000, count=400, seed=3):
        pass
    settle(p)
    found = hops(p)
    for name in ("stream", "pipe", "kinesis", "delivery", "transform", "lake"):
        assert found[name].records == 400, name
    assert (found["pipe"].lag, found["delivery"].lag) == (0, 0)
    living = p.aws.client("dynamodb").scan(TableName=p.names.table, Select="COUNT")["Count"]
    assert found["table"].records == living
    assert status(p).healthy

    p.aws.client("kinesis").put_record(StreamName=p.names.stream, PartitionKey="x", Data=b"poison")
    for _ in generate(p, rate=2_000, count=100, seed=4):
        pass
    poll_until(lambda: hops(p)["errors"].records or None, "the error object", timeout=60, most=0.2)
    settle(p)
    found = hops(p)
    assert (found["kinesis"].records, found["lake"].records, found["errors"].records) == (501, 500, 1)
    after = status(p)
    assert not after.healthy
    assert any("errors/" in problem for problem in after.problems)


def test_a_pipeline_made_anew_at_once_counts_nothing_of_the_one_before(standing: Embedded) -> None:
    p = standing.pipeline()

    def up() -> None:
        for _ in provision.up(p, provision.plan(p)):
            pass

    def down(*, delete_data: bool) -> None:
        for _ in provision.down(p, provision.plan_down(p, delete_data=delete_data)):
            pass

    for _ in generate(p, rate=2_000, count=20, seed=3):
        pass
    settle(p)
    down(delete_data=False)
    up()
    kept = hops(p)
    assert (kept["stream"].records, kept["pipe"].records, kept["pipe"].lag) == (20, 20, 0), "the table is the same"
    down(delete_data=True)
    up()
    found = hops(p)
    for name in ("stream", "pipe", "kinesis", "delivery", "transform", "lake"):
        assert not found[name].records, name
    assert in_flight(p) in (0, None)


def test_the_hops_say_what_they_keep_and_the_parts_are_what_lies_on_the_disk(standing: Embedded) -> None:
    p = standing.pipeline()
    for _ in generate(p, rate=2_000, count=200, seed=5):
        pass
    settle(p)
    seen = status(p)
    found = {hop.name: hop.bytes for hop in seen.hops}
    listed = p.aws.client("s3").list_objects_v2(Bucket=p.names.bucket, Prefix="orders/")["Contents"]
    assert found["lake"] == sum(each["Size"] for each in listed)
    assert found["table"] == p.aws.client("dynamodb").describe_table(TableName=p.names.table)["Table"]["TableSizeBytes"]
    assert found["errors"] == 0
    # A record of the stream is the change and a little more.
    assert 0 < (found["stream"] or 0) < (found["kinesis"] or 0)
    assert found["pipe"] is None

    assert seen.disk is not None
    assert seen.disk["records"] == (found["stream"] or 0) + (found["kinesis"] or 0)
    assert (seen.disk["items"], seen.disk["objects"]) == (found["table"], found["lake"])
    files = [path for path in standing.home.rglob("*") if path.is_file() and "functions" not in path.parts]
    assert sum(seen.disk.values()) == pytest.approx(sum(path.stat().st_size for path in files), rel=0.05)
