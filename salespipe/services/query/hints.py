"""What to do about a statement that Athena refused or failed: the nearest name that exists, what other engines call
otherwise, how a value is written. A guess that is not near is none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from salespipe.errors import SalespipeError
from salespipe.services.empty_lake import why_empty
from salespipe.services.orders_view import TYPES
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.catalog import tables
from salespipe.services.query.elsewhere import constant_meant, function_meant, word_meant
from salespipe.services.query.text import words
from salespipe.services.query.words import FUNCTIONS, KEYWORDS
from salespipe.stack.naming import COMPACTED_TABLE, CURRENT_VIEW, LAKE_TABLE, RAW_TABLE

_MISSING_TABLE = re.compile(r"TABLE_NOT_FOUND|Table '?[\w.\"]+'? does not exist", re.IGNORECASE)
_TABLE = re.compile(r"Table '?([\w.\"]+?)'? does not exist", re.IGNORECASE)
_COLUMN = re.compile(r"Column '([^']+)' cannot be resolved", re.IGNORECASE)
_FUNCTION = re.compile(r"Function '?([\w$]+)'? (?:not registered|is not supported)", re.IGNORECASE)
_WORD = re.compile(r"mismatched input '([^']+)'", re.IGNORECASE)
_TEXTS = re.compile(r"(?<!' )\b(?:ordered_at|updated_at|event_time|dt|hour)\b(?!\s*\()", re.IGNORECASE)
_CAST = re.compile(r"Cannot cast \w+ '.*' to (DECIMAL\(\d+, ?\d+\))|Out of range for (integer)", re.IGNORECASE)
_NOT_FOR_TEXT = (
    "Unexpected parameters",
    "INVALID_CAST_ARGUMENT",
    "Cannot apply operator",
    "Cannot check if",
    "IN value and list items",
)
_AS_OTHER = {"dt": "; as a date it is date(dt)", "hour": "; as a number it is CAST(hour AS integer)"}
_NUMBER = re.compile(r"-?\d[\d.]*")
_DATE = re.compile(r"'\d{4}-\d\d-\d\d'")
_TIMESTAMP = re.compile(r"'\d{4}-\d\d-\d\d[ T]\d\d:\d\d[^']*'")
# Of what people mistype nearly all is as near as that, of what they bring along from other engines hardly anything.
_CLOSE = 0.75
_CLOSE_FUNCTION = 0.8


def hint(p: Pipeline, sql: str, line: str, values: Sequence[str], at: int) -> str:
    """What to do about Athena's reason `line`, which means the place `at` of the statement; empty if that is not known.
    `values` are the literals of its parameters."""
    if _MISSING_TABLE.search(line):
        return _about_table(p, line)
    if match := _COLUMN.search(line):
        name = match[1].rpartition(".")[2]
        return _nearest(name, _columns(p, sql)) or _about_quotes(match[1], sql) or constant_meant(name)
    if match := _FUNCTION.search(line):
        return function_meant(match[1]) or _nearest(match[1], FUNCTIONS, _CLOSE_FUNCTION)
    if match := _WORD.search(line):
        return _about_word(p, sql, line, match[1], at)
    if "output projection attribute from ORDER BY aggregation" in line:
        return (
            "order by that name itself, or write the table before the column: in ORDER BY a name is first one of SELECT"
        )
    if f"Table {LAKE_TABLE} is not a partitioned table" in line:
        return f"since the first compaction it is a view; ask {RAW_TABLE} and {COMPACTED_TABLE}"
    if (match := _CAST.search(line)) and not words(sql).isdisjoint((CURRENT_VIEW, LAKE_TABLE)):
        return _about_value(p, (match[1] or match[2]).lower().replace(" ", ""))
    mismatched = "TYPE_MISMATCH" in line or "Cannot apply operator" in line
    if mismatched and (about := _about_values(line, values)):
        return about
    if any(sign in line for sign in _NOT_FOR_TEXT) and (about := _about_text(sql, at)):
        return about
    if "parameter" in line.lower() and "?" in sql:
        return "each ? in the statement takes one --param"
    return ""


def _about_table(p: Pipeline, line: str) -> str:
    if re.search(rf"\b({LAKE_TABLE}|{CURRENT_VIEW})\b", line):
        try:
            why = why_empty(p)
        except SalespipeError:  # who may query need not be allowed to look into the bucket
            why = ""
        return why or "the crawler makes it from delivered orders; run: salespipe crawl"
    match = _TABLE.search(line)
    near = _nearest(match[1].replace('"', "").rpartition(".")[2], _catalog(p)) if match else ""
    return near or "list the tables with: salespipe query 'SHOW TABLES'"


def _about_word(p: Pipeline, sql: str, line: str, word: str, at: int) -> str:
    """The keyword that was meant by the word at which the parser stopped, or by the one before it: `orderid form
    orders` stops at `orders`, as `form` may be a name. What is a table or a column is no keyword with a mistake."""
    expected = re.findall(r"'([^']+)'", line.partition("Expecting:")[2])
    if len(expected) == 1 and expected[0].isalpha():
        return _nearest(word, expected, _CLOSE) or f"{expected[0]} is expected before {word}"
    rest = sql[at:] if sql[at : at + len(word)] == word else ""
    if re.match(r"\w+\s*\(", rest) and (meant := function_meant(word)):
        return meant
    before = (re.findall(r"\w+", sql[:at]) or [""])[-1] if rest else ""
    if meant := word_meant(before):
        return meant
    catalog = _catalog(p)
    names = {name.lower() for table, columns in catalog.items() for name in (table, *columns)}
    for each in (word, before):
        if each.lower() not in names and (near := _nearest(each, KEYWORDS, _CLOSE)):
            return near
    return ""


def _about_value(p: Pipeline, kind: str) -> str:
    """How to find the order with a value that does not fit `kind`; nothing where the view has no column of it."""
    column = next((name for name, shown in TYPES.items() if shown == kind), None)
    if column is None:
        return ""
    table, *others = (RAW_TABLE, COMPACTED_TABLE) if RAW_TABLE in _catalog(p) else (LAKE_TABLE,)
    too = f", or FROM {others[0]}" if others else ""
    return (
        f'an order that has it is found by: SELECT "$path", orderid, {column} FROM {table}'
        f" WHERE {column} IS NOT NULL AND try_cast({column} AS {kind}) IS NULL{too};"
        " a later change of the order puts it right"
    )


def _about_values(line: str, values: Sequence[str]) -> str:
    """What a value of another type would have to be written as."""
    for value in values:
        if "date" in line and _DATE.fullmatch(value):
            return f'a date is written --param "DATE {value}"; without DATE it is text'
        if "timestamp" in line and _TIMESTAMP.fullmatch(value):
            return f'a moment is written --param "TIMESTAMP {value.replace("T", " ")}"; without TIMESTAMP it is text'
    for value in filter(_NUMBER.fullmatch, values):
        return f"a --param of digits is a number; the string of a number is written --param \"'{value}'\""
    return ""


def _about_text(sql: str, at: int) -> str:
    """Which of the columns that are text, the nearest to the place `at`, was taken for a moment, a date or a number."""
    near = min(_TEXTS.finditer(sql), key=lambda match: abs(match.start() - at), default=None)
    if near is None:
        return ""
    name = near[0]
    if name.lower() in _AS_OTHER:
        return f"dt and hour are text, as in dt = '2026-01-31' AND hour = '09'{_AS_OTHER[name.lower()]}"
    return f"{name} is text; its moment is from_iso8601_timestamp({name})"


def _about_quotes(name: str, sql: str) -> str:
    quoted = re.search(rf'"{re.escape(name)}"', sql, re.IGNORECASE)
    return f"double quotes are for names; a string is written '{quoted[0][1:-1]}'" if quoted else ""


def _columns(p: Pipeline, sql: str) -> list[str]:
    """The columns of the tables that the statement names."""
    named = {word.lower() for word in re.findall(r"\w+", sql)}
    return [column for table, columns in _catalog(p).items() if table in named for column in columns]


def _catalog(p: Pipeline) -> dict[str, list[str]]:
    """Empty for who may query but not read the catalog: a guess less is no failure."""
    try:
        return tables(p)
    except SalespipeError:
        return {}


def _nearest(name: str, known: Iterable[str], close: float = _CLOSE) -> str:
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=close)
    return f"did you mean {by_lower[found[0]]}?" if found and found[0] != name.lower() else ""
