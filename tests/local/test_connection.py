"""The bytes on the wire: however a request comes in pieces, it has one answer, in its turn; the connection stays."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from salespipe.local.http import Reply, Request
from tests.aws import new_session
from tests.embedded import Embedded

ORDER = {"id": {"S": "a"}, "note": {"S": "x" * 200_000}}


class Wire:
    """One connection to the endpoint."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._reader = self._socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._socket.sendall(piece)

    def line(self) -> bytes:
        return self._reader.readline().rstrip(b"\r\n")

    def answer(self) -> tuple[int, bytes]:
        status = int(self.line().split()[1])
        headers = dict(line.lower().split(b": ", 1) for line in iter(self.line, b""))
        return status, self._reader.read(int(headers[b"content-length"]))

    def end(self) -> None:
        """Send no more."""
        self._socket.shutdown(socket.SHUT_WR)

    def ended(self) -> bool:
        return self._reader.read(1) == b""

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


@pytest.fixture
def wire(runtime: Embedded) -> Iterator[Wire]:
    new_session().client("dynamodb", endpoint_url=runtime.endpoint).create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    wire = Wire(runtime.runtime.port)
    yield wire
    wire.close()


def request(operation: str, document: dict[str, Any], *more: str, chunked: bool = False) -> bytes:
    body = json.dumps(document).encode()
    lines = [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1",
        f"X-Amz-Target: DynamoDB_20120810.{operation}",
        "Content-Type: application/x-amz-json-1.0",
        "Authorization: AWS4-HMAC-SHA256 Credential=me/20260101/us-east-1/dynamodb/aws4_request",
        *more,
        "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}",
    ]
    if chunked:
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


PUT = request("PutItem", {"TableName": "orders", "Item": ORDER})
GET = request("GetItem", {"TableName": "orders", "Key": {"id": {"S": "a"}}})
DESCRIBE = request("DescribeTable", {"TableName": "orders"})


def item(wire: Wire) -> Any:
    status, body = wire.answer()
    assert status == 200, body
    return json.loads(body)["Item"]


def test_one_connection_serves_many_requests_hot_or_not(wire: Wire) -> None:
    for _ in range(3):
        wire.send(PUT)
        assert wire.answer()[0] == 200
        wire.send(DESCRIBE)
        assert b"ItemCount" in wire.answer()[1]
        wire.send(GET)
        assert item(wire) == ORDER


@pytest.mark.parametrize("cut", [1, 40, 200, len(PUT) - 200_000, len(PUT) - 1])
def test_a_request_may_come_in_pieces(wire: Wire, cut: int) -> None:
    wire.send(PUT[:cut], PUT[cut:])
    assert wire.answer()[0] == 200
    wire.send(GET)
    assert item(wire) == ORDER


def test_a_body_may_come_in_chunks_of_its_own(wire: Wire) -> None:
    wire.send(request("PutItem", {"TableName": "orders", "Item": ORDER}, chunked=True))
    assert wire.answer()[0] == 200
    wire.send(GET)
    assert item(wire) == ORDER


def test_requests_sent_ahead_are_answered_in_their_order(wire: Wire) -> None:
    wire.send(PUT + GET + DESCRIBE + GET)
    assert wire.answer()[0] == 200
    assert item(wire) == ORDER
    assert b"ItemCount" in wire.answer()[1]
    assert item(wire) == ORDER


def test_who_asks_for_it_is_told_to_go_on_with_the_body(wire: Wire) -> None:
    whole = request("PutItem", {"TableName": "orders", "Item": ORDER}, "Expect: 100-continue")
    head, blank, body = whole.partition(b"\r\n\r\n")
    wire.send(head + blank)
    assert wire.line() == b"HTTP/1.1 100 Continue"
    assert wire.line() == b""
    wire.send(body)
    assert wire.answer()[0] == 200
    wire.send(GET)
    assert item(wire) == ORDER


@pytest.mark.parametrize("asked", [GET, DESCRIBE], ids=["hot", "not"])
def test_a_connection_is_closed_after_the_answer_when_told_so(wire: Wire, asked: bytes) -> None:
    wire.send(asked.replace(b"Host:", b"Connection: close\r\nHost:", 1))
    assert wire.answer()[0] == 200
    assert wire.ended()


def upload(body: bytes, *more: str, bucket: str = "sales") -> bytes:
    lines = [f"PUT /{bucket}/a HTTP/1.1", "Host: 127.0.0.1", *more, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


BUCKET = b"PUT /sales HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
OBJECT = b"GET /sales/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LARGE = bytes(range(256)) * 4096  # 1 MB: several reads
UPLOAD = upload(LARGE)


@pytest.fixture
def bucket(wire: Wire) -> None:
    wire.send(BUCKET)
    assert wire.answer()[0] == 200


def answers_by_turns(wire: Wire) -> None:
    """Both kinds of requests, behind a large body."""
    wire.send(OBJECT + GET)
    assert wire.answer() == (200, LARGE)
    assert wire.answer()[0] == 200


@pytest.mark.parametrize("cut", [20, len(UPLOAD) - len(LARGE), len(UPLOAD) - 700_000, len(UPLOAD) - 1])
@pytest.mark.usefixtures("bucket")
def test_a_large_body_is_whole_in_whatever_pieces_it_comes(wire: Wire, runtime: Embedded, cut: int) -> None:
    wire.send(UPLOAD[:cut])
    other = Wire(runtime.runtime.port)
    other.send(OBJECT)
    assert other.answer()[0] == 404  # answered while the first part is taken in, and shown nothing of it
    other.close()
    wire.send(UPLOAD[cut:])
    assert wire.answer()[0] == 200
    answers_by_turns(wire)


@pytest.mark.usefixtures("bucket")
def test_what_is_sent_ahead_behind_a_large_body_is_not_taken_for_it(wire: Wire) -> None:
    wire.send(GET + UPLOAD + OBJECT + UPLOAD + GET)
    assert wire.answer()[0] == 200
    assert wire.answer()[0] == 200
    assert wire.answer() == (200, LARGE)
    assert wire.answer()[0] == 200
    assert wire.answer()[0] == 200
    answers_by_turns(wire)


@pytest.mark.usefixtures("bucket")
def test_a_large_body_may_wait_until_it_is_asked_for(wire: Wire) -> None:
    whole = upload(LARGE, "Expect: 100-continue")
    wire.send(whole[: -len(LARGE)])
    assert wire.line() == b"HTTP/1.1 100 Continue"
    assert wire.line() == b""
    wire.send(LARGE)
    assert wire.answer()[0] == 200
    answers_by_turns(wire)


def test_a_large_body_may_belong_to_a_hot_operation(wire: Wire) -> None:
    puts = [{"PutRequest": {"Item": ORDER | {"id": {"S": str(number)}}}} for number in range(5)]
    wire.send(request("BatchWriteItem", {"RequestItems": {"orders": puts}}))
    status, body = wire.answer()
    assert (status, json.loads(body)["UnprocessedItems"]) == (200, {})
    wire.send(request("GetItem", {"TableName": "orders", "Key": {"id": {"S": "4"}}}))
    assert item(wire) == ORDER | {"id": {"S": "4"}}


@pytest.mark.usefixtures("bucket")
def test_a_large_body_that_was_refused_is_no_request_of_its_own(wire: Wire) -> None:
    wire.send(upload(GET * 1000, "Origin: http://example.com"))
    assert wire.answer()[0] == 403
    wire.send(UPLOAD)
    assert wire.answer()[0] == 200
    answers_by_turns(wire)


@pytest.mark.usefixtures("bucket")
def test_of_a_large_body_that_ends_too_soon_nothing_is_kept(wire: Wire, runtime: Embedded) -> None:
    other = Wire(runtime.runtime.port)
    other.send(UPLOAD[:-1])
    other.end()
    assert other.ended()
    other.close()
    wire.send(OBJECT)
    assert wire.answer()[0] == 404


@pytest.mark.usefixtures("bucket")
def test_a_body_too_large_to_take_memory_for_at_once_is_taken_in_too(wire: Wire) -> None:
    body = LARGE * 17
    wire.send(upload(body))
    assert wire.answer()[0] == 200
    wire.send(OBJECT)
    assert wire.answer() == (200, body)


def test_a_page_in_a_browser_gets_nothing_from_a_hot_operation_either(wire: Wire) -> None:
    wire.send(GET.replace(b"Host:", b"Origin: http://example.com\r\nHost:", 1))
    assert wire.answer()[0] == 403


def test_what_is_no_http_is_refused(wire: Wire) -> None:
    wire.send(b"\x16\x03\x01 hello\r\n\r\n")
    assert wire.answer()[0] == 400
    assert wire.ended()


def test_who_sends_ahead_and_reads_nothing_holds_nobody_up(
    wire: Wire, runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"id": {"S": "a"}, "note": {"S": "x" * 390_000}}
    wire.send(request("PutItem", {"TableName": "orders", "Item": large}))
    assert wire.answer()[0] == 200
    gateway, answered = runtime.runtime.gateway, list[Request]()
    at_once = gateway.at_once

    def counted(request: Request) -> Reply | None:
        answered.append(request)
        return at_once(request)

    monkeypatch.setattr(gateway, "at_once", counted)
    wire.send(GET * 100)
    other = Wire(runtime.runtime.port)
    other.send(DESCRIBE)
    assert other.answer()[0] == 200
    other.close()

    assert len(answered) < 60  # what the socket's buffers take, and not all of it at once
    for _ in range(100):
        assert item(wire) == large
