"""Where a statement ends and where its parameters stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.errors import UsageError
from salespipe.services.query.text import is_finished, literal, placeholders, statements, words


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1", ["SELECT 1"]),
        (" SELECT 1 ;\n", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' AS a, \"b;\" -- c;\n FROM `t;`", ["SELECT ';' AS a, \"b;\" -- c;\n FROM `t;`"]),
        ("SELECT 'it''s;' /* ; */", ["SELECT 'it''s;' /* ; */"]),
        ("-- only a remark;\n", []),
        ("SELECT 1; -- done", ["SELECT 1"]),
        (";;", []),
        ("", []),
        ("SELECT 'open; ", ["SELECT 'open;"]),
    ],
)
def test_statements_end_at_semicolons_that_nothing_hides(sql: str, found: list[str]) -> None:
    assert statements(sql) == found


@pytest.mark.parametrize(
    ("sql", "count"),
    [("SELECT ?, ?", 2), ("SELECT '?', \"?\", ? -- ?\n /* ? */", 1), ("SELECT 'it''s ?'", 0), ("SELECT 1", 0)],
)
def test_placeholders_are_those_outside_of_strings(sql: str, count: int) -> None:
    assert placeholders(sql) == count


@pytest.mark.parametrize(
    ("sql", "finished"),
    [
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1; -- x", True),
        ("SELECT ';", False),
        ("SELECT 1; SELECT", False),
    ],
)
def test_a_statement_is_finished_by_its_semicolon(sql: str, finished: bool) -> None:
    assert is_finished(sql) is finished


@given(st.lists(st.sampled_from(["'", '"', "`", "--", "\n", "/*", "*/", ";", "?", "a", " "]), max_size=30))
def test_no_text_is_too_odd(parts: list[str]) -> None:
    sql = "".join(parts)
    assert all(each in sql for each in statements(sql))
    assert placeholders(sql) <= sql.count("?")


def test_words_are_those_that_may_be_names() -> None:
    sql = """SELECT 'a' || "B""b" FROM orders--c\n, Shops/* d */WHERE x='it''s'"""
    assert words(sql) == {"select", "b", "from", "orders", "shops", "where", "x"}


@pytest.mark.parametrize("typed", ["'unclosed", "'it's'", "DATE '2026-01-31", " 'a' OR 'b'"])
def test_a_quotation_mark_that_does_not_close_is_refused(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        literal(typed)
    as_text = caught.value.hint.partition('--param "')[2].removesuffix('"')
    assert literal(as_text) == as_text
    assert as_text[1:-1].replace("''", "'") == typed
