"""What every reader gets: files to read and the columns to give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from salespipe.local.athena.catalog import Column, Storage
from salespipe.local.athena.types import Type, duckdb_type, quoted, text


@dataclass(frozen=True)
class Source:
    """`columns` are those that the statement reads, with their position among all the declared ones; `sizes` are the
    files' bytes."""

    files: Sequence[Path]
    sizes: Sequence[int]
    columns: Sequence[tuple[int, Column]]
    storage: Storage

    @property
    def list(self) -> str:
        """The files as the engine's list of paths."""
        return paths(self.files)

    def empty(self) -> str:
        """The same columns without a row."""
        nulls = [f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}" for _, column in self.columns]
        return f"SELECT {', '.join([*nulls, 'CAST(NULL AS VARCHAR) AS filename'])} WHERE false"


def paths(files: Sequence[Path]) -> str:
    """Files as the engine's list of paths; characters it would expand stand for themselves."""
    return "[" + ", ".join(text(_literal_path(str(path))) for path in files) + "]"


def _literal_path(path: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


Reader = Callable[[Source], str]


def bad_data(column: Column, type_: Type, sql: str) -> str:
    """The engine SQL that fails because a value cannot be read as its declared type."""
    what = text(f"HIVE_BAD_DATA: Error parsing column '{column.name}' as {type_}: ")
    return f"error({what} || {sql})"
