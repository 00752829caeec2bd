"""Another user of the machine reaches neither the files nor, through the port, what is in them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.embedded import Embedded

NOBODY = 65534
# Everything is imported before it becomes somebody who may not read this interpreter's files.
ASK = (
    "import os, socket, sys\n"
    "if int(sys.argv[2]) != os.geteuid(): os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
    "peer = socket.socket(); peer.connect(('127.0.0.1', int(sys.argv[1])))\n"
    "peer.sendall(b'GET /_salespipe/health HTTP/1.1\\r\\nHost: localhost\\r\\n' + sys.argv[3].encode() + b'\\r\\n')\n"
    "answer = b''.join(iter(lambda: peer.recv(65536), b''))\n"
    "head, _, body = answer.decode().partition('\\r\\n\\r\\n')\n"
    "print(head.split()[1], body)\n"
)


def ask(runtime: Embedded, uid: int, header: str = "Connection: close\r\n") -> str:
    """Status and body; returns when the connection is closed."""
    answer = subprocess.run(
        [sys.executable, "-I", "-c", ASK, str(runtime.runtime.port), str(uid), header],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        timeout=30,
    )
    return answer.stdout.strip()


def test_the_same_user_is_served(runtime: Embedded) -> None:
    assert ask(runtime, os.geteuid()).startswith("200 {")


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="only Linux says whose a socket is")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused(runtime: Embedded) -> None:
    assert ask(runtime, NOBODY) == "403 this endpoint serves the user who started it only"
    assert ask(runtime, 0).startswith("200 {")


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="only Linux says whose a socket is")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_users_connection_ends_with_the_refusal(runtime: Embedded) -> None:
    endless = "Transfer-Encoding: chunked\r\n"
    assert ask(runtime, NOBODY, endless) == "403 this endpoint serves the user who started it only"
