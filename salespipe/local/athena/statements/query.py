"""SELECT in every form, and EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from salespipe.local.athena import run
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.statements.context import Context, Result, Statement, listing
from salespipe.local.athena.statements.words import Words


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
    """EXPLAIN: the plan of the engine that runs it here, which is not Athena's."""
    for option in ("ANALYZE", "("):
        if words.accept(option):
            raise NotSupported("EXPLAIN with options")
    sql = words.rest()

    def action(context: Context) -> Result:
        prepared = _prepared(sql, context)
        plan = context.session.rows(f"EXPLAIN {run.located(prepared, context.session)}")
        lines = [line for row in plan for line in str(row[1]).splitlines()]
        return listing(["Query Plan"], [[line] for line in lines])

    return Statement("UTILITY", "EXPLAIN", action)


def _prepared(sql: str, context: Context) -> run.Prepared:
    return run.prepare(sql, context.database, context.catalog, context.objects, context.folder, context.now)
