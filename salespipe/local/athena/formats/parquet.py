"""Parquet: columns by name; a file without a column gives NULL.

https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
"""

from __future__ import annotations

from salespipe.local.athena.formats.source import Source, position
from salespipe.local.athena.types import duckdb_type, quoted, text


def read(source: Source) -> str:
    """SQL that gives the columns and `position`."""
    names = [text(column.name) for _, column in source.columns]
    types = [text(duckdb_type(column.type)) for _, column in source.columns]
    schema = ", ".join(
        f"{name}: {{name: {name}, type: {type_}, default_value: NULL}}"
        for name, type_ in zip(names, types, strict=True)
    )
    shown = [quoted(column.name) for _, column in source.columns]
    rows = f"read_parquet({source.list}, union_by_name = true)"
    if source.columns:
        rows = f"read_parquet({source.list}, schema = MAP {{{schema}}})"
    return f"SELECT {', '.join([*shown, f'{position()} AS position'])} FROM {rows}"
