"""A connection to the endpoint: uvicorn's, but for three things.

The head and the body of an answer leave in one system call: small answers are most of what the endpoint sends, and a
packet costs more than what is in it. A request is taken in whole before anybody is woken. And whoever is not this user
gets one answer only, a refusal.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from salespipe.local.peer import is_stranger


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    text = b"this endpoint serves the user who started it only\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class _OneWrite:
    """A transport that keeps the head of an answer until the body follows."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100"):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        """The answer is whole: send its head if there was no body to it."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()


class Connection(HttpToolsProtocol):
    """What uvicorn makes for each connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._out = _OneWrite(transport)
        super().connection_made(self._out)  # type: ignore[arg-type]
        if is_stranger(transport.get_extra_info("sockname"), transport.get_extra_info("peername")):
            self.app = _refuse

    def on_body(self, body: bytes) -> None:
        # No operation begins before its request is whole, so nobody is woken for a part of it.
        if not self.cycle.response_complete:
            self.cycle.body += body

    def on_response_complete(self) -> None:
        self._out.flush()
        super().on_response_complete()
