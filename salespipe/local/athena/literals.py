"""Constants: https://trino.io/docs/current/language/types.html and /functions/datetime.html#current-date-and-time"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_INTERVAL,
    DOUBLE,
    INTEGER,
    MONTH_INTERVAL,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    Type,
    decimal,
    text,
)

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

_DAY_UNITS = {"DAY": "to_days", "HOUR": "to_hours", "MINUTE": "to_minutes", "WEEK": "to_weeks"}
_MONTH_UNITS = {"YEAR": "to_years", "MONTH": "to_months"}


def literal(expressions: Expressions, node: exp.Literal) -> Typed:
    """`1` is an integer, `3000000000` a bigint, `1.50` a decimal(3,2), `1e0` a double, `'abc'` a varchar(3)."""
    written = str(node.this)
    if node.is_string:
        return Typed(text(written), Type("varchar", numbers=(len(written),)))
    if "e" in written.lower():
        return Typed(f"CAST({written} AS DOUBLE)", DOUBLE)
    if "." in written:
        return exact(expressions, node)
    number = int(written)
    if number >= 1 << 63:
        raise QueryFailure("INVALID_LITERAL", f"Invalid numeric literal: {written}", expressions.at(node))
    if number >= 1 << 31:
        return Typed(f"CAST({number} AS BIGINT)", BIGINT)
    return Typed(str(number), INTEGER)


def exact(expressions: Expressions, node: exp.Literal) -> Typed:
    """A decimal with as many digits as were written, leading zeros aside."""
    written = str(node.this).strip()
    sign = "-" if written.startswith("-") else ""
    whole, _, fraction = written.lstrip("+-").partition(".")
    if not (whole + fraction).isdigit():
        raise QueryFailure("INVALID_LITERAL", f"'{written}' is not a valid DECIMAL literal", expressions.at(node))
    precision = max(1, len(whole.lstrip("0")) + len(fraction))
    if precision > 38:
        raise QueryFailure("INVALID_LITERAL", f"Invalid DECIMAL literal: {written}", expressions.at(node))
    type_ = decimal(precision, len(fraction))
    return Typed(f"CAST('{sign}{whole or 0}.{fraction or 0}' AS DECIMAL({precision},{len(fraction)}))", type_)


def interval(expressions: Expressions, node: exp.Interval) -> Typed:
    """`INTERVAL '2' DAY`, `INTERVAL '1-2' YEAR TO MONTH`, `INTERVAL '-1' MONTH`."""
    unit, amount = node.args["unit"], node.this
    if not isinstance(amount, exp.Literal):
        raise NotSupported("an interval whose amount is not a constant", expressions.at(node))
    written = str(amount.this).strip()
    if isinstance(unit, exp.IntervalSpan):
        span = f"{unit.this.name} {unit.expression.name}".upper()
        if span == "YEAR MONTH" and written.count("-") == 1 and not written.startswith("-"):
            years, months = (int(part) for part in written.split("-"))
            return Typed(f"to_months({years * 12 + months})", MONTH_INTERVAL)
        raise NotSupported(f"INTERVAL {span.replace(' ', ' TO ')}", expressions.at(node))
    name = str(unit.name).upper()
    try:
        if name == "SECOND":
            return Typed(f"to_microseconds({round(float(written) * 1000) * 1000})", DAY_INTERVAL)
        if name in _DAY_UNITS and name != "WEEK":
            return Typed(f"{_DAY_UNITS[name]}({int(written)})", DAY_INTERVAL)
        if name in _MONTH_UNITS:
            return Typed(f"{_MONTH_UNITS[name]}({int(written)})", MONTH_INTERVAL)
    except ValueError:
        raise QueryFailure(
            "INVALID_LITERAL", f"'{written}' is not a valid INTERVAL literal", expressions.at(node)
        ) from None
    raise NotSupported(f"INTERVAL {name}", expressions.at(node))


def current_date(expressions: Expressions, node: exp.Expr) -> Typed:
    return Typed(f"DATE '{expressions.translation.now:%Y-%m-%d}'", DATE)


def current_timestamp(expressions: Expressions, node: exp.Expr) -> Typed:
    """The instant the query began, the same everywhere in it."""
    return Typed(f"timezone('UTC', TIMESTAMP '{_milliseconds(expressions)}')", TIMESTAMP_TZ)


def local_timestamp(expressions: Expressions, node: exp.Expr) -> Typed:
    return Typed(f"TIMESTAMP '{_milliseconds(expressions)}'", TIMESTAMP)


def _milliseconds(expressions: Expressions) -> str:
    return f"{expressions.translation.now:%Y-%m-%d %H:%M:%S.%f}"[:-3]


def null(expressions: Expressions, node: exp.Expr) -> Typed:
    return Typed("NULL", UNKNOWN)


def boolean(expressions: Expressions, node: exp.Boolean) -> Typed:
    return Typed("true" if node.this else "false", BOOLEAN)


HANDLERS: dict[str, Callable[[Expressions, Any], Typed]] = {
    "Literal": literal,
    "decimal": exact,
    "Interval": interval,
    "CurrentDate": current_date,
    "CurrentTimestamp": current_timestamp,
    "Localtimestamp": local_timestamp,
    "Null": null,
    "Boolean": boolean,
}
