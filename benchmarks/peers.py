"""What is measured side by side: our runtime and its peers, each as a process of its own on the loopback address.

A further peer is one function and one line in PEERS; what it needs to be installed belongs into the benchmark's own
environment, never into ours.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import boto3

from benchmarks.home import fresh_home, held_interrupts
from salespipe.aws.clients import Clients

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A running peer: stock boto3 clients for it, and its process."""

    clients: Clients
    pid: int


@dataclass(frozen=True)
class Peer:
    """`serve` starts it with nothing in it, and ends it with the block."""

    name: str
    serve: Callable[[], AbstractContextManager[Server]]


@contextmanager
def _salespipe() -> Iterator[Server]:
    with fresh_home() as home:
        yield Server(home.pipeline.aws, home.pid)


@contextmanager
def _moto() -> Iterator[Server]:
    with held_interrupts():
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.moto_peer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            start_new_session=True,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")
            clients = Clients(session, f"http://127.0.0.1:{int(process.stdout.readline())}")
            yield Server(clients, process.pid)
            clients.close()
        finally:
            process.stdin.close()
            process.wait(timeout=30)


OURS = Peer("salespipe", _salespipe)
PEERS = (Peer(f"moto server {version('moto')}", _moto),)
