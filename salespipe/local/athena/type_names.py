"""The names of types: read in Trino's and in Hive's spelling, written in Hive's for the Glue catalog.

https://trino.io/docs/current/language/types.html, https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from salespipe.local.athena.types import (
    DAY_INTERVAL,
    MAX_VARCHAR,
    MONTH_INTERVAL,
    SIMPLE,
    VARCHAR,
    Type,
    decimal,
    row_fields,
)

_Item = TypeVar("_Item")
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
    if re.sub(r"\s", "", "".join(tokens)) != re.sub(r"\s", "", spelling):
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
        if name not in SIMPLE or numbers:
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
