"""Reading files of orders: their kinds, their traps, and the real CDNOW orders."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import duckdb
import pytest

from salespipe.errors import UsageError
from salespipe.services.orderfile import OrderFile
from tests import cdnow

ROWS = [
    {"orderid": "a1", "product_name": "Drone, small", "quantity": 2, "price": "10.05", "ordered_at": "2026-01-02"},
    {"orderid": "a2", "product_name": "Größe\nM", "quantity": 1, "price": "0.10", "ordered_at": "2026-01-03"},
]


def csv_text(delimiter: str) -> str:
    names = delimiter.join(ROWS[0])
    return "\n".join([names, *(delimiter.join(f'"{value}"' for value in row.values()) for row in ROWS)]) + "\n\n"


def write_parquet(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT * FROM (VALUES
                ('a1', 'Drone, small', 2, 10.05::DECIMAL(9,2), TIMESTAMPTZ '2026-01-02 01:00:00+01'),
                ('a2', 'Größe' || chr(10) || 'M', 1, 0.10, TIMESTAMPTZ '2026-01-03 00:00:00+00'))
                orders(orderid, product_name, quantity, price, ordered_at)) TO '{path}' (FORMAT parquet)"""
        )


@pytest.mark.parametrize("kind", ["comma.csv", "semicolon.CSV", "tab.tsv", "bar.txt", "lines.jsonl", "p.parquet"])
def test_every_kind_of_file_gives_the_same_orders(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    delimiters = {"comma.csv": ",", "semicolon.CSV": ";", "tab.tsv": "\t", "bar.txt": "|"}
    if kind in delimiters:
        path.write_text("\ufeff" + csv_text(delimiters[kind]), encoding="utf-8")
    elif kind == "lines.jsonl":
        path.write_text("\n\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    else:
        write_parquet(path)

    first, second = OrderFile(path, {}).orders()

    assert (first.orderid, first.quantity, first.amount) == ("a1", 2, Decimal("20.10"))
    assert first.ordered_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert (second.product_name, second.price) == ("Größe\nM", Decimal("0.10"))
    assert OrderFile(path, {}).check() == (2, Decimal("20.20"))


def test_columns_parted_by_blanks(tmp_path: Path) -> None:
    path = tmp_path / "orders.txt"
    path.write_bytes(b"\r\n customer_id  date   total\r\n  007  19970101   1.50\r\n\r\n  008  19970102  2\r\n")

    orders = list(OrderFile(path, {"amount": "total", "ordered_at": "date"}).orders())

    assert [(order.customer_id, order.amount) for order in orders] == [("007", Decimal("1.50")), ("008", Decimal(2))]


def test_numbers_in_json_stay_exact_and_a_field_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_text('{"amount": 0.10}\n{"amount": 12, "region": "europe"}\n{"amount": 0.10000000000000001}\n')

    orders = OrderFile(path, {}).orders()
    first, second = next(orders), next(orders)

    with pytest.raises(
        UsageError, match=r"row 3 \(line 3\), column 'amount': .*0\.10000000000000001.* is finer than a"
    ):
        next(orders)
    assert str(first.amount) == "0.10"
    assert (first.region, second.region) == ("unknown", "europe")


def test_the_same_file_always_gives_the_same_orders(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("amount\n1\n1\n")
    first, again = list(OrderFile(path, {}).orders()), list(OrderFile(path, {}).orders())

    assert first == again
    assert first[0].orderid != first[1].orderid


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("o.csv", "", "o.csv is empty"),
        ("o.csv", "\n \n", "o.csv is empty"),
        ("o.jsonl", "\n", "o.jsonl is empty"),
        ("o.csv", "amount\n", "o.csv has no orders in it"),
        ("o.xlsx", "x", "unknown kind of file, .xlsx"),
        ("o", "x", "unknown kind of file, without an extension"),
        ("o.csv", "a,b\n1,2\n", "no column is mapped to amount .*; the file has the columns a, b"),
        ("o.csv", "amount,region\n1,eu\n\nx,eu\n", r"o.csv: row 2 \(line 4\), column 'amount': 'x' is not a number"),
        ("o.csv", 'amount,region\n1,"e\nu"\n,eu\n', r"row 2 \(line 4\), column 'amount': the value is empty"),
        ("o.csv", "amount,region\n1,eu\n1\n", r"row 2 \(line 3\) has 1 values, the header has 2 columns"),
        ("o.csv", 'amount,region\n1,"eu\n', "o.csv: line 2: unexpected end of data"),
        ("o.csv", "amount\n1\n\udce9\n", "o.csv: line 3 is not UTF-8 text"),
        ("o.jsonl", '{"amount":1}\n{"amount":\n', r"row 2 \(line 2\) is not JSON"),
        ("o.jsonl", "[1]\n", r"row 1 \(line 1\) is not a JSON object"),
        ("o.parquet", "no parquet at all", "as Parquet: Invalid Input Error: No magic bytes"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(UsageError, match=message):
        OrderFile(path, {}).check()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none.csv: No such file"):
        OrderFile(tmp_path / "none.csv", {})
    with pytest.raises(UsageError, match=r"cannot read .*: Is a directory"):
        OrderFile(tmp_path, {})


def test_only_the_rows_up_to_the_limit_are_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("amount\n1\n2\nbad\n")

    assert OrderFile(path, {}).check(2) == (2, Decimal(3))


def test_the_cdnow_orders_are_all_there_to_the_cent() -> None:
    path = cdnow.cdnow_file()
    file = OrderFile(path, cdnow.MAPPING)

    assert file.check() == (cdnow.ORDERS, Decimal(cdnow.MONEY))
    third = next(islice(file.orders(), 2, None))
    assert (third.customer_id, third.quantity, third.amount, third.price) == (
        "00002",
        5,
        Decimal("77.00"),
        Decimal("15.4"),
    )
    assert third.ordered_at == datetime(1997, 1, 12, tzinfo=UTC)


def test_another_file_of_the_same_name_has_other_ids(tmp_path: Path) -> None:
    path = tmp_path / "today.csv"
    path.write_text("amount\n1.00\n2.00\n")
    first = {order.orderid for order in OrderFile(path, {}).orders()}
    path.write_text("amount\n3.00\n4.00\n")
    second = {order.orderid for order in OrderFile(path, {}).orders()}
    path.rename(tmp_path / "moved.csv")
    again = {order.orderid for order in OrderFile(tmp_path / "moved.csv", {}).orders()}
    assert len(first | second) == 4
    assert again == second
