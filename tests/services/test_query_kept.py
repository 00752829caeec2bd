"""History and saved queries in the pipeline's workgroup, on the embedded runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from salespipe.errors import NotThereError, QueryError, SalespipeError, UsageError
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import query
from salespipe.services.query import saved as kept
from salespipe.services.query.history import again, history
from tests.embedded import Embedded


@pytest.fixture
def elsewhere(pipeline: Pipeline) -> Iterator[str]:
    """A workgroup of somebody else."""
    athena = pipeline.aws.client("athena")
    configuration: dict[str, Any] = {"ResultConfiguration": {"OutputLocation": f"s3://{pipeline.names.bucket}/x/"}}
    athena.create_work_group(Name="theirs", Configuration=configuration)
    yield "theirs"
    athena.delete_work_group(WorkGroup="theirs", RecursiveDeleteOption=True)


def test_the_history_has_what_was_asked_newest_first(pipeline: Pipeline) -> None:
    first = query(pipeline, "SELECT 1 AS n")
    with pytest.raises(QueryError):
        query(pipeline, "SELECT 1 / 0")

    failed, succeeded = history(pipeline, 2)

    assert (succeeded.id, succeeded.state, succeeded.sql, succeeded.error) == (
        first.query_id,
        "SUCCEEDED",
        "SELECT 1 AS n",
        "",
    )
    assert (failed.state, failed.sql) == ("FAILED", "SELECT 1 / 0")
    assert "zero" in failed.error.lower()
    assert failed.submitted >= succeeded.submitted


def test_a_history_of_many_pages_comes_whole(pipeline: Pipeline) -> None:
    ids = [query(pipeline, "SELECT 1").query_id for _ in range(55)]
    found = history(pipeline, 55)
    assert {each.id for each in found} == set(ids)
    assert len(history(pipeline, 3)) == 3


def test_the_rows_of_an_earlier_query_come_without_running_it(pipeline: Pipeline) -> None:
    earlier = query(
        pipeline, "SELECT n, CAST(n AS decimal(9,2)) AS m FROM UNNEST(sequence(1, 1500)) AS t(n) ORDER BY n"
    )
    before = [each.id for each in history(pipeline, 5)]

    answer = again(pipeline, earlier.query_id)

    assert list(answer.rows) == earlier.rows
    assert answer.columns == earlier.columns
    assert [each.id for each in history(pipeline, 5)] == before


def test_only_queries_of_the_own_workgroup_are_shown(pipeline: Pipeline, elsewhere: str) -> None:
    athena = pipeline.aws.client("athena")
    id = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=elsewhere)["QueryExecutionId"]
    for wrong in (id, "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotThereError, match=wrong):
            again(pipeline, wrong)
    assert id not in {each.id for each in history(pipeline, 100)}


def test_a_failed_query_has_its_reason_and_no_rows(pipeline: Pipeline) -> None:
    with pytest.raises(QueryError):
        query(pipeline, "SELECT 1 / 0")
    with pytest.raises(QueryError, match=r"(?i)zero"):
        again(pipeline, history(pipeline, 1)[0].id)


def test_a_failed_query_is_told_again_as_it_was_told_when_it_failed(pipeline: Pipeline) -> None:
    for sql, params in (("SELECT\n lenght('a')", []), ("SELECT 1 + ?", ["'x'"])):
        with pytest.raises(QueryError) as then:
            query(pipeline, sql, params=params)
        with pytest.raises(QueryError) as now:
            again(pipeline, history(pipeline, 1)[0].id)
        first, second = ((str(e), e.line, e.column, e.hint) for e in (then.value, now.value))
        assert first == second


def test_a_statement_is_saved_replaced_and_deleted(pipeline: Pipeline) -> None:
    assert kept.save(pipeline, "by status", "SELECT ? AS a, '?' AS b;") is False
    found = kept.one(pipeline, "by status")
    assert (found.sql, found.parameters) == ("SELECT ? AS a, '?' AS b", 1)
    assert query(pipeline, found.sql, params=["7"]).rows == [(7, "?")]

    with pytest.raises(SalespipeError, match="already"):
        kept.save(pipeline, "by status", "SELECT 2")
    assert kept.save(pipeline, "by status", "SELECT 2", replace=True) is True
    assert [(each.name, each.sql) for each in kept.saved(pipeline)] == [("by status", "SELECT 2")]

    kept.delete(pipeline, "by status")
    assert kept.saved(pipeline) == []
    for missing in (kept.delete, kept.one):
        with pytest.raises(NotThereError, match="by status"):
            missing(pipeline, "by status")


def test_named_queries_of_other_workgroups_are_neither_seen_nor_touched(pipeline: Pipeline, elsewhere: str) -> None:
    athena = pipeline.aws.client("athena")
    theirs = athena.create_named_query(Name="x", Database="d", QueryString="SELECT 1", WorkGroup=elsewhere)

    assert kept.saved(pipeline) == []
    kept.save(pipeline, "x", "SELECT 2")
    kept.delete(pipeline, "x")

    left = athena.get_named_query(NamedQueryId=theirs["NamedQueryId"])["NamedQuery"]
    assert left["QueryString"] == "SELECT 1"


@pytest.mark.parametrize(
    ("name", "sql"), [("", "SELECT 1"), ("x" * 129, "SELECT 1"), ("x", ""), ("x", "SELECT 1; SELECT 2")]
)
def test_what_cannot_be_saved_is_refused(pipeline: Pipeline, name: str, sql: str) -> None:
    with pytest.raises(UsageError):
        kept.save(pipeline, name, sql)


def test_more_are_listed_than_a_page_has(pipeline: Pipeline) -> None:
    names = sorted(f"q{number}" for number in range(53))
    for name in names:
        kept.save(pipeline, name, "SELECT 1")
    assert [each.name for each in kept.saved(pipeline)] == names
    for name in names:
        kept.delete(pipeline, name)


def test_without_the_pipeline_there_is_nothing_to_show(pipeline: Pipeline) -> None:
    other = replace(pipeline, names=replace(pipeline.names, pipeline="other"))
    for asked in (
        lambda: history(other, 1),
        lambda: kept.saved(other),
        lambda: kept.save(other, "x", "SELECT 1"),
    ):
        with pytest.raises(NotThereError, match="'other'"):
            asked()


def test_down_takes_saved_queries_and_history_along(standing: Embedded) -> None:
    p = standing.pipeline()
    kept.save(p, "kept", "SELECT 1")
    query(p, "SELECT 1")
    for _ in provision.down(p, provision.plan_down(p, delete_data=False)):
        pass
    for _ in provision.up(p, provision.plan(p)):
        pass
    assert kept.saved(p) == []
    assert list(history(p, 10)) == []
