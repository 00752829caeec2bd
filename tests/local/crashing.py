"""A home whose runtime is started by commands, killed by the test, and started again by the next command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, HTTPClientError

from salespipe.local import runtime
from salespipe.stack.naming import Names
from tests.aws import new_session
from tests.cli.process import COMMAND, ROOT, environment, salespipe
from tests.local.crash_points import PLAN, Crash

NAMES = Names("sales", "123456789012", "us-east-1")

T = TypeVar("T")

PATIENCE = 60.0
GONE = (BotoCoreError, HTTPClientError)
"""What boto3 raises when the endpoint is not there, or goes in the middle of a request."""


class Home:
    """Commands run in `folder` with all state below it. `close` leaves no process behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.steps = folder / "steps"
        self._site = folder / "site"
        self._site.mkdir(parents=True)
        (self._site / "sitecustomize.py").write_text("from tests.local import crash_points\n\ncrash_points.arm()\n")
        self._clients: dict[tuple[str, str], Any] = {}
        self._begun: list[subprocess.Popen[str]] = []

    # ---- commands ----

    def run(self, *arguments: str, crash: Crash | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; a runtime that it starts carries out `crash`."""
        return salespipe(*arguments, home=self.folder, env=self._environment(crash))

    def json(self, *arguments: str, crash: Crash | None = None) -> Any:
        """What a command that has to succeed says with --json."""
        done = self.run(*arguments, "--json", crash=crash)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def lines(self, *arguments: str) -> list[Any]:
        """The same of a command that says one document a line."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command with --json; `end` gives what it said."""
        command = subprocess.Popen(
            [*COMMAND, *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.folder),
            cwd=self.folder,
        )
        self._begun.append(command)
        return command

    def _environment(self, crash: Crash | None) -> dict[str, str]:
        if crash is None:
            return {"PYTHONPATH": str(ROOT)}
        self.steps.unlink(missing_ok=True)
        return {"PYTHONPATH": f"{self._site}{os.pathsep}{ROOT}", PLAN: crash.text(self.steps)}

    # ---- the runtime ----

    def start(self, crash: Crash | None = None) -> bool:
        """Start the runtime as every command does; whether it lived long enough to serve."""
        with _environ(self._environment(crash)):
            try:
                runtime.ensure(self.state)
            except runtime.RuntimeStartError:
                if crash is None:
                    raise
                return False
        return True

    @property
    def pid(self) -> int:
        """The process that the state file names."""
        return int(json.loads((self.state / "runtime.json").read_text())["pid"])

    def alive(self) -> bool:
        """Whether the process that the state file names runs."""
        return (self.state / "runtime.json").exists() and is_alive(self.pid)

    def kill(self) -> None:
        """kill -9, as soon as there is a process, and the end of it."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid), "the killed process is gone")

    def functions(self) -> list[int]:
        """The processes of the Lambda functions: the children of the runtime."""
        return children(self.pid)

    def close(self) -> None:
        """End the commands and the runtime at once, and wait for everything that they started."""
        for command in self._begun:
            with command:  # closes its pipes
                command.kill()
        left = self.functions() if self.alive() else []
        if self.alive():
            self.kill()
        until(lambda: not any(is_alive(pid) for pid in left), "the functions' processes ended with the runtime")

    # ---- clients ----

    def client(self, service: str) -> Any:
        """A boto3 client for the endpoint as it is now, which repeats nothing by itself."""
        endpoint = json.loads((self.state / "runtime.json").read_text())["endpoint"]
        if (service, endpoint) not in self._clients:
            once = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
            self._clients[service, endpoint] = new_session().client(service, endpoint_url=endpoint, config=once)
        return self._clients[service, endpoint]


def end(command: subprocess.Popen[str], timeout: float = 120) -> Any:
    """What a command that was begun and has to succeed has said: one document, or a list of them, one a line."""
    out, err = command.communicate(timeout=timeout)
    assert command.returncode == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    return found[0] if len(found) == 1 else found


def strike(home: Home, crash: Crash, act: Callable[[], bool]) -> bool:
    """Start the runtime anew, `act` again and again until that is true or the kill came; whether it came.

    `act` raises one of GONE when the runtime goes in the middle of it. In the end there is no runtime in any case.
    """
    if home.alive():
        home.kill()
    if not home.start(crash):
        return True
    pid = home.pid

    def over() -> str:
        try:
            acted = act()
        except GONE:
            until(lambda: not is_alive(pid), "who does not answer is dead")
        else:
            if acted:
                return "survived"
        return "" if is_alive(pid) else "struck"

    struck = until(over, "all is done, or the runtime was killed") == "struck"
    if not struck:
        home.kill()
    return struck


def until(check: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What `check` gives once that is true."""
    deadline = time.monotonic() + patience
    while not (found := check()):
        assert time.monotonic() < deadline, f"not so within {patience:g} s: {what}"
        time.sleep(0.01)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waits for does not."""
    with suppress(ChildProcessError):  # that of a command, not ours
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        if parent == pid:
            found.append(int(stat.parent.name))
    return [child for child in found if is_alive(child)]


@contextmanager
def _environ(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
