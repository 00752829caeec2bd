"""Trino's types: their names as Trino writes them, how the engine stores them, and what is converted to what.

https://trino.io/docs/current/language/types.html, https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_VARCHAR = 2147483647
MAX_CHAR = 65536


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


def finest(type_: Type) -> int:
    """The most digits of a second that a time inside the type has."""
    own = type_.numbers[0] if type_.name.startswith("time") and type_.numbers else 0
    return max([own, *(finest(arg) for arg in type_.args)])


def inside(type_: Type) -> list[Type]:
    """The type and all that it is made of."""
    return [type_, *(part for arg in type_.args for part in inside(arg))]


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

SIMPLE = tuple(_DUCKDB)


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
    return Type("char", numbers=(max(lengths) if len(lengths) == 2 else MAX_CHAR,))


def converts(source: Type, target: Type) -> bool:
    """Whether Trino converts a value of `source` to `target` without being asked."""
    if source.name == "varchar" == target.name:
        return not target.numbers or (bool(source.numbers) and source.numbers[0] <= target.numbers[0])
    if source.name == "char" and target.name == "varchar":
        return True
    return common(source, target) == target
