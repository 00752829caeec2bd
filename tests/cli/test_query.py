"""`query` as a person uses it: on a terminal, into files, with what is saved and what was asked."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import boto3
import pytest

from salespipe.local import runtime
from tests.cli.process import COMMAND, environment
from tests.cli.test_journey import Journey, at_a_terminal

SLOW = (
    "SELECT sum(a * b % 7) FROM UNNEST(sequence(1, 10000)) AS x(a) CROSS JOIN UNNEST(sequence(1, 10000)) AS y(b) "
    "CROSS JOIN UNNEST(sequence(1, 10000)) AS z(c)"
)

READY = "<ready>"  # for what prompt_toolkit says to a terminal when it begins to read


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    home = tmp_path_factory.mktemp("query")
    made = Journey(home)
    made.json("up")
    place = "s3://salespipe-sales-123456789012-us-east-1/shops/"
    made.run("query", f"CREATE EXTERNAL TABLE shops (shop string, city string) LOCATION '{place}'")
    yield made
    runtime.stop(home / "state")


def test_a_statement_may_begin_with_a_comment(journey: Journey) -> None:
    done = journey.run("query", "--format", "csv", "-- what is asked\nSELECT ? AS n", "--param", "-- 5")
    assert done.stdout == "n\n-- 5\n"
    journey.run("query", "save", "commented", "-- kept\nSELECT 2 AS n")
    assert journey.run("query", "run", "commented", "--format", "csv").stdout == "n\n2\n"
    journey.run("query", "delete", "commented")


def test_nested_values_are_json_where_their_text_says_what_they_are(journey: Journey) -> None:
    sql = (
        "SELECT ARRAY[1, NULL] AS a, MAP(ARRAY[1], ARRAY[DATE '2026-01-01']) AS m, "
        "CAST(ROW(1, 2.50) AS ROW(x integer, y decimal(9,2))) AS r, CAST(ARRAY['a, b'] AS JSON) AS j, "
        "ARRAY['a, b'] AS t"
    )
    done = journey.run("query", sql, "--json")

    (row,) = json.loads(done.stdout)
    assert row == {
        "a": [1, None],
        "m": {"1": "2026-01-01"},
        "r": {"x": 1, "y": "2.50"},
        "j": ["a, b"],
        "t": "[a, b]",
    }
    assert "CAST(t AS JSON)" in done.stderr
    shown = journey.run("query", sql, "--format", "csv").stdout.splitlines()[1]
    assert shown.startswith('"[1, null]",{1=2026-01-01},"{x=1, y=2.50}"')


def test_what_it_took_and_what_it_costs_is_said(journey: Journey) -> None:
    done = journey.run("query", "SELECT 1 AS n")
    assert re.fullmatch(r"1 row, \d+\.\d\d s, 0 B scanned, \$0\.00005 on AWS\n", done.stderr)
    assert journey.run("query", "SHOW TABLES").stderr.endswith("scanned\n")
    assert journey.run("query", "SELECT 1 AS n", "--quiet").stderr == ""


def test_an_error_shows_its_place_and_the_nearest_name(journey: Journey) -> None:
    for sql, column, near in [
        ("SELECT shopp FROM shops", 8, "did you mean shop?"),
        ("SELECT 1 FROM shosp", 15, "did you mean shops?"),
    ]:
        done = journey.run("query", sql, code=1)
        first, line, caret, hint = done.stderr.splitlines()
        assert f"line 1:{column}" in first
        assert (line, caret, hint) == (f"  {sql}", f"{' ' * (column + 1)}^", f"  hint: {near}")
        assert len(journey.run("query", sql, "--json", code=1).stderr.splitlines()) == 2


def test_a_statement_without_quotation_marks_and_a_file_that_cannot_be_are_told_first(journey: Journey) -> None:
    done = journey.run("query", "SELECT", "1", code=2)
    assert "put the statement in quotation marks" in done.stderr
    before = journey.json("query", "history", "--limit", "1")
    assert "no folder" in journey.run("query", "SELECT 'unasked'", "--output", "no/x.csv", code=1).stderr
    assert journey.json("query", "history", "--limit", "1") == before


def test_several_statements_are_refused(journey: Journey) -> None:
    (journey.home / "two.sql").write_text("SELECT 1;\nSELECT 2;\n")
    done = journey.run("query", "--file", "two.sql", code=2)
    assert "there are 2 statements" in done.stderr
    (journey.home / "one.sql").write_text("\ufeff-- one\nSELECT 1 AS n; -- only\n")
    assert journey.json("query", "--file", "one.sql") == [{"n": 1}]


def test_parquet_is_written_with_its_types(journey: Journey) -> None:
    import duckdb

    sql = (
        "SELECT CAST('1.10' AS decimal(18,2)) AS m, TIMESTAMP '2026-11-20 12:00:00' AS t, ARRAY[1] AS a, "
        "DATE '2026-11-20' AS d"
    )
    journey.run("query", sql, "--output", "rows.parquet")
    described = duckdb.execute(f"DESCRIBE SELECT * FROM '{journey.home}/rows.parquet'").fetchall()
    assert [kind for _, kind, *_ in described] == ["DECIMAL(18,2)", "TIMESTAMP", "INTEGER[]", "DATE"]

    done = journey.run("query", "SELECT ARRAY['a'] AS tags", "--output", "tags.parquet", code=1)
    assert "column tags" in done.stderr
    assert not (journey.home / "tags.parquet").exists()


def test_rows_too_wide_for_the_terminal_turn_vertical(journey: Journey) -> None:
    sql = f"SELECT '{'x' * 90}' AS first_column, '{'y' * 90}' AS second_column"
    code, shown = at_a_terminal(journey, "query", sql)
    assert code == 0
    assert "-- row 1 --" in shown
    assert "x" * 90 in shown
    assert "y" * 90 in shown


def test_the_history_is_shown_and_an_answer_shown_again(journey: Journey) -> None:
    rows = journey.json("query", "SELECT 42 AS answer")
    (newest,) = journey.json("query", "history", "--limit", "1")
    assert newest.keys() == {"id", "state", "submitted", "seconds", "scanned_bytes", "sql", "error"}
    assert (newest["state"], newest["sql"], newest["error"]) == ("SUCCEEDED", "SELECT 42 AS answer", None)
    assert journey.json("query", "show", newest["id"]) == rows

    shown = journey.run("query", "--quiet", "history").stdout
    assert newest["id"] in shown
    assert "SELECT 42 AS answer" in shown
    assert "there is no query x" in journey.run("query", "show", "x", code=3).stderr


def test_a_statement_is_saved_listed_run_and_deleted(journey: Journey) -> None:
    (journey.home / "kept.sql").write_text("SELECT ? AS a, ? AS b")
    assert journey.json("query", "save", "two", "--file", "kept.sql") == {"name": "two", "action": "saved"}
    assert journey.json("query", "list") == [{"name": "two", "parameters": 2, "sql": "SELECT ? AS a, ? AS b"}]
    assert journey.json("query", "run", "two", "--param", "5", "--param", "'5'") == [{"a": 5, "b": "5"}]
    assert "has 2 ? and 1 values" in journey.run("query", "run", "two", "--param", "5", code=2).stderr
    assert "already" in journey.run("query", "save", "two", "SELECT 1", code=1).stderr
    assert journey.json("query", "save", "two", "SELECT 1", "--replace")["action"] == "replaced"
    assert "two" in journey.run("query", "list").stdout
    assert journey.run("query", "delete", "two").stderr == "deleted: two\n"
    assert "there is no saved query 'two'" in journey.run("query", "run", "two", code=3).stderr
    assert journey.json("query", "list") == []


def test_ctrl_c_stops_the_query_at_the_service(journey: Journey) -> None:
    with journey.start("query", SLOW, "--json", "--output", "never.json") as process:
        _wait(lambda: journey.json("query", "history", "--limit", "1")[0]["sql"] == SLOW)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, "")
    assert err == "salespipe: interrupted\n"
    _wait(lambda: journey.json("query", "history", "--limit", "1")[0]["state"] == "CANCELLED")
    assert not list(journey.home.glob("*never*"))


class Terminal:
    """The prompt at a terminal: what is typed, and what appears."""

    def __init__(self, journey: Journey) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "query"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(journey.home, TERM="xterm", COLUMNS="100", LINES="40"),
            cwd=journey.home,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is its signal
        )
        os.close(theirs)
        self._shown = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, pattern: str, seconds: float = 20) -> str:
        """What appeared up to and with `pattern`, without what only moves the cursor."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self._shown)
            if match:
                found, self._shown = self._shown[: match.end()], self._shown[match.end() :]
                return found
            if not select.select([self._ours], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{pattern!r} did not appear: {self._shown!r}")
            part = os.read(self._ours, 65536).decode(errors="replace")
            if "\x1b[6n" in part:  # where is the cursor?
                self.type("\x1b[1;1R")
            self._shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part.replace("\x1b[?2004h", READY))

    def ended(self) -> int:
        """Its exit code."""
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(journey: Journey) -> Iterator[Terminal]:
    made = Terminal(journey)
    yield made
    made.close()


def test_the_prompt_runs_completes_cancels_and_remembers(journey: Journey, terminal: Terminal) -> None:
    terminal.until(READY)
    terminal.type("SELECT 40 + 2\rAS answer;\r")  # Enter runs nothing before the semicolon
    assert "42" in terminal.until(r"1 row, ")
    terminal.until(READY)

    terminal.type("SELECT shop FROM sho\t")
    terminal.until("ps")  # which is all that is drawn anew
    terminal.type(";\r")
    terminal.until("0 rows, ")
    terminal.until(READY)

    terminal.type("SELECT 1 FROM shosp;\r")
    assert "^" in terminal.until(r"did you mean shops\?")
    terminal.until(READY)

    terminal.type(f"{SLOW};\r")
    _wait(lambda: journey.json("query", "history", "--limit", "1")[0]["sql"] == SLOW)
    terminal.type("\x03")
    terminal.until("cancelled")
    terminal.until(READY)
    _wait(lambda: journey.json("query", "history", "--limit", "1")[0]["state"] == "CANCELLED")

    terminal.type("help\r")
    terminal.until("SHOW TABLES; and")
    terminal.until(READY)
    terminal.type("SELECT ?;\r")
    terminal.until("write the value itself")
    terminal.until(READY)

    terminal.type("SELECT half")
    terminal.until("half")
    terminal.type("\x03")
    terminal.until("cancelled")
    terminal.until(READY)
    terminal.type("\x04")
    assert terminal.ended() == 0

    kept = journey.home / "state" / "query-history"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "+SELECT 40 + 2\n+AS answer;\n" in kept.read_text()


def test_sigterm_ends_the_prompt(terminal: Terminal) -> None:
    terminal.until(READY)
    terminal.process.send_signal(signal.SIGTERM)
    terminal.until("interrupted")
    assert terminal.ended() == 130


def test_hours_that_the_catalog_does_not_know_are_told(journey: Journey, terminal: Terminal) -> None:
    names = journey.json("env")
    bucket = "salespipe-sales-123456789012-us-east-1"
    boto3.client(
        "s3",
        endpoint_url=names["AWS_ENDPOINT_URL"],
        aws_access_key_id=names["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=names["AWS_SECRET_ACCESS_KEY"],
        region_name=names["AWS_DEFAULT_REGION"],
    ).put_object(Bucket=bucket, Key=f"orders/dt={datetime.now(UTC):%Y-%m-%d}/hour=00/x", Body=b"{}\n")
    partitioned = "PARTITIONED BY (dt string, hour string)"
    journey.run(
        "query", f"CREATE EXTERNAL TABLE orders (orderid string) {partitioned} LOCATION 's3://{bucket}/orders/'"
    )

    note = "note: orders of 1 newer hour are not in the catalog yet; run: salespipe crawl"
    done = journey.run("query", "SELECT count(*) AS n FROM orders", "--json")
    assert (json.loads(done.stdout), done.stderr.splitlines()[-1]) == ([{"n": 0}], note)
    assert journey.run("query", "SELECT count(*) FROM orders", "--quiet").stderr == ""
    assert "note" not in journey.run("query", "SELECT count(*) FROM shops").stderr
    terminal.until(READY)
    terminal.type("SELECT count(*) FROM orders;\r")
    terminal.until(note)


def _wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
