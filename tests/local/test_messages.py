"""The messages of SQS queues: what writing one costs, and what is there again."""

from __future__ import annotations

from typing import Any

import pytest
from moto.sqs.models import Message

from salespipe.local import moto_inside
from salespipe.local.messages import DELETED, KIND
from tests.embedded import Embedded


def queue(runtime: Embedded, **attributes: str) -> str:
    return str(runtime.client("sqs").create_queue(QueueName="q", Attributes=attributes)["QueueUrl"])


def receive(runtime: Embedded, url: str, count: int = 10) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        runtime.client("sqs")
        .receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=count,
            MessageAttributeNames=["All"],
            AttributeNames=["ApproximateReceiveCount"],
        )
        .get("Messages", [])
    )
    return found


def test_an_operation_on_messages_writes_those_it_changed_and_nothing_else(
    runtime: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sqs = queue(runtime), runtime.client("sqs")
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    state = runtime.stores.control.get("sqs")
    written: list[str] = []
    real = runtime.stores.documents.put

    def put(kind: str, id: str, document: dict[str, Any]) -> None:
        written.append(kind)
        real(kind, id, document)

    monkeypatch.setattr(runtime.stores.documents, "put", put)
    sqs.send_message(QueueUrl=url, MessageBody="d")
    assert written == [KIND]
    (first,) = receive(runtime, url, 1)
    assert written == [KIND] * 2
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=60)
    assert written == [KIND] * 3
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert written == [KIND] * 3 + [DELETED]
    assert len(runtime.stores.documents.all(KIND)) == 3
    sqs.purge_queue(QueueUrl=url)
    assert runtime.stores.documents.all(KIND) == {}
    assert runtime.stores.control.get("sqs") == state


def test_sending_looks_at_no_message_that_waits(runtime: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither we, for what changed, nor moto, which counts its queues: or it costs more the more of them wait."""
    url, sqs = queue(runtime), runtime.client("sqs")
    for _ in range(3):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": f"{id}", "MessageBody": f"{id}"} for id in range(10)])
    looked: list[Any] = []
    real = moto_inside._queued

    def queued(*about: Any) -> moto_inside.Queued:
        looked.append(about)
        return real(*about)

    monkeypatch.setattr(moto_inside, "_queued", queued)
    with monkeypatch.context() as patched:
        patched.setattr(Message, "visible", property(lambda message: looked.append(message)))
        patched.setattr(Message, "delayed", property(lambda message: looked.append(message)))
        sqs.send_message(QueueUrl=url, MessageBody="one more")
        assert len(looked) == 1
        entries = [{"Id": f"{id}", "MessageBody": f"{id}"} for id in range(5)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert len(looked) == 1 + 5
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted == {"ApproximateNumberOfMessages": "36"}


def test_messages_sent_between_other_operations_are_all_there_again(runtime: Embedded) -> None:
    url, sqs = queue(runtime), runtime.client("sqs")
    other = str(sqs.create_queue(QueueName="other")["QueueUrl"])
    sent, taken = list[str](), list[str]()
    for turn in range(6):
        for each, to in ((f"{turn}", url), (f"other {turn}", other)):
            sqs.send_message(QueueUrl=to, MessageBody=each)
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": id, "MessageBody": f"{turn}{id}", "DelaySeconds": 0} for id in "ab"]
        )
        sent += [f"{turn}", f"{turn}a", f"{turn}b"]
        if turn % 2:
            for got in receive(runtime, url, 2):
                taken.append(got["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    path = runtime.endpoint
    runtime.restart()
    url, other = url.replace(path, runtime.endpoint), other.replace(path, runtime.endpoint)
    left = [one["Body"] for _ in range(3) for one in receive(runtime, url)]
    assert taken + left == sent
    assert [one["Body"] for one in receive(runtime, other)] == [f"other {turn}" for turn in range(6)]


def test_messages_are_no_part_of_the_state_of_their_queue(runtime: Embedded) -> None:
    url = queue(runtime)
    runtime.client("sqs").send_message(QueueUrl=url, MessageBody="the body of a message")
    runtime.client("sqs").tag_queue(QueueUrl=url, Tags={"a": "b"})
    state = runtime.stores.control.get("sqs")
    assert state is not None
    assert b"the body of a message" not in state
    assert b"the body of a message" not in moto_inside.dump("sqs")
    runtime.restart()
    assert [one["Body"] for one in receive(runtime, url)] == ["the body of a message"]


def test_messages_come_back_in_their_order_as_they_were(runtime: Embedded) -> None:
    url, sqs = queue(runtime), runtime.client("sqs")
    binary = {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sent = [f"{number}" for number in range(20)]
    for body in sent:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=binary)
    gone, held, free = receive(runtime, url, 3)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=gone["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=free["ReceiptHandle"], VisibilityTimeout=0)
    path = runtime.endpoint
    runtime.restart()
    sqs, url = runtime.client("sqs"), url.replace(path, runtime.endpoint)
    again = receive(runtime, url) + receive(runtime, url)
    assert [one["Body"] for one in again] == sent[2:]
    assert [one["Attributes"]["ApproximateReceiveCount"] for one in again] == ["2"] + ["1"] * 17
    assert again[0]["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=gone["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])


def test_messages_go_with_their_queue(runtime: Embedded) -> None:
    url, sqs = queue(runtime), runtime.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.delete_queue(QueueUrl=url)
    assert runtime.stores.documents.all(KIND) == {}
    assert receive(runtime, queue(runtime)) == []
