"""One pipeline on this machine, driven by hand from `up` to `down`, as a person or a script would.

The tests share the pipeline and stand in the order of the flow; each command is a process of its own.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from salespipe.aws.clients import Clients
from salespipe.local import runtime
from salespipe.services.demo import QUERIES
from salespipe.services.pipeline import Pipeline
from salespipe.services.status import status
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names
from tests.cli.process import COMMAND, environment, salespipe

COUNT = 1000
# What a person who works with AWS may have set; none of it concerns a pipeline on this machine.
AWS_SETTINGS = {
    "AWS_PROFILE": "gone",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


class Journey:
    """A home directory with the pipeline in it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(
        self, *arguments: str, code: int = 0, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = salespipe(*arguments, home=self.home, stdin=stdin, env=env)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, stdin: str = "", env: Mapping[str, str] | None = None) -> Any:
        """The one JSON document on stdout."""
        done = self.run(*arguments, "--json", code=code, stdin=stdin, env=env)
        assert done.stdout.endswith("\n")
        return json.loads(done.stdout)

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.home),
            cwd=self.home,
        )


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    home = tmp_path_factory.mktemp("journey")
    yield Journey(home)
    runtime.stop(home / "state")


@pytest.fixture(scope="module")
def up(journey: Journey) -> Any:
    """The first `up`."""
    return journey.json("up")


@pytest.fixture(scope="module")
def exports(journey: Journey, up: Any) -> Any:
    return journey.json("env")


@pytest.fixture(scope="module")
def pipeline(exports: Any) -> Iterator[Pipeline]:
    """The same pipeline out of this process, to wait for things without a command each time."""
    session = boto3.Session(
        exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"], region_name=exports["AWS_DEFAULT_REGION"]
    )
    clients = Clients(session, exports["AWS_ENDPOINT_URL"])
    yield Pipeline(clients, Names("sales", clients.account, clients.region), BY_TARGET["local"])
    clients.close()


@pytest.fixture(scope="module")
def written(journey: Journey, pipeline: Pipeline) -> Any:
    """The summary of the first orders, all of which are in the lake when the fixture is ready."""
    summary = journey.json("generate", "--count", str(COUNT), "--rate", "1000", "--seed", "7")
    wait_until(lambda: records(pipeline)["lake"] == COUNT)
    return summary


@pytest.fixture(scope="module")
def crawled(journey: Journey, written: Any) -> Any:
    """The crawler's answer, with the first orders in its table."""
    return journey.json("crawl")


@pytest.fixture(scope="module")
def events(journey: Journey, written: Any) -> Any:
    """All change events of the first orders."""
    return journey.lines("tail", "--from", "trim_horizon", "--exit-at-end")


def records(pipeline: Pipeline) -> dict[str, int | None]:
    """What passed each hop; nothing failed."""
    hops = {hop.name: hop.records for hop in status(pipeline).hops}
    assert hops["errors"] == 0
    return hops


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def test_a_dry_run_and_a_plan_change_nothing(journey: Journey) -> None:
    dry = journey.json("up", "--dry-run", env=AWS_SETTINGS)
    plan = journey.json("plan", "--detailed-exitcode", code=5)

    assert dry.keys() == {"pipeline", "target", "changes", "seconds"}
    assert plan.keys() == {"pipeline", "target", "changes", "seconds", "cost"}
    assert {change["action"] for change in plan["changes"]} == {"create"}
    assert dry["changes"] == plan["changes"]
    journey.run("status", code=3)
    assert "is not there" in journey.run("down", "--yes", code=3).stderr


def test_up_creates_everything_and_a_second_up_nothing(journey: Journey, up: Any) -> None:
    again = journey.json("up")

    assert (up["pipeline"], up["target"]) == ("sales", "local")
    assert {change["action"] for change in up["changes"]} == {"create"}
    assert all(change.keys() == {"kind", "name", "action"} for change in up["changes"])
    assert {change["action"] for change in again["changes"]} == {"noop"}
    assert len(again["changes"]) == len(up["changes"])


def test_plan_in_words_names_each_resource_the_settings_and_the_cost(journey: Journey, up: Any) -> None:
    said = journey.run("plan", "--detailed-exitcode").stdout

    for change in up["changes"]:
        assert f"{change['kind']} {change['name']}" in said
    assert "buffer_seconds 1" in said
    assert "cost on AWS: $" in said
    assert "\x1b" not in said


def test_generate_reports_every_operation(written: Any) -> None:
    assert written.keys() == {"inserted", "updated", "deleted", "seconds", "rate", "retried"}
    assert written["inserted"] + written["updated"] + written["deleted"] == COUNT
    assert min(written["inserted"], written["updated"], written["deleted"]) > 0


def test_tail_gives_every_change_once_and_each_order_its_own_in_order(written: Any, events: Any) -> None:
    assert len({event["event_id"] for event in events}) == len(events) == COUNT
    counted = Counter(event["event"] for event in events)
    assert counted == {"INSERT": written["inserted"], "MODIFY": written["updated"], "REMOVE": written["deleted"]}
    keys = "event,order_id,event_id,sequence_number,shard_id,event_time,arrived_at,order,old"
    assert {",".join(event) for event in events} == {keys}
    by_order = defaultdict(list)
    for event in events:
        by_order[event["order_id"]].append(event)
    for own in by_order.values():
        assert own[0]["event"] == "INSERT"
        numbers = [int(event["sequence_number"]) for event in own]
        assert numbers == sorted(numbers)


def test_tail_can_stop_early_and_follow_one_shard(journey: Journey, events: Any) -> None:
    some = journey.run("tail", "--from", "trim_horizon", "--limit", "7").stdout.splitlines()
    shard = events[0]["shard_id"]
    own = journey.lines("tail", "--from", "1h", "--shard", shard, "--exit-at-end")

    assert len(some) == 7
    assert all("INSERT" in line or "MODIFY" in line or "REMOVE" in line for line in some)
    assert {event["shard_id"] for event in own} == {shard}
    assert journey.run("tail", "--shard", "shardId-9", "--from", "1h", code=3).stdout == ""


def test_the_reader_of_tail_may_leave(journey: Journey, pipeline: Pipeline, events: Any) -> None:
    with journey.start("tail", "--from", "trim_horizon", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        journey.run("generate", "--count", "5", "--rate", "100", "--seed", "8")
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""
    wait_until(lambda: records(pipeline)["lake"] == COUNT + 5)


def test_crawl_finds_the_table(crawled: Any) -> None:
    assert crawled.keys() == {"tables", "seconds"}
    table = next(table for table in crawled["tables"] if table["name"] == "orders")
    assert table.keys() == {"database", "name", "columns", "partitions"}
    assert table["partitions"] >= 1
    assert {"orderid", "amount", "event_type", "dt", "hour"} <= {column["name"] for column in table["columns"]}


def test_query_counts_every_change_once(journey: Journey, crawled: Any, written: Any) -> None:
    rows = journey.json(
        "query",
        "SELECT event_type, count(*) AS n, count(DISTINCT event_id) AS d FROM orders GROUP BY event_type",
        env=AWS_SETTINGS,
    )

    found = {row["event_type"]: (row["n"], row["d"]) for row in rows}
    assert sum(n for n, _ in found.values()) == COUNT + 5
    assert all(n == distinct for n, distinct in found.values())
    assert found.keys() == {"INSERT", "MODIFY", "REMOVE"}


def test_query_keeps_types_and_duplicate_names(journey: Journey, crawled: Any) -> None:
    sql = (
        "SELECT 1 AS n, 'x' AS n, CAST(1.10 AS decimal(18,2)) AS money, true AS yes, CAST(NULL AS varchar) AS nothing, "
        "DATE '2026-11-20' AS day, TIMESTAMP '2026-11-20 12:00:00' AS at"
    )

    assert journey.json("query", sql) == [
        {
            "n": 1,
            "n_2": "x",
            "money": "1.10",
            "yes": True,
            "nothing": None,
            "day": "2026-11-20",
            "at": "2026-11-20T12:00:00",
        }
    ]


def test_query_reads_files_and_stdin_and_takes_parameters(journey: Journey, crawled: Any) -> None:
    (journey.home / "q.sql").write_text("SELECT count(*) AS n FROM orders WHERE event_type = ?")

    (from_file,) = journey.json("query", "--file", "q.sql", "--param", "INSERT")
    (from_stdin,) = journey.json(
        "query", "-", "--param", "INSERT", stdin="SELECT count(*) AS n FROM orders WHERE event_type = ?"
    )

    assert from_file == from_stdin
    assert from_file["n"] > 0


def test_query_writes_each_format(journey: Journey, crawled: Any) -> None:
    sql = "SELECT orderid, amount FROM orders WHERE event_type = 'INSERT' ORDER BY orderid LIMIT 3"
    table = journey.run("query", sql).stdout.splitlines()
    rows = list(csv.DictReader(io.StringIO(journey.run("query", sql, "--format", "csv").stdout)))
    saved = journey.run("query", sql, "--output", "rows.json")
    expected = json.loads((journey.home / "rows.json").read_text())

    assert len(expected) == 3
    assert not any("│" in line for line in table)
    assert [line.split()[0] for line in table] == ["orderid", "-" * len(expected[0]["orderid"])] + [
        row["orderid"] for row in expected
    ]
    assert [row["orderid"] for row in rows] == [row["orderid"] for row in expected]
    assert [Decimal(row["amount"]) for row in rows] == [Decimal(str(row["amount"])) for row in expected]
    assert saved.stdout == ""
    assert "3 rows in rows.json" in saved.stderr


@pytest.mark.parametrize(
    ("sql", "said"),
    [("SELEKT 1", "SELEKT"), ("SELECT * FROM nowhere", "nowhere")],
)
def test_a_bad_statement_is_one_line_and_exit_code_1(journey: Journey, crawled: Any, sql: str, said: str) -> None:
    done = journey.run("query", sql, "--json", code=1)

    assert done.stdout == ""
    assert done.stderr.startswith("salespipe: error: ")
    assert said.lower() in done.stderr.splitlines()[0].lower()
    assert len(done.stderr.splitlines()) <= 2


def test_status_tells_every_hop(journey: Journey, crawled: Any) -> None:
    status = journey.json("status")
    said = journey.run("status").stdout

    assert status.keys() == {"hops", "healthy", "disk", "active_faults"}
    assert status["healthy"] is True
    assert all(hop.keys() == {"name", "state", "records", "lag", "age_seconds", "bytes"} for hop in status["hops"])
    assert all(hop["name"] in said for hop in status["hops"])
    assert "http://127.0.0.1:" in said


def test_status_watch_is_a_line_a_look_until_ctrl_c(journey: Journey, up: Any) -> None:
    with journey.start("status", "--watch", "--every", "0.1", "--json") as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert all(look["hops"] for look in looks)
    assert (process.returncode, err) == (130, "salespipe: interrupted\n")


def test_one_press_that_comes_as_several_signals_ends_tail_cleanly(journey: Journey, crawled: Any) -> None:
    with journey.start("tail", "--from", "trim_horizon", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())
        for _ in range(3):
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (130, "salespipe: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_generate_ends_with_its_summary_and_130(
    journey: Journey, pipeline: Pipeline, crawled: Any, number: signal.Signals
) -> None:
    def stream() -> int:
        return records(pipeline)["stream"] or 0

    before = stream()
    with journey.start("generate", "--rate", "50", "--json") as process:
        wait_until(lambda: stream() > before)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert err.splitlines()[-1] == "salespipe: interrupted"
    summary = json.loads(out)
    operations = summary["inserted"] + summary["updated"] + summary["deleted"]
    wait_until(lambda: stream() == before + operations)


def test_replay_takes_a_file_of_real_orders(journey: Journey, up: Any) -> None:
    (journey.home / "real.csv").write_text(
        "order no,customer,day,pieces,total\nR1,C1,19970101,2,29.33\nR2,C2,19970102,1,0.10\n"
    )
    mapping = ["orderid=order no", "customer_id=customer", "ordered_at=day", "quantity=pieces", "amount=total"]
    arguments = [word for pair in mapping for word in ("--map", pair)]

    summary = journey.json("replay", "real.csv", *arguments)

    assert summary.keys() == {"inserted", "updated", "deleted", "seconds", "rate", "retried"}
    assert summary["inserted"] == 2
    for wrong in (["replay", "gone.csv"], ["replay", "real.csv", "--map", "orderid=no such column"]):
        done = journey.run(*wrong, code=2)
        assert done.stderr.startswith("salespipe: error: ")


def test_env_lets_any_aws_client_in(journey: Journey, exports: Any) -> None:
    said = journey.run("env").stdout

    assert exports.keys() == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
    }
    assert said.splitlines()[0] == f"export AWS_ENDPOINT_URL={exports['AWS_ENDPOINT_URL']}"
    session = boto3.Session(
        exports["AWS_ACCESS_KEY_ID"],
        exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )
    kinesis = session.client("kinesis", endpoint_url=exports["AWS_ENDPOINT_URL"])
    assert "salespipe-sales-changes" in kinesis.list_streams()["StreamNames"]


def test_down_asks_at_a_terminal_and_keeps_everything_when_the_name_is_wrong(
    journey: Journey, pipeline: Pipeline
) -> None:
    code, said = at_a_terminal(journey, "down", typed="no\n")

    assert code == 1
    assert "Type the pipeline's name (sales)" in said
    assert "nothing was deleted" in said
    assert status(pipeline).healthy


def test_a_terminal_shows_a_drawn_table(journey: Journey, crawled: Any) -> None:
    code, drawn = at_a_terminal(journey, "query", "SELECT 1 AS one")

    assert code == 0
    assert "│" in drawn


def test_demo_tells_the_whole_story_on_a_pipeline_that_stands(journey: Journey, crawled: Any) -> None:
    told = journey.run("demo", "--orders", "300").stdout

    assert len([line for line in told.splitlines() if line.startswith("---")]) == len(QUERIES)
    assert "300 change events went through the whole pipeline" in told
    (row,) = journey.json("query", "SELECT count(*) AS n, count(DISTINCT event_id) AS d FROM orders")
    assert row["n"] == row["d"] > COUNT + 300


@pytest.mark.heavy
def test_demo_gives_its_sum_to_machines(journey: Journey, up: Any) -> None:
    summary = journey.json("demo", "--orders", "100")

    assert summary["inserted"] + summary["updated"] + summary["deleted"] == summary["change_events"] == 100
    assert summary["tables"] == ["orders"]


def test_down_keeps_the_data_unless_told(journey: Journey, crawled: Any) -> None:
    code, said = at_a_terminal(journey, "down", typed="sales\n")
    assert code == 0, said
    assert "kept" in said

    for command in (["status"], ["down", "--yes"]):
        assert "hint: its data is kept: salespipe up finds it again" in journey.run(*command, code=3).stderr
    again = journey.json("up")
    assert {"create"} < {change["action"] for change in again["changes"]}


def test_what_a_down_kept_can_still_be_deleted(journey: Journey, crawled: Any) -> None:
    journey.run("down", "--yes")
    told = journey.json("down", "--yes", "--delete-data")
    assert {thing["kind"] for thing in told["deleted"]} == {"bucket", "table"}
    journey.run("up")


def test_down_whose_reader_has_left_still_takes_everything_down(journey: Journey, crawled: Any) -> None:
    read, write = os.pipe()
    os.close(read)
    gone = subprocess.run(
        [*COMMAND, "down", "--yes", "--delete-data", "--json"],
        stdout=subprocess.PIPE,
        stderr=write,
        env=environment(journey.home),
        cwd=journey.home,
        timeout=60,
        check=True,
    )
    os.close(write)

    told = json.loads(gone.stdout)
    assert told.keys() == {"deleted", "kept"}
    assert told["kept"] == []
    assert all(thing.keys() == {"kind", "name"} for thing in told["deleted"])
    assert {"table", "bucket", "stream", "pipe"} <= {thing["kind"] for thing in told["deleted"]}
    for command in (["query", "SELECT 1"], ["down", "--yes"]):
        done = journey.run(*command, "--json", code=3)
        assert done.stdout == ""
        assert "hint: create it with: salespipe up\n" in done.stderr


def at_a_terminal(journey: Journey, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run a command with a terminal on all its streams; its exit code and all that appeared there."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(journey.home, TERM="xterm", COLUMNS="100", LINES="40"),
        cwd=journey.home,
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the other end is closed
                break
            if not part:
                break
            shown += part
        code = process.wait(timeout=60)
    os.close(ours)
    return code, shown.decode()
