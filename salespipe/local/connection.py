"""A connection to the endpoint: uvicorn's, but for five things.

A hot operation is answered at once and needs none of what lets an ASGI application wait (a task, a queue, an event): it
goes straight from the parser to the gateway. The head and the body of an answer leave in one system call: small answers
are most of what the endpoint sends, and a packet costs more than what is in it. A request is taken in whole before
anybody is woken. A long body goes from the socket to where it stays, past the parser. And whoever is not this user gets
one answer only, a refusal.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from salespipe.local.gateway import Gateway, is_hot
from salespipe.local.http import Reply, Request
from salespipe.local.large_body import MOST, LargeBody
from salespipe.local.peer import is_stranger

_received = memoryview(bytearray(256 * 1024))
"""What is read from any connection, until the parser has taken it out, which is at once and on the one thread of the
event loop. Memory of its own for each read costs more than the reading: the kernel gives and takes it every time."""


_WORTH_A_CALL = 128 * 1024
"""A body from which on copying it to put its head before it costs more than to send the two apart."""


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    text = b"this endpoint serves the user who started it only\n"
    headers = [
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
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
            head, self._head = self._head, b""
            if len(data) > _WORTH_A_CALL:
                self._transport.write(head)
            else:
                data = head + data
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


class Connection(HttpToolsProtocol, asyncio.BufferedProtocol):
    """What uvicorn makes for each connection."""

    def get_buffer(self, sizehint: int) -> memoryview:
        return _received if self._large is None else self._large.rest

    def buffer_updated(self, nbytes: int) -> None:
        if self._large is None:
            self._may_answer = True
            self.data_received(_received[:nbytes])  # type: ignore[arg-type]
            return
        self._large.received(nbytes)
        if not self._large.rest:
            self._large_is_whole(self._large)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._wire, self._out = transport, _OneWrite(transport)
        super().connection_made(self._out)  # type: ignore[arg-type]
        self._hot = False
        self._may_answer = False
        self._body: list[bytes] = []
        self._large: LargeBody | None = None
        if is_stranger(transport.get_extra_info("sockname"), transport.get_extra_info("peername")):
            self.app = _refuse

    def on_headers_complete(self) -> None:
        # Answered at once is one request of what is read together, and only to a client that takes its answers: all
        # others wait in uvicorn's queue, so that nobody holds the loop up or fills the memory.
        alone = self.cycle is None or self.cycle.response_complete  # no request before this one is still unanswered
        if (
            self._may_answer
            and alone
            and isinstance(self.app, Gateway)
            and is_hot(self._header(b"x-amz-target"))
            and not self.expect_100_continue
            and not self.flow.write_paused
        ):
            self._hot, self._may_answer = True, False
        else:
            super().on_headers_complete()
        length = int(self._header(b"content-length") or 0)  # digits, as the parser has made sure
        if len(_received) < length <= MOST and not self.parser.should_upgrade():
            self._large = LargeBody(length)

    def _header(self, wanted: bytes) -> bytes:
        return next((value for name, value in self.headers if name == wanted), b"")

    def on_body(self, body: bytes) -> None:
        if self._large is not None:
            self._large.put(body)
            return
        # Put together once: no operation begins before its request is whole, so nobody is woken for a part of it.
        if self._hot or not self.cycle.response_complete:  # nobody waits for what comes behind a refusal
            self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        self._body.clear()
        self._whole(body)

    def _large_is_whole(self, large: LargeBody) -> None:
        self._large = None
        self._whole(bytes(memoryview(large.bytes)))
        # The one that has read the head still waits for the body.
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _whole(self, body: bytes) -> None:
        if self._hot:
            self._hot = False
            self._answer(body)
        elif self.cycle is not None:
            if not self.cycle.response_complete:
                self.cycle.body = body  # type: ignore[assignment]  # uvicorn makes `bytes` of what it has
            super().on_message_complete()

    def _answer(self, body: bytes) -> None:
        url = httptools.parse_url(self.url)
        request = Request.received(self.parser.get_method(), url.path, url.query or b"", self.headers, body)
        assert isinstance(self.app, Gateway)
        reply = self.app.at_once(request)
        assert reply is not None
        self._wire.write(_written(reply))
        if self.parser.should_keep_alive():
            self.on_response_complete()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        self._out.flush()
        super().on_response_complete()


def _written(reply: Reply) -> bytes:
    """The whole answer as it goes over the wire."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in reply.headers])
    head = f"{lines}content-length: {len(reply.body)}\r\n\r\n".encode("latin-1")
    return b"".join((STATUS_LINE[reply.status], head, reply.body))
