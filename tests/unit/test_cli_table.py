"""Tables: every character of every cell is there, whatever the width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.cli.views.console import visible
from salespipe.cli.views.table import cell_width, plain, terminal

CELLS = st.text(max_size=20)


def test_plain_columns_line_up_and_numbers_stand_right() -> None:
    lines = list(plain(["name", "n"], [["a", "5"], ["long name", "12"]], right=[1]))

    assert lines == ["name        n", "---------  --", "a           5", "long name  12"]


def test_wide_characters_take_two_columns() -> None:
    lines = list(plain(["name", "x"], [["茶", "1"], ["ab", "2"]]))

    assert [cell_width(line.rpartition(" ")[0]) for line in lines[2:]] == [5, 5]


def test_a_table_that_fits_is_drawn_with_borders() -> None:
    drawn = terminal(["name"], [["[bold]x[/bold]"]], right=[], width=80, color=False)

    assert "│ [bold]x[/bold] │" in drawn
    assert "\x1b" not in drawn


def test_a_table_too_wide_for_the_terminal_is_turned_on_its_side() -> None:
    drawn = terminal(["id", "text"], [["1", "x" * 90], ["2", "y"]], right=[], width=40, color=False)

    assert drawn.splitlines() == ["-- row 1 --", "id    1", f"text  {'x' * 90}", "-- row 2 --", "id    2", "text  y"]


def test_a_null_is_no_empty_text_and_no_word() -> None:
    rows = [[None, "", "NULL"]]
    for width in (10, 80):
        drawn = terminal(["a", "b", "c"], rows, right=[], width=width, color=False)
        assert drawn.count("NULL") == 2
        coloured = terminal(["a", "b", "c"], rows, right=[], width=width, color=True)
        assert coloured.count("\x1b[2mNULL\x1b[0m") == 1
    assert list(plain(["a", "b"], [[None, ""]]))[2] == "NULL"


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("e\u0301", 1),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 x", 4),
        ("\u2764\ufe0f", 2),
        ("\u2764", 1),
        ("\U0001f44d\U0001f3fd!", 3),
        ("\U0001f1e9\U0001f1ea", 2),
        ("\u200b", 0),
        ("茶\ufe0f", 2),
    ],
)
def test_an_emoji_of_many_parts_is_as_wide_as_it_looks(text: str, width: int) -> None:
    assert cell_width(text) == width


def test_a_terminal_never_obeys_what_the_data_says() -> None:
    evil = "a\x1b[2Jb\nc\u202ed"

    assert visible(evil) == "a\\x1b[2Jb\\nc\\u202ed"
    for width in (10, 80):
        drawn = terminal(["x"], [[evil]], right=[], width=width, color=False)
        assert "\x1b" not in drawn
        assert visible(evil) in drawn


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.integers(1, 200))
def test_nothing_is_cut_off(rows: list[tuple[str, str]], width: int) -> None:
    drawn = terminal(["first", "second"], [list(row) for row in rows], right=[1], width=width, color=False)
    piped = "\n".join(plain(["first", "second"], [list(row) for row in rows]))

    for row in rows:
        for cell in row:
            assert visible(cell).strip() in drawn
            assert visible(cell).strip() in piped
