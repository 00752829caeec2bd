"""PREPARE, EXECUTE … USING and DEALLOCATE PREPARE, and the parameters of any statement.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html. A value takes the place of its `?`
as the text that it is. A count that is wrong is an error of the query, not of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.statements.context import Context, Result, Statement
from salespipe.local.athena.statements.words import Words
from salespipe.local.errors import AwsError

Lookup = Callable[[str], str | None]
"""The text of a prepared statement by its name."""

_CAN_BE_PREPARED = ("SELECT", "WITH", "VALUES", "TABLE", "(", "INSERT", "CREATE", "UNLOAD")


def prepare(words: Words) -> Statement:
    """Parse what follows PREPARE."""
    name = words.identifier()
    words.expect("FROM")
    first = words.peek()
    if first is None:
        raise words.mismatch("<statement>")
    if first.text.upper() not in _CAN_BE_PREPARED:
        raise NotSupported(f"PREPARE of {first.text.upper()}")
    text = words.rest()

    def action(context: Context) -> Result:
        try:
            context.prepared.put(name, text, new=True)
        except AwsError as error:
            raise QueryFailure("ALREADY_EXISTS", error.message) from error
        return Result()

    return Statement("DDL", "PREPARE", action)


def deallocate(words: Words) -> Statement:
    """Parse what follows DEALLOCATE."""
    words.expect("PREPARE")
    name = words.identifier()
    words.end()

    def action(context: Context) -> Result:
        try:
            context.prepared.delete(name)
        except AwsError as error:
            raise QueryFailure("NOT_FOUND", error.message) from error
        return Result()

    return Statement("DDL", "DEALLOCATE_PREPARE", action)


def executed(words: Words, parameters: Sequence[str], lookup: Lookup) -> tuple[str, Sequence[str]]:
    """What follows EXECUTE, as the prepared text and its parameters. Raises NOT_FOUND and SyntaxFailure."""
    name = words.identifier()
    values = _values(words) if words.accept("USING") else []
    words.end()
    text = lookup(name)
    if text is None:
        raise QueryFailure("NOT_FOUND", f"Prepared statement not found: {name}", (1, 1))
    return text, values or parameters


def _values(words: Words) -> list[str]:
    """The texts of expressions between commas."""
    values, depth, start = [], 0, words.peek()
    while (word := words.peek()) is not None:
        if word.text == "," and depth == 0 and start is not None and start is not word:
            values.append(words.sql[start.start : word.start].strip())
            words.take()
            start = words.peek()
            continue
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word.text, 0)
        words.take()
    if start is None:
        raise words.mismatch("<expression>")
    return [*values, words.sql[start.start : words.all[-1].end]]


def splice(sql: str, parameters: Sequence[str]) -> str:
    """The statement with each `?` replaced by the next parameter. Raises INVALID_PARAMETER_USAGE on a wrong count."""
    marks = [word for word in Words(sql).all if word.text == "?"]
    if len(marks) != len(parameters):
        raise QueryFailure(
            "INVALID_PARAMETER_USAGE",
            f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}",
            (1, 1),
        )
    for mark, value in reversed(list(zip(marks, parameters, strict=True))):
        sql = sql[: mark.start] + value + sql[mark.end :]
    return sql
