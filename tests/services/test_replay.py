"""`replay` into the embedded runtime."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from salespipe.errors import NotThereError, UsageError
from salespipe.orders import Order
from salespipe.services.pipeline import Pipeline
from salespipe.services.replay import replay
from salespipe.services.write import WriteResult
from tests.embedded import Embedded


@pytest.fixture
def pipeline(standing: Embedded) -> Pipeline:
    return standing.pipeline()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("who,total\n" + "".join(f"c{n % 7},{n}.{n % 100:02d}\n" for n in range(300)))
    return path


MAPPING = {"customer_id": "who", "amount": "total"}


def test_every_order_is_in_the_table_and_a_second_time_changes_nothing(
    standing: Embedded, pipeline: Pipeline, file: Path
) -> None:
    dynamodb = standing.client("dynamodb")
    stream = dynamodb.describe_table(TableName=pipeline.names.table)["Table"]["LatestStreamArn"]
    for _ in range(2):
        *_, result = replay(pipeline, file, mapping=MAPPING)
        assert isinstance(result, WriteResult)
        assert result.inserted == 300

    pages = dynamodb.get_paginator("scan").paginate(TableName=pipeline.names.table)
    kept = [Order.from_item(item) for page in pages for item in page["Items"]]
    assert len(kept) == 300
    assert sum(order.amount for order in kept) == sum(Decimal(f"{n}.{n % 100:02d}") for n in range(300))
    assert len(standing.stores.changes.read(stream, 0, 10_000)) == 300


def test_a_bad_row_leaves_nothing_written(standing: Embedded, pipeline: Pipeline, file: Path) -> None:
    with file.open("a") as more:
        more.write("c1,lots\n")

    with pytest.raises(UsageError, match=r"row 301 \(line 302\), column 'total': 'lots' is not a number"):
        list(replay(pipeline, file, mapping=MAPPING))
    assert standing.client("dynamodb").scan(TableName=pipeline.names.table)["Count"] == 0

    *_, result = replay(pipeline, file, mapping=MAPPING, limit=120)
    assert isinstance(result, WriteResult)
    assert result.inserted == 120


def test_a_wrong_request_is_told_before_the_pipeline_is_looked_for(runtime: Embedded, file: Path) -> None:
    with pytest.raises(UsageError, match="there is no column 'nix' for amount; the file has the columns who, total"):
        list(replay(runtime.pipeline(), file, mapping={"amount": "nix"}))
    with pytest.raises(UsageError, match="--rate must be above 0"):
        list(replay(runtime.pipeline(), file, mapping=MAPPING, rate=0))
    with pytest.raises(NotThereError):
        list(replay(runtime.pipeline(), file, mapping=MAPPING))
