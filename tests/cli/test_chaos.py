"""`salespipe chaos` and SALESPIPE_LOCAL_THROTTLE as a person or a script uses them; each command is its own process."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.local import runtime
from salespipe.services.faults import KNOWN
from tests.cli.process import COMMAND, environment, salespipe

THROTTLE = "SALESPIPE_LOCAL_THROTTLE"


class Home:
    """A home directory and the commands that run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, code: int = 0, limits: str = "") -> subprocess.CompletedProcess[str]:
        """One command, with `limits` in its environment."""
        done = salespipe(*arguments, home=self.path, env={THROTTLE: limits} if limits else {})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, limits: str = "") -> Any:
        done = self.run(*arguments, "--json", limits=limits)
        assert done.stdout.endswith("\n")
        return json.loads(done.stdout)

    def process(self) -> int:
        """The runtime's process as its state file names it."""
        return int(json.loads((self.path / "state" / "runtime.json").read_text())["pid"])

    def settled(self) -> dict[str, Any]:
        """The hops by name, once nothing is on its way."""
        end = time.monotonic() + 60
        while True:
            hops = {hop["name"]: hop for hop in self.json("status")["hops"]}
            if hops["pipe"]["lag"] == hops["delivery"]["lag"] == 0:
                return hops
            assert time.monotonic() < end, hops
            time.sleep(0.2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a pipeline in it; the tests leave no fault behind."""
    made = Home(tmp_path_factory.mktemp("chaos"))
    made.run("up", "--quiet")
    yield made
    made.run("down", "--yes", "--delete-data", "--quiet")


def test_the_list_names_every_fault_and_what_is_active(home: Home) -> None:
    idle = home.json("chaos")
    assert idle == {
        "limits": "off",
        "faults": [
            {"name": fault.name, "active": False, "options": {}, "seconds_left": None, "hits": 0} for fault in KNOWN
        ],
    }
    started = home.json("chaos", "start", "delay-s3", "--for", "5m", "--delay", "0.5s", "--share", "0.25")
    assert started.keys() == {"name", "active", "options", "seconds_left", "hits"}
    assert (started["name"], started["active"]) == ("delay-s3", True)
    assert started["options"] == {"delay": 0.5, "share": 0.25}
    assert 290 < started["seconds_left"] <= 300
    said = home.run("chaos").stdout
    (line,) = [line for line in said.splitlines() if line.startswith("delay-s3")]
    assert "left, struck 0 times; --share 0.25 --delay 0.5" in line
    assert "throughput limits: off" in said
    assert home.json("chaos", "stop") == {"stopped": ["delay-s3"]}
    assert home.json("chaos", "stop") == {"stopped": []}
    assert "no fault was active" in home.run("chaos", "stop").stdout


def test_starting_says_what_will_be_seen_and_what_recovers(home: Home) -> None:
    done = home.run("chaos", "start", "fail-s3", "--for", "30s")
    assert done.stdout == "fail-s3 is active for 30 s\n"
    assert "what is seen: " in done.stderr
    assert "what recovers: " in done.stderr
    assert home.run("chaos", "start", "fail-s3", "--quiet").stderr == ""
    assert home.run("status").stdout.endswith("; active faults: fail-s3\n")
    assert home.json("status")["active_faults"] == ["fail-s3"]
    assert home.run("chaos", "stop", "fail-s3").stdout == "stopped: fail-s3\n"
    again = home.run("chaos", "stop", "fail-s3", code=3)
    assert again.stderr.startswith("salespipe: error: the fault fail-s3 is not active")


def test_a_query_that_a_fault_made_fail_names_what_failed_and_the_fault(home: Home) -> None:
    home.run("chaos", "start", "fail-s3")
    error, hint = home.run("query", "SELECT 1", code=1).stderr.splitlines()
    assert error == (
        "salespipe: error: The result could not be written: Please reduce your request rate. "
        "(Service: Amazon S3; Status Code: 503; Error Code: SlowDown)"
    )
    assert hint == "  hint: fail-s3 is active, which answers so on purpose; end it with: salespipe chaos stop"
    assert "fail-s3" not in home.run("query", "SELEC 1", code=1).stderr
    home.run("chaos", "stop")


def test_help_tells_of_each_fault_what_is_seen_and_what_recovers(tmp_path: Path) -> None:
    said = " ".join(salespipe("chaos", "--help", home=tmp_path).stdout.split())
    for fault in KNOWN:
        for text in (f"{fault.name} {fault.takes}".strip(), fault.does, fault.seen[1:], fault.recovers[1:]):
            assert " ".join(text.split()) in said, fault.name


def test_the_killed_runtime_is_there_again_at_the_next_command(home: Home) -> None:
    written = home.json("generate", "--count", "60", "--rate", "1000", "--seed", "21")
    home.run("chaos", "start", "throttle-table")
    assert home.json("chaos", limits="aws")["limits"] == "aws"
    before = home.process()
    told = home.json("chaos", "start", "kill-runtime")
    assert (told["name"], told["active"]) == ("kill-runtime", False)
    assert not runtime.alive(before)
    hops = home.settled()
    assert home.process() != before
    operations = sum(written[kind] for kind in ("inserted", "updated", "deleted"))
    assert hops["stream"]["records"] == hops["lake"]["records"] == operations == 60
    after = home.json("chaos")
    assert not any(fault["active"] for fault in after["faults"])
    assert after["limits"] == "off"  # the command that started it said nothing of limits


def test_a_runtime_that_runs_already_is_told_the_limits_of_the_environment(home: Home) -> None:
    process = home.process()
    assert "throughput limits table-writes=40)" in home.run("status", limits="table-writes=40").stdout
    assert home.json("chaos")["limits"] == "table-writes=40"  # who says nothing leaves them
    before = home.settled()["lake"]["records"]
    written = home.json("generate", "--count", "100", "--rate", "1000", "--seed", "22")
    assert written["retried"] > 0
    assert home.json("chaos", limits="off")["limits"] == "off"
    assert home.settled()["lake"]["records"] == before + 100
    assert home.process() == process


def test_limits_that_make_no_sense_are_refused_by_every_command(home: Home) -> None:
    for arguments in (["status"], ["up"], ["generate", "--count", "1"]):
        done = home.run(*arguments, code=2, limits="shard-recodes=5")
        first, *rest = done.stderr.splitlines()
        assert first.startswith(f"salespipe: error: {THROTTLE} 'shard-recodes=5': 'shard-recodes' is no limit; those")
        assert [line.split(":")[0] for line in rest] == ["  hint"]
        assert done.stdout == ""


def test_a_runtime_begins_with_the_limits_of_the_command_that_starts_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    try:
        home.run("env", limits="aws,shard-reads=50")
        assert home.json("chaos")["limits"] == "aws,shard-reads=50"
    finally:
        home.run("down", "--yes", code=3)  # there is no pipeline; but the runtime ends


def test_the_runtime_itself_refuses_limits_that_make_no_sense(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND[0], "-m", "salespipe.local", str(tmp_path / "state")],
        env=environment(tmp_path, **{THROTTLE: "fast"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{THROTTLE} 'fast': 'fast' is neither aws, off nor a number above 0"
    assert "Traceback" not in done.stderr


def test_a_pipeline_of_another_name_is_not_concerned(home: Home) -> None:
    assert home.run("chaos", "start", "fail-s3", "--name", "other", code=3).stdout == ""
    home.run("chaos", "start", "fail-s3")
    assert not any(fault["active"] for fault in home.json("chaos", "--name", "other")["faults"])
    home.run("chaos", "stop", "fail-s3", "--name", "other", code=3)
    home.run("chaos", "stop", "fail-s3")


@pytest.mark.parametrize("arguments", [[], ["start", "fail-s3"], ["stop"]])
def test_on_aws_it_is_one_line_and_exit_code_2_before_any_credentials(tmp_path: Path, arguments: list[str]) -> None:
    done = salespipe("chaos", *arguments, "--target", "aws", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    said = "salespipe: error: faults can be injected into the local target only, not into aws"
    assert done.stderr.splitlines()[0] == said


def test_before_up_it_is_exit_code_3(tmp_path: Path) -> None:
    done = salespipe("chaos", "--json", home=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "salespipe up" in done.stderr


def test_the_hint_for_a_share_is_one(tmp_path: Path) -> None:
    done = salespipe("chaos", "start", "throttle-table", "--share", "-1", home=tmp_path)
    assert "hint: for example --share 0.5" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["begin"], "action 'begin' is not known"),
        (["start"], "which fault shall be started?"),
        (["start", "fail-s4"], "there is no fault 'fail-s4'"),
        (["stop", "fail-s4"], "there is no fault 'fail-s4'"),
        (["start", "fail-s3", "--for", "soon"], "--for 'soon' is not a length of time above 0"),
        (["start", "fail-s3", "--share", "2"], "--share '2' is not above 0 and at most 1"),
        (["start", "fail-s3", "--share", "0"], "--share '0' is not a number above 0"),
        (["start", "throttle-table", "--rate", "x"], "--rate 'x' is not a number above 0"),
        (["start", "throttle-table", "--rate", "5", "--share", "0.5"], "takes --share or --rate, not both"),
        (["start", "fail-s3", "--rate", "5"], "fail-s3 takes no --rate"),
        (["start", "kill-runtime", "--for", "5s"], "kill-runtime is over as soon as it was done"),
        (["stop", "fail-s3", "--for", "5s"], "belong to: salespipe chaos start FAULT"),
        (["--share", "0.5"], "belong to: salespipe chaos start FAULT"),
        (["start", "fail-s3", "more"], "got unexpected extra argument"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = salespipe("chaos", *arguments, home=tmp_path)
    first, *rest = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith("salespipe: error: ")
    assert said in first
    assert all(line.startswith("  hint: ") for line in rest)
    assert len(rest) <= 1
