"""Query results in each format."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.cli.views import output, results
from salespipe.cli.views.console import Console
from salespipe.errors import SalespipeError, UsageError
from salespipe.services.query import QueryResult
from salespipe.services.query.results import Column

COLUMNS = (
    Column("id", "varchar"),
    Column("n", "bigint"),
    Column("n", "decimal(18,2)"),
    Column("at", "timestamp(3)"),
    Column("day", "date"),
    Column("ok", "boolean"),
    Column("ratio", "double"),
)
ROWS: list[tuple[object, ...]] = [
    ("a|b", 2**60, Decimal("10.10"), datetime(2026, 11, 20, 12, tzinfo=UTC), date(2026, 11, 20), True, 0.5),
    ("", None, None, None, None, False, float("nan")),
]


def result(columns: tuple[Column, ...] = COLUMNS, rows: list[tuple[object, ...]] = ROWS) -> QueryResult:
    return QueryResult(columns, rows, 1.25, 2_500_000, "q")


def shown(form: str, shown_result: QueryResult | None = None) -> str:
    out = io.StringIO()
    results.show(Console(out, io.StringIO()), shown_result or result(), form)
    return out.getvalue()


def test_json_keeps_types_and_writes_decimals_as_strings() -> None:
    first, second = json.loads(shown("json"))

    assert first == {
        "id": "a|b",
        "n": 2**60,
        "n_2": "10.10",
        "at": "2026-11-20T12:00:00+00:00",
        "day": "2026-11-20",
        "ok": True,
        "ratio": 0.5,
    }
    assert (second["n"], second["id"], second["ratio"]) == (None, "", "NaN")


def test_json_of_no_rows_is_an_empty_array() -> None:
    assert json.loads(shown("json", result(rows=[]))) == []
    assert json.loads(shown("json", result(columns=(), rows=[]))) == []


def test_jsonl_has_a_row_a_line() -> None:
    lines = shown("jsonl").splitlines()

    assert [json.loads(line)["id"] for line in lines] == ["a|b", ""]


def test_csv_can_be_read_back() -> None:
    rows = list(csv.reader(io.StringIO(shown("csv", result(COLUMNS[:3], [('say "hi",\nyou', 1, Decimal("1E+2"))])))))

    assert rows == [["id", "n", "n"], ['say "hi",\nyou', "1", "100"]]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([(None,), ("",), ("a",)], 'id\n\n""\na\n'),
        ([(None, None), ("", 5), ('say "hi", you', None)], 'id,n\n,\n"",5\n"say ""hi"", you",\n'),
        ([("", '"'), ("\r", "")], 'id,n\n"",""""\n"\r",""\n'),
    ],
)
def test_csv_keeps_null_and_empty_text_apart_as_athena_does(rows: list[tuple[object, ...]], text: str) -> None:
    assert shown("csv", result(COLUMNS[: len(rows[0])], rows)) == text


@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.text()), max_size=4))
def test_csv_loses_nothing_but_what_null_is_to_others(rows: list[tuple[str | None, str | None]]) -> None:
    read = list(csv.reader(io.StringIO(shown("csv", result(COLUMNS[:2], list(rows))), newline="")))
    assert read[1:] == [[cell or "" for cell in row] for row in rows]


def test_null_is_a_word_where_people_read() -> None:
    assert shown("markdown", result(COLUMNS[:2], [("", None)])).splitlines()[2] == "|  | NULL |"


def test_markdown_escapes_what_would_break_a_row() -> None:
    lines = shown("markdown", result(COLUMNS[:2], [("a|b\nc", 5)])).splitlines()

    assert lines == ["| id | n |", "| --- | ---: |", "| a\\|b\\nc | 5 |"]


def test_a_piped_table_is_plain_text() -> None:
    lines = shown("table", result(COLUMNS[:2], [("x", 5), ("y", None)])).splitlines()

    assert lines == ["id     n", "--  ----", "x      5", "y   NULL"]


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "jsonl"])
def test_a_statement_without_columns_shows_nothing(form: str) -> None:
    assert shown(form, result(columns=(), rows=[])) == ""


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b"]), max_size=8))
def test_unique_names_lose_none_and_keep_the_first(names: list[str]) -> None:
    made = results.unique(names)

    assert len(set(made)) == len(made) == len(names)
    for name in set(names):
        assert made[names.index(name)] == name


def test_a_file_gets_the_format_of_its_ending(tmp_path: Path) -> None:
    assert results.format_of(None, "x.csv") == "csv"
    assert results.format_of(None, "x.JSONL") == "jsonl"
    assert results.format_of(None, "x.txt") == "table"
    assert results.format_of("json", "x.csv") == "json"
    assert results.format_of(None, None) == "table"
    with pytest.raises(UsageError, match="--format 'xml'"):
        results.format_of("xml", None)

    output.save(result(), "json", tmp_path / "x.json")
    assert len(json.loads((tmp_path / "x.json").read_text())) == 2


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match=r"gone/x\.csv cannot be written: No such file"):
        output.save(result(), "csv", tmp_path / "gone" / "x.csv")
