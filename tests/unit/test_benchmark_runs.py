"""The benchmarks run, tell what they promise to tell and leave nothing behind. No number is judged here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks.aggregates import AGGREGATES
from benchmarks.operations import OPERATIONS

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[2]
Found = TypeVar("Found")

RUN = {
    "orders",
    "seconds",
    "orders_per_second",
    "write_seconds",
    "written_per_second",
    "waiting",
    "client_cpu_us",
    "runtime_cpu_us",
    "function_cpu_us",
    "sampling_cpu",
    "cost_ratio",
    "cost_ratio_by_function",
    "runtime_peak_mb",
    "runtime_peak_later_mb",
    "function_peak_mb",
    "disk_bytes",
    "start_seconds",
    "restart_seconds",
    "restarts",
    "tail",
    "queryable",
    "slices",
}
SLICE = {
    "begin",
    "end",
    "orders_per_second",
    "client_cpu_us",
    "runtime_cpu_us",
    "function_cpu_us",
    "runtime_mb",
    "function_mb",
    "disk_bytes",
}
QUERIES = {
    "machine",
    "orders",
    "raw_objects",
    "raw_bytes",
    "objects",
    "bytes",
    "compact_seconds",
    "peak_mb",
    "peer",
    "rows",
}
RESULT = {"peer", "per_second", "server_cpu_us", "client_cpu_us", "lost", "peak_mb", "rounds", "error"}


def benchmark(module: str, *arguments: str, folder: Path, timeout: float = 170) -> Any:
    """The JSON document of one run, with all that it makes below `folder`."""
    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments, "--json"],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert left(folder) == []
    return json.loads(ran.stdout)


def test_end_to_end_tells_everything_and_leaves_nothing(tmp_path: Path) -> None:
    document = benchmark("end_to_end", "--orders", "400", "--slice", "200", folder=tmp_path)

    assert set(document) == {"machine", "runs"}
    (run,) = document["runs"]
    assert set(run) == RUN
    assert run["orders"] == 400
    assert [(one["begin"], one["end"]) for one in run["slices"]] == [(0, 200), (200, 400)]
    assert set(run["slices"][0]) == SLICE
    assert run["tail"]["events"] == 400
    assert run["queryable"]["rows"] > 800  # what was written, and then for the tail
    assert len(run["restarts"]) == 3


def test_hops_measures_the_peers_and_leaves_nothing(tmp_path: Path) -> None:
    """The peers are installed for it, as on a first run."""
    document = benchmark("hops", "--scale", "0.001", "--rounds", "1", "--clients", "threads", folder=tmp_path)

    assert set(document) == {"machine", "comparisons", "missing"}
    assert document["missing"] == {}
    assert [one["operation"] for one in document["comparisons"]] == [each.name for each in OPERATIONS.values()]
    for one in document["comparisons"]:
        results = [one["ours"], *one["peers"], one["alone"]]
        assert [result["peer"].split(" ")[0] for result in results] == ["salespipe", "MiniStack", "moto", "client"]
        assert all(set(result) == RESULT for result in results)
        assert [result["error"] for result in results] == [""] * 4
        assert one["ours"]["lost"] == 0
        assert one["ratio"] > 0


def test_hops_goes_on_without_a_peer_that_cannot_be_installed(tmp_path: Path) -> None:
    arguments = ["--operations", "put-item", "--scale", "0.01", "--rounds", "1", "--peers", "moto"]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.hops", *arguments],
        cwd=ROOT,
        env={**environment(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "not measured: moto server: `" in ran.stderr
    assert "No matching distribution found for moto" in ran.stderr
    assert ran.stdout.count("not measured") == 2  # once for each way to run the client


def test_queries_tells_everything_and_leaves_nothing(tmp_path: Path) -> None:
    """The peer is installed for it, as on a first run. Whether the answers are the same is looked at in the run."""
    document = benchmark("queries", "--orders", "1000", "--rounds", "1", folder=tmp_path)

    assert set(document) == QUERIES
    assert [row["name"] for row in document["rows"]] == list(AGGREGATES)
    assert document["peer"].startswith("MiniStack ")
    for row in document["rows"]:
        assert all(row[who]["ms"] > 0 for who in ("raw", "parquet", "direct", "peer"))
        assert row["peer_said"] == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_end_to_end_interrupted_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    delivered = "salespipe-benchmark-*/objects/**/*-delivery-*"

    interrupt("end_to_end", folder=tmp_path, when=lambda: list(tmp_path.glob(delivered)), number=number)


@pytest.mark.parametrize(("clients", "most"), [("threads", 3), ("processes", 7)])
def test_hops_interrupted_leaves_nothing(tmp_path: Path, clients: str, most: int) -> None:
    """While the runtime, the server for the client alone and, where there are any, four clients run."""
    arguments = ["--peers", "--clients", clients, "--operations", "put-records"]

    interrupt("hops", *arguments, folder=tmp_path, when=lambda: len(processes(tmp_path)) >= most, number=signal.SIGINT)


def interrupt(module: str, *arguments: str, folder: Path, when: Callable[[], object], number: signal.Signals) -> None:
    """Start a benchmark, end it `when` something is there, and see that nothing of it is left."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment(folder), start_new_session=True) as running:
        wait_for(when)
        started = processes(folder)
        running.send_signal(number)
        code = running.wait(timeout=60)

    assert code == 130
    assert len(started) >= 2
    assert left(folder) == []


def environment(folder: Path) -> dict[str, str]:
    """All that is temporary or cached goes below `folder`."""
    return {**os.environ, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


def left(folder: Path) -> list[str]:
    """What is still in `folder` but the cache, and the processes that were started with it."""
    return [path.name for path in folder.iterdir() if path.name != "cache"] + [str(pid) for pid in processes(folder)]


def processes(folder: Path) -> list[int]:
    """The processes that have `folder` in their environment."""
    mine = os.fsencode(f"TMPDIR={folder}")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mine in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def wait_for(look: Callable[[], Found]) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
