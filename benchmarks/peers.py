"""What is measured side by side: our runtime and its peers, each as a process of its own on the loopback address.

A further peer is one line in PEERS, if its server is a Python package.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.endpoint import Endpoint
from benchmarks.home import fresh_home, held_interrupts
from benchmarks.peer_environment import PeerMissing, environment
from salespipe import __version__

_HERE = Path(__file__).parent
_PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running peer and its process."""

    endpoint: Endpoint
    pid: int


@dataclass(frozen=True)
class Peer:
    """`serve` starts it with nothing in it, and ends it with the block."""

    name: str
    version: str
    serve: Callable[[], AbstractContextManager[Server]]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Package:
    """A peer that can be installed: its name, the distribution with what it needs for serving, its module, and what
    else is installed beside it."""

    name: str
    distribution: str
    extra: str
    module: str
    beside: tuple[str, ...] = ()

    def peer(self, *, fresh: bool = False) -> Peer:
        """The peer, installed if need be. Raises PeerMissing."""
        installed = environment(self.distribution, self.extra, self.beside, fresh=fresh)
        return Peer(self.name, installed.version, lambda: _served(installed.python, self.module))


PEERS = {
    "ministack": Package("MiniStack", "ministack", "", "ministack.app"),
    "moto": Package("moto server", "moto", "[server]", "moto.server"),
}


def ours() -> Peer:
    """Our runtime out of a new home, started as every command starts it."""

    @contextmanager
    def serve() -> Iterator[Server]:
        with fresh_home() as home:
            endpoint = Endpoint(home.endpoint)
            yield Server(endpoint, home.pid)
            endpoint.close()

    return Peer("salespipe", __version__, serve)


@contextmanager
def null_server(answer: bytes) -> Iterator[Server]:
    """A server that answers everything with `answer` and costs next to nothing."""
    with process([sys.executable, "-I", str(_HERE / "null_server.py")]) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(base64.b64encode(answer) + b"\n")
        running.stdin.flush()
        endpoint = Endpoint(f"http://127.0.0.1:{int(running.stdout.readline())}")
        yield Server(endpoint, running.pid)
        endpoint.close()


@contextmanager
def _served(python: Path, module: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="salespipe-benchmark-peer-", ignore_cleanup_errors=True) as folder:
        port = _free_port()
        command = [str(python), "-I", str(_HERE / "peer_main.py"), module, str(port)]
        with process(command, folder) as running:
            _until_it_answers(running, port, Path(folder))
            endpoint = Endpoint(f"http://127.0.0.1:{port}")
            yield Server(endpoint, running.pid)
            endpoint.close()


@contextmanager
def process(command: list[str], folder: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its standard input is closed, so with us whatever happens. With `folder` all that it
    keeps is in there, what it says in the file `log`."""
    with held_interrupts():
        log = subprocess.DEVNULL if folder is None else os.open(Path(folder, "log"), os.O_WRONLY | os.O_CREAT, 0o600)
        running = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if folder is None else log,
            stderr=log,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        if folder is not None:
            os.close(log)
    assert running.stdin is not None
    try:
        yield running
    finally:
        with held_interrupts(), running:
            running.stdin.close()
            try:
                running.wait(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()


def _environment(folder: str | None) -> Mapping[str, str]:
    """Ours without what is set up for AWS or for a peer that somebody runs here."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept if folder is None else {**kept, "HOME": folder, "TMPDIR": folder}


def _until_it_answers(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (folder / "log").read_text(errors="replace").strip().splitlines() or ["nothing"]
            raise PeerMissing(f"it ended with code {process.returncode} while starting; it said: {said[-1]}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise PeerMissing(f"it did not answer within {_PATIENCE:.0f} s")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
