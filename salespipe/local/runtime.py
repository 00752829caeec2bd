"""Start, find and stop the one background process of a SALESPIPE_HOME.

This is the side of the commands: it imports neither moto nor duckdb. Files in the home:

    runtime.json   where the running process is; written by it once it serves, removed when it stops in order
    active         a pipeline lives here: a command that finds no process starts it again (a reboot, a kill -9)
    runtime.lock   held while a command looks for the process or starts it, so two commands start one
    store.lock     held by the process for its whole life
    lost           what was lost with somebody's consent, until it is removed
    runtime.log    what it had to say

What is running can be used while the home is read-only or its disk is full: to find it nothing is written.
"""

from __future__ import annotations

import errno
import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import salespipe
from salespipe.local import loss
from salespipe.local.errors import HomeError, StoreError
from salespipe.local.home import make
from salespipe.local.trouble import trouble

START_SECONDS = 20.0
STOP_SECONDS = 20.0
_OWNERS = 0o600
"""The mode of every file: its owner's alone, also where somebody has opened the folder to others."""
_LONGEST_WORDS = 65536  # a pipe holds as many


class RuntimeStartError(Exception):
    """The runtime did not start; the message has what it said, or the end of its log."""


@dataclass(frozen=True)
class Running:
    """A process that answers on `endpoint`; `limits` are its throughput limits as it was asked for them, `moved_from`
    is the port of last time when this start found it taken."""

    pid: int
    port: int
    version: str
    limits: str = "off"
    moved_from: int | None = None

    @property
    def endpoint(self) -> str:
        """URL for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"


def is_active(home: Path) -> bool:
    """Whether a pipeline was left in this home, running or not."""
    return (home / "active").exists()


def has_store(home: Path) -> bool:
    """Whether anything was ever kept in this home."""
    return (home / "store.db").exists()


def has_objects(home: Path, bucket: str) -> bool:
    """Whether objects are kept in this home in a bucket whose name is like that. Folders outlive what lay in them."""
    return any(path.is_file() for path in (home / "objects").glob(f"{bucket}/**/*"))


def check_store(home: Path) -> None:
    """Raise HomeError if what is kept in this home is damaged. For a home in which nothing runs; changes nothing."""
    from salespipe.local.stores.database import VERSION
    from salespipe.local.stores.opening import look

    with _in_words(home):
        try:
            look(home / "store.db", home / "objects", VERSION)
        except StoreError as error:
            raise HomeError(str(error)) from error


def find(home: Path) -> Running | None:
    """The process of this home if it answers. A state file that a dead process left behind counts as none: what listens
    on its port is not asked."""
    running = _stated(home)
    if running is None or not alive(running.pid):
        return None
    answer = health(running)
    if answer is None or answer.get("pid") != running.pid or not _same(home, str(answer.get("home"))):
        return None
    return replace(running, limits=str(answer.get("limits", running.limits)))


def _stated(home: Path) -> Running | None:
    """The process that the state file names, if there is one."""
    try:
        state = json.loads((home / "runtime.json").read_text())
        return Running(int(state["pid"]), int(state["port"]), str(state["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_port(home: Path) -> int | None:
    try:
        return int((home / "port").read_text())
    except (OSError, ValueError):
        return None


def _same(home: Path, other: str) -> bool:
    """Whether it is this home that a process serves: a copy of the folder has the state file of the original."""
    try:
        return home.samefile(other)
    except OSError:
        return False


def health(running: Running) -> dict[str, Any] | None:
    """What the process says of itself, None if it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    try:
        connection.request("GET", "/_salespipe/health")
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def ensure(home: Path) -> Running:
    """The process of this home, started if need be. Raises RuntimeStartError or HomeError."""
    with _in_words(home):
        make(home)
        with _locked(home / "runtime.lock"):
            running = find(home)
            if running is not None and running.version != salespipe.__version__:
                _terminate(home, running)
                running = None
            if running is None:
                last = _last_port(home)
                running = _start(home)
                if last not in (None, running.port):
                    running = replace(running, moved_from=last)
            if not is_active(home):
                (home / "active").touch(mode=_OWNERS)
            return running


def stop(home: Path, *, emptied: bool = False) -> bool:
    """Stop the process in order and forget that a pipeline lives here; whether there was one. Raises HomeError.

    With `emptied` all data has been deleted from the home, and what was lost of it before is forgotten, too.
    """
    if not home.is_dir():
        return False
    with _in_words(home), _locked(home / "runtime.lock"):
        running = find(home)
        if running is not None:
            _terminate(home, running)
        (home / "active").unlink(missing_ok=True)
        if emptied:
            loss.forget(home)
        return running is not None


@contextmanager
def _in_words(home: Path) -> Iterator[None]:
    """Errors of the file system as HomeError."""
    try:
        yield
    except OSError as error:
        path = error.filename or home
        words = trouble(error, home) or f"{path} cannot be used ({error.strerror}): see to it, then try again"
        raise HomeError(words) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, _OWNERS)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES) or not path.exists():
            raise
        file = os.open(path, os.O_RDONLY)  # enough to lock it
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _start(home: Path) -> Running:
    log = home / "runtime.log"
    heard, told = os.pipe()
    try:
        with open(log, "ab", opener=lambda path, flags: os.open(path, flags, _OWNERS)) as out:
            begin = out.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "salespipe.local", str(home), str(told)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=(told,),
                start_new_session=True,
                cwd=home,
                env=_without_aws(os.environ),
                umask=0o077,
            )
        os.close(told)
        told = -1
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            stated = _stated(home)
            if stated is not None and stated.pid == process.pid and (running := find(home)) is not None:
                # The process outlives this command: it is not ours to wait for.
                process.returncode = 0
                return running
            if process.poll() is not None:
                # Said here as well as in the log, which may be on a disk that is full.
                said = os.read(heard, _LONGEST_WORDS).decode(errors="replace").strip()
                raise RuntimeStartError(said or _last_line(log, begin) or f"it ended with code {process.returncode}")
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise RuntimeStartError(f"it did not answer within {START_SECONDS:.0f} s; see {log}")
    finally:
        for end in (heard, told):
            if end >= 0:
                os.close(end)


def _last_line(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _terminate(home: Path, running: Running) -> None:
    """Ask the process to stop, wait for it, and end it if it does not."""
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while alive(running.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    while alive(running.pid):
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)
        time.sleep(0.02)
    with suppress(OSError):  # the file of a process that is gone is in nobody's way
        (home / "runtime.json").unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet waited for by its parent counts as ended."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
        # In a container whose first process waits for nobody, what has ended stays in the table for ever.
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except ProcessLookupError:
        return False
    except OSError:
        return True  # there is no /proc on this system, or the process is another user's


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what is set up for AWS itself: a profile that is gone stops every boto3 session."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
