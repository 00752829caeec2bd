"""Aggregates: https://trino.io/docs/current/functions/aggregate.html

sum of integers is a bigint and of decimals a decimal(38,s); avg of decimals keeps their type and rounds halves away
from zero, where the engine would go through a double.
"""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena.arithmetic import quotient
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.equality import may_be_nan
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.json_text import once
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import key as sortable_key
from salespipe.local.athena.sortable import number, orderable, sortable
from salespipe.local.athena.types import (
    BIGINT,
    DAY_INTERVAL,
    DOUBLE,
    INTEGERS,
    MONTH_INTERVAL,
    Type,
    array,
    decimal,
    duckdb_type,
    map_of,
)

PAGE = "functions/aggregate.html"

define(
    PAGE,
    "aggregate",
    ("bool_and(boolean) -> boolean", "bool_and({0}){over}"),
    ("every(boolean) -> boolean", "bool_and({0}){over}"),
    ("bool_or(boolean) -> boolean", "bool_or({0}){over}"),
    ("count_if(boolean) -> bigint", "count(CASE WHEN {0} THEN 1 END){over}"),
    ("arbitrary(T) -> T", "any_value({0}){over}"),
    ("any_value(T) -> T", "any_value({0}){over}"),
    ("stddev(double) -> double", "stddev_samp({0}){over}"),
    ("stddev_samp(double) -> double", "stddev_samp({0}){over}"),
    ("stddev_pop(double) -> double", "stddev_pop({0}){over}"),
    ("variance(double) -> double", "var_samp({0}){over}"),
    ("var_samp(double) -> double", "var_samp({0}){over}"),
    ("var_pop(double) -> double", "var_pop({0}){over}"),
    ("corr(double, double) -> double", "trino_finite(corr({0}, {1}){over})"),
    ("covar_pop(double, double) -> double", "covar_pop({0}, {1}){over}"),
    ("covar_samp(double, double) -> double", "covar_samp({0}, {1}){over}"),
    ("regr_slope(double, double) -> double", "trino_finite(regr_slope({0}, {1}){over})"),
    ("regr_intercept(double, double) -> double", "trino_finite(regr_intercept({0}, {1}){over})"),
    ("geometric_mean(double) -> double", "exp(avg(ln({0})){over})"),
    ("bitwise_and_agg(bigint) -> bigint", "bit_and({0}){over}"),
    ("bitwise_or_agg(bigint) -> bigint", "bit_or({0}){over}"),
    ("bitwise_xor_agg(bigint) -> bigint", "bit_xor({0}){over}"),
    ("array_agg(T) -> array(T)", "list({distinct}{0}{order}){over}"),
    # Exact, and so within the 2.3 % that Trino promises.
    ("approx_distinct(T) -> bigint", "count(DISTINCT {0}){over}"),
    ("approx_distinct(T, double) -> bigint", "count(DISTINCT {0}){over}"),
)
macros(
    "trino_finite(x) AS CASE WHEN isfinite(x) THEN x END",
)


@built(PAGE, "aggregate", "count")
def count(call: Arguments) -> Typed:
    """Rows, or values that are not NULL."""
    if not call.trees or isinstance(call.trees[0], exp.Star):
        return Typed(f"count(*){call.over}", BIGINT)
    call.expect(1)
    distinct = "DISTINCT " if call.distinct else ""
    return Typed(f"count({distinct}{call.value(0).sql}){call.over}", BIGINT)


@built(PAGE, "aggregate", "sum")
def total(call: Arguments) -> Typed:
    """Overflow of a bigint fails, as in Trino."""
    call.expect(1)
    value, distinct = call.value(0), "DISTINCT " if call.distinct else ""
    name = value.type.name
    if name in INTEGERS:
        return Typed(f"CAST(sum({distinct}{value.sql}){call.over} AS BIGINT)", BIGINT)
    if name == "decimal":
        type_ = decimal(38, value.type.scale)
        return Typed(f"CAST(sum({distinct}{value.sql}){call.over} AS {duckdb_type(type_)})", type_)
    if name in ("double", "real"):
        return Typed(f"CAST(sum({distinct}{value.sql}){call.over} AS {duckdb_type(value.type)})", value.type)
    if value.type == DAY_INTERVAL:
        return Typed(f"to_microseconds(CAST(sum(epoch_us({value.sql})){call.over} AS BIGINT))", DAY_INTERVAL)
    if value.type == MONTH_INTERVAL:
        raise NotSupported(f"sum of {value.type}", call.at)
    raise call.unfit()


@built(PAGE, "aggregate", "avg")
def average(call: Arguments) -> Typed:
    """The mean: a double, or a decimal of the argument's own type."""
    call.expect(1)
    value, distinct = call.value(0), "DISTINCT " if call.distinct else ""
    name = value.type.name
    if name == "decimal":
        above = Typed(f"sum({distinct}{value.sql}){call.over}", decimal(38, value.type.scale))
        below = Typed(f"count({distinct}{value.sql}){call.over}", BIGINT)
        rows = f"nullif({below.sql}, 0)"
        return Typed(quotient(above, Typed(rows, BIGINT), value.type), value.type)
    if name in INTEGERS or name == "double":
        return Typed(f"avg({distinct}{converted(value, DOUBLE).sql}){call.over}", DOUBLE)
    if name == "real":
        return Typed(f"CAST(avg({distinct}{value.sql}){call.over} AS FLOAT)", value.type)
    if value.type == DAY_INTERVAL:
        micro = f"sum({distinct}epoch_us({value.sql})){call.over}"
        rows = f"nullif(count({distinct}{value.sql}){call.over}, 0)"
        return Typed(f"to_microseconds(CAST(trino_quotient({micro}, {rows} * 1000) * 1000 AS BIGINT))", DAY_INTERVAL)
    raise call.unfit()


def _many(call: Arguments, index: int) -> int:
    """How many are wanted. (MaxNStateFactory, MaxByNStateFactory and their kin in Trino's source.)"""
    if not call.literal(index).isdigit() or call.value(index).type.name not in INTEGERS:
        raise call.unfit()
    many = int(call.literal(index))
    if not 0 < many <= 10_000:
        which = f"second argument of {call.name}_n" if index == 1 else f"third argument of {call.name}"
        least = "positive" if index == 1 else "a positive integer"
        words = least if many == 0 else f"less than or equal to 10000; found {many}"
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"{which} must be {words}", call.at)
    return many


@built(PAGE, "aggregate", "max_by", "min_by")
def chosen_by(call: Arguments) -> Typed:
    """`max_by(x, y)`: the x of the largest y, of `max_by(x, y, n)` those of the n largest, the largest first. Rows
    without a y are left out; a NaN is chosen where there is nothing else."""
    call.expect(2, 3)
    value, by = call.value(0), call.value(1)
    if not orderable(by.type):
        raise call.unfit()
    key, largest = sortable(by), call.name == "max_by"
    maybe_nan = largest and may_be_nan(by)
    if len(call.trees) == 3:
        if call.over:
            raise NotSupported(f"{call.name} with FILTER or OVER", call.at)
        order = f"isnan({key}), {key} DESC" if maybe_nan else f"{key} {'DESC' if largest else 'ASC'}"
        chosen = f"list({value.sql} ORDER BY {order}) FILTER (WHERE {key} IS NOT NULL)"
        return Typed(f"({chosen})[1:{_many(call, 2)}]", array(value.type))
    chosen = f"{'arg_max_null' if largest else 'arg_min_null'}({value.sql}, {{}}){call.over}"
    if not maybe_nan:
        return Typed(chosen.format(key), value.type)
    known = f"max({number(key)}){call.over} IS NOT NULL"
    return Typed(f"CASE WHEN {known} THEN {chosen.format(number(key))} ELSE {chosen.format(key)} END", value.type)


@built(PAGE, "aggregate", "min", "max")
def extreme(call: Arguments) -> Typed:
    """`max(x)`, or with a number the greatest n as an array. A NaN is neither, unless there is nothing else.

    (MaxAggregationFunction in Trino's source takes it for less than all else, MinAggregationFunction for more.)
    """
    call.expect(1, 2)
    value = call.value(0)
    if not orderable(value.type):
        raise call.unfit()
    sql, maybe_nan = sortable(value), call.name == "max" and may_be_nan(value)
    if len(call.trees) == 2:
        many = _many(call, 1)
        if not maybe_nan:
            return Typed(f"{call.name}({sql}, {many}){call.over}", array(value.type))
        if call.over:
            raise NotSupported(f"max of several of {value.type} with FILTER or OVER", call.at)
        chosen = f"list({sql} ORDER BY isnan({sql}), {sql} DESC) FILTER (WHERE {sql} IS NOT NULL)"
        return Typed(f"({chosen})[1:{many}]", array(value.type))
    if maybe_nan:
        return Typed(f"coalesce(max({number(sql)}){call.over}, max({sql}){call.over})", value.type)
    return Typed(f"{call.name}({sql}){call.over}", value.type)


@built(PAGE, "aggregate", "approx_percentile")
def approx_percentile(call: Arguments) -> Typed:
    """An element at the given rank; exact, where Trino's is near. A decimal is taken as a double, as in Trino."""
    call.expect(2, 3, 4)
    if len(call.trees) > 2:
        raise NotSupported("approx_percentile with weights or an accuracy", call.at)
    value, share = call.value(0), call.value(1)
    if value.type.name == "decimal":
        value = converted(value, DOUBLE)
    if value.type.name not in (*INTEGERS, "double", "real"):
        raise call.unfit()
    for each in call.trees[1].expressions if isinstance(call.trees[1], exp.Array) else [call.trees[1]]:
        _check_share(each, call)
    type_ = BIGINT if value.type.name in INTEGERS else value.type
    sql = converted(value, type_).sql
    if share.type.name == "array":
        shares = converted(share, array(DOUBLE)).sql
        return Typed(f"quantile_disc({sql}, {shares}){call.over}", array(type_))
    return Typed(f"quantile_disc({sql}, {converted(share, DOUBLE).sql}){call.over}", type_)


def _check_share(node: exp.Expr, call: Arguments) -> None:
    """The engine would count a negative one from the other end."""
    while isinstance(node, (exp.Paren, exp.Cast)):
        node = node.this
    negative = isinstance(node, exp.Neg)
    number = node.this if negative else node
    if isinstance(number, exp.Literal) and number.is_string:
        raise call.unfit()
    if not isinstance(number, exp.Literal):
        raise NotSupported("approx_percentile with a percentile that is not a constant", call.at)
    if not 0 <= (-1 if negative else 1) * float(number.name) <= 1:
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", "Percentile must be between 0 and 1", call.at)


@built(PAGE, "aggregate", "map_agg")
def map_agg(call: Arguments) -> Typed:
    """A map of the pairs; of equal keys one stays, pairs with a NULL key are left out."""
    call.expect(2)
    if call.over:
        raise NotSupported("map_agg with FILTER or OVER", call.at)
    key, value = call.value(0), call.value(1)
    entries = f"list(struct_pack(k := {sortable_key(key)}, v := {value.sql})) FILTER (WHERE {key.sql} IS NOT NULL)"
    return Typed(once(entries, lambda found: f"trino_map_of_entries({found})"), map_of(key.type, value.type))


@built(PAGE, "aggregate", "multimap_agg")
def multimap_agg(call: Arguments) -> Typed:
    """A map of every value of each key; pairs with a NULL key are left out."""
    call.expect(2)
    if call.over:
        raise NotSupported("multimap_agg with FILTER or OVER", call.at)
    key, value = call.value(0), call.value(1)
    entries = f"list(struct_pack(k := {sortable_key(key)}, v := {value.sql})) FILTER (WHERE {key.sql} IS NOT NULL)"
    return Typed(once(entries, lambda found: f"trino_multimap({found})"), map_of(key.type, array(value.type)))


@built(PAGE, "aggregate", "map_union")
def map_union(call: Arguments) -> Typed:
    """All maps in one; of equal keys one stays."""
    call.expect(1)
    value = call.value(0)
    if value.type.name != "map":
        raise call.unfit()
    if call.over:
        raise NotSupported("map_union with FILTER or OVER", call.at)
    entries = f"flatten(list(map_entries({value.sql})) FILTER (WHERE {value.sql} IS NOT NULL))"
    return Typed(once(entries, lambda found: f"trino_union_of_entries({found})"), value.type)


@built(PAGE, "aggregate", "histogram")
def histogram(call: Arguments) -> Typed:
    """How often each value occurs."""
    call.expect(1)
    value = call.value(0)
    type_: Type = map_of(value.type, BIGINT)
    return Typed(f"CAST(histogram({value.sql}){call.over} AS {duckdb_type(type_)})", type_)


@built(PAGE, "scalar", "grouping")
def grouping(call: Arguments) -> Typed:
    """Which columns are grouped: https://trino.io/docs/current/sql/select.html#grouping-operation"""
    return Typed(f"CAST(grouping({', '.join(value.sql for value in call.values())}) AS BIGINT)", BIGINT)
