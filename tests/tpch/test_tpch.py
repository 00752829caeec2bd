"""All 22 queries of TPC-H, in Athena's dialect, give the published answers over Parquet that the crawler catalogued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.embedded import Embedded
from tests.tpch.lake import QUERIES, TABLES, Lake, generate
from tests.tpch.published import QUERY_17_AT_SCALE_1, SCALE_0_01, SCALE_1, TEXTS, digest, to_the_cent


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables at scale 0.01."""
    folder = tmp_path_factory.mktemp("tpch")
    generate(folder, "0.01")
    return folder


@pytest.fixture(scope="module")
def lake(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    runtime = Embedded(tmp_path_factory.mktemp("home"))
    runtime.start()
    try:
        filled = Lake(runtime)
        filled.fill(data)
        filled.crawl()
        yield filled
    finally:
        runtime.stop()


def test_every_folder_becomes_the_table_that_its_parquet_says(lake: Lake) -> None:
    assert tuple(lake.columns) == TABLES
    assert lake.columns["lineitem"] == {
        "l_orderkey": "bigint",
        "l_partkey": "bigint",
        "l_suppkey": "bigint",
        "l_linenumber": "int",
        "l_quantity": "decimal(15,2)",
        "l_extendedprice": "decimal(15,2)",
        "l_discount": "decimal(15,2)",
        "l_tax": "decimal(15,2)",
        "l_returnflag": "string",
        "l_linestatus": "string",
        "l_shipdate": "date",
        "l_commitdate": "date",
        "l_receiptdate": "date",
        "l_shipinstruct": "string",
        "l_shipmode": "string",
        "l_comment": "string",
    }


@pytest.mark.parametrize("number", SCALE_0_01)
def test_the_answer_is_the_published_one_at_scale_0_01(lake: Lake, number: int) -> None:
    rows = lake.answer(number)
    assert (len(rows), digest(rows, TEXTS.get(number, ()))) == SCALE_0_01[number]


@pytest.mark.parametrize("number", QUERIES)
def test_the_engine_by_itself_answers_the_same(lake: Lake, data: Path, number: int) -> None:
    """Of the translation, the catalog and the endpoint this is independent; the engine is the same."""
    with duckdb.connect() as engine:
        for table in TABLES:
            engine.execute(f"create view {table} as from '{data / table}.parquet'")
        # DECIMAL '0.0001' is 0.000 to the engine; a bare 0.0001 is exact to it.
        plain = engine.execute(re.sub(r"DECIMAL '([\d.]+)'", r"\1", QUERIES[number])).fetchall()
    rows = lake.answer(number)
    assert [[to_the_cent(value) for value in row] for row in rows] == [
        [to_the_cent(None if value is None else str(value)) for value in row] for row in plain
    ]


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_the_answers_are_the_published_ones_at_scale_1(tmp_path: Path, runtime: Embedded) -> None:
    generate(tmp_path / "data", "1")
    lake = Lake(runtime)
    lake.fill(tmp_path / "data")
    lake.crawl()
    answers = {number: lake.answer(number) for number in QUERIES}
    ((average,),) = answers.pop(17)
    assert float(average or 0) == pytest.approx(QUERY_17_AT_SCALE_1, rel=0.01)
    assert {number: (len(rows), digest(rows)) for number, rows in answers.items()} == SCALE_1
