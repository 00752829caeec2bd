"""The schema that a Parquet file carries, read through DuckDB."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from salespipe.local.crawling.schema import Columns, Format, Reading
from salespipe.local.stores.objects import StoredObject

if TYPE_CHECKING:
    import duckdb

_MAGIC = b"PAR1"
_SCALARS = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "utinyint": "smallint",
    "usmallint": "int",
    "uinteger": "bigint",
    "ubigint": "decimal(20,0)",
    "hugeint": "decimal(38,0)",
    "float": "float",
    "double": "double",
    "varchar": "string",
    "blob": "binary",
    "date": "date",
    "uuid": "string",
}


def read_parquet(stored: StoredObject, start: bytes) -> Reading | None:
    """Columns and the exact number of records; None when the object is not Parquet. Raises ValueError if broken."""
    if not start.startswith(_MAGIC):
        return None
    import duckdb  # not before a Parquet object turns up: it costs 30 MB and 100 ms

    columns = Columns()
    path = _literal_path(stored)
    try:
        with _engine().cursor() as connection:
            relation = connection.read_parquet(path)
            for name, kind in zip(relation.columns, relation.types, strict=True):
                columns.add(name, _hive(kind))
            counted = connection.execute("select sum(num_rows) from parquet_file_metadata(?)", [path]).fetchone()
    except duckdb.Error as error:
        raise ValueError(f"the Parquet data are broken ({str(error).splitlines()[0]})") from error
    return Reading(Format("parquet", "none"), columns, int(counted[0] or 0) if counted else 0)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One for all files: to start it takes longer than a hundred files."""
    import duckdb

    return duckdb.connect(config={"threads": 1, "memory_limit": "512MB"})


def _literal_path(stored: StoredObject) -> str:
    """The path with DuckDB's glob characters taken literally."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(stored.path))


def _hive(kind: Any) -> str:
    """The Glue type of a DuckDB type. Parquet's types never widen: two files that differ make the column string."""
    name = str(kind.id)
    if name == "decimal":
        precision, scale = (value for _, value in kind.children)
        return f"decimal({precision},{scale})"
    if name == "list":
        return f"array<{_hive(kind.children[0][1])}>"
    if name == "map":
        (_, key), (_, value) = kind.children
        return f"map<{_hive(key)},{_hive(value)}>"
    if name == "struct":
        return "struct<" + ",".join(f"{field}:{_hive(inner)}" for field, inner in kind.children) + ">"
    return "timestamp" if name.startswith("timestamp") else _SCALARS.get(name, "string")
