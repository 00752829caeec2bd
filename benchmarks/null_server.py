"""A server that costs next to nothing: what a client can do against it is what the client can do at all.

`python null_server.py` reads one line from its standard input, the body (base64) that every request is answered with,
prints its port on the loopback address, and serves until its standard input is closed. It looks at no request but for
where it ends. Standard library only.
"""

import asyncio
import base64
import os
import re
import sys
import threading

_LENGTH = re.compile(rb"\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECTS = re.compile(rb"\nexpect: *100-continue", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: %d\r\n\r\n"


class _Answering(asyncio.Protocol):
    """One connection; the client asks again only when it was answered."""

    answer = b""

    def __init__(self) -> None:
        self._head = b""
        self._left: int | None = None  # bytes of the body that are still to come; None: the head is not whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left is None:
            self._head += data
            head, blank, body = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            self._head = b""
            length = _LENGTH.search(head)
            self._left = int(length[1]) if length else 0
            if self._left and not body and _EXPECTS.search(head):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            data = body
        self._left -= len(data)
        if self._left <= 0:
            self._left = None
            self._transport.write(self.answer)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    body = base64.b64decode(sys.stdin.readline())
    _Answering.answer = _HEAD % len(body) + body
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(_serve())
