"""The statements of a compaction. Pure.

Types: the compacted table keeps the crawled ones, but numbers in their widest form, so that a later crawl that infers
a wider or a narrower one changes nothing: whole numbers are bigint, the others double, as is money (the crawler reads
it as double; `orders_current` gives its exact decimals back). The view casts the raw side to these types, so the
columns of `orders` keep their types too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from salespipe.errors import SalespipeError
from salespipe.services.compact.hours import Part, objects_of
from salespipe.stack.naming import COMPACTED_TABLE, LAKE_TABLE, NEXT_VIEW, RAW_TABLE

PARTITIONS = ("dt", "hour", "run")
_WHOLE = frozenset({"tinyint", "smallint", "int", "integer", "bigint"})
_BROKEN = frozenset({"float", "double"})
_MONEY = frozenset({"price", "amount"})
_TRINO = {"string": "varchar", "int": "integer", "float": "real", "binary": "varbinary"}
_PLAIN = re.compile(r"[a-z]+(\(\d+(,\d+)?\))?")
_NESTED = re.compile(r"(array|map|struct)<(.+)>")

Columns = Mapping[str, str]
"""Glue types by column name, in the table's order, without the partition columns."""


def wide(columns: Columns) -> dict[str, str]:
    """The columns of a compacted table for a raw table of `columns`."""
    return {name: _widest(name, kind) for name, kind in columns.items()}


def _widest(name: str, kind: str) -> str:
    if kind in _BROKEN or (kind in _WHOLE and name in _MONEY):
        return "double"
    return "bigint" if kind in _WHOLE else kind


def missing(raw: Columns, compacted: Columns) -> dict[str, str]:
    """The columns that the compacted table has not yet. Raises SalespipeError for one that changed its type so that
    its values do not fit any more."""
    for name, kind in raw.items():
        kept = compacted.get(name)
        if kept is not None and not _fits(_widest(name, kind), kept):
            raise SalespipeError(
                f"column {name} of the delivered orders is {kind} now and {kept} in {COMPACTED_TABLE}",
                "look at the newest objects under orders/: such a column was written in two ways",
            )
    return {name: kind for name, kind in wide(raw).items() if name not in compacted}


def _fits(kind: str, kept: str) -> bool:
    return kind == kept or (kind == "bigint" and kept == "double")


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


def insert(raw: Columns, compacted: Columns, batch: Sequence[Part], bucket: str, run: str) -> str:
    """Copy just the objects of `batch` into the partitions of `run`."""
    shown = ", ".join(_column(name, kind, raw.get(name)) for name, kind in compacted.items())
    return (
        f'INSERT INTO "{COMPACTED_TABLE}"\nSELECT {shown}, "dt", "hour", \'{run}\' AS "run"\n'
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


def view(raw: Columns, compacted: Columns, through: str, hidden: Sequence[str]) -> str:
    """The view that becomes `orders`: what is raw, but for the objects at the addresses `hidden`, and what the runs up
    to `through` wrote."""
    names = [*raw, *(name for name in compacted if name not in raw)]
    kinds = {name: compacted.get(name) or _widest(name, raw[name]) for name in names}
    ours = ", ".join(_column(name, kinds[name], raw.get(name)) for name in names)
    theirs = ", ".join(_column(name, kinds[name], compacted.get(name)) for name in names)
    paths = ", ".join(f"'{_text(path)}'" for path in hidden)
    without = f'\nWHERE "$path" NOT IN ({paths})' if paths else ""
    return (
        f'CREATE OR REPLACE VIEW "{NEXT_VIEW}" AS\n'
        f'SELECT {ours}, "dt", "hour"\nFROM "{RAW_TABLE}"{without}\n'
        f'UNION ALL\nSELECT {theirs}, "dt", "hour"\nFROM "{COMPACTED_TABLE}"\nWHERE "run" <= \'{through}\''
    )


def _these(batch: Sequence[Part], bucket: str) -> str:
    """A condition that is true for the rows of the objects of `batch`; the first half prunes partitions."""
    days: dict[str, list[str]] = {}
    for part in batch:
        days.setdefault(part.hour.dt, []).append(part.hour.hour)
    hours = " OR ".join(f'("dt" = \'{dt}\' AND "hour" IN ({_list(hours)}))' for dt, hours in days.items())
    return f'({hours})\n  AND "$path" IN ({_list([path(bucket, each.key) for each in objects_of(batch)])})'


def path(bucket: str, key: str) -> str:
    """The address of an object as `"$path"` gives it."""
    return f"s3://{bucket}/{key}"


def _list(values: Sequence[str]) -> str:
    return ", ".join(f"'{_text(value)}'" for value in values)


def _text(value: str) -> str:
    return value.replace("'", "''")


def _column(name: str, wanted: str, there: str | None) -> str:
    """A column of the type `wanted`, out of one that has the type `there`, or NULL without one."""
    quoted = f'"{name}"'
    if there == wanted:
        return quoted
    return f"CAST({'NULL' if there is None else quoted} AS {_trino(name, wanted)}) AS {quoted}"


def _trino(name: str, kind: str) -> str:
    try:
        return trino_type(kind)
    except ValueError as error:
        raise SalespipeError(
            f"column {name} of {LAKE_TABLE} has a type that is not known here: {kind}",
            f"change the type of the column in the catalog table {RAW_TABLE}",
        ) from error


def trino_type(kind: str) -> str:
    """The DML type of a DDL type: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. Raises ValueError."""
    if _PLAIN.fullmatch(kind):
        return _TRINO.get(kind, kind)
    nested = _NESTED.fullmatch(kind)
    if nested is None:
        raise ValueError(kind)
    word, parts = nested[1], _parts(nested[2])
    if word != "struct":
        return f"{word}({', '.join(trino_type(part.strip()) for part in parts)})"
    fields = (part.strip().partition(":") for part in parts)
    return "row(" + ", ".join(f'"{name}" {trino_type(type_.strip())}' for name, _, type_ in fields) + ")"


def _parts(inside: str) -> list[str]:
    """What stands between the commas that are not in brackets."""
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
