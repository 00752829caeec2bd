"""The benchmark runs, tells what it promises to tell and leaves nothing behind. No number is judged here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.home import held_interrupts
from benchmarks.pipeline import main
from benchmarks.processes import children, use, use_of_children
from benchmarks.report import markdown
from benchmarks.tailing import percentile

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "benchmarks.pipeline"]

KEYS: dict[str, set[str]] = {
    "": {"machine", "end_to_end", "tail", "side_by_side"},
    "machine": {"processor", "cores", "memory_gb", "system", "python", "versions", "load"},
    "end_to_end": {
        "orders",
        "seconds",
        "orders_per_second",
        "write_seconds",
        "written_per_second",
        "waiting",
        "client_cpu_us",
        "runtime_cpu_us",
        "function_cpu_us",
        "runtime_peak_mb",
        "function_peak_mb",
        "store_bytes",
        "start_seconds",
        "restart_seconds",
        "queryable",
    },
    "end_to_end.queryable": {"samples", "total", "delivered", "query", "crawl"},
    "tail": {"events", "rate", "p50_ms", "p99_ms", "worst_ms"},
    "side_by_side": {"operation", "count", "threads", "results", "ratio"},
    "side_by_side.results": {"peer", "per_second", "server_cpu_us", "lost", "runs"},
}


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


def test_use_of_a_process_and_of_its_children() -> None:
    busy = "import time\nx = bytearray(50_000_000)\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        used = use(child.pid)
        seen = children(os.getpid())
        together = use_of_children(os.getpid())
        child.communicate(b"\n")

    assert used.cpu_seconds >= 0.18  # the clock of /proc ticks in 10 ms
    assert used.peak_mb > 45
    assert child.pid in seen
    assert together.peak_mb >= used.peak_mb
    assert child.pid not in children(os.getpid())


@pytest.mark.parametrize("arguments", [["--orders", "0"], ["--orders", "many"], ["--unknown"]])
def test_a_wrong_option_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: python -m benchmarks.pipeline" in capsys.readouterr().err


@pytest.mark.heavy
def test_a_small_run_tells_everything_and_leaves_nothing(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "--orders", "200", "--json"], cwd=ROOT, env=_environment(tmp_path), capture_output=True, timeout=150
    )

    assert ran.returncode == 0, ran.stderr.decode()
    document = json.loads(ran.stdout)
    assert {name: _keys(document, name) for name in KEYS} == KEYS
    assert document["end_to_end"][0]["orders"] == 200
    assert document["tail"]["events"] == 200
    assert [one["operation"] for one in document["side_by_side"]] == ["BatchWriteItem", "PutRecords"]
    assert all(one["results"][0]["lost"] == 0 for one in document["side_by_side"])
    assert not _homes(tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "--orders", "1000000"], cwd=ROOT, env=_environment(tmp_path)) as benchmark:
        state = _wait_for(lambda: next(tmp_path.glob("salespipe-benchmark-*/runtime.json"), None))
        runtime = int(json.loads(state.read_text())["pid"])
        _wait_for(lambda: list(tmp_path.glob("salespipe-benchmark-*/objects/**/*-delivery-*")))
        benchmark.send_signal(number)
        code = benchmark.wait(timeout=60)

    assert code == 130
    assert not _homes(tmp_path)
    assert not Path(f"/proc/{runtime}").exists()


def _environment(folder: Path) -> dict[str, str]:
    """All that is temporary goes below `folder`."""
    return {**os.environ, "TMPDIR": str(folder)}


def _homes(folder: Path) -> list[Path]:
    return list(folder.glob("salespipe-benchmark-*"))


def _keys(document: Any, name: str) -> set[str]:
    """The keys at `a.b`; of a list those of its first element."""
    for part in filter(None, name.split(".")):
        document = document[part]
        document = document[0] if isinstance(document, list) else document
    return set(document)


def _wait_for(look: Any) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
