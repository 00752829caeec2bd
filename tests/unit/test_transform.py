"""The transform Lambda. Firehose's contract: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html"""

from __future__ import annotations

import ast
import base64
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.lambdas import transform
from salespipe.orders.attributes import plain
from salespipe.orders.order import FIELDS

ITEM: dict[str, Any] = {
    "orderid": {"S": "o1"},
    "product_name": {"S": 'Größe "M"\n}{'},
    "quantity": {"N": "3"},
    "price": {"N": "19.99"},
    "amount": {"N": "59.97"},
    "customer_id": {"S": "C1"},
    "category": {"S": "audio"},
    "region": {"S": "europe"},
    "channel": {"S": "web"},
    "status": {"S": "placed"},
    "ordered_at": {"S": "2026-11-20T12:00:00.000Z"},
    "updated_at": {"S": "2026-11-20T12:00:00.000Z"},
}


def test_an_insert_becomes_one_row_with_the_columns_in_order() -> None:
    (answer,) = run(event("INSERT", new=ITEM))
    line = base64.b64decode(answer["data"])

    assert answer["result"] == "Ok"
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert list(json.loads(line)) == [
        *FIELDS,
        "event_type",
        "event_id",
        "event_time",
        "sequence_number",
    ]
    assert b'"quantity":3,"price":19.99,"amount":59.97,' in line
    assert json.loads(line) | {"price": 0, "amount": 0} == {
        **{name: value["S"] for name, value in ITEM.items() if "S" in value},
        "quantity": 3,
        "price": 0,
        "amount": 0,
        "event_type": "INSERT",
        "event_id": "e" * 32,
        "event_time": "2024-03-31T08:44:58.000Z",
        "sequence_number": "1" * 21,
    }


def test_a_change_carries_the_new_image_and_a_removal_the_old() -> None:
    paid = ITEM | {"status": {"S": "paid"}}
    changed, removed, bare = rows(event("MODIFY", new=paid, old=ITEM), event("REMOVE", old=paid), event("REMOVE"))

    assert (changed["event_type"], changed["status"]) == ("MODIFY", "paid")
    assert (removed["event_type"], removed["status"], removed["amount"]) == ("REMOVE", "paid", Decimal("59.97"))
    assert (bare["event_type"], bare["orderid"]) == ("REMOVE", "o1")
    assert {bare[column] for column in FIELDS if column != "orderid"} == {None}


numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20).map(str),
    st.from_regex(r"[+-]?0{0,3}[0-9]{1,30}(\.[0-9]{1,8})?", fullmatch=True),
    st.sampled_from([".5", "5.", "-0", "1E+125", "1e-130", "12345678901234567890123456789012345678"]),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBERS = ("quantity", "price", "amount")
nothing = st.just({"NULL": True})
known = {
    name: nothing | (numbers.map(lambda n: {"N": n}) if name in NUMBERS else texts.map(lambda t: {"S": t}))
    for name in FIELDS
    if name != "orderid"
}
scalars = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(numbers, min_size=1, max_size=3).map(lambda values: {"NS": values}),
    st.lists(texts, min_size=1, max_size=3).map(lambda values: {"SS": values}),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: {"L": parts})
        | st.dictionaries(texts, inner, max_size=3).map(lambda parts: {"M": parts})
    ),
    max_leaves=6,
)


@given(st.fixed_dictionaries(known), values)
def test_every_value_arrives_exactly(item: dict[str, Any], extra: dict[str, Any]) -> None:
    image = {"orderid": {"S": "o1"}, **item, "note": extra}
    (row,) = rows(event("INSERT", new=image))

    assert {name: row[name] for name in image} == {name: plain(value) for name, value in image.items()}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("amount", {"S": "12,5"}, "amount is no number"),
        ("quantity", {"BOOL": True}, "quantity is no number"),
        ("region", {"N": "5"}, "region is no text"),
    ],
)
def test_a_known_attribute_of_the_wrong_type_fails_its_record_alone(
    name: str, value: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = event("INSERT", new=ITEM | {name: value})
    assert [record["result"] for record in run(wrong, event("INSERT", new=ITEM))] == ["ProcessingFailed", "Ok"]
    assert reason in capsys.readouterr().out


def test_money_never_passes_through_a_float() -> None:
    exact = "1234567890123456789012345678.0123456789"

    assert f'"amount":{exact},'.encode() in lines(event("INSERT", new=ITEM | {"amount": {"N": exact}}))[0]


def test_other_attributes_come_after_the_known_columns_and_never_take_their_names() -> None:
    image = ITEM | {"coupon": {"S": "X"}, "Price": {"N": "1"}, "event_id": {"S": "mine"}, "Coupon": {"S": "Y"}}
    (row,) = rows(event("INSERT", new=image))

    assert list(row)[len(transform.COLUMNS) :] == [
        "coupon",
        "attribute_Price",
        "attribute_event_id",
        "attribute_Coupon",
    ]
    assert row["event_id"] == "e" * 32
    assert row["price"] == Decimal("19.99")


POISON = [
    b"hello",
    b"{",
    b"[]",
    b"null",
    b"17",
    b"{}",
    b'{"eventName":"INSERT"}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"price": NaN}',
]


@pytest.mark.parametrize("data", POISON)
def test_poison_fails_alone_and_comes_back_as_it_was(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    good = event("INSERT", new=ITEM)
    first, bad, last = run(good, data, good)

    assert (first["result"], bad["result"], last["result"]) == ("Ok", "ProcessingFailed", "Ok")
    assert base64.b64decode(bad["data"]) == data
    assert first["data"] == last["data"]
    (log,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (log["recordId"], log["result"], log["shardId"]) == ("r1", "ProcessingFailed", "shardId-000000000000")
    assert log["reason"]


@pytest.mark.parametrize(
    "changed",
    [
        {"eventName": "UPSERT"},
        {"eventName": None},
        {"eventID": 7},
        {"dynamodb": None},
        {"dynamodb": {"Keys": {}}},
        {"dynamodb.NewImage": "x"},
        {"dynamodb.NewImage": {}},
        {"dynamodb.NewImage": ITEM | {"orderid": {"S": "another"}}},
        {"dynamodb.NewImage": ITEM | {"price": {"N": "NaN"}}},
        {"dynamodb.NewImage": ITEM | {"price": {"N": "12,5"}}},
        {"dynamodb.NewImage": ITEM | {"price": {"N": 12.5}}},
        {"dynamodb.NewImage": ITEM | {"price": {"X": "1"}}},
        {"dynamodb.NewImage": ITEM | {"price": {"N": "1", "BOOL": True}}},
        {"dynamodb.NewImage": ITEM | {"status": {"S": 5}}},
        {"dynamodb.NewImage": ITEM | {"status": "S"}},
        {"dynamodb.NewImage": ITEM | {"status": {"S": "\ud800"}}},
        {"dynamodb.SequenceNumber": None},
        {"dynamodb.ApproximateCreationDateTime": "now"},
        {"dynamodb.ApproximateCreationDateTime": 1e300},
        {"dynamodb.ApproximateCreationDateTime": True},
    ],
)
def test_an_event_that_is_wrong_anywhere_fails(changed: dict[str, Any]) -> None:
    whole = json.loads(event("INSERT", new=ITEM))
    for path, value in changed.items():
        *outer, name = path.split(".")
        (whole[outer[0]] if outer else whole)[name] = value

    (answer,) = run(json.dumps(whole).encode())

    assert answer["result"] == "ProcessingFailed"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_batch(data: bytes) -> None:
    good = event("INSERT", new=ITEM)
    assert [answer["result"] for answer in run(good, data, good)][::2] == ["Ok", "Ok"]


def test_data_that_is_no_base64_fails_alone() -> None:
    batch = firehose_event(event("INSERT", new=ITEM), b"x")
    batch["records"][1]["data"] = "!"
    del batch["records"][1]["kinesisRecordMetadata"]

    assert results(transform.handler(batch, None)) == ["Ok", "ProcessingFailed"]


@pytest.mark.parametrize("data", [b"", b"\n", b"  \n"])
def test_a_blank_record_is_dropped(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert [answer["result"] for answer in run(data)] == ["Dropped"]
    assert json.loads(capsys.readouterr().out)["reason"] == "the record is blank"


def test_every_record_is_answered_once_in_order_and_no_call_remembers_another() -> None:
    batch = firehose_event(*[event("INSERT", new=ITEM), b"poison", b""] * 20)
    first, second = transform.handler(batch, None), transform.handler(batch, None)

    assert first == second
    assert [a["recordId"] for a in first["records"]] == [r["recordId"] for r in batch["records"]]


def test_the_answer_keeps_below_lambdas_six_megabytes() -> None:
    large = event("INSERT", new=ITEM | {"note": {"S": "x" * 390_000}})
    answer = transform.handler(firehose_event(*[large] * 20), None)
    ok = results(answer).count("Ok")

    assert len(json.dumps(answer)) <= 6 * 1024 * 1024
    assert ok == 12  # 6 MB / (390 kB * 4/3)
    assert results(answer) == ["Ok"] * ok + ["ProcessingFailed"] * (20 - ok)


def test_a_full_batch_of_what_firehose_sends_is_answered_whole() -> None:
    """A row is never longer than its event, not even in a script that ASCII would write with six bytes a letter."""
    item = ITEM | {"product_name": {"S": "漢字" * 40}}
    size = len(base64.b64encode(event("INSERT", new=item)))
    answer = transform.handler(firehose_event(*[event("INSERT", new=item)] * (5_900_000 // (size + 400))), None)

    assert set(results(answer)) == {"Ok"}
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= 6 * 1024 * 1024


def test_the_module_stands_alone() -> None:
    """It is deployed as a single file: it may import the standard library only."""
    tree = ast.parse(Path(transform.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names


def event(name: str, *, new: dict[str, Any] | None = None, old: dict[str, Any] | None = None) -> bytes:
    """The Pipe's bytes, as recorded on AWS: key order, compact, UTF-8."""
    change: dict[str, Any] = {"ApproximateCreationDateTime": 1711874698, "Keys": {"orderid": {"S": "o1"}}}
    if new is not None:
        change["NewImage"] = new
    if old is not None:
        change["OldImage"] = old
    change |= {"SequenceNumber": "1" * 21, "SizeBytes": 200, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    whole = {
        "eventID": "e" * 32,
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/T/stream/2024-03-31T08:44:58.172",
    }
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def firehose_event(*records: bytes) -> dict[str, Any]:
    return {
        "invocationId": "i",
        "records": [
            {
                "recordId": f"r{index}",
                "approximateArrivalTimestamp": 1711874699000,
                "data": base64.b64encode(data).decode(),
                "kinesisRecordMetadata": {"shardId": "shardId-000000000000", "sequenceNumber": "4" * 56},
            }
            for index, data in enumerate(records)
        ],
    }


def results(answer: dict[str, Any]) -> list[str]:
    return [record["result"] for record in answer["records"]]


def run(*records: bytes) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = transform.handler(firehose_event(*records), None)["records"]
    return answers


def lines(*records: bytes) -> list[bytes]:
    answers = run(*records)
    assert {answer["result"] for answer in answers} == {"Ok"}
    return [base64.b64decode(answer["data"]) for answer in answers]


def rows(*records: bytes) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines(*records)]
