"""Why Athena refused or failed a statement: its own words, the place in the text, and a hint (`hints`).

Athena says `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved or requester is not authorized to access ...`;
lines and columns count from 1 (https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from salespipe.aws.errors import error_code, translate
from salespipe.errors import QueryError
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.hints import hint
from salespipe.services.query.text import unclosed

_PLACE = re.compile(r"line (\d+):(\d+)")


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
        why = f"{'the comment' if sql[at] == '/' else f'what begins with {sql[at]}'} is never closed"
        return QueryError(line, why, sql[start : end if end >= 0 else len(sql)], at - start + 1)
    text, column = _place(sql, said, values)
    return QueryError(line, hint(p, sql, line, values, _offset(sql, said)), text, column)


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


def _offset(sql: str, said: str) -> int:
    """Where in the statement the place is, as near as it is known."""
    match = _PLACE.search(said)
    lines = sql.splitlines(keepends=True)
    return sum(map(len, lines[: int(match[1]) - 1])) + int(match[2]) - 1 if match else 0
