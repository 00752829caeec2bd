"""Runs the command line as a person would: a process of its own, with nothing of this machine's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cli import forked

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "salespipe"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without AWS settings in which all state is below `home`."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "SALESPIPE_HOME": str(home / "state"),
        "PYTHONPATH": str(ROOT),
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def salespipe(
    *arguments: str,
    home: Path,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    command: list[str] = COMMAND,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run one command in `home` and return its exit code and both streams."""
    if command is COMMAND:
        return forked.run(
            list(arguments), environment=environment(home, **(env or {})), folder=home, stdin=stdin, timeout=timeout
        )
    return subprocess.run(
        [*command, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(home, **(env or {})),
        cwd=home,
        timeout=timeout,
        check=False,
    )
