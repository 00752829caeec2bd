"""Before the first row is in the lake: `crawl` and `query` say why, and do not send people from one to the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.crashing import NAMES, Home, until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("nothing"))
    made.json("up")
    yield made
    made.close()


def said(home: Home) -> tuple[str, str, str]:
    """What `crawl` says on stdout, on stderr with --json, and the hint of a query that finds no table."""
    crawl = home.run("crawl", "--quiet")
    document = home.run("crawl", "--json")
    assert (crawl.returncode, crawl.stderr) == (document.returncode, "") == (0, "")
    query = home.run("query", "SELECT count(*) FROM orders_current", "--json")
    assert (query.returncode, query.stdout) == (1, "")
    return crawl.stdout, document.stderr, query.stderr.splitlines()[1]


def test_with_nothing_written_the_next_step_is_to_write(home: Home) -> None:
    why = "nothing has been delivered yet; to write orders: salespipe generate; where they are: salespipe status"
    crawl, document, query = said(home)
    assert crawl == f"no tables: {why}\n"
    assert f"no table of the orders: {why}\n" in document
    assert query == f"  hint: {why}"


@pytest.mark.parametrize(
    ("records", "many"), [pytest.param(1, "the only record", marks=pytest.mark.heavy), (3, "all 3 records")]
)
def test_with_nothing_but_failures_they_are_counted_and_their_place_is_named(
    home: Home, records: int, many: str
) -> None:
    kinesis = home.client("kinesis")
    found = home.json("status")["hops"]
    before = next(hop["records"] for hop in found if hop["name"] == "errors")
    for _ in range(records - before):
        kinesis.put_record(StreamName=NAMES.stream, PartitionKey="x", Data=b"poison")
    until(
        lambda: {hop["name"]: hop for hop in home.json("status")["hops"]}["errors"]["records"] == records,
        "all that was put has failed",
    )
    why = f"{many} that arrived failed and went to errors/ of s3://{NAMES.bucket}; see: salespipe status"
    crawl, document, query = said(home)
    assert crawl == f"no tables: {why}\n"
    assert f"no table of the orders: {why}\n" in document
    assert query == f"  hint: {why}"
    status = home.run("status").stdout
    assert f"{records} record{'s' * (records > 1)} failed; see the objects under errors/" in status
