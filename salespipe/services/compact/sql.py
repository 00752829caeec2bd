"""The statements of a compaction. Pure.

Types: both tables keep the crawled ones, but numbers in their widest form, so that a later crawl that infers a wider or
a narrower one changes nothing: whole numbers are bigint, the others double, as is money (the crawler reads it as
double; `orders_current` gives its exact decimals back).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from salespipe.services.compact.hours import Part, objects_of
from salespipe.stack.naming import COMPACTED_TABLE, NEXT_VIEW, RAW_TABLE

MOST_NAMED = 3
"""Objects of one kind of trouble."""

PARTITIONS = ("dt", "hour", "run")
_WHOLE = frozenset({"tinyint", "smallint", "int", "integer", "bigint"})
_BROKEN = frozenset({"float", "double"})
_MONEY = frozenset({"price", "amount"})
_NESTED = re.compile(r"(array|map|struct)<.+>")

Columns = Mapping[str, str]
"""Glue types by column name, in the table's order, without the partition columns."""


def wide(columns: Columns) -> dict[str, str]:
    """The columns of a compacted table for a crawled table of `columns`."""
    return {name: _widest(name, kind) for name, kind in columns.items() if name not in PARTITIONS}


def _widest(name: str, kind: str) -> str:
    if kind in _BROKEN or (kind in _WHOLE and name in _MONEY):
        return "double"
    return "bigint" if kind in _WHOLE else kind


def missing(crawled: Iterable[Columns], kept: Columns) -> dict[str, str]:
    """The columns that are new, in a type that holds what any of the crawled tables has."""
    late: dict[str, str] = {}
    for columns in crawled:
        for name, kind in wide(columns).items():
            if name not in kept:
                both = {kind, late.get(name, kind)}
                late[name] = kind if len(both) == 1 else "double" if both == {"bigint", "double"} else "string"
    return late


def differing(crawled: Columns, kept: Columns) -> list[str]:
    """The columns of which the crawler saw values that do not fit what they are kept as, or that cannot be kept. Text
    takes any value."""
    return [name for name in crawled if name in PARTITIONS] + [
        name
        for name, kind in wide(crawled).items()
        if kept.get(name, kind) not in (kind, "string") and (kind, kept[name]) != ("bigint", "double")
    ]


def unfit(table: str, name: str, crawled: str, kept: str, where: str) -> str:
    """The addresses of the first objects whose values of the column do not fit, one more than are told, out of a table
    that has it as the `crawled` type; `where` says what is read."""
    column = f'"{name}"'
    if name in PARTITIONS:
        condition = "true"
    elif crawled == "string" and (nested := _NESTED.fullmatch(kept)):
        condition = f"{column} NOT LIKE '{'[' if nested[1] == 'array' else '{'}%'"
    elif crawled == "string":
        condition = f"try_cast({column} AS {kept}) IS NULL"
    elif (crawled, kept) == ("double", "bigint"):
        condition = f"{column} <> floor({column})"
    else:
        condition = "true"
    return (
        f'SELECT DISTINCT "$path" AS "path"\nFROM "{table}"\nWHERE {column} IS NOT NULL AND {condition}'
        f" AND ({where})\nORDER BY 1\nLIMIT {MOST_NAMED + 1}"
    )


def create_table(columns: Columns, location: str) -> str:
    """CREATE EXTERNAL TABLE and not CTAS: in a workgroup that enforces its place for results CTAS writes there, and
    what lies there is removed after 45 days
    (https://docs.aws.amazon.com/athena/latest/ug/considerations-ctas.html). INSERT INTO writes to this location."""
    listed = ",\n  ".join(f"`{name}` {kind}" for name, kind in columns.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{COMPACTED_TABLE}` (\n  {listed}\n)\n"
        f"PARTITIONED BY ({', '.join(f'`{name}` string' for name in PARTITIONS)})\n"
        f"STORED AS PARQUET\nLOCATION '{location}'\nTBLPROPERTIES ('parquet.compression'='ZSTD')"
    )


def insert(columns: Columns, batch: Sequence[Part], bucket: str, run: str) -> str:
    """Copy just the objects of `batch` into the partitions of `run`."""
    return (
        f'INSERT INTO "{COMPACTED_TABLE}"\nSELECT {_names(columns)}, "dt", "hour", \'{run}\' AS "run"\n'
        f'FROM "{RAW_TABLE}"\nWHERE {_these(batch, bucket)}'
    )


def rows_by_path(batch: Sequence[Part], bucket: str) -> str:
    """How many rows each object has; those without rows are not there."""
    return (
        f'SELECT "$path" AS "path", count(*) AS "rows"\nFROM "{RAW_TABLE}"\n'
        f'WHERE {_these(batch, bucket)}\nGROUP BY "$path"'
    )


def totals_of_source(columns: Columns, batch: Sequence[Part], bucket: str) -> str:
    """Rows, distinct events and money of each hour, in the objects of `batch`."""
    return f'{_totals(columns)}\nFROM "{RAW_TABLE}"\nWHERE {_these(batch, bucket)}\n{_BY_HOUR}'


def totals_of_copy(columns: Columns, run: str) -> str:
    """The same, in what `run` wrote."""
    return f'{_totals(columns)}\nFROM "{COMPACTED_TABLE}"\nWHERE "run" = \'{run}\'\n{_BY_HOUR}'


_BY_HOUR = 'GROUP BY "dt", "hour"\nORDER BY "dt", "hour"'


def _totals(columns: Columns) -> str:
    counted = ['"dt"', '"hour"', 'count(*) AS "rows"']
    if "event_id" in columns:
        counted.append('count(DISTINCT "event_id") AS "events"')
    counted += [
        f'sum(CAST("{name}" AS decimal(38,{scale}))) AS "{name}"'
        for name, scale in (("amount", 2), ("price", 4))
        if name in columns
    ]
    return f"SELECT {', '.join(counted)}"


def view(columns: Columns, through: str, hidden: Sequence[str]) -> str:
    """The view that becomes `orders`: what is raw, but for the objects at the addresses `hidden`, and what the runs up
    to `through` wrote."""
    shown = f'{_names(columns)}, "dt", "hour"'
    without = f'\nWHERE "$path" NOT IN ({_list(hidden)})' if hidden else ""
    return (
        f'CREATE OR REPLACE VIEW "{NEXT_VIEW}" AS\nSELECT {shown}\nFROM "{RAW_TABLE}"{without}\n'
        f'UNION ALL\nSELECT {shown}\nFROM "{COMPACTED_TABLE}"\nWHERE "run" <= \'{through}\''
    )


def _these(batch: Sequence[Part], bucket: str) -> str:
    """A condition that is true for the rows of the objects of `batch`; the first half prunes partitions."""
    hours = _in((part.hour.dt, part.hour.hour) for part in batch)
    return f'({hours})\n  AND "$path" IN ({_list([path(bucket, each.key) for each in objects_of(batch)])})'


def in_hours(keys: Sequence[str], hours: Iterable[tuple[str, str]]) -> str:
    """A condition on the partitions of a crawled table: those without objects, whose schema may be an older one, are
    not read."""
    if "dt" in keys:
        return _in(hours)
    return f'"hour" IN ({_list([hour for _, hour in hours])})' if keys else "true"


def _in(hours: Iterable[tuple[str, str]]) -> str:
    days: dict[str, list[str]] = {}
    for dt, hour in hours:
        days.setdefault(dt, []).append(hour)
    return " OR ".join(f'("dt" = \'{dt}\' AND "hour" IN ({_list(hours)}))' for dt, hours in days.items())


def path(bucket: str, key: str) -> str:
    """The address of an object as `"$path"` gives it."""
    return f"s3://{bucket}/{key}"


def _list(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _names(columns: Columns) -> str:
    return ", ".join(f'"{name}"' for name in columns)
