"""Arrays, maps and rows out of Athena's text for them, where that text can be read in one way only.

Athena gives `[1, 2]`, `{k=1}` and `{name=1, other=2}`, and of the type no more than `array`, `map` or `row`; what they
are made of `typeof` tells. Strings in there stand without quotes, so that `[a, b]` may be one string or two, and
`[null]` a NULL or a word: such columns stay text, which is never wrong. `CAST(column AS JSON)` gives those exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from salespipe.services.query.values import Convert, converter

NESTED = ("array", "map", "row")

# Their texts have no comma, no equals sign and no bracket in them.
_PLAIN = {
    "boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal", "date", "timestamp", "time",
    "unknown",
}  # fmt: skip
_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|[A-Za-z0-9_]+|.)')
_VALUE = re.compile(r"[^,=\[\]{}]+")


@dataclass(frozen=True)
class Kind:
    """A type: `name`, what is in its brackets as text, e.g. `9,2`, and what it is made of; a row also has names."""

    name: str
    numbers: str = ""
    parts: tuple[Kind, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether the text of every value can be read in one way only."""
        return all(part.is_certain for part in self.parts) if self.parts else self.name in _PLAIN

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of a row's fields; without names they are what Athena shows, `field0`."""
        return self.names or tuple(f"field{number}" for number in range(len(self.parts)))


def kind_of(signature: str) -> Kind:
    """A type as `typeof` writes it, e.g. `array(row(sku varchar, price decimal(9,2)))`. Raises ValueError."""
    tokens = [match[1] for match in _TOKEN.finditer(signature.strip())]
    kind, rest = _kind(tokens)
    if rest:
        raise ValueError(f"{signature!r} goes on behind the type")
    return kind


def reader(kind: Kind) -> Convert:
    """What makes lists and dicts of a column's text, or leaves it as it is where it is not certain."""
    if not kind.is_certain:
        return str
    read = _reader(kind)

    def convert(text: str) -> object:
        try:
            value, end = read(text, 0)
        except ValueError:
            return text
        return value if end == len(text) else text

    return convert


_Read = Callable[[str, int], tuple[object, int]]


def _kind(tokens: list[str]) -> tuple[Kind, list[str]]:
    words = []
    while tokens and re.fullmatch(r"[a-z]\w*", tokens[0]):
        words.append(tokens[0])
        tokens = tokens[1:]
    name = " ".join(words)
    if not tokens or tokens[0] != "(":
        return Kind(name), tokens
    if name not in NESTED:
        end = tokens.index(")")
        after, rest = _kind(tokens[end + 1 :])  # `timestamp(3) with time zone`
        return Kind(f"{name} {after.name}".strip(), "".join(tokens[1:end])), rest
    parts, names = [], []
    rest = tokens
    while rest and rest[0] != ")":
        rest = rest[1:]  # the bracket, or a comma
        if name == "row" and len(rest) > 1 and (rest[0][0] == '"' or re.fullmatch(r"\w+", rest[1])):
            names.append(rest[0].strip('"').replace('""', '"'))
            rest = rest[1:]
        part, rest = _kind(rest)
        parts.append(part)
    if not rest or (names and len(names) != len(parts)):
        raise ValueError(f"{name} is not understood")
    return Kind(name, "", tuple(parts), tuple(names)), rest[1:]


def _reader(kind: Kind) -> _Read:
    if kind.name == "array":
        element = _reader_or_null(kind.parts[0])
        return lambda text, at: _sequence(text, at, "[]", lambda place, _: element(text, place))
    if kind.name == "map":
        key, value = _reader(kind.parts[0]), _reader_or_null(kind.parts[1])

        def entry(text: str, at: int) -> tuple[object, int]:
            found, at = key(text, at)
            return _pair(found, value(text, _expect(text, at, "=")))

        return lambda text, at: _mapping(_sequence(text, at, "{}", lambda place, _: entry(text, place)))
    if kind.name == "row":
        names = kind.field_names
        fields = [_reader_or_null(part) for part in kind.parts]

        def named(text: str, at: int, number: int) -> tuple[object, int]:
            if number >= len(names):
                raise ValueError("more fields than the type has")
            return _pair(names[number], fields[number](text, _expect(text, at, f"{names[number]}=")))

        return lambda text, at: _mapping(_sequence(text, at, "{}", lambda place, n: named(text, place, n)))
    make = converter(kind.name)

    def plain(text: str, at: int) -> tuple[object, int]:
        match = _VALUE.match(text, at)
        if match is None:
            raise ValueError(f"no value at {at}")
        return make(match[0]), match.end()

    return plain


def _reader_or_null(kind: Kind) -> _Read:
    read = _reader(kind)
    return lambda text, at: (None, at + 4) if text.startswith("null", at) else read(text, at)


def _sequence(text: str, at: int, brackets: str, item: Callable[[int, int], tuple[object, int]]) -> tuple[object, int]:
    at = _expect(text, at, brackets[0])
    found: list[object] = []
    while not text.startswith(brackets[1], at):
        if found:
            at = _expect(text, at, ", ")
        value, at = item(at, len(found))
        found.append(value)
    return found, at + 1


def _expect(text: str, at: int, sign: str) -> int:
    if not text.startswith(sign, at):
        raise ValueError(f"no {sign} at {at}")
    return at + len(sign)


def _pair(key: object, found: tuple[object, int]) -> tuple[object, int]:
    return (key, found[0]), found[1]


def _mapping(found: tuple[object, int]) -> tuple[object, int]:
    pairs, end = found
    return dict(pairs), end  # type: ignore[call-overload]
