"""The runtime is killed under a command: it says so, not something of a network; started again in time, it goes on."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from salespipe.services.faults import KNOWN
from tests.cli.process import COMMAND, environment
from tests.local.crashing import Home, until

DELAY = [fault.name for fault in KNOWN].index("delay-s3")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    made.json("up")
    yield made
    made.close()


def begin(home: Home, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home.folder),
        cwd=home.folder,
    )


def items(home: Home) -> int:
    return int(home.client("dynamodb").scan(TableName="OrdersRawTable", Select="COUNT")["Count"])


def told(home: Home, command: subprocess.Popen[str], killed: int) -> list[str]:
    """What a command under which the runtime was killed says before its last two lines."""
    _, err = command.communicate(timeout=120)
    *before, error, hint = err.splitlines()
    assert command.returncode == 1
    assert error == f"salespipe: error: the local runtime stopped while this command ran (process {killed} is gone)"
    assert hint == (
        "  hint: any command starts it again, with all that was acknowledged; "
        f"what it said last is in {home.state / 'runtime.log'}"
    )
    return before


def test_commands_under_way_say_that_the_runtime_has_stopped_and_the_next_one_starts_it(home: Home) -> None:
    """A query whose result is being written, a reader, and one that looks again and again."""
    home.run("chaos", "start", "delay-s3", "--delay", "10m")
    asking = begin(home, "query", "SELECT 1 AS one", "--json")
    following = begin(home, "tail", "--from", "trim_horizon", "--json")
    watching = begin(home, "status", "--watch", "--every", "0.05s", "--json")
    assert watching.stdout is not None
    assert following.stdout is not None
    watching.stdout.readline()
    home.json("generate", "--count", "1", "--rate", "10")
    following.stdout.readline()
    until(lambda: home.json("chaos")["faults"][DELAY]["hits"], "the result is being written")
    killed = home.pid
    home.kill()
    for command in (asking, following, watching):
        assert told(home, command, killed) == []
    assert home.json("query", "SELECT 1 AS one") == [{"one": 1}]
    assert home.pid != killed


@pytest.mark.heavy
def test_generate_waits_for_the_runtime_for_half_a_minute(home: Home) -> None:
    writing = begin(home, "generate", "--rate", "200", "--json")
    until(lambda: items(home) > 20, "orders are written")
    killed, began = home.pid, time.monotonic()
    home.kill()
    assert told(home, writing, killed)[-1].startswith("written before the failure: ")
    assert time.monotonic() - began > 25


def test_a_runtime_that_is_started_again_in_time_is_written_to_as_if_nothing_had_been(home: Home) -> None:
    writing = home.begin("generate", "--count", "600", "--rate", "200")
    until(lambda: items(home) > 20, "orders are written")
    home.kill()
    home.json("status")
    out, err = writing.communicate(timeout=120)
    assert writing.returncode == 0, err
    written = json.loads(out)
    assert sum(written[kind] for kind in ("inserted", "updated", "deleted")) == 600
    assert written["retried"] > 0
