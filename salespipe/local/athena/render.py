"""Values as Athena writes them into its result file.

timestamps have three digits of a second, doubles are Java's (1.0E10), arrays `[a, b]`, maps `{a=b}`, rows `{x=1, y=2}`,
binary is hexadecimal in pairs. https://docs.aws.amazon.com/athena/latest/ug/data-types.html; the texts are those that
PyAthena's own tests expect.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time
from salespipe.local.athena.types import Type, row_fields


def fetched(sql: str, type_: Type) -> str:
    """A result column in a form Python can take: instants as wall-clock time, spans as whole numbers."""
    if type_.name == "timestamp with time zone":
        return local_time(Typed(sql, type_))
    if type_.name == "interval year to month":
        return f"(extract(year FROM {sql}) * 12 + extract(month FROM {sql}))"
    if type_.name == "interval day to second":
        return f"CAST(round(epoch({sql}) * 1000) AS BIGINT)"
    if any(_needs_care(arg) for arg in type_.args) or _has_nested_key(type_):
        raise NotSupported(f"a result column of type {type_}")
    return sql


def _has_nested_key(type_: Type) -> bool:
    """Python gets a map whose keys are arrays, rows or maps in another form."""
    own = type_.name == "map" and bool(type_.args[0].args)
    return own or any(_has_nested_key(arg) for arg in type_.args)


def _needs_care(type_: Type) -> bool:
    return type_.name in ("timestamp with time zone", "interval year to month", "interval day to second") or any(
        _needs_care(arg) for arg in type_.args
    )


Writer = Callable[[Any], str]


def writer(type_: Type) -> Writer:
    """The function that writes a value (not NULL) of a type."""
    if type_.name == "array":
        return _array(_inner(type_.args[0]))
    if type_.name == "map":
        return _map(_inner(type_.args[0]), _inner(type_.args[1]))
    if type_.name == "row":
        return _row([(name, _inner(arg)) for name, arg in row_fields(type_)])
    if type_.name == "timestamp":
        return _calendar(_timestamp(type_.numbers[0], ""), type_)
    if type_.name == "timestamp with time zone":
        return _calendar(_timestamp(type_.numbers[0], f" {type_.zone}"), type_)
    found = _WRITERS.get(type_.name, str)
    return _calendar(found, type_) if type_.name in ("date", "time") else found


def _calendar(write: Writer, type_: Type) -> Writer:
    """Python's years end with 9999 and its days before 24:00: what is beyond comes as a text of the engine's own."""

    def checked(value: Any) -> str:
        if isinstance(value, str):
            raise NotSupported(f"the {type_.name} {value}")
        return write(value)

    return checked


def _inner(type_: Type) -> Callable[[Any], str]:
    write = writer(type_)
    return lambda value: "null" if value is None else write(value)


def double(value: float) -> str:
    """Java's Double.toString: 0.001 up to ten million in plain digits, anything else as 1.0E10."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if 1e-3 <= abs(value) < 1e7:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{shown}"
        return f"{minus}{shown[:point].ljust(point, '0')}.{shown[point:] or '0'}"
    return f"{minus}{shown[0]}.{shown[1:] or '0'}E{point - 1}"


def real(value: float) -> str:
    """Java's Float.toString: the shortest digits, two at least, that give the same 32-bit number back."""
    import struct

    if value == 0 or math.isnan(value) or math.isinf(value):
        return double(value)
    bits = struct.pack("f", value)
    shortest = next(t for t in (f"{value:.{n}g}" for n in range(2, 10)) if struct.pack("f", float(t)) == bits)
    return double(float(shortest))


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _binary(value: bytes) -> str:
    return value.hex(" ")


def _timestamp(digits: int, zone: str) -> Writer:
    shown = min(6, max(3, digits))

    def write(value: datetime.datetime) -> str:
        return f"{value.year:04}-{value:%m-%d %H:%M:%S}.{value.microsecond:06}"[: 20 + shown] + zone

    return write


def _time(value: datetime.time) -> str:
    return f"{value:%H:%M:%S}.{value.microsecond // 1000:03}"


def _months(value: int) -> str:
    years, months = divmod(abs(value), 12)
    return f"{'-' if value < 0 else ''}{years}-{months}"


def _milliseconds(value: int) -> str:
    seconds, rest = divmod(abs(value), 1000)
    days, seconds = divmod(seconds, 86400)
    return f"{'-' if value < 0 else ''}{days} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _array(write: Writer) -> Writer:
    return lambda value: "[" + ", ".join(map(write, value)) + "]"


def _map(key: Writer, item: Writer) -> Writer:
    return lambda value: "{" + ", ".join(f"{key(k)}={item(v)}" for k, v in value.items()) + "}"


def _row(fields: Sequence[tuple[str, Writer]]) -> Writer:
    def write(value: dict[str, Any]) -> str:
        return "{" + ", ".join(f"{name}={item(value[name])}" for name, item in fields) + "}"

    return write


_WRITERS: dict[str, Writer] = {
    "boolean": _boolean,
    "double": double,
    "real": real,
    "decimal": _decimal,
    "varbinary": _binary,
    "time": _time,
    "interval year to month": _months,
    "interval day to second": _milliseconds,
    "json": _json,
}
