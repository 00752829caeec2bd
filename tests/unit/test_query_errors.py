"""What a failed statement says: the place, and the nearest name that exists."""

from __future__ import annotations

import pytest

from salespipe.cli.views.failure import excerpt
from salespipe.errors import QueryError, UsageError
from salespipe.services.query import query
from salespipe.services.query.elsewhere import function_meant
from salespipe.services.query.words import FUNCTIONS
from tests.unit.fake_athena import FakeAthena
from tests.unit.test_query_results import pipeline


def failed(reason: str, sql: str, *params: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        query(pipeline(FakeAthena(reason=reason)), sql, params=params)
    return caught.value


def test_the_place_is_shown_on_its_line() -> None:
    error = failed(
        "COLUMN_NOT_FOUND: line 2:3: Column 'amout' cannot be resolved or requester is not authorized",
        "SELECT\n  amout FROM orders",
    )
    assert (error.line, error.column, error.hint) == ("  amout FROM orders", 3, "did you mean amount?")
    assert excerpt(error.line, error.column) == ["    amout FROM orders", "    ^"]


@pytest.mark.parametrize(
    ("reason", "sql", "hint"),
    [
        ("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.x.peple' does not exist", "", "did you mean people?"),
        ("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.x.qqq' does not exist", "", "SHOW TABLES"),
        ("line 1:8: Column 'p.amuonts' cannot be resolved", "FROM people p", "did you mean amounts?"),
        ("line 1:8: Column 'amounts' cannot be resolved", "FROM elsewhere", ""),
        ("line 1:8: Column 'paid' cannot be resolved", 'FROM people WHERE "Paid"', "a string is written 'Paid'"),
        ("FUNCTION_NOT_FOUND: line 1:8: Function 'lenght' not registered", "", "did you mean length?"),
        ("FUNCTION_NOT_FOUND: line 1:8: Function 'read_text' not registered", "", ""),
        ("FUNCTION_NOT_FOUND: line 1:8: Function 'MEDIAN' not registered", "", "approx_percentile(x, 0.5)"),
        ("NOT_SUPPORTED: line 1:8: function to_char is not supported by the local Athena", "", "date_format("),
        ("line 1:8: Column 'sysdate' cannot be resolved", "FROM people", "in Athena: current_timestamp"),
        ("line 1:1: mismatched input 'SELEC'. Expecting: 'SELECT', 'WITH'", "", "did you mean SELECT?"),
        ("line 1:18: mismatched input 'orders'. Expecting: 'INTO'", "insert orders", "INTO is expected before orders"),
        ("line 1:12: mismatched input 'b'. Expecting: ','", ", (a b)", ""),
        ("line 1:12: mismatched input 'form'. Expecting: ',', 'FROM'", "* form orders", "did you mean FROM?"),
        ("line 1:17: mismatched input 'orders'", "a form orders", "did you mean FROM?"),
        ("line 1:12: mismatched input 'amount'", ", amount amount", ""),
        ("line 1:10: mismatched input 'isnull'", "isnull(x, 0)", "coalesce(x, y)"),
        ("line 1:14: mismatched input '5'", "top 5 *", "LIMIT n, at the end"),
        (
            "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar(3), varchar) for function date_trunc",
            ", date_trunc('day', ordered_at)",
            "ordered_at is text; its moment is from_iso8601_timestamp(ordered_at)",
        ),
        ("FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar(3)) for function abs", ", abs('abc')", ""),
        (
            "COLUMN_NOT_FOUND: line 1:9: Invalid reference to output projection attribute from ORDER BY aggregation",
            "",
            "order by that name itself",
        ),
        (
            "INVALID_CAST_ARGUMENT: Cannot cast DOUBLE '1.2E19' to DECIMAL(18, 2)",
            "FROM orders_current",
            'SELECT "$path", orderid, amount FROM orders WHERE amount IS NOT NULL AND try_cast(amount AS decimal(18,2',
        ),
        ("INVALID_CAST_ARGUMENT: Cannot cast DOUBLE '1.2E19' to DECIMAL(18, 2)", "FROM people", ""),
        ("INVALID_CAST_ARGUMENT: Cannot cast DOUBLE '1.2E19' to DECIMAL(9, 1)", "FROM orders_current", ""),
    ],
)
def test_the_nearest_name_is_offered(reason: str, sql: str, hint: str) -> None:
    error = failed(reason, f"SELECT 1 {sql}")
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)


def test_behind_a_parameter_no_place_is_claimed() -> None:
    reason = "TYPE_MISMATCH: line 1:10: Cannot apply operator: varchar = integer"
    assert failed(reason, "SELECT ? = 'a'", "5").line == ""
    assert "--param \"'5'\"" in failed(reason, "SELECT ? = 'a'", "5").hint


@pytest.mark.parametrize(
    ("said", "param", "hint"),
    [
        ("date = varchar(10)", "2026-10-20", "--param \"DATE '2026-10-20'\""),
        ("timestamp(3) with time zone > varchar(16)", "2026-10-20T09:00", "--param \"TIMESTAMP '2026-10-20 09:00'\""),
        ("date = varchar(4)", "soon", ""),
        ("varchar = boolean", "true", ""),
    ],
)
def test_a_value_that_is_text_is_told_how_another_type_is_written(said: str, param: str, hint: str) -> None:
    error = failed(f"TYPE_MISMATCH: line 1:8: Cannot apply operator: {said}", "SELECT x > ?", param)
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)


@pytest.mark.parametrize(
    ("where", "said", "hint"),
    [
        ("hour = 23", "Cannot apply operator: varchar = integer", "hour = '09'; as a number"),
        ("dt = DATE '2026-01-31'", "Cannot apply operator: varchar = date", "dt = '2026-01-31' AND"),
        ("dt BETWEEN a AND b", "Cannot check if varchar is BETWEEN date and date", "as a date it is date(dt)"),
        ("hour IN (1)", "IN value and list items must be the same type", "dt and hour are text"),
        ("ordered_at > 1", "Cannot apply operator: varchar > integer", "from_iso8601_timestamp(ordered_at)"),
        ("hour(x) = 'a' - INTERVAL '1' HOUR", "Cannot apply operator: varchar - interval", ""),
    ],
)
def test_columns_that_are_text_are_told_by_the_place(where: str, said: str, hint: str) -> None:
    sql = f"SELECT 1\nFROM people WHERE updated_at <> 'x' AND {where}"
    sql = sql if hint else sql.replace("updated_at", "amounts")
    error = failed(f"TYPE_MISMATCH: line 2:{sql.splitlines()[1].index(where) + 1}: {said}", sql)
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)


@pytest.mark.parametrize(
    ("sql", "line", "column", "said"),
    [
        ("SELECT 1,\n 'a FROM t\n", " 'a FROM t", 2, "what begins with ' is never closed"),
        ("SELECT '\"', \"a", "SELECT '\"', \"a", 13, 'what begins with " is never closed'),
        ("SELECT 'a' /* b", "SELECT 'a' /* b", 12, "the comment is never closed"),
    ],
)
def test_what_is_never_closed_is_shown_where_it_begins(sql: str, line: str, column: int, said: str) -> None:
    error = failed("line 1:1: mismatched input", sql)
    assert (error.line, error.column, error.hint) == (line, column, said)


@pytest.mark.parametrize("place", ["line 9:1", "line 1:99", "line 0:0", ""])
def test_a_place_that_is_not_there_is_not_shown(place: str) -> None:
    assert failed(f"{place}: something", "SELECT 1").line == ""


@pytest.mark.parametrize(
    ("sql", "params", "said"),
    [
        ("SELECT 1; SELECT 2", [], "there are 2 statements"),
        ("-- nothing", [], "empty"),
        ("SELECT ?", [], "has 1 ? and 0 values"),
        ("SELECT ?", ["1", "2"], "has 1 ? and 2 values"),
    ],
)
def test_what_cannot_run_is_not_sent(sql: str, params: list[str], said: str) -> None:
    athena = FakeAthena()
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        query(pipeline(athena), sql, params=params)
    assert athena.started == []


def test_the_caret_stands_below_its_column() -> None:
    for line, column in [("x" * 300, 1), ("x" * 300, 150), ("x" * 300, 300), ("茶 x", 3), ("a\tb\x1b", 3), ("ab", 3)]:
        shown, caret = excerpt(line, column)
        assert caret.strip() == "^"
        assert "\x1b" not in shown
        assert len(shown) <= 2 + 106
    assert excerpt("茶 x", 3)[1] == "     ^"


def test_what_is_offered_for_the_words_of_other_engines_is_no_word_of_athena() -> None:
    assert [name for name in FUNCTIONS if function_meant(name)] == []
