"""What a query hands back and how its failures read."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.aws.clients import Clients
from salespipe.cli.views import output
from salespipe.errors import AccessError, QueryError, UsageError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query, run
from salespipe.services.query.results import Column
from salespipe.services.query.text import literal
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.unit.fake_athena import FakeAthena, FakeSession


def pipeline(athena: FakeAthena) -> Pipeline:
    clients = Clients(cast(Any, FakeSession(athena)))
    return Pipeline(clients, Names("sales", "123456789012", "eu-central-1"), BY_TARGET["local"])


def test_types_are_kept_and_null_is_not_the_empty_string() -> None:
    columns = [
        ("n", "bigint", 19, 0),
        ("x", "double", 17, 0),
        ("m", "decimal", 18, 2),
        ("b", "boolean", 0, 0),
        ("d", "date", 0, 0),
        ("t", "timestamp", 3, 0),
        ("z", "timestamp with time zone", 3, 0),
        ("a", "array", 0, 0),
        ("s", "varchar", 2147483647, 0),
    ]
    rows: list[list[str | None]] = [
        [
            "1",
            "0.5",
            "12.50",
            "true",
            "2026-11-20",
            "2026-11-20 12:00:00.000",
            "2026-11-20 12:00:00.018 Africa/Cairo",
            "[1, 2]",
            "",
        ],
        [None] * 9,
    ]
    answer = run(pipeline(FakeAthena(columns, rows)), "SELECT 1")
    found = list(answer.rows)
    times = ("2026-11-20 12:00:00.000", "2026-11-20 12:00:00.018 Africa/Cairo")
    assert found[0] == (1, 0.5, Decimal("12.50"), True, date(2026, 11, 20), *times, "[1, 2]", "")
    assert str(found[0][2]) == "12.50"
    assert found[1] == (None,) * 9
    assert answer.columns[:3] == (
        Column("n", "bigint"),
        Column("x", "double"),
        Column("m", "decimal(18,2)"),
    )
    assert (answer.scanned_bytes, answer.query_id) == (4096, "q-1")


def test_times_are_athenas_text_and_values_where_types_are_wanted() -> None:
    columns = [("t", "timestamp", 3, 0), ("z", "timestamp with time zone", 3, 0)]
    row = ("2026-11-20 12:00:00.100", "2026-11-20 12:00:00.000 UTC")
    answer = run(pipeline(FakeAthena(columns, [row])), "SELECT 1", nested=True)
    assert list(answer.rows) == [(datetime(2026, 11, 20, 12, 0, 0, 100_000), datetime(2026, 11, 20, 12, tzinfo=UTC))]
    assert answer.as_text is not None
    assert list(answer.as_text().rows) == [row]


def test_the_query_client_connects_as_every_other_does() -> None:
    asked: list[Any] = []
    athena = FakeAthena([("n", "integer", 10, 0)], [["1"]])
    p = pipeline(athena)
    make = p.aws.session.client

    def watched(*words: Any, **more: Any) -> Any:
        asked.append(more["config"])
        return make(*words, **more)

    p.aws.session.client = watched
    query(p, "SELECT 1")
    assert [config is p.aws.config for config in asked] == [True]


def test_no_row_is_lost_over_many_pages() -> None:
    athena = FakeAthena([("n", "integer", 10, 0)], [[str(number)] for number in range(2_999)])
    assert [row[0] for row in query(pipeline(athena), "SELECT n FROM t").rows] == list(range(2_999))


def test_rows_are_fetched_as_they_are_taken() -> None:
    athena = FakeAthena([("n", "integer", 10, 0)], [[str(number)] for number in range(5_000)])
    rows = iter(run(pipeline(athena), "SELECT n FROM t").rows)
    assert [next(rows) for _ in range(3)] == [(0,), (1,), (2,)]


def test_the_query_runs_in_the_pipelines_workgroup_and_database() -> None:
    athena = FakeAthena([("n", "integer", 10, 0)])
    assert query(pipeline(athena), " SELECT ?, ?, ? ; \n", params=["5905", "O'Hara", "DATE '2026-01-01'"]).rows == []
    (request,) = athena.started
    assert request["QueryString"] == "SELECT ?, ?, ?"
    assert request["WorkGroup"] == "salespipe-sales"
    assert request["QueryExecutionContext"]["Database"] == "salespipe_sales"
    assert request["ExecutionParameters"] == ["5905", "'O''Hara'", "DATE '2026-01-01'"]
    assert "ResultConfiguration" not in request


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("7", "7"),
        ("-1.5e3", "-1.5e3"),
        ("true", "true"),
        ("'5905'", "'5905'"),
        ("paid", "'paid'"),
        ("", "''"),
        ("1 OR 1=1", "'1 OR 1=1'"),
        ("'''x'' OR ''y'''", "'''x'' OR ''y'''"),
        ("O'Brien", "'O''Brien'"),
        ("NULL", "NULL"),
        ("'NULL'", "'NULL'"),
        ("NULLABLE", "'NULLABLE'"),
        ("2026-01-31", "'2026-01-31'"),
        ("timestamp '2026-01-01 00:00:00'", "timestamp '2026-01-01 00:00:00'"),
    ],
)
def test_a_parameter_becomes_a_literal(value: str, sql: str) -> None:
    assert literal(value) == sql


@given(st.text() | st.sampled_from(["true", "FALSE", "-1.5e3"]))
def test_a_parameter_is_one_literal_or_refused(value: str) -> None:
    try:
        sql = literal(value)
    except UsageError:
        assert value.lower().strip().startswith(("'", "date", "timestamp", "decimal"))
        return
    if "'" in sql:
        inside = sql[sql.index("'") + 1 : -1]
        assert sql.endswith("'")
        assert "'" not in inside.replace("''", "")
    else:
        assert sql.lower() in ("true", "false", "null") or float(sql) is not None


def test_a_failed_query_gives_athenas_reason_in_one_line() -> None:
    athena = FakeAthena(reason="COLUMN_NOT_FOUND: line 1:8:\n Column 'x' cannot be resolved")
    with pytest.raises(QueryError) as caught:
        query(pipeline(athena), "SELECT x FROM orders")
    assert str(caught.value) == "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"


@pytest.mark.parametrize(
    ("table", "hint"), [("orders", "salespipe crawl"), ("orders_current", "salespipe crawl"), ("nope", "SHOW TABLES")]
)
def test_a_missing_table_says_what_to_do(table: str, hint: str) -> None:
    reason = f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.salespipe_sales.{table}' does not exist"
    with pytest.raises(QueryError) as caught:
        query(pipeline(FakeAthena(reason=reason)), f"SELECT * FROM {table}")
    assert hint in caught.value.hint


def test_a_syntax_error_is_a_query_error(caplog: pytest.LogCaptureFixture) -> None:
    refusal = ("InvalidRequestException", "line 1:1: mismatched input 'SELEC'. Expecting: ...")
    with pytest.raises(QueryError, match="mismatched input 'SELEC'"):
        query(pipeline(FakeAthena(refusal=refusal)), "SELEC 1")


def test_a_refused_caller_is_an_access_error() -> None:
    with pytest.raises(AccessError, match="StartQueryExecution"):
        query(pipeline(FakeAthena(refusal=("AccessDeniedException", "no"))), "SELECT 1")


def test_an_empty_statement_is_refused_before_anything_is_sent() -> None:
    athena = FakeAthena()
    with pytest.raises(UsageError):
        query(pipeline(athena), " \n")
    assert athena.started == []


def test_interrupting_stops_the_query_at_the_service() -> None:
    athena = FakeAthena(interrupt=True)
    with pytest.raises(KeyboardInterrupt):
        query(pipeline(athena), "SELECT 1")
    assert athena.stopped == ["q-1"]


class Long(FakeAthena):
    """20 pages of a thousand rows of a kilobyte."""

    def get_query_results(self, QueryExecutionId: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:
        self._rows = [["x" * 1_000] for _ in range(MaxResults)]
        page = super().get_query_results(QueryExecutionId, MaxResults, "0")
        number = int(NextToken) + 1
        return page | ({"NextToken": str(number)} if number < 20 else {})


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_result_of_any_length_needs_a_page_of_memory(tmp_path: Path, form: str) -> None:
    answer = run(pipeline(Long([("s", "varchar", 9, 0)])), "SELECT s FROM t", nested=True)
    tracemalloc.start()
    try:
        output.save(answer, form, tmp_path / "rows")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "rows").stat().st_size > 20_000_000
    assert peak < 8_000_000


def test_interrupted_while_it_is_started_the_query_is_stopped_too() -> None:
    class Struck(FakeAthena):
        def start_query_execution(self, **request: Any) -> dict[str, Any]:
            answer = super().start_query_execution(**request)
            if len(self.started) == 1:
                raise KeyboardInterrupt
            return answer

    athena = Struck()
    with pytest.raises(KeyboardInterrupt):
        run(pipeline(athena), "SELECT 1")
    first, second = (request["ClientRequestToken"] for request in athena.started)
    assert (first, athena.stopped) == (second, ["q-1"])
