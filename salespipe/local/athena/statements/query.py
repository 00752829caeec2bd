"""SELECT in every form, and EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from salespipe.local.athena import run
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.parse import parse_query
from salespipe.local.athena.statements.context import Context, Result, ResultColumn, Statement, listing
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import BOOLEAN

_OFFERED = (("TYPE", "LOGICAL"), ("TYPE", "DISTRIBUTED"), ("TYPE", "VALIDATE"), ("FORMAT", "TEXT"))


def select(sql: str) -> Statement:
    """A query; its text has been seen to be one."""

    def action(context: Context) -> Result:
        prepared = _prepared(sql, context)

        def rows() -> Iterator[list[tuple[Any, ...]]]:
            run.located(prepared, context.session)
            context.scanned(prepared.tables.scanned_bytes)
            yield from run.pages(prepared, context.session)

        return Result(prepared.columns, rows(), header=True)

    return Statement("DML", "SELECT", action)


def explain(words: Words) -> Statement:
    """EXPLAIN and EXPLAIN ANALYZE: the plan of the engine that runs it here, which is not Athena's.

    https://docs.aws.amazon.com/athena/latest/ug/athena-explain-statement.html
    """
    analyze = words.accept("ANALYZE")
    options = _options(words) if words.accept("(") else {}
    sql = words.rest_in_place()
    parse_query(sql)

    def action(context: Context) -> Result:
        prepared = _prepared(sql, context)
        if options.get("TYPE") == "VALIDATE":
            return Result((ResultColumn("Valid", BOOLEAN),), iter([[("true",)]]))
        located = run.located(prepared, context.session)
        if analyze:
            context.scanned(prepared.tables.scanned_bytes)
            plan = run.carried_out(prepared, context.session, lambda found: f"EXPLAIN ANALYZE {found}")
        else:
            plan = context.session.rows(f"EXPLAIN {located}")
        lines = [line for row in plan for line in str(row[1]).splitlines()]
        return listing(["Query Plan"], [[line] for line in lines])

    return Statement("DML" if analyze else "UTILITY", "EXPLAIN", action)


def _options(words: Words) -> dict[str, str]:
    """`(TYPE …, FORMAT …)`. Raises by name for forms that the local engine's plan cannot be given in."""
    options: dict[str, str] = {}
    while True:
        name, value = words.identifier().upper(), words.identifier().upper()
        if (name, value) not in _OFFERED:
            raise NotSupported(f"EXPLAIN ({name} {value})")
        options[name] = value
        if words.accept(")"):
            return options
        words.expect(",")


def _prepared(sql: str, context: Context) -> run.Prepared:
    return run.prepare(sql, context.database, context.catalog, context.objects, context.folder, context.now)
