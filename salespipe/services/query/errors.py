"""Why Athena refused or failed a statement: its own words, the place in the text, and the nearest name that exists.

Athena says `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved or requester is not authorized to access ...`;
lines and columns count from 1 (https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from salespipe.aws.errors import error_code, translate
from salespipe.errors import QueryError, SalespipeError
from salespipe.services import provision
from salespipe.services.empty_lake import why_empty
from salespipe.services.orders_view import TYPES
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.catalog import tables
from salespipe.services.query.text import unclosed, words
from salespipe.services.query.words import FUNCTIONS, KEYWORDS
from salespipe.stack.naming import COMPACTED_TABLE, CURRENT_VIEW, LAKE_TABLE, RAW_TABLE

_PLACE = re.compile(r"line (\d+):(\d+)")
_MISSING_TABLE = re.compile(r"TABLE_NOT_FOUND|Table '?[\w.\"]+'? does not exist", re.IGNORECASE)
_TABLE = re.compile(r"Table '?([\w.\"]+?)'? does not exist", re.IGNORECASE)
_COLUMN = re.compile(r"Column '([^']+)' cannot be resolved", re.IGNORECASE)
_FUNCTION = re.compile(r"Function '?([\w$]+)'? (?:not registered|is not supported)", re.IGNORECASE)
_WORD = re.compile(r"mismatched input '([^']+)'", re.IGNORECASE)
_TIMES = re.compile(r"\b(?:ordered_at|updated_at|event_time)\b")
_CAST = re.compile(r"Cannot cast \w+ '.*' to (DECIMAL\(\d+, ?\d+\))|Out of range for (integer)", re.IGNORECASE)
_NOT_FOR_TEXT = ("Unexpected parameters", "INVALID_CAST_ARGUMENT", "Cannot apply operator")


@contextmanager
def told(p: Pipeline, sql: str, values: Sequence[str]) -> Iterator[None]:
    """Let botocore's errors leave as ours, and a refusal of the statement as a QueryError."""
    try:
        yield
    except ClientError as error:
        if error_code(error) != "InvalidRequestException":
            raise translate(error) from error
        said = str(error.response["Error"].get("Message", ""))
        if "workgroup" in said.lower():
            provision.require(p)
            raise QueryError(" ".join(said.split()), "repair the pipeline with: salespipe up") from error
        raise failure(p, sql, said, values) from error
    except BotoCoreError as error:
        raise translate(error) from error


def failure(p: Pipeline, sql: str, said: str, values: Sequence[str] = ()) -> QueryError:
    """The error for Athena's reason `said`."""
    line = " ".join(said.split()) or "Athena gave no reason"
    if (at := unclosed(sql)) is not None:
        start, end = sql.rfind("\n", 0, at) + 1, sql.find("\n", at)
        hint = f"{'the comment' if sql[at] == '/' else f'what begins with {sql[at]}'} is never closed"
        return QueryError(line, hint, sql[start : end if end >= 0 else len(sql)], at - start + 1)
    text, column = _place(sql, said, values)
    return QueryError(line, _hint(p, sql, line, values), text, column)


def _place(sql: str, said: str, values: Sequence[str]) -> tuple[str, int]:
    """The line of the statement that is meant and the column in it from 1; nothing where that is not known."""
    match = _PLACE.search(said)
    lines = sql.splitlines()
    if match is None or int(match[1]) > len(lines):
        return "", 0
    text, column = lines[int(match[1]) - 1], int(match[2])
    # Behind a ? the places may be those of the statement with its values in.
    shifted = bool(values) and "?" in "\n".join([*lines[: int(match[1]) - 1], text[: column - 1]])
    if shifted or not 1 <= column <= len(text) + 1:
        return "", 0
    return text, column


def _hint(p: Pipeline, sql: str, line: str, values: Sequence[str]) -> str:
    if _MISSING_TABLE.search(line):
        return _about_table(p, line)
    if match := _COLUMN.search(line):
        return _nearest(match[1].rpartition(".")[2], _columns(p, sql)) or _about_quotes(match[1], sql)
    if match := _FUNCTION.search(line):
        return _nearest(match[1], FUNCTIONS)
    if match := _WORD.search(line):
        return _nearest(match[1], KEYWORDS)
    if f"Table {LAKE_TABLE} is not a partitioned table" in line:
        return f"since the first compaction it is a view; ask {RAW_TABLE} and {COMPACTED_TABLE}"
    if (match := _CAST.search(line)) and not words(sql).isdisjoint((CURRENT_VIEW, LAKE_TABLE)):
        return _about_value(p, (match[1] or match[2]).lower().replace(" ", ""))
    if values and ("TYPE_MISMATCH" in line or "Cannot apply operator" in line):
        return "a --param of digits is a number; the string of a number is written --param \"'5905'\""
    if (time := _TIMES.search(sql)) and any(sign in line for sign in _NOT_FOR_TEXT):
        return f"{time[0]} is text; its moment is from_iso8601_timestamp({time[0]})"
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


def _nearest(name: str, known: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[found[0]]}?" if found and found[0] != name.lower() else ""
