"""What the start of an object shows."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
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
        f"{ROW}\r\n{ROW}\r\n",
        "\ufeff" + ROW,
    ],
)
def test_json_is_read_one_a_line(tmp_path: Path, body: str) -> None:
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert (reading.format.classification, reading.problem) == ("json", "")
    assert reading.records == body.count("orderid")


SEVERAL = "goes over several lines: Athena reads one a line"
MORE = "has more than one value: Athena reads the first of a line only"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"{ROW}{ROW}", f"line 1 {MORE}"),
        (f"{ROW} {ROW}\n{ROW}", f"line 1 {MORE}"),
        (f"{ROW}\n\n{ROW}\n{ROW} {ROW}\n", f"line 4 {MORE}"),
        (f"{ROW}\n" + json.dumps(json.loads(ROW), indent=2) + f"\n{ROW}", f"the value at line 2 {SEVERAL}"),
        ("\n\n" + json.dumps(json.loads(ROW), indent=2), f"the value at line 3 {SEVERAL}"),
    ],
)
def test_json_that_does_not_keep_to_one_object_a_line_is_read_and_reported(
    tmp_path: Path, body: str, problem: str
) -> None:
    reading = read(tmp_path, body)
    assert columns(reading) == ORDER
    assert (reading.format.classification, reading.problem) == ("json", problem)
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


def zipped(*bodies: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, body in enumerate(bodies):
            archive.writestr(f"{number}.json", body)
    return file.getvalue()


def test_a_zip_archive_of_one_file_is_read(tmp_path: Path) -> None:
    reading = read(tmp_path, zipped(f"{ROW}\n{ROW}\n"))
    assert columns(reading) == ORDER
    assert (reading.records, reading.format.compression) == (2, "zip")


def test_compressed_objects_are_not_read_beyond_their_start(tmp_path: Path) -> None:
    body = f"{ROW}\n" * 60_000
    for compressed in (gzip.compress(body.encode()), bz2.compress(body.encode()), zipped(body)):
        head = read_head(stored(tmp_path, compressed))
        assert len(head.data) == 1_000_000
        assert not head.whole
        assert head.share == pytest.approx(1_000_000 / len(body), rel=0.02)


def test_padding_behind_gzip_is_no_damage(tmp_path: Path) -> None:
    member = gzip.compress(f"{ROW}\n".encode())
    reading = read(tmp_path, member + bytes(300_000) + member + bytes(7))
    assert (columns(reading), reading.records, reading.problem) == (ORDER, 2, "")


def broken(compressed: bytes) -> bytes:
    return compressed[:20] + b"x" * 10 + compressed[30:]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (broken(gzip.compress(ROW.encode() * 50, mtime=0)), "the gzip data are broken"),
        (broken(bz2.compress(ROW.encode() * 50)), "the bzip2 data are broken"),
        (gzip.compress(ROW.encode() * 50, mtime=0)[:-20], "the gzip data are broken"),
        (zipped(ROW)[:60], "the zip data are broken"),
        (zipped(ROW, ROW), "the zip archive has 2 files: only an archive of one is read"),
        (b"\x28\xb5\x2f\xfd....", "it is compressed with Zstandard, which the local crawler does not read"),
        (b"\x04\x22\x4d\x18....", "it is compressed with LZ4, which the local crawler does not read"),
        (b"\xff\x06\x00\x00sNaPpY....", "it is compressed with Snappy, which the local crawler does not read"),
    ],
    ids=["gzip", "bzip2", "short gzip", "short zip", "two files", "Zstandard", "LZ4", "Snappy"],
)
def test_compression_that_is_broken_or_not_read_is_named(tmp_path: Path, body: bytes, problem: str) -> None:
    reading = read(tmp_path, body)
    assert reading.format == UNRECOGNISED
    assert reading.problem.startswith(problem)


def test_snappy_as_hadoop_writes_it_is_known_by_its_name(tmp_path: Path) -> None:
    assert "Snappy" in read(tmp_path, b"\x00\x00\x00\x2a....", key="orders/a.json.snappy").problem


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
        # All text: the first row is not different enough to be a header.
        ('name;city\n"a;b";x\nc;y\n', {"col0": "string", "col1": "string"}, 3),
        (f"id\t{'n' * 150}\n1\tx\n", {"col0": "string", "col1": "string"}, 2),
        ("id,n,\nx,1,\ny,2,\n", {"id": "string", "n": "bigint", "col2": "string"}, 2),
        ("a\x01b\n1\x012\n", {"a": "bigint", "b": "bigint"}, 1),
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


def test_a_csv_classifier_says_whether_there_is_a_header_and_whether_values_are_trimmed(tmp_path: Path) -> None:
    document = {"Name": "c", "Delimiter": ";", "QuoteSymbol": "'", "ContainsHeader": "PRESENT"}
    assert columns(read(tmp_path, "a;b\n'x;y'; 1\n", Classifier("csv", document))) == {"a": "string", "b": "bigint"}
    untrimmed = Classifier("csv", {**document, "DisableValueTrimming": True})
    assert columns(read(tmp_path, "a;b\n'x;y'; 1\n", untrimmed)) == {"a": "string", "b": "string"}
    single = Classifier("csv", {"Name": "c", "AllowSingleColumn": True, "Delimiter": ","})
    assert columns(read(tmp_path, "1\n2\n", single)) == {"col0": "bigint"}
    assert read(tmp_path, "1\n2\n").format == UNRECOGNISED


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
