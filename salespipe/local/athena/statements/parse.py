"""Which statement a text is. What Athena refuses as it comes in is refused here; what is not offered, as it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from salespipe.local.athena.errors import NotSupported, QueryFailure, SyntaxFailure
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.statements import (
    alter,
    ctas,
    databases,
    describe,
    external,
    insert,
    partitions,
    prepare,
    query,
    show,
    unload,
    views,
)
from salespipe.local.athena.statements.context import Context, Result, Statement
from salespipe.local.athena.statements.prepare import Lookup, executed, splice
from salespipe.local.athena.statements.words import Words

_KEYWORDS = (
    "ALTER", "ANALYZE", "CALL", "COMMENT", "COMMIT", "CREATE", "DEALLOCATE", "DELETE", "DENY", "DESC", "DESCRIBE",
    "DROP", "EXECUTE", "EXPLAIN", "GRANT", "INSERT", "MERGE", "MSCK", "OPTIMIZE", "PREPARE", "REFRESH", "RESET",
    "REVOKE", "ROLLBACK", "SELECT", "SET", "SHOW", "START", "TABLE", "TRUNCATE", "UNLOAD", "UPDATE", "USE", "VACUUM",
    "VALUES", "WITH",
)  # fmt: skip


def parse_statement(sql: str, parameters: Sequence[str] = (), lookup: Lookup = lambda name: None) -> Statement:
    """A statement with its parameters in place; `lookup` gives the texts that EXECUTE names.

    Raises SyntaxFailure for a text that is no statement; one that is not offered fails when it is run.
    """
    words = Words(sql)
    try:
        if words.accept("EXECUTE"):
            text, parameters = executed(words, parameters, lookup)
            return _parsed(splice(text, parameters))
        return _parsed(sql if words.accept("PREPARE") else splice(sql, parameters))
    except QueryFailure as refusal:
        return _refused(refusal)


def _parsed(sql: str) -> Statement:
    words = Words(sql)
    first = words.peek()
    if first is None:
        raise SyntaxFailure("line 1:1: mismatched input '<EOF>'. Expecting: 'SELECT', 'WITH', …")
    head = first.text.upper()
    if head in ("SELECT", "WITH", "VALUES", "TABLE", "("):
        text = sql[: words.all[-1].end]
        parse_query(text)
        return query.select(text)
    if head not in _KEYWORDS:
        expected = ", ".join(f"'{word}'" for word in _KEYWORDS)
        raise words.mismatch(expected)
    words.take()
    return _other(head, words)


def _other(head: str, words: Words) -> Statement:
    parser = _PARSERS.get(head)
    if parser is not None:
        return parser(words)
    raise NotSupported(head)


def _create(words: Words) -> Statement:
    replace = words.accept("OR", "REPLACE")
    if words.accept("VIEW"):
        return views.create(words, replace=replace)
    if replace:
        raise words.mismatch("'VIEW'")
    if words.accept("DATABASE") or words.accept("SCHEMA"):
        return databases.create_database(words)
    if words.accept("EXTERNAL", "TABLE"):
        return external.create_table(words)
    if words.accept("TABLE"):
        if not any(word.kind == "word" and word.text.upper() == "AS" for word in words.all):
            raise NotSupported("CREATE TABLE without EXTERNAL or AS (Iceberg)")
        return ctas.create_table_as(words)
    raise words.mismatch("'DATABASE', 'EXTERNAL', 'OR', 'SCHEMA', 'TABLE', 'VIEW'")


def _drop(words: Words) -> Statement:
    if words.accept("VIEW"):
        return views.drop(words)
    if words.accept("TABLE"):
        return external.drop_table(words)
    if words.accept("DATABASE") or words.accept("SCHEMA"):
        return databases.drop_database(words)
    raise words.mismatch("'DATABASE', 'SCHEMA', 'TABLE', 'VIEW'")


def _refused(refusal: QueryFailure) -> Statement:
    def action(context: Context) -> Result:
        raise refusal

    return Statement("DDL", "", action)


_PARSERS: dict[str, Callable[[Words], Statement]] = {
    "SHOW": show.show,
    "DESCRIBE": describe.describe,
    "DESC": describe.describe,
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": alter.alter,
    "MSCK": partitions.repair,
    "INSERT": insert.insert,
    "UNLOAD": unload.unload,
    "EXPLAIN": query.explain,
    "PREPARE": prepare.prepare,
    "DEALLOCATE": prepare.deallocate,
}
