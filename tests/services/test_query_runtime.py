"""PyAthena against the embedded runtime's Athena: types, errors, parameters, before and after `up`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from salespipe.errors import NotThereError, QueryError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query, run


def test_values_keep_their_types(pipeline: Pipeline) -> None:
    sql = (
        "SELECT 1 AS n, CAST(12.50 AS decimal(18,2)) AS m, 0.5e0 AS x, true AS b, DATE '2026-11-20' AS d,"
        " TIMESTAMP '2026-11-20 12:00:00' AS t, '' AS empty, CAST(NULL AS varchar) AS nothing"
    )
    result = query(pipeline, sql)
    moment = datetime(2026, 11, 20, 12)
    assert result.rows == [(1, Decimal("12.50"), 0.5, True, date(2026, 11, 20), moment, "", None)]
    assert [column.name for column in result.columns] == ["n", "m", "x", "b", "d", "t", "empty", "nothing"]
    assert result.columns[1].type == "decimal(18,2)"


def test_every_row_of_a_large_result_comes(pipeline: Pipeline) -> None:
    result = query(pipeline, "SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n) ORDER BY n")
    assert [row[0] for row in result.rows] == list(range(1, 2501))
    short = query(pipeline, "SELECT n FROM UNNEST(sequence(1, 1000)) AS t(n) ORDER BY n")  # a page and a row
    assert [row[0] for row in short.rows] == list(range(1, 1001))


def test_parameters_fill_the_question_marks(pipeline: Pipeline) -> None:
    result = query(pipeline, "SELECT ? AS a, ? AS b", params=["7", "O'Hara"])
    assert result.rows == [(7, "O'Hara")]


def test_a_missing_lake_says_crawl_only_when_there_is_something_to_crawl(pipeline: Pipeline) -> None:
    def hint() -> str:
        with pytest.raises(QueryError, match="orders") as caught:
            query(pipeline, "SELECT count(*) FROM orders")
        return caught.value.hint

    assert "salespipe generate" in hint()
    pipeline.aws.client("s3").put_object(Bucket=pipeline.names.bucket, Key="orders/dt=2026-11-20/hour=09/x", Body=b"{}")
    assert "salespipe crawl" in hint()


def test_statements_that_write_say_how_many_rows(pipeline: Pipeline) -> None:
    made = run(pipeline, "CREATE TABLE made AS SELECT 1 AS n UNION ALL SELECT 2")
    assert (made.written, list(made.rows), made.charged) == (2, [(2,)], True)
    assert run(pipeline, "INSERT INTO made SELECT 3 WHERE false").written == 0
    assert run(pipeline, 'SELECT 1 AS "rows" WHERE false').written is None


def test_a_syntax_error_is_one_line(pipeline: Pipeline) -> None:
    with pytest.raises(QueryError) as caught:
        query(pipeline, "SELEC 1")
    assert "\n" not in str(caught.value)


def test_a_query_before_up_is_not_there(pipeline: Pipeline) -> None:
    other = replace(pipeline, names=replace(pipeline.names, pipeline="other"))
    with pytest.raises(NotThereError, match="'other'"):
        query(other, "SELECT 1")


def test_describe_gives_a_row_for_each_column(pipeline: Pipeline) -> None:
    query(pipeline, "CREATE EXTERNAL TABLE t (a string, b decimal(9,2)) LOCATION 's3://nowhere/t/'")
    result = query(pipeline, "DESCRIBE t")
    assert [row[:2] for row in result.rows] == [("a", "string"), ("b", "decimal(9,2)")]
    assert {len(row) for row in result.rows} == {len(result.columns)}
