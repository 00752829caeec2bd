"""The rows of a query as files, one or more for each partition, made by the engine's COPY.

Parquet has the declared types. A line of JSON or text is put together in SQL, as Hive's SerDes read it: times as
`2026-01-31 09:15:00.5`, binary as base64, NULL as null or `\\N`.
https://trino.io/docs/current/connector/hive.html
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from salespipe.local.athena import run
from salespipe.local.athena.casts import cast
from salespipe.local.athena.engine import Session
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import VARCHAR, Type, duckdb_type, quoted, row_fields, text
from salespipe.local.athena.writing.layout import Layout

MOST_PARTITIONS = 100
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = re.compile("[\x00-\x1f\"#%'*/:=?\\\\\x7f{\\[\\]^]")


@dataclass(frozen=True)
class Target:
    """A column to be written: its name, its type and the SQL of its value over the query's c0, c1, …"""

    name: str
    type: Type
    sql: str


@dataclass(frozen=True)
class Files:
    """What was written: each file with the values of its partition, and the rows in all of them."""

    files: tuple[tuple[tuple[str, ...], Path], ...]
    rows: int


def check_types(columns: Sequence[Target], keys: Sequence[Target]) -> None:
    """Raises NOT_SUPPORTED for types that Athena does not write to a table, or that are no partition's."""
    for column in (*columns, *keys):
        _check_type(column.type, column.name)
    for key in keys:
        if key.type.name in ("array", "map", "row", "varbinary"):
            raise QueryFailure("NOT_SUPPORTED", f"Unsupported type [{key.type}] for partition: {key.name}")
        if key.type.name in ("real", "double", "timestamp"):
            raise NotSupported(f"a partition column of type {key.type}")


def _check_type(type_: Type, name: str) -> None:
    if type_.name in ("timestamp with time zone", "time", "json", "uuid") or type_.name.startswith("interval"):
        raise QueryFailure("NOT_SUPPORTED", f"Unsupported Hive type: {type_}")
    if type_.name == "timestamp" and type_.numbers[0] != 3:
        raise QueryFailure(
            "NOT_SUPPORTED",
            f"Incorrect timestamp precision for {type_}; the configured precision is MILLISECONDS; column name: {name}",
        )
    if type_.name == "row" and None in type_.fields:
        raise QueryFailure(
            "NOT_SUPPORTED", f"Anonymous row type is not supported in Hive. Please give each field a name: {type_}"
        )
    for arg in type_.args:
        _check_type(arg, name)


def write(
    prepared: run.Prepared,
    session: Session,
    folder: Path,
    layout: Layout,
    columns: Sequence[Target],
    keys: Sequence[Target],
) -> Files:
    """Run the query into files below `folder`. Raises HIVE_TOO_MANY_OPEN_PARTITIONS and how the query fails."""
    names = [f"$p{index}" for index in range(len(keys))]
    shown = _parquet(columns) if layout.format == "PARQUET" else [_line(layout, columns)]
    shown += [f"{_partition_text(key)} AS {quoted(name)}" for key, name in zip(keys, names, strict=True)]
    options = layout.copy_options
    if keys:
        options += f", PARTITION_BY ({', '.join(quoted(name) for name in names)})"
    made: list[Path] = []

    def copy(sql: str) -> str:
        made.append(Path(tempfile.mkdtemp(dir=folder)))
        target = made[-1] / ("parts" if keys else "file")
        return f"COPY (SELECT {', '.join(shown)} FROM ({sql})) TO {text(str(target))} ({options})"

    rows = int(run.carried_out(prepared, session, copy)[0][0])
    if not rows:
        return Files((), 0)
    files = []
    for path in sorted(path for path in made[-1].rglob("*") if path.is_file()):
        folders = path.relative_to(made[-1]).parts[1:-1]
        files.append((tuple(_partition_value(folder.partition("=")[2], path) for folder in folders), path))
    if len({values for values, _ in files}) > MOST_PARTITIONS:
        raise QueryFailure(
            "HIVE_TOO_MANY_OPEN_PARTITIONS",
            f"Exceeded limit of {MOST_PARTITIONS} open writers for partitions/buckets",
        )
    return Files(tuple(files), rows)


def folder_name(keys: Sequence[str], values: Sequence[str]) -> str:
    """`dt=2026-01-31/hour=09`, escaped as Hive does."""
    return "/".join(f"{_escaped(key)}={_escaped(value)}" for key, value in zip(keys, values, strict=True))


def _escaped(part: str) -> str:
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", part)


def _partition_text(key: Target) -> str:
    value = cast(Typed(key.sql, key.type), VARCHAR).sql if key.type != VARCHAR else key.sql
    return f"coalesce(nullif(CAST({value} AS VARCHAR), ''), {text(NULL_PARTITION)})"


def _partition_value(folder: str, path: Path) -> str:
    value = unquote(folder)
    if not all(" " <= letter <= "~" for letter in value):
        shown = value.encode().hex(" ").upper()
        raise QueryFailure(
            "HIVE_INVALID_PARTITION_VALUE",
            f"Hive partition keys can only contain printable ASCII characters (0x20 - 0x7E). Invalid value: {shown}",
        )
    if "%" in value:  # the catalog's values may be escaped or not, and this one would be read as either
        raise NotSupported(f"the partition value '{value}' with a percent sign")
    return value


def _parquet(columns: Sequence[Target]) -> list[str]:
    return [f"CAST({column.sql} AS {duckdb_type(column.type)}) AS {quoted(column.name)}" for column in columns]


def _line(layout: Layout, columns: Sequence[Target]) -> str:
    if layout.format == "JSON":
        parts = [f"{quoted(column.name)} := {_json(column.sql, column.type)}" for column in columns]
        return f"CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR) AS line"
    cells = [f"coalesce({_cell(column)}, '\\N')" for column in columns]
    return f" || {text(layout.delimiter)} || ".join(cells) + " AS line"


def _cell(column: Target) -> str:
    if column.type.name in ("array", "map", "row"):
        raise NotSupported(f"the column {column.name} of type {column.type} in a text file")
    if column.type.name == "varbinary":
        return f"to_base64({column.sql})"
    shown = f"CAST({column.sql} AS VARCHAR)"
    if column.type.name in ("double", "real"):  # what Java reads as a number: NaN and Infinity
        return f"CASE WHEN isfinite({column.sql}) THEN {shown} ELSE {_not_finite(column.sql)} END"
    return shown


def _not_finite(sql: str) -> str:
    return f"CASE WHEN isnan({sql}) THEN 'NaN' WHEN {sql} > 0 THEN 'Infinity' WHEN {sql} < 0 THEN '-Infinity' END"


def _json(sql: str, type_: Type, depth: int = 0) -> str:
    """A value whose JSON is what Hive's SerDe reads back."""
    item = f"j{depth}"
    if type_.name == "array":
        return f"list_transform({sql}, lambda {item}: {_json(item, type_.args[0], depth + 1)})"
    if type_.name == "map":
        values = f"list_transform(map_values({sql}), lambda {item}: {_json(item, type_.args[1], depth + 1)})"
        names = f"list_transform(map_keys({sql}), lambda {item}: {_json(item, type_.args[0], depth + 1)})"
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE map({names}, {values}) END"
    if type_.name == "row":
        cast_ = f"CAST({sql} AS {duckdb_type(type_)})"
        parts = [
            f"{quoted(name)} := {_json(f'({cast_}).{quoted(name)}', arg, depth + 1)}" for name, arg in row_fields(type_)
        ]
        return f"CASE WHEN {sql} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"
    if type_.name in ("double", "real"):
        # no JSON number is NaN, and a 32-bit number is written in its own digits
        number = f"CAST(CAST({sql} AS VARCHAR) AS DOUBLE)" if type_.name == "real" else sql
        return f"CASE WHEN isfinite({sql}) OR {sql} IS NULL THEN to_json({number}) ELSE to_json({_not_finite(sql)}) END"
    if type_.name == "varbinary":
        return f"to_base64({sql})"
    return sql
