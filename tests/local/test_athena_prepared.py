"""Parameters of queries, and prepared statements by SQL and by the API.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.embedded import Embedded
from tests.local.test_athena import Athena


@pytest.fixture
def athena(runtime: Embedded) -> Athena:
    athena = Athena(runtime)
    athena.prepare()
    return athena


@pytest.mark.parametrize(
    ("sql", "given", "wanted"), [("SELECT ?, ?", ["1"], 2), ("SELECT ?", [], 1), ("SELECT 1", ["1"], 0)]
)
def test_a_wrong_number_of_parameters_fails_the_query(athena: Athena, sql: str, given: list[str], wanted: int) -> None:
    more = {"ExecutionParameters": given} if given else {}
    said = (
        f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected {wanted} but found {len(given)}"
    )
    assert athena.reason(sql, **more) == said


def test_a_statement_is_prepared_executed_and_deallocated(athena: Athena) -> None:
    execution = athena.run("PREPARE add FROM SELECT x + ? AS y, ? AS s FROM (VALUES 1, 2) AS v(x) WHERE x < ?")
    assert (execution["Status"]["State"], execution["SubstatementType"]) == ("SUCCEEDED", "PREPARE")
    assert athena.rows("EXECUTE add USING 40 + 1, concat('a', ','), 2") == [["42", "a,"]]
    assert athena.rows("EXECUTE ADD", ExecutionParameters=["1", "'b'", "2"]) == [["2", "b"]]
    assert "expected 3 but found 1" in athena.reason("EXECUTE add USING 1")
    assert "already exists in workGroup people" in athena.reason("PREPARE add FROM SELECT 1")
    assert athena.run("DEALLOCATE PREPARE add")["Status"]["State"] == "SUCCEEDED"
    assert athena.reason("EXECUTE add USING 1") == "NOT_FOUND: line 1:1: Prepared statement not found: add"
    assert "was not found in workGroup people" in athena.reason("DEALLOCATE PREPARE add")
    assert athena.reason("PREPARE x FROM SHOW TABLES").startswith("NOT_SUPPORTED: PREPARE of SHOW")


def test_a_prepared_insert(athena: Athena) -> None:
    athena.rows("CREATE TABLE t AS SELECT 1 x")
    athena.rows("PREPARE put FROM INSERT INTO t VALUES ?")
    assert athena.run("EXECUTE put USING 7")["SubstatementType"] == "INSERT"
    assert athena.rows("SELECT x FROM t ORDER BY x") == [["1"], ["7"]]


def test_prepared_statements_through_the_api(athena: Athena, runtime: Embedded) -> None:
    client = athena.client
    for name in ("b", "a"):
        client.create_prepared_statement(StatementName=name, WorkGroup="people", QueryStatement=f"SELECT '{name}', ?")
    client.update_prepared_statement(
        StatementName="b", WorkGroup="people", QueryStatement="SELECT 'B', ?", Description="shouts"
    )
    runtime.restart()
    athena = Athena(runtime)
    client = athena.client
    listed = client.list_prepared_statements(WorkGroup="people", MaxResults=1)
    assert [entry["StatementName"] for entry in listed["PreparedStatements"]] == ["a"]
    assert "NextToken" in listed
    found = client.get_prepared_statement(StatementName="b", WorkGroup="people")["PreparedStatement"]
    assert (found["QueryStatement"], found["Description"]) == ("SELECT 'B', ?", "shouts")
    batch = client.batch_get_prepared_statement(PreparedStatementNames=["a", "c"], WorkGroup="people")
    assert [entry["StatementName"] for entry in batch["PreparedStatements"]] == ["a"]
    assert [entry["StatementName"] for entry in batch["UnprocessedPreparedStatementNames"]] == ["c"]
    assert athena.rows("EXECUTE b USING 1") == [["B", "1"]]
    client.delete_prepared_statement(StatementName="a", WorkGroup="people")
    with pytest.raises(ClientError, match="PreparedStatement a was not found in workGroup people"):
        client.get_prepared_statement(StatementName="a", WorkGroup="people")
    with pytest.raises(ClientError, match="WorkGroup none is not found"):
        client.create_prepared_statement(StatementName="a", WorkGroup="none", QueryStatement="SELECT 1")


def test_prepared_statements_go_with_their_workgroup(athena: Athena) -> None:
    client = athena.client
    client.create_prepared_statement(StatementName="a", WorkGroup="people", QueryStatement="SELECT 1")
    with pytest.raises(ClientError, match="WorkGroup people is not empty"):
        client.delete_work_group(WorkGroup="people")
    client.delete_work_group(WorkGroup="people", RecursiveDeleteOption=True)
    client.create_work_group(Name="people")
    assert client.list_prepared_statements(WorkGroup="people")["PreparedStatements"] == []
