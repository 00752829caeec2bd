"""What every reader gets: files to read and the columns to give."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from salespipe.local.athena.catalog import Column, Storage
from salespipe.local.athena.types import Type, duckdb_type, quoted, text

LINE_BUFFER = 4_000_000
"""Bytes of one thread, at least two lines of the longest: left to itself the engine takes 32 MB."""
POSITION = '"$position"'
"""A name that no column can have, as for `"$path"`."""

_EXPANDED = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """`columns` are those that the statement reads, with their place among all the declared ones; `sizes` are the
    files' bytes; `rewritten`: whether they are copies of a second look at the lines.

    A reader gives the columns and `$position`, that of the row's file among `files`, from 1."""

    files: Sequence[Path]
    sizes: Sequence[int]
    columns: Sequence[tuple[int, Column]]
    storage: Storage
    rewritten: bool = False

    @property
    def list(self) -> str:
        """The files as the engine's list of paths."""
        return paths(self.files)

    def empty(self) -> str:
        """The same columns without a row."""
        nulls = [f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}" for _, column in self.columns]
        return f"SELECT {', '.join([*nulls, f'CAST(NULL AS BIGINT) AS {POSITION}'])} WHERE false"


def paths(files: Sequence[Path]) -> str:
    """Files as the engine's list of paths; characters it would expand stand for themselves."""
    return "[" + ", ".join(text(_literal_path(str(path))) for path in files) + "]"


def position(before: int = 0) -> str:
    """The SQL of a row's `$position` where the engine reads files that follow `before` others."""
    return f"CAST(file_index AS BIGINT) + {before + 1}"


def _literal_path(path: str) -> str:
    return _EXPANDED.sub(r"[\g<0>]", path)


Reader = Callable[[Source], str]


BAD_DATA = "HIVE_BAD_DATA"


def bad_data(column: Column, type_: Type, sql: str) -> str:
    """The engine SQL that fails because a value cannot be read as its declared type."""
    return f"error({text(f'{BAD_DATA}: {bad_column(column)} as {type_}: ')} || {sql})"


def bad_column(column: Column) -> str:
    """How the message begins."""
    return f"Error parsing column '{column.name}'"
