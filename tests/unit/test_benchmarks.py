"""What the benchmarks are made of. No number is judged here."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks import end_to_end, hops, pipeline, queries
from benchmarks.aggregates import difference
from benchmarks.asking import Timing
from benchmarks.command_process import command
from benchmarks.home import held_interrupts
from benchmarks.lake import HOURS, bodies
from benchmarks.load import Callers, run
from benchmarks.machine import Machine
from benchmarks.markdown import markdown
from benchmarks.peer_environment import PeerMissing, environment
from benchmarks.peers import null_server
from benchmarks.processes import children, use
from benchmarks.sampling import Sample
from benchmarks.side_by_side import Comparison, Result
from benchmarks.slices import slices
from benchmarks.tailing import percentile
from salespipe.errors import SalespipeError
from salespipe.lambdas.transform import COLUMNS

MACHINE = Machine("Z80", 1, 0.1, "CP/M", "3.11", {"SQLite": "3"}, 0.0)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7.0], 50, 7.0), ([1.0, 2.0], 50, 1.0), ([1.0, 2.0, 3.0], 50, 2.0), ([1.0, 2.0], 99, 2.0)],
)
def test_percentile_is_one_of_the_values(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_one_in_a_hundred_lies_above_the_99th_percentile() -> None:
    assert percentile([float(number) for number in range(1, 1001)], 99) == 990.0


def test_table_is_markdown_with_numbers_on_the_right() -> None:
    assert list(markdown(["what", "a"], [["speed", "1,000"], ["cost", "7"]])) == [
        "| what  |     a |",
        "| ----- | ----: |",
        "| speed | 1,000 |",
        "| cost  |     7 |",
    ]


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []

    def interrupted() -> None:
        with held_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert done == ["the rest of the block"]


def test_use_of_a_process_while_it_runs_and_when_it_has_ended() -> None:
    busy = "import time\nx = bytearray(50_000_000)\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        used = use(child.pid)
        seen = children(os.getpid())
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        ended = use(child.pid)
        seen_later = children(os.getpid())

    assert used.cpu_seconds >= 0.18  # the clock of /proc ticks in 10 ms
    assert used.peak_mb >= used.now_mb > 45
    assert ended.cpu_seconds >= used.cpu_seconds
    assert (ended.now_mb, ended.peak_mb) == (0, 0)
    assert child.pid in seen
    assert child.pid not in seen_later


def steady(orders: int, *, backlog: int, cost: Sequence[float]) -> list[Sample]:
    """1,000 orders a second written and, `backlog` later, delivered in steps of 2,000; the runtime spends `cost[i]`
    seconds in second i."""
    samples = [Sample(0.0, 0, 0, 0.0, 0.0, 0.0, 10.0, 1.0, 0)]
    spent = 0.0
    for second in range(1, orders // 1000 + backlog // 1000 + 2):
        spent += cost[min(second, len(cost)) - 1]
        written = min(second * 1000, orders)
        delivered = min(max(second * 1000 - backlog, 0) // 2000 * 2000, orders)
        samples.append(Sample(float(second), written, delivered, 0.0, spent, 0.0, 10.0 + second, 1.0, second))
    return samples


def test_slices_of_a_steady_run_cost_the_same_each() -> None:
    cut = slices(steady(20_000, backlog=0, cost=[0.5]), 20_000, 4_000)

    assert [(one.begin, one.end) for one in cut] == [(begin, begin + 4000) for begin in range(0, 20_000, 4_000)]
    assert [round(one.orders_per_second) for one in cut] == [1000] * 5
    assert [round(one.runtime_cpu_us) for one in cut] == [500] * 5
    assert [one.runtime_mb for one in cut] == [14, 18, 22, 26, 30]
    assert [one.disk_bytes for one in cut] == [4, 8, 12, 16, 20]


def test_slices_tell_when_an_order_costs_more_and_more() -> None:
    cut = slices(steady(20_000, backlog=0, cost=[0.1] * 10 + [0.3] * 10), 20_000, 10_000)

    assert [round(one.cpu_us) for one in cut] == [100, 300]


def test_a_backlog_moves_half_of_its_orders_into_the_slice_where_they_are_delivered() -> None:
    cut = slices(steady(20_000, backlog=4_000, cost=[0.5]), 20_000, 10_000)

    assert sum(10_000 / one.orders_per_second for one in cut) == pytest.approx(24.0)
    assert cut[0].runtime_cpu_us == pytest.approx(cut[1].runtime_cpu_us, rel=0.05)


def test_the_last_slice_has_what_is_left_and_two_slices_are_the_fewest() -> None:
    samples = steady(10_000, backlog=0, cost=[0.5])

    assert [(one.begin, one.end) for one in slices(samples, 10_000, 4_000)] == [(0, 4_000), (4_000, 10_000)]
    assert slices(samples, 10_000, 6_000) == ()


@pytest.mark.parametrize("callers", ["threads", "processes"])
def test_all_calls_are_made_once_and_their_results_added_up(callers: Callers, tmp_path: Path) -> None:
    def send(client: Path, call: int) -> int:
        (client / str(call)).touch(exist_ok=False)
        return call

    class Folder(type(tmp_path)):  # type: ignore[misc]
        def close(self) -> None:
            """As clients have it."""

    load = run(lambda: Folder(tmp_path), send, range(1, 11), callers)

    assert load.done == 55
    assert load.seconds > 0
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == list(range(1, 11))


@pytest.mark.parametrize("callers", ["threads", "processes"])
def test_a_call_that_fails_ends_the_round_with_its_reason(callers: Callers) -> None:
    class Client:
        def close(self) -> None:
            """As clients have it."""

    def send(client: Client, call: int) -> int:
        if call == 7:
            raise ConnectionError("the server\nhung up")
        return 1

    before = children(os.getpid())  # another test's runtime may be among them
    with pytest.raises(SalespipeError, match="ConnectionError: the server hung up"):
        run(Client, send, range(10), callers)

    assert set(children(os.getpid())) <= set(before)


def test_null_server_answers_everything_and_ends_with_the_block() -> None:
    with null_server(b'{"Attributes":{"orderid":{"S":"x"}}}') as server:
        client = server.endpoint.new_client("dynamodb")
        answers = [client.put_item(TableName="t", Item={"orderid": {"S": "a" * 100_000}}) for _ in range(3)]

    assert [answer["Attributes"]["orderid"]["S"] for answer in answers] == ["x"] * 3
    assert not Path(f"/proc/{server.pid}").exists()


def test_null_server_takes_a_body_that_waits_to_be_asked_for() -> None:
    with null_server(b"") as server:
        client = server.endpoint.client("s3")
        stored = [client.put_object(Bucket="b", Key="k", Body=b"x" * 1_000_000) for _ in range(2)]

    assert [one["ResponseMetadata"]["HTTPStatusCode"] for one in stored] == [200, 200]


@pytest.mark.heavy
def test_a_peer_that_cannot_be_installed_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(PeerMissing) as missing:
        environment("ministack")

    assert str(missing.value).endswith("failed: ERROR: No matching distribution found for ministack")
    assert "\n" not in str(missing.value)


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "nothing"))
    told: list[Any] = []

    with (
        pytest.raises(SalespipeError, match=r"`salespipe tail` ended with code 3: .*salespipe"),
        command("tail", told=lambda event, now: told.append(event)) as tail,
    ):
        tail.end()

    assert told == []
    assert not Path(f"/proc/{tail.pid}").exists()


def comparison(*peers: Result, alone: float = 2_000.0) -> Comparison:
    ours = Result("salespipe 1", 1_850.0, 40.0, 500.0, 0, 30.0)
    best = max((peer.per_second for peer in peers if peer.per_second), default=None)
    ratio = 1_850.0 / best if best else None
    return Comparison(
        "PutItem", "items", 100, "threads", ours, peers, Result("client", alone, 1.0, 500.0, 0, 5.0), ratio
    )


def test_a_row_tells_who_was_not_measured_who_lost_and_where_the_client_was_the_limit() -> None:
    peers = [Result("A 1", 925.0, 900.0, 500.0, 12, 60.0), Result("B 2", error="it does not know PutItem")]

    told = list(hops.lines(hops.Hops(MACHINE, (comparison(*peers),), {"C": "no index"})))

    assert told[2:5] == [
        "| boto3, 4 threads in one process |     salespipe 1 |           A 1 |          B 2 |            C |"
        " client alone | ratio |           lost |",
        "| ------------------------------- | --------------: | ------------: | -----------: | -----------: |"
        " -----------: | ----: | -------------: |",
        "| PutItem, 100 items              | 1,850/s*, 40 µs | 925/s, 900 µs | not measured | not measured |"
        "      2,000/s |  2.00 | 0 / 12 / - / - |",
    ]


def test_without_a_peer_there_is_no_ratio() -> None:
    told = list(hops.lines(hops.Hops(MACHINE, (comparison(alone=9_000.0),), {})))

    assert told[4] == "| PutItem, 100 items              | 1,850/s, 40 µs |      9,000/s |     - |    0 |"


@pytest.mark.parametrize("main", [end_to_end.main, hops.main, pipeline.main, queries.main])
@pytest.mark.parametrize("arguments", [["--orders", "0"], ["--scale", "nan"], ["--peers", "aws"], ["--unknown"]])
def test_a_wrong_option_is_a_usage_error(main: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert f"usage: python -m {main.__module__}" in capsys.readouterr().err


def test_json_of_a_report_has_no_numbers_for_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.command import execute

    report = hops.Hops(MACHINE, (comparison(Result("B 2", error="gone")),), {})

    assert execute(lambda: report, hops.lines, as_json=True) == 0
    peer = json.loads(capsys.readouterr().out)["comparisons"][0]["peers"][0]
    assert (peer["per_second"], peer["lost"], peer["error"]) == (None, None, "gone")


@pytest.mark.parametrize(
    ("wanted", "got", "said"),
    [
        ([(1, "a", 0.1 + 0.2)], [[1, "a", 0.3]], ""),
        ([(Decimal("90.10"), None)], [["90.10", None]], ""),
        ([(Decimal("90.10"),)], [[Decimal("90.1000")]], ""),
        ([(1,)], [[1], [2]], "2 rows instead of 1"),
        ([(1, 2)], [[1]], "row 1 has 1 columns instead of 2"),
        ([("a", 1), ("b", 1)], [["a", 1], ["b", 2]], "row 2 has 2 instead of 1"),
        ([(0.3,)], [[0.3001]], "row 1 has 0.3001 instead of 0.3"),
        ([(Decimal("90.10"),)], [["90.1"]], "row 1 has '90.1' instead of Decimal('90.10')"),
        ([(1,)], [["1"]], "row 1 has '1' instead of 1"),
        ([(1,)], [[None]], "row 1 has None instead of 1"),
    ],
)
def test_answers_are_the_same_or_the_first_difference_is_told(wanted: Any, got: Any, said: str) -> None:
    assert difference(wanted, got) == said


def timing(ms: float, scanned: int | None = None) -> Timing:
    return Timing(ms, ms, scanned, (ms,))


def test_a_row_of_queries_tells_how_far_from_duckdb_and_what_the_peer_said() -> None:
    rows = (
        queries.row("near", "SELECT 1", timing(1_500, 90), timing(150, 9), timing(50), timing(600), ""),
        queries.row("far", "SELECT 2", timing(1_500), timing(200), timing(50), None, "OperationalError: no"),
        queries.row("odd", "SELECT 3", timing(1_500), timing(165), timing(50), timing(33), "1 rows instead of 2"),
    )

    told = list(queries.lines(queries.Queries(MACHINE, 10, 4, 2_000_000, 2, 1_000_000, 3.0, 99.0, "A 1", rows)))

    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in told[4:7]]
    assert cells == [
        ["near", "1,500 ms", "150 ms", "50 ms", "3.00", "+100 ms", "within, 15 ms", "10.0 x", "600 ms", "4.00"],
        ["far", "1,500 ms", "200 ms", "50 ms", "4.00", "+150 ms", "beyond, 35 ms", "7.5 x", "not measured", "-"],
        ["odd", "1,500 ms", "165 ms", "50 ms", "3.30", "+115 ms", "within, 0 ms", "9.1 x", "33 ms*", "0.20*"],
    ]
    assert told[-2:] == ["A 1, far: OperationalError: no", "A 1, odd: 1 rows instead of 2"]


def test_a_lake_has_each_order_once_in_the_hour_of_its_folder() -> None:
    made = list(bodies(1_000, 144))

    events = [(key, json.loads(line)) for key, body in made for line in gzip.decompress(body).splitlines()]
    assert len(made) == len({key for key, _ in made}) == 144
    assert len({event["event_id"] for _, event in events}) == len(events) == 1_000
    assert len({key.rpartition("/")[0] for key, _ in made}) == HOURS
    for key, event in events:
        assert f"dt={event['event_time'][:10]}/hour={event['event_time'][11:13]}/" in key
        assert set(event) == set(COLUMNS)
