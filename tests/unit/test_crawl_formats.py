"""What the start of an object shows."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path

import duckdb
import pytest

from salespipe.local.crawling.classify import UNRECOGNISED, Classifier, classify
from salespipe.local.crawling.hivetypes import hive_text
from salespipe.local.crawling.jsonformat import json_path
from salespipe.local.crawling.sampling import read_head
from salespipe.local.crawling.schema import Reading
from salespipe.local.stores.objects import StoredObject

ROW = '{"orderid":"a","quantity":2,"price":12.50}'


def stored(folder: Path, body: bytes, key: str = "orders/object") -> StoredObject:
    path = folder / "body"
    path.write_bytes(body)
    return StoredObject("b", key, path, len(body), "etag", 0.0, "binary/octet-stream", None, {})


def read(folder: Path, body: str | bytes, *classifiers: Classifier, key: str = "orders/object") -> Reading:
    return classify(stored(folder, body.encode() if isinstance(body, str) else body, key), classifiers)


def columns(reading: Reading) -> dict[str, str]:
    return {name: hive_text(kind) for name, kind in reading.columns.types.items()}


def json_classifier(path: str) -> Classifier:
    return Classifier("json", {"Name": "c", "JsonPath": path})


ORDER = {"orderid": "string", "quantity": "int", "price": "double"}


@pytest.mark.parametrize(
    "body",
    [
        f"{ROW}\n{ROW}\n",
        f"{ROW}\n\n  {ROW}",
        f"{ROW}{ROW}",
        f"{ROW} {ROW}\n{ROW}",
        json.dumps(json.loads(ROW), indent=2) + json.dumps(json.loads(ROW), indent=2),
        "\ufeff" + ROW,
    ],
)
def test_json_is_read_one_a_line_or_one_behind_the_other(tmp_path: Path, body: str) -> None:
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert (reading.format.classification, reading.problem) == ("json", "")
    assert reading.records == body.count("orderid")


def test_an_object_cut_off_within_a_line_by_the_limit_is_no_problem(tmp_path: Path) -> None:
    body = (ROW + "\n") * 40_000
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert reading.problem == ""
    assert abs(reading.records - 40_000) <= 1


def test_only_the_first_megabyte_counts(tmp_path: Path) -> None:
    body = (ROW + "\n") * 40_000 + '{"late":1}\n'
    assert "late" not in columns(read(tmp_path, body))
    assert len(read_head(stored(tmp_path, body.encode())).data) == 1_000_000


def test_a_first_record_longer_than_a_megabyte_is_followed(tmp_path: Path) -> None:
    body = json.dumps({"note": "x" * 3_000_000, "n": 1}) + "\n"
    assert columns(read(tmp_path, body)) == {"note": "string", "n": "int"}


@pytest.mark.parametrize(("compress", "name"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2")])
def test_compressed_objects_are_read_decompressed(tmp_path: Path, compress: object, name: str) -> None:
    assert callable(compress)
    body = compress(f"{ROW}\n".encode()) + compress(f"{ROW}\n".encode())
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert (reading.records, reading.format.compression) == (2, name)


def test_broken_gzip_is_reported(tmp_path: Path) -> None:
    body = bytearray(gzip.compress(ROW.encode() * 50))
    body[20:30] = b"xxxxxxxxxx"
    reading = read(tmp_path, bytes(body))
    assert reading.format == UNRECOGNISED
    assert "gzip data are broken" in reading.problem


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"{ROW}\nnot json\n{ROW}\n", "line 2 is not JSON"),
        (f"garbage\n{ROW}\n", "line 1 is not JSON"),
        (f"{ROW}\n{ROW[:-5]}\n", "line 2 is not JSON"),
        (f"{ROW}\n5\n{ROW}\n", "record 2 is a bare value, not a JSON object"),
    ],
)
def test_a_line_that_is_not_json_is_reported_and_the_others_count(tmp_path: Path, body: str, problem: str) -> None:
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert reading.problem == problem


@pytest.mark.parametrize("body", ["hello world\n", "\x00\x01\x02", "<a><b/></a>\n", "1\n2\n3\n"])
def test_what_nothing_recognises_is_reported(tmp_path: Path, body: str) -> None:
    reading = read(tmp_path, body)
    assert reading.format == UNRECOGNISED
    assert reading.problem == "it is neither JSON nor CSV nor Parquet"


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("$", ROW, ORDER),
        ("$.orderid,$.price", ROW, ORDER),
        ("$", f"[{ROW},{ROW}]", {"array": "array<struct<orderid:string,quantity:int,price:double>>"}),
        ("$[*]", f"[{ROW},{ROW}]", ORDER),
        ("$.orderid", ROW, {"record": "string"}),
        ("$.data.rows[*]", f'{{"data":{{"rows":[{ROW},{ROW}]}}}}', ORDER),
        ("$['data'][0]", f'{{"data":[{ROW},{{"x":1}}]}}', ORDER),
        ("$.absent", ROW, ORDER),
    ],
)
def test_the_json_path_of_a_classifier_selects_the_rows(
    tmp_path: Path, path: str, body: str, found: dict[str, str]
) -> None:
    assert columns(read(tmp_path, body, json_classifier(path))) == found


def test_the_first_classifier_that_recognises_an_object_decides(tmp_path: Path) -> None:
    classifiers = (json_classifier("$.absent"), json_classifier("$.quantity"), json_classifier("$"))
    assert columns(read(tmp_path, ROW, *classifiers)) == {"record": "int"}


def test_json_paths_have_steps() -> None:
    assert json_path("$.a['b c'][3].*[*]") == ("a", "b c", 3, "*", "*")
    assert json_path("$") == json_path("$.a,$.b") == json_path("$..a") == ()


@pytest.mark.parametrize(
    ("body", "found", "records"),
    [
        ("id,price,note\n1,2.5,x\n2,3,\n", {"id": "bigint", "price": "double", "note": "string"}, 2),
        ("1|a\n2|b\n", {"col0": "bigint", "col1": "string"}, 2),
        ('name;city\n"a;b";x\nc;y\n', {"name": "string", "city": "string"}, 2),
    ],
)
def test_csv_is_recognised_with_and_without_a_header(
    tmp_path: Path, body: str, found: dict[str, str], records: int
) -> None:
    reading = read(tmp_path, body)
    assert reading.format.classification == "csv"
    assert columns(reading) == found
    assert reading.records == records


def test_a_csv_classifier_names_the_columns(tmp_path: Path) -> None:
    classifier = Classifier(
        "csv", {"Name": "c", "Delimiter": "^", "ContainsHeader": "ABSENT", "Header": ["Id", "Price"]}
    )
    assert columns(read(tmp_path, "1^2.5\n", classifier)) == {"id": "bigint", "price": "double"}


def test_csv_under_a_json_name_is_reported(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n3,4\n", key="x.json").problem == "it is named as JSON but reads as CSV"


def test_parquet_gives_its_own_schema(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    duckdb.sql(
        "copy (select 1::int as a, 2::bigint as b, 'x' as c, 1.5::decimal(18,4) as d, date '2026-01-01' as e,"
        " timestamp '2026-01-01 00:00:00' as f, {'k': [1]} as g, map{'x': 1.5::double} as h from range(3))"
        f" to '{path}' (format parquet)"
    )
    reading = read(tmp_path, path.read_bytes())
    assert columns(reading) == {
        "a": "int",
        "b": "bigint",
        "c": "string",
        "d": "decimal(18,4)",
        "e": "date",
        "f": "timestamp",
        "g": "struct<k:array<int>>",
        "h": "map<string,double>",
    }
    assert (reading.records, reading.format.classification) == (3, "parquet")


def test_broken_parquet_is_reported(tmp_path: Path) -> None:
    reading = read(tmp_path, b"PAR1 and nothing more")
    assert reading.format == UNRECOGNISED
    assert "Parquet data are broken" in reading.problem
