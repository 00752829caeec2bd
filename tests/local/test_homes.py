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

from salespipe.local import runtime
from salespipe.local.home import make
from tests.cli.process import COMMAND, environment, salespipe
from tests.local.crashing import Home, end, is_alive
from tests.local.rights import without_root


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


@pytest.mark.parametrize(
    "text",
    ["[]", *(pytest.param(text, marks=pytest.mark.heavy) for text in ("", '{"pid": "x", "port": 1, "version": "1"}'))],
)
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("file", "{folder}/file is a file and not a folder: move it away"),
        ("file/a/b", "{folder}/file is a file and not a folder, so {folder}/file/a/b cannot be in it: move it away"),
        ("link", "{folder}/link is a link to what is not there (gone): make that folder"),
        ("loop/a", "{folder}/loop/a cannot be the name of a folder ("),
        ("x" * 300, "{folder}/" + "x" * 300 + " cannot be the name of a folder ("),
    ],
)
@pytest.mark.parametrize("command", [("up", "--json"), ("status", "--json"), ("down", "--yes")])
def test_what_cannot_be_a_home_is_named_with_what_to_do(
    tmp_path: Path, given: str, said: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("somebody's")
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    done = salespipe(*command, home=tmp_path, env={"SALESPIPE_HOME": given})
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"salespipe: error: SALESPIPE_HOME cannot be used: {said.format(folder=tmp_path)}")
    assert line.endswith("set SALESPIPE_HOME to another folder")
    assert (tmp_path / "file").read_text() == "somebody's"


@pytest.mark.parametrize("command", [("up", "--json"), ("env",), ("plan",)])
def test_a_folder_in_which_somebody_keeps_something_else_is_left_as_it_is(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)  # as /tmp is
    (shared / "of-somebody").write_text("else")
    done = salespipe(*command, home=tmp_path, env={"SALESPIPE_HOME": str(shared)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"salespipe: error: SALESPIPE_HOME cannot be used: {shared} is not empty and no home of salespipe (it has "
        f"of-somebody): name a folder of its own in it, as in SALESPIPE_HOME={shared}/salespipe\n"
    )
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert [path.name for path in shared.iterdir()] == ["of-somebody"]


@pytest.mark.parametrize("there", [[], ["lost+found"], ["accept-loss"], ["store.db", "notes.txt"], ["runtime.lock"]])
def test_a_folder_that_is_empty_or_a_home_becomes_its_owners_alone(tmp_path: Path, there: list[str]) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    for name in there:
        (folder / name).touch()
    make(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_below_folders_that_are_not_there_is_made_with_them(tmp_path: Path) -> None:
    made = tmp_path / "not" / "yet"
    try:
        done = salespipe("env", "--json", home=tmp_path, env={"SALESPIPE_HOME": str(made)})
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    finally:
        runtime.stop(made)


def test_a_home_of_a_user_who_is_not_there_is_a_folder_of_that_name(tmp_path: Path) -> None:
    done = salespipe("status", home=tmp_path, env={"SALESPIPE_HOME": "~nobody-of-this-name/home"})
    assert done.returncode == 3
    assert f"nothing runs in {tmp_path}/~nobody-of-this-name/home" in done.stderr


def test_a_home_that_this_user_may_not_make_or_look_into_is_named_with_what_to_do(tmp_path: Path) -> None:
    bound = [*without_root(), *COMMAND]
    closed, fixed = tmp_path / "closed", tmp_path / "fixed"
    closed.mkdir(mode=0)
    fixed.mkdir(mode=0o500)
    for home, begins in (
        (fixed / "a", f"the folder {fixed}/a cannot be made in {fixed} (Permission denied): make {fixed} writable, or"),
        (fixed, f"{fixed}/runtime.lock may not be written by this user: give the right back (chmod u+rwX)"),
        (closed / "a", f"{closed}/a cannot be looked at (Permission denied): give the right to, or"),
        (closed, f"{closed} may not be looked into by this user: give the right back (chmod u+rwX), or"),
    ):
        done = salespipe("up", "--json", home=tmp_path, env={"SALESPIPE_HOME": str(home)}, command=bound)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"salespipe: error: the local runtime cannot be used: {begins}")


def test_the_runtime_itself_names_a_home_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "salespipe.local", str(tmp_path / "file")],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/file is a file and not a folder: move it away")


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
