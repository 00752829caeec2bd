"""What sqlglot reads and Trino or the translation does not: refused with its place, never passed over."""

from __future__ import annotations

import pytest
from sqlglot import exp

from salespipe.local.athena import expressions, unread
from salespipe.local.athena.errors import QueryFailure, SyntaxFailure
from tests import athena

FOREIGN = [
    ("1::integer", "line 1:9: mismatched input '::'"),
    ("1 == 1", "line 1:10: mismatched input '=='"),
    ("NULL <=> 1", "line 1:13: mismatched input '<=>'"),
    ("!true", "line 1:8: mismatched input '!'"),
    ("'a' ~~ 'b'", "line 1:12: mismatched input '~~'"),
    ("'a' 'b'", "line 1:12: mismatched input ''b''"),
    ("{'a': 1}", "line 1:8: mismatched input '{'"),
    ("[1, 2]", "line 1:8: mismatched input '['"),
    ("1 + [1]", "line 1:12: mismatched input '['"),
    ("NULL ISNULL", "line 1:13: mismatched input 'ISNULL'"),
    ("7 DIV 2", "line 1:10: mismatched input 'DIV'"),
    ("'a' ILIKE 'A'", "line 1:12: mismatched input 'ILIKE'"),
    ("1D", "line 1:8: the number 1D is not supported"),
    ("1_000", "line 1:8: the number 1_000 is not supported"),
    ("0x1F", "line 1:8: the number 0x1F is not supported"),
    ("json_value('{}', 'lax $.a' RETURNING bigint)", "line 1:8: function json_value is not supported"),
]
UNREAD = [
    ("SELECT 1 BETWEEN SYMMETRIC 3 AND 1", "line 1:8: SYMMETRIC of BETWEEN"),
    ("SELECT array_agg(x ORDER BY x LIMIT 1) FROM (VALUES 1, 2) t(x)", "line 1:18: LIMIT"),
    ("SELECT CAST('2020' AS varchar FORMAT 'yyyy')", "line 1:8: FORMAT of CAST"),
    ("SELECT x FROM (VALUES 1) t(x) ORDER BY x WITH FILL", "line 1:40: WITH FILL of ORDERED"),
    ("SELECT sum(x) OVER (ORDER BY x ROWS 1 PRECEDING EXCLUDE TIES) FROM (VALUES 1) t(x)", "EXCLUDE in a window"),
    ("SELECT first_value(x IGNORE NULLS) OVER () FROM (VALUES 1) t(x)", "line 1:20: IGNORENULLS"),
    ("SELECT approx_percentile(DISTINCT x, 0.5) FROM (VALUES 1) t(x)", "line 1:8: DISTINCT or ORDER BY inside"),
    ("SELECT histogram(DISTINCT x) FROM (VALUES 1) t(x)", "line 1:8: DISTINCT or ORDER BY inside"),
    ("SELECT CAST(1 AS timestamp(9))", "line 1:8: more than 6 digits of a second"),
    ("SELECT CAST('1.1.1.1' AS ipaddress)", "line 1:8: the type ipaddress"),
]


@pytest.mark.parametrize(("expression", "words"), FOREIGN, ids=[case[0] for case in FOREIGN])
def test_signs_that_are_not_trinos(expression: str, words: str) -> None:
    with pytest.raises(SyntaxFailure) as failure:
        athena.answer(expression)
    assert str(failure.value).startswith(words)


@pytest.mark.parametrize(("query", "words"), UNREAD, ids=[case[0] for case in UNREAD])
def test_parts_that_nothing_reads(query: str, words: str) -> None:
    with pytest.raises(QueryFailure) as failure:
        athena.rows(query)
    assert failure.value.code == "NOT_SUPPORTED"
    assert words in str(failure.value)


QUOTED = "SELECT '!' || ':: {1D}' AS x, \"1D\" FROM (VALUES 1) t(\"1D\")"


@pytest.mark.parametrize("query", ["SELECT a[1] FROM (VALUES ARRAY[5]) t(a)", QUOTED, "SELECT 1 AS D"])
def test_the_same_signs_where_they_are_trinos(query: str) -> None:
    assert athena.rows(query)


def test_every_node_with_a_handler_has_its_parts_listed() -> None:
    listed = {kind.__name__ for kind in unread._READ}
    handled = {name for name in expressions._HANDLERS if issubclass(getattr(exp, name), exp.Expression)}
    queries = {"Subquery"}  # looked at by the translation of queries
    assert handled - listed == queries


@pytest.mark.parametrize(("word", "given", "needed"), [("lag", -1, 0), ("lead", -2, 0), ("nth_value", 0, 1)])
def test_an_offset_that_would_turn_around_fails(word: str, given: int, needed: int) -> None:
    with pytest.raises(QueryFailure, match=f"INVALID_FUNCTION_ARGUMENT: Offset must be at least {needed}"):
        athena.rows(f"SELECT {word}(x, {given}) OVER (ORDER BY x) FROM (VALUES 1, 2) t(x)")


def test_patterns_that_are_not_constant() -> None:
    given = "FROM (VALUES ('1a 2b', '[a-z]', 1), ('x', '(?=x)', 2)) t(s, p, n) WHERE n ="
    found = "regexp_like(s, p), regexp_extract(s, p), regexp_count(s, p), regexp_replace(s, p), regexp_split(s, p)"
    assert athena.rows(f"SELECT {found} {given} 1") == [["true", "a", "2", "1 2", "[1,  2, ]"]]
    with pytest.raises(QueryFailure, match="NOT_SUPPORTED: the regular expression"):
        athena.rows(f"SELECT regexp_like(s, p) {given} 2")
