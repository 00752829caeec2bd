"""Parquet: columns by name; a file without a column gives NULL.

https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from salespipe.local.athena.casts import cast
from salespipe.local.athena.catalog import Column
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.formats.source import POSITION, Source, paths, position
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import INTEGERS, Type, duckdb_type, quoted, text


def read(source: Source) -> str:
    """SQL that gives the columns and `$position`."""
    names = [text(column.name) for _, column in source.columns]
    types = [text(duckdb_type(column.type)) for _, column in source.columns]
    schema = ", ".join(
        f"{name}: {{name: {name}, type: {type_}, default_value: NULL}}"
        for name, type_ in zip(names, types, strict=True)
    )
    shown = [_value(column) for _, column in source.columns]
    if any(column.name == "file_index" for _, column in source.columns):
        raise NotSupported("a column of Parquet named file_index")  # the engine's name for the file's place in the list
    if not source.columns:  # a column that no file has, so that none in it is read or stands for the file's place
        schema = "'$none': {name: '$none', type: 'BOOLEAN', default_value: NULL}"
    rows = f"read_parquet({source.list}, schema = MAP {{{schema}}})"
    return f"SELECT {', '.join([*shown, f'{position()} AS {POSITION}'])} FROM {rows}"


def _value(column: Column) -> str:
    """The engine keeps the microseconds of a timestamp, of which Trino rounds to the digits that the column has.

    (TimestampMicrosColumnReader in Trino's source.)
    """
    rounded = cast(Typed(quoted(column.name), _stored(column.type)), column.type).sql
    return quoted(column.name) if rounded == quoted(column.name) else f"{rounded} AS {quoted(column.name)}"


def _stored(type_: Type) -> Type:
    """The type with all digits that the engine reads of a timestamp."""
    if type_.name == "timestamp":
        return replace(type_, numbers=(6,))
    return replace(type_, args=tuple(map(_stored, type_.args)))


_STORED = {
    "boolean": {"BOOLEAN"},
    "tinyint": {"INT32"}, "smallint": {"INT32"}, "integer": {"INT32"}, "bigint": {"INT32", "INT64"},
    "real": {"FLOAT"}, "double": {"FLOAT", "DOUBLE"},
    "decimal": {"INT32", "INT64", "FIXED_LEN_BYTE_ARRAY", "BYTE_ARRAY"},
    "varchar": {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}, "char": {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"},
    "varbinary": {"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"},
    "date": {"INT32"}, "timestamp": {"INT64", "INT96"},
}  # fmt: skip
"""How a file may store a column; Trino converts no other kind, where the engine would."""


def check(columns: Iterable[Column], chunks: Mapping[str, Chunks], file: str) -> None:
    """Raises HIVE_BAD_DATA for a column that the file stores as something else."""
    for column in columns:
        stored = chunks[column.name].kind if column.name in chunks else None
        allowed = _STORED.get(column.type.name)
        if stored is not None and allowed is not None and stored not in allowed:
            raise QueryFailure(
                "HIVE_BAD_DATA",
                f"Field {column.name}'s type {stored} in parquet file {file} is incompatible with type {column.type} "
                "defined in table schema",
            )
        if stored is not None and column.type.name in INTEGERS and chunks[column.name].scale:
            message = f"Unsupported Trino column type ({column.type}) for Parquet column ({column.name}) in {file}"
            raise QueryFailure("NOT_SUPPORTED", message)  # (ShortDecimalColumnReader in Trino's source)


@dataclass(frozen=True)
class Chunks:
    """The chunks of one column in one file: their bytes, compressed, how they are stored, and the scale if they are
    decimals."""

    bytes: int
    kind: str
    scale: int = 0


class ColumnBytes:
    """What is known of each column of Parquet files. A file is looked into once, as none ever changes; the last few
    thousand are remembered."""

    _MOST = 4_096

    def __init__(self) -> None:
        self._known: dict[Path, Mapping[str, Chunks]] = {}
        self._lock = threading.Lock()

    def chunks(self, files: Sequence[Path], run: Callable[[str], list[tuple[Any, ...]]]) -> list[Mapping[str, Chunks]]:
        """Of each file, by the path of the column in it, as in `m, key_value, key`. Raises how reading fails."""
        with self._lock:
            found = {file: self._known[file] for file in files if file in self._known}
        fresh = [file for file in dict.fromkeys(files) if file not in found]
        if fresh:
            there: dict[str, dict[str, Chunks]] = {str(file): {} for file in fresh}
            summed = "SELECT file_name, lower(path_in_schema), CAST(sum(total_compressed_size) AS BIGINT), type"
            scales = {
                (name, column): scale
                for name, column, scale in run(
                    # by its name alone, so of a column inside another, too; then it has to be so of all of the name
                    "SELECT file_name, lower(name) AS name, CAST(min(coalesce(scale, 0)) AS INTEGER) AS scale "
                    f"FROM parquet_schema({paths(fresh)}) GROUP BY ALL HAVING min(coalesce(scale, 0)) > 0"
                )
            }
            for name, column, size, kind in run(f"{summed} FROM parquet_metadata({paths(fresh)}) GROUP BY ALL"):
                there[name][column] = Chunks(size, str(kind), scales.get((name, column), 0))
            read = {file: there[str(file)] for file in fresh}
            found |= read
            with self._lock:
                self._known |= read
                for file in list(self._known)[: -self._MOST]:
                    del self._known[file]
        return [found[file] for file in files]

    @staticmethod
    def of(chunks: Mapping[str, Chunks], columns: Iterable[str]) -> int:
        """The bytes of these columns, with all that is in them."""
        return sum(
            found.bytes
            for column in columns
            for path, found in chunks.items()
            if path == column or path.startswith(f"{column}, ")
        )
