"""The README is run: every command block, in its order, in one shell environment; every test it names exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from salespipe.local import runtime

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SET_UP, TEST, *TASKS = BLOCKS


def shell(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SALESPIPE_HOME": str(folder / "home"),
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def test_every_task_runs_in_the_order_of_the_page(tmp_path: Path) -> None:
    try:
        for block in TASKS:
            more: dict[str, str] = {}
            if "--target aws" in block:
                # No account is reached: AWS's own variables point the aws target at the embedded endpoint.
                more = json.loads(shell("salespipe env --json", tmp_path).stdout)
            done = shell(block, tmp_path, **more)
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            # Who has eval'ed `env` in this shell, as the page says, must not believe that this was AWS.
            assert ("which is not AWS" in done.stderr) == ("--target aws" in block)
        assert (tmp_path / "open.csv").read_text().startswith("orderid,status\n")
    finally:
        runtime.stop(tmp_path / "home")


def test_the_test_command_is_what_ci_runs() -> None:
    assert TEST.strip() in (ROOT / ".ci" / "run").read_text()


@pytest.mark.heavy
@pytest.mark.timeout(300)
def test_the_first_command_ends_with_real_rows(tmp_path: Path) -> None:
    """In a copy of what git tracks, as somebody who has just cloned it."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    clone = tmp_path / "clone"
    try:
        done = shell(SET_UP, clone)
        assert done.returncode == 0, done.stderr
        assert re.search(r"revenue|REMOVE", done.stdout)
    finally:
        shell(".venv/bin/salespipe down --yes --delete-data --quiet", clone)


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", README))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    assert named
    assert named <= defined


def test_every_command_is_on_the_page() -> None:
    commands = {path.stem for path in (ROOT / "salespipe" / "cli" / "commands").glob("[a-z]*.py")}
    assert {
        command for command in commands if f"salespipe {command}" not in README.replace("--target aws ", "")
    } == set()
