"""`generate` on the embedded runtime: what DynamoDB itself has counted and kept."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest

from salespipe.errors import NotThereError, UsageError
from salespipe.orders import Order
from salespipe.orders.simulator import simulate
from salespipe.services.generate import generate
from salespipe.services.pipeline import Pipeline
from salespipe.services.write import WriteResult
from tests.embedded import Embedded


@pytest.fixture
def pipeline(standing: Embedded) -> Pipeline:
    return standing.pipeline()


def test_every_operation_makes_exactly_one_change_event(standing: Embedded, pipeline: Pipeline) -> None:
    *_, result = generate(pipeline, rate=2_000, count=1_000, seed=7)
    assert isinstance(result, WriteResult)

    dynamodb = standing.client("dynamodb")
    stream = dynamodb.describe_table(TableName=pipeline.names.table)["Table"]["LatestStreamArn"]
    changes = standing.stores.changes.read(stream, 0, 10_000)
    kinds = Counter(json.loads(change.record)["eventName"] for change in changes)
    assert (kinds["INSERT"], kinds["MODIFY"], kinds["REMOVE"]) == (result.inserted, result.updated, result.deleted)
    assert len(changes) == 1_000
    assert min(kinds.values()) > 0

    expected: dict[str, Order] = {}
    for operation in islice(simulate(7), 1_000):
        expected[operation.order.orderid] = operation.order
        if operation.kind == "delete":
            del expected[operation.order.orderid]
    pages = dynamodb.get_paginator("scan").paginate(TableName=pipeline.names.table)
    kept = [Order.from_item(item) for page in pages for item in page["Items"]]
    assert {order.orderid: order for order in kept} == expected
    assert json.loads(changes[0].keys).keys() == {"orderid"}


def test_without_a_pipeline_nothing_is_there(runtime: Embedded) -> None:
    with pytest.raises(NotThereError, match="'sales' is not there"):
        list(generate(runtime.pipeline(), count=1))


@pytest.mark.parametrize("limits", [{"rate": 0}, {"rate": -1}, {"count": 0}, {"duration": -1}])
def test_limits_are_checked_before_anything_else(runtime: Embedded, limits: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        list(generate(runtime.pipeline(), **limits))
