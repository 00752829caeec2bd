"""Trino's types: reading their names (Trino's and Hive's spelling), writing them, and what is converted to what.

https://trino.io/docs/current/language/types.html, https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

MAX_VARCHAR = 2147483647
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Type:
    """A type. `args` are its element types, `numbers` its length, precision and scale, `fields` the names of a row
    (None: anonymous). `zone` is the time zone of a `timestamp with time zone`, which here belongs to the
    type and not to each value; it takes no part in comparison."""

    name: str
    args: tuple[Type, ...] = ()
    numbers: tuple[int, ...] = ()
    fields: tuple[str | None, ...] = ()
    zone: str = field(default="UTC", compare=False)

    def __str__(self) -> str:
        if self.name == "row":
            parts = [f"{name} {arg}" if name else str(arg) for name, arg in zip(self.fields, self.args, strict=True)]
            return f"row({', '.join(parts)})"
        if self.name == "timestamp with time zone":
            return f"timestamp({self.numbers[0] if self.numbers else 3}) with time zone"
        inner = [str(arg) for arg in self.args] or [str(number) for number in self.numbers]
        return f"{self.name}({','.join(inner)})" if inner else self.name

    @property
    def precision(self) -> int:
        """Digits of a decimal; of an integer type, those it needs as a decimal."""
        return self.numbers[0] if self.name == "decimal" else _INTEGER_DIGITS[self.name]

    @property
    def scale(self) -> int:
        """Digits behind the point of a decimal, 0 for an integer type."""
        return self.numbers[1] if self.name == "decimal" else 0


_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}

BOOLEAN = Type("boolean")
TINYINT, SMALLINT, INTEGER, BIGINT = (Type(name) for name in _INTEGER_DIGITS)
REAL, DOUBLE = Type("real"), Type("double")
VARCHAR, VARBINARY, JSON = Type("varchar"), Type("varbinary"), Type("json")
DATE, TIME, TIMESTAMP = Type("date"), Type("time", numbers=(3,)), Type("timestamp", numbers=(3,))
TIMESTAMP_TZ = Type("timestamp with time zone", numbers=(3,))
DAY_INTERVAL, MONTH_INTERVAL = Type("interval day to second"), Type("interval year to month")
UNKNOWN = Type("unknown")

INTEGERS = tuple(_INTEGER_DIGITS)
TEXT = ("varchar", "char")
TEMPORAL = ("date", "timestamp", "timestamp with time zone")
NUMERIC = (*INTEGERS, "decimal", "real", "double")


def decimal(precision: int, scale: int) -> Type:
    """`decimal(precision,scale)`."""
    return Type("decimal", numbers=(precision, scale))


def array(element: Type) -> Type:
    """`array(element)`."""
    return Type("array", (element,))


def map_of(key: Type, value: Type) -> Type:
    """`map(key,value)`."""
    return Type("map", (key, value))


_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "varbinary": "BLOB",
    "json": "JSON",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL",
    "unknown": "INTEGER",
    "uuid": "UUID",
}


def duckdb_type(type_: Type) -> str:
    """How the engine stores values of a type."""
    if type_.name == "decimal":
        return f"DECIMAL({type_.precision},{type_.scale})"
    if type_.name == "array":
        return f"{duckdb_type(type_.args[0])}[]"
    if type_.name == "map":
        return f"MAP({duckdb_type(type_.args[0])}, {duckdb_type(type_.args[1])})"
    if type_.name == "row":
        parts = (f"{quoted(name)} {duckdb_type(arg)}" for name, arg in row_fields(type_))
        return f"STRUCT({', '.join(parts)})"
    return _DUCKDB[type_.name]


def row_fields(row: Type) -> list[tuple[str, Type]]:
    """The names and types of a row's fields; an anonymous one has the name Athena shows, `field0`."""
    pairs = zip(row.fields, row.args, strict=True)
    return [(name or f"field{index}", arg) for index, (name, arg) in enumerate(pairs)]


def quoted(name: str) -> str:
    """An identifier for the engine."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal for the engine."""
    return "'" + value.replace("'", "''") + "'"


_SYNONYMS = {"int": "integer", "string": "varchar", "binary": "varbinary", "float": "real", "struct": "row"}
_TWO_WORDS = {
    ("interval", "day"),
    ("interval", "year"),
    ("timestamp", "with"),
    ("timestamp", "without"),
    ("time", "without"),
    ("double", "precision"),
}
_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|\d+|\"(?:[^\"]|\"\")*\"|`[^`]*`|[(),<>:])")


def parse_type(spelling: str, *, variables: bool = False) -> Type:
    """A type from Trino's spelling (`array(row(x bigint))`) or Hive's (`array<struct<x:bigint>>`).

    With `variables`, single capitals stand for any type and `decimal` for any decimal.
    Raises ValueError for a name that is no type.
    """
    tokens = _TOKEN.findall(spelling)
    if "".join(tokens) != re.sub(r"\s", "", spelling):
        raise ValueError(f"Unknown type: {spelling}")
    reader = _TypeReader(tokens, spelling, variables)
    found = reader.type()
    if reader.rest:
        raise ValueError(f"Unknown type: {spelling}")
    return found


class _TypeReader:
    def __init__(self, tokens: list[str], spelling: str, variables: bool) -> None:
        self.rest = tokens
        self._variables = variables
        self._spelling = spelling

    def _next(self, *expected: str) -> str:
        if not self.rest or (expected and self.rest[0] not in expected):
            raise ValueError(f"Unknown type: {self._spelling}")
        return self.rest.pop(0)

    def _accept(self, *tokens: str) -> bool:
        if [token.lower() for token in self.rest[: len(tokens)]] != list(tokens):
            return False
        del self.rest[: len(tokens)]
        return True

    def type(self) -> Type:
        word = self._next()
        if self._variables and (word in ("decimal",) or re.fullmatch("[A-Z]", word)):
            return Type(word)
        if self._variables and word == "function":
            return Type(word, tuple(self._inside(self.type)))
        name = _SYNONYMS.get(word.lower(), word.lower())
        if name in ("array", "map"):
            args = self._inside(self.type)
            if len(args) != (1 if name == "array" else 2):
                raise ValueError(f"Unknown type: {self._spelling}")
            return Type(name, tuple(args))
        if name == "row":
            fields = self._inside(self._field)
            return Type("row", tuple(type_ for _, type_ in fields), fields=tuple(name for name, _ in fields))
        if name == "double":
            self._accept("precision")
        if name == "interval":
            return DAY_INTERVAL if self._accept("day", "to", "second") else self._months()
        numbers = tuple(int(number) for number in self._inside(self._next)) if self.rest[:1] == ["("] else ()
        return self._plain(name, numbers)

    def _months(self) -> Type:
        for word in ("year", "to", "month"):
            self._next(word)
        return MONTH_INTERVAL

    def _plain(self, name: str, numbers: tuple[int, ...]) -> Type:
        if name in ("timestamp", "time"):
            if self._accept("with", "time", "zone"):
                if name == "time":
                    raise ValueError("Unknown type: time with time zone")
                name = "timestamp with time zone"
            elif self._accept("without", "time", "zone"):
                pass
            return Type(name, numbers=numbers or (3,))
        if name == "decimal":
            return decimal(numbers[0] if numbers else 38, numbers[1] if len(numbers) > 1 else 0)
        if name == "char":
            return Type("char", numbers=numbers or (1,))
        if name == "varchar":
            return VARCHAR if numbers in ((), (MAX_VARCHAR,)) else Type("varchar", numbers=numbers)
        if name not in _DUCKDB or numbers:
            raise ValueError(f"Unknown type: {self._spelling}")
        return Type(name)

    def _inside(self, item: Callable[[], _Item]) -> list[_Item]:
        closing = ")" if self._next("(", "<") == "(" else ">"
        items = [item()]
        while self._next(",", closing) == ",":
            items.append(item())
        return items

    def _field(self) -> tuple[str | None, Type]:
        word = self.rest[0]
        following = self.rest[1] if len(self.rest) > 1 else ""
        if following in (",", ")", ">", "(", "<") and not word.startswith(('"', "`")):
            return None, self.type()
        if (word.lower(), following.lower()) in _TWO_WORDS:
            return None, self.type()
        name = self._next().strip('"`').lower()
        self._accept(":")
        return name, self.type()


def hive_type(type_: Type) -> str:
    """The spelling that the Glue catalog uses."""
    names = {"integer": "int", "varchar": "string", "varbinary": "binary", "real": "float", "json": "string"}
    if type_.name == "array":
        return f"array<{hive_type(type_.args[0])}>"
    if type_.name == "map":
        return f"map<{hive_type(type_.args[0])},{hive_type(type_.args[1])}>"
    if type_.name == "row":
        return "struct<" + ",".join(f"{name}:{hive_type(arg)}" for name, arg in row_fields(type_)) + ">"
    if type_.name == "varchar" and type_.numbers:
        return f"varchar({type_.numbers[0]})"
    if type_.name in ("timestamp", "timestamp with time zone", "time"):
        return "timestamp" if type_.name == "timestamp" else "string"
    return names.get(type_.name, str(type_))


def common(left: Type, right: Type) -> Type | None:
    """The type that values of both are converted to where they meet (CASE, UNION, comparison), or None.

    https://trino.io/docs/current/language/types.html and Trino's TypeCoercion.
    """
    if left == right:
        return left
    if left == UNKNOWN:
        return right
    if right == UNKNOWN:
        return left
    if left.name in NUMERIC and right.name in NUMERIC:
        return _common_number(left, right)
    if left.name in TEXT and right.name in TEXT:
        return _common_text(left, right)
    if left.name in TEMPORAL and right.name in TEMPORAL:
        later = max((left, right), key=lambda item: TEMPORAL.index(item.name))
        digits = max((*left.numbers[:1], *right.numbers[:1], 0))
        return Type(later.name, numbers=(digits,), zone=later.zone)
    if left.name == right.name and left.name in ("array", "map", "row") and len(left.args) == len(right.args):
        args = [common(a, b) for a, b in zip(left.args, right.args, strict=True)]
        if any(arg is None for arg in args):
            return None
        fields = tuple(a if a == b else None for a, b in zip(left.fields, right.fields, strict=True))
        return Type(left.name, tuple(arg for arg in args if arg is not None), fields=fields)
    if left.name == right.name == "time":
        return max(left, right, key=lambda item: item.numbers)
    return None


def _common_number(left: Type, right: Type) -> Type:
    names = {left.name, right.name}
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    if "decimal" in names:
        scale = max(left.scale, right.scale)
        whole = max(left.precision - left.scale, right.precision - right.scale)
        return decimal(min(38, whole + scale), scale)
    return max(left, right, key=lambda item: INTEGERS.index(item.name))


def _common_text(left: Type, right: Type) -> Type:
    if left.name == right.name == "char":
        return max(left, right, key=lambda item: item.numbers)
    lengths = [item.numbers[0] for item in (left, right) if item.numbers]
    if left.name == right.name:
        return Type("varchar", numbers=(max(lengths),)) if len(lengths) == 2 else VARCHAR
    kind = left if left.name == "char" else right
    return kind


def converts(source: Type, target: Type) -> bool:
    """Whether Trino converts a value of `source` to `target` without being asked."""
    if source.name == "varchar" == target.name:
        return not target.numbers or (bool(source.numbers) and source.numbers[0] <= target.numbers[0])
    if source.name == "char" and target.name == "varchar":
        return True
    return common(source, target) == target
