"""--output: the whole file or none, and what there is to say about an answer."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from salespipe.cli.views import answers, output, results
from salespipe.cli.views.console import Console
from salespipe.errors import SalespipeError
from salespipe.services.query import QueryResult
from salespipe.services.query.results import Answer, Column

NUMBER = (Column("n", "integer"),)


class Broken:
    """Rows that stop half way."""

    columns = NUMBER

    @property
    def rows(self) -> Iterator[tuple[object, ...]]:
        yield from ((n,) for n in range(5))
        raise SalespipeError("the network is gone")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "table"])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path, form: str) -> None:
    path = tmp_path / "rows"
    path.write_text("old")

    with pytest.raises(SalespipeError, match="network"):
        output.save(Broken(), form, path)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_that_is_replaced_gives_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "rows.csv", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)

    output.save(QueryResult(NUMBER, [(1,)], 0, 0, "q"), "csv", link)

    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("n\n1\n", 0o640)


def test_a_pipe_is_written_and_a_folder_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    output.save(QueryResult(NUMBER, [(1,)], 0, 0, "q"), "csv", pipe)
    reader.join()
    assert read == ["n\n1\n"]

    with pytest.raises(SalespipeError, match="Is a directory"):
        output.save(QueryResult(NUMBER, [(1,)], 0, 0, "q"), "csv", tmp_path)


def test_a_file_that_cannot_be_is_refused_beforehand(tmp_path: Path) -> None:
    output.check(tmp_path / "rows.csv")
    output.check(Path("rows.csv"))
    for path, said in [(tmp_path, "it is a folder"), (tmp_path / "no" / "x.csv", "there is no folder")]:
        with pytest.raises(SalespipeError, match=said):
            output.check(path)


def answer(count: int, *, scanned: int = 0, charged: bool = True) -> Answer:
    return Answer(NUMBER, [(n,) for n in range(count)], scanned, "q", charged)


def test_a_terminal_shows_a_thousand_rows_and_says_that_there_are_more() -> None:
    for count, said in [(1_000, "1,000 rows, "), (1_001, "the first 1,000 rows of more, ")]:
        out, err = Terminal(), io.StringIO()
        answers.show(Console(out, err, quiet=False), answer(count), answers.Asked("table"), 0.0)

        assert "│ 999 │" in out.getvalue()
        assert "│ 1000 │" not in out.getvalue()
        assert ("only the first 1,000 rows are shown" in err.getvalue()) == (count > 1_000)
        assert said in err.getvalue()


@pytest.mark.parametrize(
    ("given", "shown", "said"),
    [
        (Answer((Column("rows", "bigint"),), [(2,)], 0, "q", written=2), "rows\n----\n   2\n", "2 rows written, "),
        (Answer((), [], 0, "q", charged=False), "", "done, "),
    ],
)
def test_what_a_statement_did_is_said(given: Answer, shown: str, said: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    answers.show(Console(out, err), given, answers.Asked("table"), 0.0)
    assert out.getvalue() == shown
    assert err.getvalue().startswith(said)


def test_elsewhere_every_row_is_written() -> None:
    out = io.StringIO()
    answers.show(Console(out, io.StringIO()), answer(5_000), answers.Asked("table"), 0.0)
    assert len(out.getvalue().splitlines()) == 5_002


def test_with_json_and_a_file_both_have_the_rows(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    asked = answers.Asked("csv", str(tmp_path / "rows.csv"), json=True)
    answers.show(Console(out, err, json=True), answer(3), asked, 0.0)

    assert json.loads(out.getvalue()) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert (tmp_path / "rows.csv").read_text() == "n\n0\n1\n2\n"
    assert f"3 rows in {tmp_path}/rows.csv" in err.getvalue()


@pytest.mark.parametrize(
    ("scanned", "charged", "said"),
    [(0, True, "$0.00005"), (10_000_000, True, "$0.00005"), (2_000_000_000_000, True, "$10.00"), (5, False, "")],
)
def test_the_cost_is_five_dollars_a_terabyte_and_ten_megabytes_at_least(scanned: int, charged: bool, said: str) -> None:
    err = io.StringIO()
    answers.show(Console(io.StringIO(), err), answer(1, scanned=scanned, charged=charged), answers.Asked("csv"), 0.0)
    assert err.getvalue().endswith(f"scanned, {said} on AWS\n" if said else "scanned\n")


def test_a_sum_is_shown_with_the_digits_that_count() -> None:
    assert [answers.dollars(Decimal(text)) for text in ("0.00005", "0.00123", "1.256", "0")] == [
        "$0.00005",
        "$0.001",
        "$1.26",
        "$0.00",
    ]


def test_columns_that_stay_text_are_named() -> None:
    out, err = io.StringIO(), io.StringIO()
    some = Answer((Column("tags", "array"), Column("n", "array(integer)")), [("[a, b]", [1])], 0, "q")
    answers.show(Console(out, err), some, answers.Asked("json"), 0.0)

    assert json.loads(out.getvalue()) == [{"tags": "[a, b]", "n": [1]}]
    assert "CAST(tags AS JSON)" in err.getvalue()


def test_parquet_needs_a_file() -> None:
    with pytest.raises(SalespipeError, match="needs a file"):
        results.format_of("parquet", None)
    assert results.format_of(None, "x.parquet") == "parquet"


def test_beside_json_a_file_of_text_has_athenas_text(tmp_path: Path) -> None:
    out, columns = io.StringIO(), (Column("at", "timestamp"),)
    text = Answer(columns, [("2026-01-31 10:00:00.000",)], 0, "q")
    answer = Answer(columns, [(datetime(2026, 1, 31, 10),)], 0, "q", as_text=lambda: text)
    asked = answers.Asked("csv", str(tmp_path / "x.csv"), json=True)
    answers.show(Console(out, io.StringIO(), json=True), answer, asked, 0.0)
    assert (tmp_path / "x.csv").read_text() == "at\n2026-01-31 10:00:00.000\n"
    assert json.loads(out.getvalue()) == [{"at": "2026-01-31T10:00:00"}]
