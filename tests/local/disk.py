"""A small disk of its own, in a mount namespace of its own: it can be filled and made read-only for real.

Needs the right to mount, as root or in a user namespace; without it the tests that ask for one are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import ROOT, environment

_HOLD = 'mount -t tmpfs -o size="$1" disk "$0" && echo ready && exec sleep infinity'


class Disk:
    """`path` is a folder on it, which exists only for what `run` and `start` start; `outside` is the same folder as the
    test itself reaches it."""

    def __init__(self, path: Path, size: str) -> None:
        path.mkdir(parents=True)
        self.path = path
        self._holder, self._flags = _hold(path, size)
        self.outside = Path(f"/proc/{self._holder.pid}/root{path}")
        self.full = f"the disk of {path / 'home'} is full"

    def command(self, *command: str) -> list[str]:
        """The command to be run where the disk is."""
        return ["nsenter", f"--target={self._holder.pid}", *self._flags, "--", *command]

    def run(self, *command: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command where the disk is."""
        return subprocess.run(self.command(*command), capture_output=True, text=True, timeout=120, **more)

    def salespipe(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run salespipe with its home on the disk."""
        home = self.path / "home"
        return self.run(
            sys.executable, "-m", "salespipe", *arguments, cwd=ROOT, env=environment(home, SALESPIPE_HOME=str(home))
        )

    def fill(self, leave: int = 0) -> None:
        """Take all the room there is but `leave` bytes."""
        room = os.statvfs(self.outside)
        wanted = room.f_bavail * room.f_frsize - leave
        if wanted > 0:
            with (self.outside / "filler").open("ab") as file:
                os.posix_fallocate(file.fileno(), file.tell(), wanted)

    def free(self) -> None:
        """Give it back."""
        (self.outside / "filler").unlink()

    def remount(self, options: str) -> None:
        """`ro` or `rw`; waits until no file is open for writing, as the kernel wants it."""
        while self.run("mount", "-o", f"remount,{options}", str(self.path)).returncode:
            time.sleep(0.05)

    def close(self) -> None:
        """Give the disk up."""
        self._holder.kill()
        self._holder.wait()


def _hold(path: Path, size: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A process that has the disk mounted, and how others join it."""
    if shutil.which("nsenter") is None:
        pytest.skip("there are no mount namespaces here")
    for unshare, join in (
        (["unshare", "--mount"], ["--mount"]),
        (["unshare", "--mount", "--user", "--map-root-user"], ["--mount", "--user", "--preserve-credentials"]),
    ):
        holder = subprocess.Popen(
            [*unshare, "sh", "-c", _HOLD, str(path), size],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert holder.stdout is not None
        with holder.stdout:
            said = holder.stdout.readline()
        if said == "ready\n":
            return holder, join
        holder.wait()
    pytest.skip("this user may not mount a disk")
