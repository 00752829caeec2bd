"""kill -9 right after each step of a crawl and of a query: neither hangs, and the next one is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.local.crash_points import Crash
from tests.local.crash_sweep import EVERY, kills, survived, these
from tests.local.crashing import Home, strike, until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def rows(number: int) -> bytes:
    return "".join(json.dumps({"id": n, "amount": n * 10}) + "\n" for n in range(number)).encode()


def make_lake(home: Home) -> None:
    """A bucket with two partitions, a database and a crawler."""
    home.start()
    s3, glue = home.client("s3"), home.client("glue")
    s3.create_bucket(Bucket="lake")
    for hour in ("00", "01"):
        s3.put_object(Bucket="lake", Key=f"sales/hour={hour}/a.json", Body=rows(5))
    glue.create_database(DatabaseInput={"Name": "db"})
    glue.create_crawler(
        Name="crawler", Role="crawling", DatabaseName="db", Targets={"S3Targets": [{"Path": "s3://lake/sales/"}]}
    )
    home.client("athena").create_work_group(
        Name="group", Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}
    )


def crawl(home: Home, before: str | None) -> bool:
    """Begin a run unless another one than `before` has begun; whether that is over."""
    crawler = home.client("glue").get_crawler(Name="crawler")["Crawler"]
    if crawler["State"] != "READY":
        return False
    if last_run(home) == before:
        home.client("glue").start_crawler(Name="crawler")
        return False
    return True


def last_run(home: Home) -> str | None:
    """What names the last run of the crawler that is over."""
    crawler = home.client("glue").get_crawler(Name="crawler")["Crawler"]
    found: str | None = crawler.get("LastCrawl", {}).get("MessagePrefix")
    return found


@pytest.mark.parametrize("crashes", [these(Crash(3, at="^commit crawler")), EVERY])
def test_a_crawl_that_was_killed_is_over_and_the_next_one_completes_it(
    home: Home, crashes: Sequence[Crash] | None
) -> None:
    make_lake(home)
    for crash in kills(crashes):
        before = last_run(home)
        struck = strike(home, crash, lambda: crawl(home, before))  # noqa: B023 - used up in here
        home.start()
        glue = home.client("glue")
        last = glue.get_crawler(Name="crawler")["Crawler"]
        assert last["State"] == "READY"
        assert last.get("LastCrawl", {}).get("Status") in (None, "FAILED", "SUCCEEDED")

        before = last_run(home)
        until(lambda: crawl(home, before), "the next run is over")  # noqa: B023
        assert glue.get_crawler(Name="crawler")["Crawler"]["LastCrawl"]["Status"] == "SUCCEEDED"
        table = glue.get_table(DatabaseName="db", Name="sales")["Table"]
        assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["id", "amount"]
        partitions = glue.get_partitions(DatabaseName="db", TableName="sales")["Partitions"]
        assert sorted(partition["Values"] for partition in partitions) == [["00"], ["01"]]
        glue.delete_table(DatabaseName="db", Name="sales")
        if survived(struck, crashes):
            break


RESULT = "objects/lake/results/"


@pytest.mark.parametrize("crashes", [these(Crash(1, at=f"^whole {RESULT}.*metadata$")), EVERY])
def test_a_query_that_was_killed_has_failed_or_has_its_rows(home: Home, crashes: Sequence[Crash] | None) -> None:
    make_lake(home)
    until(lambda: crawl(home, None), "the lake is crawled")
    asked: list[str] = []
    for crash in kills(crashes):
        had = len(asked)

        def act(had: int = had) -> bool:
            if len(asked) == had:
                asked.append(ask(home))
            return state(home, asked[-1]) not in ("QUEUED", "RUNNING")

        struck = strike(home, crash, act)
        home.start()
        assert {state(home, id) for id in asked} <= {"SUCCEEDED", "FAILED"}
        assert set(asked) <= set(home.client("athena").list_query_executions(WorkGroup="group")["QueryExecutionIds"])
        for id in asked[had:]:
            status = home.client("athena").get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
            assert status["State"] == "SUCCEEDED" or status["AthenaError"]["Retryable"]
        asked.append(ask(home))
        until(lambda: state(home, asked[-1]) == "SUCCEEDED", "a query after the kill")
        if survived(struck, crashes):
            break
    for id in asked:
        if state(home, id) == "SUCCEEDED":
            found = home.client("athena").get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
            assert [[cell["VarCharValue"] for cell in row["Data"]] for row in found] == [["n", "sum"], ["10", "200"]]


TABLES = r"objects/lake/results/tables/"


@pytest.mark.heavy
@pytest.mark.parametrize(
    "crashes",
    [
        these(
            Crash(1, at=f"^whole {TABLES}.*/hour=01/"),  # the files are there, nothing names them
            Crash(1, at="^commit", since=f"^whole {TABLES}.*metadata$", same_thread=True),  # all is shown, nobody told
        ),
        EVERY,
    ],
)
def test_a_table_from_a_query_that_was_killed_is_there_whole_or_not_at_all(
    home: Home, crashes: Sequence[Crash] | None
) -> None:
    make_lake(home)
    until(lambda: crawl(home, None), "the lake is crawled")
    packed = "CREATE TABLE packed WITH (partitioned_by = ARRAY['hour']) AS SELECT id, amount, hour FROM sales"
    for crash in kills(crashes):
        asked: list[str] = []

        def act(asked: list[str] = asked) -> bool:
            if not asked:
                asked.append(ask(home, packed))
            return state(home, asked[-1]) not in ("QUEUED", "RUNNING")

        struck = strike(home, crash, act)
        home.start()
        s3, glue = home.client("s3"), home.client("glue")
        found = s3.list_objects_v2(Bucket="lake", Prefix="results/tables/").get("Contents", [])
        tables = [table["Name"] for table in glue.get_tables(DatabaseName="db")["TableList"]]
        if "packed" not in tables:
            assert found == []
            asked.append(ask(home, packed))
            until(lambda: state(home, asked[-1]) == "SUCCEEDED", "the table after the kill")  # noqa: B023
        partitions = glue.get_partitions(DatabaseName="db", TableName="packed")["Partitions"]
        assert sorted(partition["Values"] for partition in partitions) == [["00"], ["01"]]
        asked.append(ask(home, "SELECT count(*) AS n, sum(amount) AS sum FROM packed"))
        until(lambda: state(home, asked[-1]) == "SUCCEEDED", "a query of the table")  # noqa: B023
        rows = home.client("athena").get_query_results(QueryExecutionId=asked[-1])["ResultSet"]["Rows"]
        assert [cell["VarCharValue"] for cell in rows[1]["Data"]] == ["10", "200"]
        glue.delete_table(DatabaseName="db", Name="packed")
        for entry in s3.list_objects_v2(Bucket="lake", Prefix="results/tables/")["Contents"]:
            s3.delete_object(Bucket="lake", Key=entry["Key"])
        if survived(struck, crashes):
            break


def ask(home: Home, sql: str = "SELECT count(*) AS n, sum(amount) AS sum FROM sales") -> str:
    where = {"Database": "db"}
    asked = home.client("athena").start_query_execution(QueryString=sql, WorkGroup="group", QueryExecutionContext=where)
    return str(asked["QueryExecutionId"])


def state(home: Home, id: str) -> str:
    found = home.client("athena").get_query_execution(QueryExecutionId=id)
    return str(found["QueryExecution"]["Status"]["State"])
