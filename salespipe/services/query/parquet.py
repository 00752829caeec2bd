"""A result as a Parquet file with the types it has in Athena.

Written by DuckDB, imported only when such a file is asked for. Elsewhere only the local runtime may import it; here it
is the smaller evil, as in `rowfile`: it is installed anyway, and another Parquet writer would add 100 MB. The rows go
through a file of JSON lines, so that neither they nor the Parquet file have to fit into memory.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from salespipe.errors import QueryError, SalespipeError, UsageError
from salespipe.services.query.nested import NESTED, Kind, kind_of
from salespipe.services.query.results import Column

_TYPES = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
    "float": "FLOAT", "real": "FLOAT", "double": "DOUBLE", "date": "DATE", "time": "TIME", "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP", "varbinary": "VARCHAR", "unknown": "VARCHAR",
}  # fmt: skip
_A = {"array": "an array", "map": "a map", "row": "a row"}
_KEYS = " (keys that are text, too)"
_LEAST_LINE = 1_000_000


def write_parquet(path: Path, columns: Sequence[Column], rows: Iterable[tuple[object, ...]]) -> None:
    """Write `rows` to `path`. Of columns that have one name, all but the first get a number behind it.

    Instants are kept, their zones are not; JSON, intervals and what else has no type in Parquet is Athena's text.
    Raises UsageError for a result without columns and QueryError for arrays, maps and rows that are only text.
    """
    import duckdb

    if not columns:
        raise UsageError("the statement has no result to write", "Parquet needs the columns of a query")
    for column in columns:
        if column.type in NESTED:
            raise QueryError(
                f"column {column.name} cannot be Parquet: Athena gives {_A[column.type]} as text without quotation"
                f" marks, so that its strings{_KEYS if column.type == 'map' else ''} cannot be told apart",
                f"select CAST({column.name} AS JSON) AS {column.name} instead, which is written as JSON text",
            )
    kinds = [kind_of(column.type) for column in columns]
    with tempfile.TemporaryDirectory(prefix="salespipe-") as folder:
        spool = Path(folder) / "rows.jsonl"
        longest = _spool(spool, kinds, rows)
        types = ", ".join(f"c{number}: '{_engine_type(kind)}'" for number, kind in enumerate(kinds))
        shown = ", ".join(
            f"{_final(f'c{number}', kind)} AS {_quoted(column.name)}"
            for number, (kind, column) in enumerate(zip(kinds, columns, strict=True))
        )
        try:
            with duckdb.connect(config={"threads": 1, "memory_limit": "1GB", "temp_directory": folder}) as engine:
                engine.execute(
                    f"COPY (SELECT {shown} FROM read_json('{_text(spool)}', format = 'newline_delimited', "
                    f"columns = {{{types}}}, maximum_object_size = {max(longest, _LEAST_LINE)})) "
                    f"TO '{_text(path)}' (FORMAT parquet, COMPRESSION zstd)"
                )
        except duckdb.Error as error:
            raise SalespipeError(f"{path} cannot be written as Parquet: {str(error).splitlines()[0]}") from error


def _spool(path: Path, kinds: Sequence[Kind], rows: Iterable[tuple[object, ...]]) -> int:
    """Write the rows as JSON lines; the bytes of the longest."""
    plain = [(f"c{number}", _json_text if kind.name == "json" else _plain) for number, kind in enumerate(kinds)]
    encode = json.JSONEncoder().encode
    longest = 0
    with path.open("wb") as file:
        for row in rows:
            cells = {name: make(value) for (name, make), value in zip(plain, row, strict=True)}
            line = encode(cells).encode() + b"\n"
            longest = max(longest, len(line))
            file.write(line)
    return longest


def _plain(value: object) -> Any:
    """A value as the engine reads it out of JSON without losing anything: what is not a whole number is a string."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat(" ")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {_key(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value)


def _key(key: object) -> str:
    plain = _plain(key)
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def _json_text(value: object) -> str | None:
    """A value out of JSON as JSON again, with every digit."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_json_text(inner) or 'null'}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json_text(inner) or "null" for inner in value) + "]"
    if value is None or isinstance(value, str):
        return None if value is None else json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _engine_type(kind: Kind) -> str:
    if kind.name == "array":
        return f"{_engine_type(kind.parts[0])}[]"
    if kind.name == "map":
        return f"MAP({_engine_type(kind.parts[0])}, {_engine_type(kind.parts[1])})"
    if kind.name == "row":
        fields = zip(kind.field_names, kind.parts, strict=True)
        return f"STRUCT({', '.join(f'{_quoted(name)} {_engine_type(part)}' for name, part in fields)})"
    return f"DECIMAL({kind.numbers})" if kind.name == "decimal" else _TYPES.get(kind.name, "VARCHAR")


def _final(column: str, kind: Kind) -> str:
    if kind.name == "varbinary":
        return f"unhex({column})"
    return f"make_timestamptz(epoch_us({column}))" if kind.name == "timestamp with time zone" else column


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return str(path).replace("'", "''")
