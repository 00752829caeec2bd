"""What follows a call: FILTER, OVER with its partition, order and frame, IGNORE NULLS, WITHIN GROUP.

https://trino.io/docs/current/functions/window.html, /aggregate.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.calls import call
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import VARCHAR

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

_NULL_TREATMENT = ("lag", "lead", "first_value", "last_value", "nth_value")


def filter(expressions: Expressions, node: exp.Filter) -> Typed:
    return _aggregate(expressions, node.this, f" FILTER (WHERE {expressions.boolean(node.expression.this)})", False)


def window(expressions: Expressions, node: exp.Window) -> Typed:
    called, before = node.this, ""
    if isinstance(called, exp.Filter):
        before = f" FILTER (WHERE {expressions.boolean(called.expression.this)})"
        called = called.this
    return _aggregate(expressions, called, f"{before} OVER ({_frame(expressions, node)})", True)


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
        parts.append("PARTITION BY " + ", ".join(expressions.value(item).sql for item in partition))
    if order is not None:
        parts.append(expressions.ordering(order.expressions))
    if spec is not None:
        parts.append(_spec(expressions, spec))
    return " ".join(parts)


def _spec(expressions: Expressions, spec: exp.WindowSpec) -> str:
    if spec.args.get("exclude"):
        raise NotSupported("EXCLUDE in a window frame", expressions.at(spec))
    start, end = _bound(expressions, spec, "start"), _bound(expressions, spec, "end")
    return f"{str(spec.args['kind']).upper()} BETWEEN {start} AND {end or 'CURRENT ROW'}"


def _bound(expressions: Expressions, spec: exp.WindowSpec, which: str) -> str:
    bound, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
    if bound is None:
        return ""
    shown = bound.upper() if isinstance(bound, str) else expressions.value(bound).sql
    return f"{shown} {side}".strip()


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
    value = converted(expressions.value(inner), VARCHAR)
    separator = expressions.value(node.args["separator"]).sql if node.args.get("separator") else "''"
    joined = f"string_agg({'DISTINCT ' if distinct else ''}{value.sql}, {separator}{order})"
    return Typed(joined, VARCHAR)


HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    "Filter": filter,
    "Window": window,
    "GroupConcat": listagg,
}
