"""What follows a call: FILTER, OVER with its partition, order and frame, IGNORE NULLS, WITHIN GROUP.

https://trino.io/docs/current/functions/window.html, /aggregate.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.calls import call
from salespipe.local.athena.casts import converted
from salespipe.local.athena.equality import check_alike
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.failing import steady
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import NUMERIC, TEXT, UNKNOWN, VARCHAR, duckdb_type

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

_NULL_TREATMENT = ("lag", "lead", "first_value", "last_value", "nth_value")

# Frames without a meaning, by how their start and end are written (ExpressionAnalyzer in Trino's source).
_NO_FRAME = (
    ("start cannot be UNBOUNDED FOLLOWING", "UNBOUNDED FOLLOWING", ""),
    ("end cannot be UNBOUNDED PRECEDING", "", "UNBOUNDED PRECEDING"),
    ("starting from CURRENT ROW cannot end with PRECEDING", "CURRENT ROW", "PRECEDING"),
    ("starting from FOLLOWING cannot end with PRECEDING", "FOLLOWING", "PRECEDING"),
    ("starting from FOLLOWING cannot end with CURRENT ROW", "FOLLOWING", "CURRENT ROW"),
)


def filter(expressions: Expressions, node: exp.Filter) -> Typed:
    return _aggregate(expressions, node.this, f" FILTER (WHERE {expressions.boolean(node.expression.this)})", False)


def window(expressions: Expressions, node: exp.Window) -> Typed:
    called, before = node.this, ""
    if isinstance(called, exp.Filter):
        before = f" FILTER (WHERE {expressions.boolean(called.expression.this)})"
        called = called.this
    inner = called.this if isinstance(called, (exp.IgnoreNulls, exp.RespectNulls)) else called
    if isinstance(inner, exp.Anonymous) and inner.name.lower() in ("lag", "lead"):
        _check_offset(expressions, node, inner.name)
    return _aggregate(expressions, called, f"{before} OVER ({steady(_frame(expressions, node))})", True)


def _aggregate(expressions: Expressions, called: exp.Expr, over: str, window: bool) -> Typed:
    if isinstance(called, (exp.IgnoreNulls, exp.RespectNulls)):
        ignore = isinstance(called, exp.IgnoreNulls)
        inner = called.this
        if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in _NULL_TREATMENT:
            raise NotSupported("IGNORE NULLS here", expressions.at(called))
        plain = call(expressions, inner, inner.name.lower(), list(inner.expressions), "{over}", window)
        head = plain.sql.removesuffix("){over}")
        return Typed(f"{head}{' IGNORE NULLS' if ignore else ''}){over}", plain.type)
    if isinstance(called, exp.GroupConcat) and not window:
        plain = listagg(expressions, called)
        return Typed(f"{plain.sql}{over}", plain.type)
    if isinstance(called, exp.Anonymous):
        return call(expressions, called, called.name.lower(), list(called.expressions), over, window)
    raise NotSupported(f"{called.key.upper()} with FILTER or OVER", expressions.at(called))


def _check_offset(expressions: Expressions, node: exp.Window, name: str) -> None:
    """lag and lead need an order and take no frame."""
    base = node.args.get("alias")
    named = expressions.windows.get(base.name.lower()) if base is not None else None
    has = [
        part for part in ("order", "spec") for window in (node, named) if window is not None and window.args.get(part)
    ]
    if "spec" in has:
        message = f"Cannot specify window frame for {name} function"
        raise QueryFailure("INVALID_WINDOW_FRAME", message, expressions.at(node))
    if "order" not in has:
        message = f"{name} function requires an ORDER BY window clause"
        raise QueryFailure("MISSING_ORDER_BY", message, expressions.at(node))


def _frame(expressions: Expressions, node: exp.Window) -> str:
    partition = list(node.args.get("partition_by") or [])
    order, spec = node.args.get("order"), node.args.get("spec")
    base = node.args.get("alias")
    if base is not None:
        named = expressions.windows.get(base.name.lower())
        if named is None:
            raise QueryFailure(
                "INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {base.name}", expressions.at(node)
            )
        inherited = _frame(expressions, named)
        own = [
            part
            for part in (order and expressions.ordering(order.expressions), spec and _spec(expressions, spec))
            if part
        ]
        return " ".join([inherited, *own])
    parts = []
    if partition:
        values = [expressions.value(item) for item in partition]
        for value in values:
            check_alike(value.type, "PARTITION BY", expressions.at(node))
        parts.append("PARTITION BY " + ", ".join(value.sql for value in values))
    if order is not None:
        parts.append(expressions.ordering(order.expressions))
    if spec is not None:
        parts.append(_spec(expressions, spec))
    return " ".join(parts)


def _spec(expressions: Expressions, spec: exp.WindowSpec) -> str:
    if spec.args.get("exclude"):
        raise NotSupported("EXCLUDE in a window frame", expressions.at(spec))
    start, end = _bound(expressions, spec, "start"), _bound(expressions, spec, "end")
    wrong = next((words for words, a, b in _NO_FRAME if start.endswith(a) and (end or "CURRENT ROW").endswith(b)), None)
    if wrong:
        raise QueryFailure("INVALID_WINDOW_FRAME", f"Window frame {wrong}", expressions.at(spec))
    return f"{str(spec.args['kind']).upper()} BETWEEN {start} AND {end or 'CURRENT ROW'}"


def _bound(expressions: Expressions, spec: exp.WindowSpec, which: str) -> str:
    bound, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
    if bound is None:
        return ""
    if isinstance(bound, str):
        return f"{bound.upper()} {side}".strip()
    shown = expressions.value(bound)
    if isinstance(bound, (exp.Literal, exp.Interval)):
        return f"{shown.sql} {side}"
    least = f"CAST(0 AS {duckdb_type(shown.type)})" if shown.type.name in NUMERIC else "to_days(0)"
    return f"trino_frame({shown.sql}, {least}) {side}"


def listagg(expressions: Expressions, node: exp.GroupConcat) -> Typed:
    """https://trino.io/docs/current/functions/aggregate.html#listagg"""
    inner, order = node.this, ""
    if isinstance(inner, exp.Order):
        order = " " + expressions.ordering(inner.expressions)
        inner = inner.this
    distinct = isinstance(inner, exp.Distinct)
    if distinct:
        inner = inner.expressions[0]
    if isinstance(node.args.get("on_overflow"), exp.OverflowTruncateBehavior):
        raise NotSupported("ON OVERFLOW TRUNCATE", expressions.at(node))
    if not order:
        raise QueryFailure("SYNTAX_ERROR", "mismatched input. Expecting: 'WITHIN'", expressions.at(node))
    given = expressions.value(inner)
    if given.type.name not in TEXT and given.type != UNKNOWN:
        shown = f"Expected expression of varchar, but '{inner.sql(dialect='trino')}' has {given.type} type"
        raise QueryFailure("TYPE_MISMATCH", shown, expressions.at(node))
    value = converted(given, VARCHAR)
    separator = expressions.value(node.args["separator"]).sql if node.args.get("separator") else "''"
    joined = f"string_agg({'DISTINCT ' if distinct else ''}{value.sql}, {separator}{order})"
    return Typed(joined, VARCHAR)


HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    "Filter": filter,
    "Window": window,
    "GroupConcat": listagg,
}
