"""The rows of a result out of Athena's CSV file, and out of the pages where that file cannot be read."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from salespipe.errors import QueryError, SalespipeError
from salespipe.services.query import query, resultfile
from salespipe.services.query.resultfile import ResultFile, parsed
from tests.unit.fake_athena import FakeAthena
from tests.unit.test_query_results import pipeline

PLACE = "s3://results/athena/q-1.csv"
Row = Sequence[str | None]


def written(rows: Sequence[Row]) -> str:
    """As https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html has it."""

    def cell(value: str | None) -> str:
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    return "".join(",".join(map(cell, row)) + "\n" for row in rows)


class FakeFile:
    """An S3 in which one object lies; `failures` come first, one at each reading of a body."""

    def __init__(self, body: str, *failures: Exception, refused: Exception | None = None) -> None:
        self._body = body.encode()
        self._failures = list(failures)
        self._refused = refused
        self.asked: list[tuple[str, str, str]] = []
        self.etag = '"1"'

    def get_object(self, Bucket: str, Key: str, Range: str, IfMatch: str = "") -> dict[str, Any]:
        self.asked.append((Bucket, Key, IfMatch))
        if self._refused:
            raise self._refused
        if IfMatch not in ("", self.etag):
            raise client_error("PreconditionFailed")
        first, last = map(int, re.findall(r"\d+", Range))
        body = io.BytesIO(self._body[first : last + 1])
        if self._failures:
            failure = self._failures.pop(0)

            def fail() -> bytes:
                raise failure

            body.read = fail  # type: ignore[method-assign, assignment]
        return {"Body": body, "ETag": self.etag, "ContentRange": f"bytes {first}-{last}/{len(self._body)}"}


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")


class Filed(FakeAthena):
    """An Athena that says where its result lies, and counts the pages that are asked for."""

    encryption = "SSE_S3"
    pages = 0

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:
        answer = super().get_query_execution(QueryExecutionId)
        encryption = {"EncryptionOption": self.encryption}
        where = {"OutputLocation": PLACE, "EncryptionConfiguration": encryption}
        answer["QueryExecution"]["ResultConfiguration"] = where
        return answer

    def get_query_results(self, QueryExecutionId: str, MaxResults: int, NextToken: str = "0") -> dict[str, Any]:
        self.pages += 1
        return super().get_query_results(QueryExecutionId, MaxResults, NextToken)


ROWS: list[Row] = [["1", None], ["2", ""], ["3", "NULL"], *([str(number), "x"] for number in range(4, 2_500))]
FILE = written([["n", "s"], *ROWS])


def asked(file: FakeFile, rows: Sequence[Row] = ROWS) -> tuple[list[tuple[object, ...]], Filed]:
    athena = Filed([("n", "integer", 10, 0), ("s", "varchar", 9, 0)], rows)
    p = pipeline(athena)
    p.aws._clients["s3"] = file
    return query(p, "SELECT n, s FROM t").rows, athena


VALUES = [(int(n or 0), s) for n, s in ROWS]


def test_more_than_a_page_comes_out_of_the_file_value_by_value_the_same() -> None:
    file = FakeFile(FILE)
    rows, athena = asked(file)
    assert rows == VALUES
    assert (athena.pages, file.asked) == (1, [("results", "athena/q-1.csv", "")])


def test_a_page_needs_no_file() -> None:
    file = FakeFile(FILE)
    rows, _ = asked(file, ROWS[:999])
    assert (rows, file.asked) == (VALUES[:999], [])


@pytest.mark.parametrize(
    "why",
    [client_error("AccessDenied"), client_error("NoSuchKey"), EndpointConnectionError(endpoint_url="https://s3")],
    ids=["refused", "gone", "unreachable"],
)
def test_a_file_that_cannot_be_read_leaves_the_pages(why: Exception) -> None:
    rows, athena = asked(FakeFile(FILE, refused=why))
    assert (rows, athena.pages) == (VALUES, 3)


def test_a_file_of_other_columns_leaves_the_pages() -> None:
    assert asked(FakeFile(written([["a", "b"], ["1", "2"]])))[0] == VALUES
    assert asked(FakeFile("\n"))[0] == VALUES


def test_a_file_that_only_its_owner_can_decrypt_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Filed, "encryption", "CSE_KMS")
    file = FakeFile(FILE)
    assert (asked(file)[0], file.asked) == (VALUES, [])


def test_what_breaks_off_is_read_again_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resultfile, "_PIECE", 10_000)
    broken = ReadTimeoutError(endpoint_url="https://s3")
    assert asked(FakeFile(FILE, broken, broken))[0] == VALUES

    class Late(FakeFile):
        def get_object(self, Bucket: str, Key: str, Range: str, IfMatch: str = "") -> dict[str, Any]:
            if IfMatch:
                self._failures = [broken]
            return super().get_object(Bucket, Key, Range, IfMatch)

    with pytest.raises(SalespipeError, match="timeout"):
        asked(Late(FILE))


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resultfile, "_PIECE", 100)

    class Replaced(FakeFile):
        def get_object(self, Bucket: str, Key: str, Range: str, IfMatch: str = "") -> dict[str, Any]:
            answer = super().get_object(Bucket, Key, Range, IfMatch)
            self.etag = '"2"'
            return answer

    with pytest.raises(SalespipeError, match="PreconditionFailed"):
        asked(Replaced(FILE))


@pytest.mark.parametrize("tail", ['"1","2","3"\n', '"1","2', '"1"x,"2"\n', '"1"\n'])
def test_a_file_that_athena_did_not_write_is_an_error(tail: str) -> None:
    with pytest.raises(QueryError, match="changed"):
        asked(FakeFile(FILE + tail))


# What ends lines elsewhere stands in values, too.
VALUE = st.none() | st.text(alphabet=st.sampled_from('",\n\r\x0b\x00\u2028 aé茶'), max_size=6)


@given(st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(VALUE, min_size=width, max_size=width))))
def test_null_is_told_from_nothing_whatever_stands_around_it(rows: list[Row]) -> None:
    assert [list(line) for line in parsed(written(rows))] == rows


@given(st.lists(st.tuples(VALUE, VALUE), max_size=8), st.integers(1, 9), st.integers(8, 40))
def test_rows_are_whole_wherever_the_file_is_cut(rows: list[Row], piece: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resultfile, "_PIECE", piece)
        patch.setattr(resultfile, "_MOST_FOR_CSV", most)
        found = ResultFile(FakeFile(written([("a", "b"), *rows])), PLACE).lines()
        assert [tuple(line) for lines in found for line in lines] == [("a", "b"), *rows]
