"""A result's columns as Athena describes them: ColumnInfo of GetQueryResults, and the `.metadata` beside a result file.

The file is a protobuf message without a published schema. Athena's JDBC driver 3.x reads it, by default, instead of
asking GetQueryResults; Burt's athena-jdbc does too; PyAthena and awswrangler do not. Fields: 1 an id of the query, 2
what was done (`INSERT`) and 3 to how many rows, 4 a column, once for each; in a column 1 CatalogName, 4 Name, 5 Label,
6 Type, 7 Precision, 8 Scale, 9 Nullable (3: UNKNOWN), 10 CaseSensitive. Whether 7, 8 and 10 are there is a matter of
the type, also for zeros. Numbers of fields: the parser of burtcorp/athena-jdbc; what each type has, and the precisions:
measured on engine version 3 (public notes of the athena-local project, 2026), PyAthena's tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from salespipe.local.athena.statements.context import ResultColumn
from salespipe.local.athena.types import MAX_VARCHAR

_PRECISION = {
    "tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "float": 17, "double": 17, "varbinary": 1073741824,
    "timestamp": 3, "timestamp with time zone": 3, "time": 3, "time with time zone": 3,
}  # fmt: skip
_SHOWN = {"real": "float"}
_TEXT = ("varchar", "char")
_UNKNOWN = 3


def column_info(column: ResultColumn) -> dict[str, Any]:
    """A column as ResultSetMetadata describes it."""
    type_ = column.type
    name = _SHOWN.get(type_.name, type_.name)
    precision = _PRECISION.get(name, 0)
    if name in _TEXT:
        precision = type_.numbers[0] if type_.numbers else MAX_VARCHAR
    if name == "decimal":
        precision = type_.precision
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": name,
        "Precision": precision,
        "Scale": type_.scale if name == "decimal" else 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": name in _TEXT,
    }


def metadata(id: str, columns: Sequence[dict[str, Any]], update: tuple[str, int] | None = None) -> bytes:
    """The `.metadata` of a result; `update` is what a statement that writes did, and to how many rows."""
    parts = [_text(1, id)]
    if update is not None:
        parts += [_text(2, update[0]), _number(3, update[1])]
    parts += [_bytes(4, b"".join(_column(info))) for info in columns]
    return b"".join(parts)


def _column(info: dict[str, Any]) -> Iterator[bytes]:
    type_ = str(info["Type"])
    numeric = type_ in _PRECISION or type_ in (*_TEXT, "decimal")
    yield _text(1, info["CatalogName"])
    yield _text(4, info["Name"])
    yield _text(5, info["Label"])
    yield _text(6, type_)
    if numeric:
        yield _number(7, info["Precision"])
    if numeric or type_ == "date":
        yield _number(8, info["Scale"])
    yield _number(9, _UNKNOWN)
    if numeric or type_ in ("date", "boolean") or type_.startswith("interval"):
        yield _number(10, int(info["CaseSensitive"]))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """https://protobuf.dev/programming-guides/encoding/#varints"""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
