"""IF, COALESCE, NULLIF, TRY, GREATEST, LEAST: https://trino.io/docs/current/functions/conditional.html

greatest and least give NULL as soon as one argument is NULL; the engine passes NULLs over.
"""

from __future__ import annotations

import re

from sqlglot import exp

from salespipe.local.athena import operators
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import cast
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.failing import may_fail, tried
from salespipe.local.athena.rules.registry import built
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import orderable, sortable
from salespipe.local.athena.types import duckdb_type

PAGE = "functions/conditional.html"


@built(PAGE, "scalar", "if")
def if_(call: Arguments) -> Typed:
    """`if(condition, then[, else])`."""
    call.expect(2, 3)
    condition = call.expressions.boolean(call.trees[0], "IF condition")
    sqls, type_ = call.expressions.together(call.trees[1:], "Result types for IF")
    return Typed(f"CASE WHEN {condition} THEN {sqls[0]} ELSE {sqls[1] if len(sqls) > 1 else 'NULL'} END", type_)


@built(PAGE, "scalar", "coalesce")
def coalesce(call: Arguments) -> Typed:
    """The first that is not NULL."""
    if len(call.trees) < 2:
        raise call.unfit()
    sqls, type_ = call.expressions.together(call.trees, "All COALESCE operands")
    return Typed(f"coalesce({', '.join(sqls)})", type_)


@built(PAGE, "scalar", "nullif")
def nullif(call: Arguments) -> Typed:
    """NULL if both are equal, else the first, whose type it keeps."""
    call.expect(2)
    first, second = call.value(0), call.value(1)
    same = operators.compared(first, second, "=", call.at)
    return Typed(f"CASE WHEN {same} THEN NULL ELSE {first.sql} END", first.type)


@built(PAGE, "scalar", "greatest", "least")
def extreme(call: Arguments) -> Typed:
    """The largest or smallest of at least one value."""
    if not call.trees:
        raise call.unfit()
    sqls, type_ = call.expressions.together(call.trees, f"All {call.name.upper()} arguments")
    if not orderable(type_):
        raise call.unfit()
    sqls = [sortable(Typed(sql, type_)) for sql in sqls]
    missing = " OR ".join(f"{sql} IS NULL" for sql in sqls)
    chosen = f"{call.name}({', '.join(sqls)})"
    if type_.name in ("double", "real"):  # NaN only where there is nothing else; the engine passes NULLs over
        numbers = ", ".join(f"CASE WHEN NOT isnan({sql}) THEN {sql} END" for sql in sqls)
        chosen = f"coalesce({call.name}({numbers}), CAST('NaN' AS {duckdb_type(type_)}))"
    return Typed(f"CASE WHEN {missing} THEN NULL ELSE {chosen} END", type_)


@built(PAGE, "scalar", "try")
def try_(call: Arguments) -> Typed:
    """NULL where the expression fails: of a division by zero, a cast, an argument or an overflow. What is not supported
    here stays so."""
    call.expect(1)
    if any(isinstance(node, (exp.Query, exp.Subquery)) for node in call.trees[0].walk()):
        raise NotSupported("TRY of a subquery", call.at)
    tree = call.trees[0]
    if type(tree) is exp.Cast and not isinstance(tree.this, exp.Literal):
        inner = call.expressions.value(tree.this)
        if not may_fail(inner.sql):  # for the engine a row that fails costs a thousand times one that is NULL
            return cast(inner, call.expressions.type_of(tree.args["to"], tree), attempt=True, at=call.at)
    value = call.value(0)
    if re.search(r"\b(sum|avg|count|min|max)\(|OVER \(", value.sql):
        raise NotSupported("TRY of an aggregate or window function", call.at)
    return Typed(f"TRY({tried(value.sql)})", value.type)
