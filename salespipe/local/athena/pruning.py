"""Conditions told to the tables: which part of a WHERE or ON reads what, and what it compares a column with."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.operators import conjuncts
from salespipe.local.athena.scope import Typed

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_ALIAS = re.compile(r"\b([a-z]+\d+)\.")


def conditions(node: exp.Expr, inside: Expressions, clause: str, may: Callable[[int], bool]) -> list[str]:
    """The SQL of each part of a condition; mentions of tables for which `may` says so are pruned by them."""
    tables = inside.translation.tables
    sqls = []
    for part in conjuncts(node):
        with tables.watching() as read:
            sql = inside.boolean(part, clause)
        sqls.append(sql)
        if read and not any(isinstance(inner, (exp.Query, exp.Subquery)) for inner in part.walk()):
            if len(mentioned(sql)) == 1:
                tables.prune(read, sql, constants(part, inside), may)
            elif isinstance(part, exp.EQ) and {type(part.this), type(part.expression)} == {exp.Column}:
                tables.equal(read, may)
    return sqls


def mentioned(sql: str) -> set[str]:
    """The relations, tables or not, of which an expression reads a column."""
    return set(_ALIAS.findall(_QUOTED.sub("''", sql)))


def constants(part: exp.Expr, inside: Expressions) -> tuple[Typed, ...]:
    """What `column = value` or `column IN (values)` compares its column with; nothing for any other condition."""
    while isinstance(part, exp.Paren):
        part = part.this
    if isinstance(part, exp.EQ):
        sides = [part.this, part.expression]
        values = [side for side in sides if not isinstance(side, exp.Column)]
        if len(values) != 1:
            return ()
    elif isinstance(part, exp.In) and isinstance(part.this, exp.Column) and part.expressions:
        values = list(part.expressions)
    else:
        return ()
    if any(inner for value in values for inner in value.find_all(exp.Column, exp.Query, exp.Subquery)):
        return ()
    found = tuple(inside.value(value) for value in values)
    return () if any("random()" in value.sql for value in found) else found
