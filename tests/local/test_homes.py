"""One home, one runtime, its owner's alone: whatever lies in the home and whoever asks at the same moment."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.process import COMMAND, environment, salespipe
from tests.local.crashing import Home, end, is_alive


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def runtimes(home: Home) -> list[int]:
    """The processes that have been started for this home."""
    wanted = ["-m", "salespipe.local", str(home.state)]
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if line.read_text().split("\0")[1:4] == wanted:
                found.append(int(line.parent.name))
        except OSError:
            continue  # it has ended meanwhile
    return [pid for pid in found if is_alive(pid)]


def test_commands_at_the_same_moment_start_one_runtime_also_after_a_kill(home: Home) -> None:
    home.start()
    home.kill()  # and its state file stays behind
    assert runtimes(home) == []
    commands = [home.begin("env") for _ in range(4)]
    assert len({end(command)["AWS_ENDPOINT_URL"] for command in commands}) == 1
    assert runtimes(home) == [home.pid]


def test_a_state_file_that_names_another_process_harms_nobody(home: Home) -> None:
    home.start()
    state = json.loads((home.state / "runtime.json").read_text())
    home.kill()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (home.state / "runtime.json").write_text(json.dumps(state | {"pid": other.pid}))
        assert home.run("down", "--yes").returncode == 3  # looks, and starts it to do so
        assert other.poll() is None
        home.start()
        assert home.pid != other.pid
        other.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "x", "port": 1, "version": "1"}'])
def test_a_state_file_that_says_nothing_is_as_good_as_none(home: Home, text: str) -> None:
    home.state.mkdir(mode=0o700)
    (home.state / "runtime.json").write_text(text)
    home.start()
    assert home.client("sts").get_caller_identity()["Account"]


def test_a_copy_of_a_home_has_a_runtime_of_its_own(home: Home, tmp_path: Path) -> None:
    home.start()
    home.client("s3").create_bucket(Bucket="both")
    copy = Home(tmp_path / "elsewhere")
    shutil.copytree(home.state, copy.state)
    try:
        copy.start()
        copy.client("s3").create_bucket(Bucket="copy-only")
        assert copy.pid != home.pid
        assert names(home) == ["both"]
        assert names(copy) == ["both", "copy-only"]
    finally:
        copy.close()


def names(home: Home) -> list[str]:
    return sorted(bucket["Name"] for bucket in home.client("s3").list_buckets()["Buckets"])


def test_a_home_may_be_named_from_where_one_stands(home: Home) -> None:
    done = salespipe("env", "--json", home=home.folder, env={"SALESPIPE_HOME": "state"})
    assert done.returncode == 0, done.stderr
    assert home.alive()


def test_a_process_that_ended_and_that_nobody_waits_for_is_not_waited_for(home: Home) -> None:
    """The runtime is a child of this process, which looks after it no more than the first process of a container."""
    home.start()
    pid = home.pid
    ended = subprocess.run(
        [*COMMAND, "down", "--yes"], env=environment(home.folder), cwd=home.folder, timeout=15, capture_output=True
    )
    assert ended.returncode == 3  # there was no pipeline
    assert not is_alive(pid)


def test_everything_in_a_home_is_its_owners_alone(home: Home) -> None:
    before = os.umask(0)  # the most careless there is
    try:
        home.json("up")
        home.json("generate", "--count", "5", "--rate", "100", "--seed", "1")
        home.json("crawl")
        home.json("query", "SELECT count(*) AS n FROM orders")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in home.state.rglob("*")}
    kinds = {"log", "db", "gz", "csv", "py", "json"}
    assert kinds <= {path.suffix.removeprefix(".") for path in modes}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
