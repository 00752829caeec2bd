"""Parquet: columns by name; a file without a column gives NULL.

https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.formats.source import POSITION, Source, paths, position
from salespipe.local.athena.types import duckdb_type, quoted, text


def read(source: Source) -> str:
    """SQL that gives the columns and `$position`."""
    names = [text(column.name) for _, column in source.columns]
    types = [text(duckdb_type(column.type)) for _, column in source.columns]
    schema = ", ".join(
        f"{name}: {{name: {name}, type: {type_}, default_value: NULL}}"
        for name, type_ in zip(names, types, strict=True)
    )
    shown = [quoted(column.name) for _, column in source.columns]
    if any(column.name == "file_index" for _, column in source.columns):
        raise NotSupported("a column of Parquet named file_index")  # the engine's name for the file's place in the list
    if not source.columns:  # a column that no file has, so that none in it is read or stands for the file's place
        schema = "'$none': {name: '$none', type: 'BOOLEAN', default_value: NULL}"
    rows = f"read_parquet({source.list}, schema = MAP {{{schema}}})"
    return f"SELECT {', '.join([*shown, f'{position()} AS {POSITION}'])} FROM {rows}"


class ColumnBytes:
    """How many bytes the chunks of each column take, compressed, in Parquet files. A file is looked into once, as none
    ever changes; the last few thousand are remembered."""

    _MOST = 4_096

    def __init__(self) -> None:
        self._known: dict[Path, Mapping[str, int]] = {}
        self._lock = threading.Lock()

    def chunks(self, files: Sequence[Path], run: Callable[[str], list[tuple[Any, ...]]]) -> list[Mapping[str, int]]:
        """Of each file, bytes by the path of the column in it, as in `m, key_value, key`. Raises how reading fails."""
        with self._lock:
            found = {file: self._known[file] for file in files if file in self._known}
        fresh = [file for file in dict.fromkeys(files) if file not in found]
        if fresh:
            sizes: dict[str, dict[str, int]] = {str(file): {} for file in fresh}
            summed = "SELECT file_name, lower(path_in_schema), CAST(sum(total_compressed_size) AS BIGINT)"
            for name, column, size in run(f"{summed} FROM parquet_metadata({paths(fresh)}) GROUP BY ALL"):
                sizes[name][column] = size
            read = {file: sizes[str(file)] for file in fresh}
            found |= read
            with self._lock:
                self._known |= read
                for file in list(self._known)[: -self._MOST]:
                    del self._known[file]
        return [found[file] for file in files]

    @staticmethod
    def of(chunks: Mapping[str, int], columns: Iterable[str]) -> int:
        """The bytes of these columns, with all that is in them."""
        return sum(
            size
            for column in columns
            for path, size in chunks.items()
            if path == column or path.startswith(f"{column}, ")
        )
