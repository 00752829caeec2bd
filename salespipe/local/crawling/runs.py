"""Passes over JSON rows that look like rows of the same folder that were read before, without parsing them.

A stream's objects hold the same row thousands of times with other values. Of each row that is parsed the names, in
their order, and the kinds of its values are kept, and become a regular expression; rows that match are passed over in
one step. It matches less than JSON allows (printable ASCII without escapes, whole numbers of nine digits, plain
fractions, no nesting), so a row that is passed over is valid and has no type that the parsed ones have not. What does
not match is parsed: what the folder shows is the same as without, only sooner.
"""

from __future__ import annotations

import re
from typing import Any

_KINDS = {str: "s", int: "i", float: "f", bool: "b", type(None): "n"}
_EXPRESSIONS = {
    "s": rb'"[ !#-\[\]-~]*+"',
    "i": rb"-?+(?:0|[1-9][0-9]{0,8}+)",
    "f": rb"-?+(?:0|[1-9][0-9]{0,14}+)\.[0-9]{1,17}+",
    "fi": rb"-?+(?:0|[1-9][0-9]{0,8}+)(?:\.[0-9]{1,17}+)?+",
    "b": rb"(?:true|false)",
    "n": rb"null",
}
_NAME = re.compile(r"[ !#-\[\]-~]+")
_LONGEST_WHOLE = 999_999_999
_EXAMPLES = 16
_MOST_SHAPES = 8
_MOST_PATTERNS = 100

Shape = tuple[tuple[str, ...], tuple[str, ...]]
"""Names, and for each the kinds of value that were seen, as their letters."""


class Patterns:
    """The compiled expressions of one crawl. Compiling takes a millisecond: data too varied for it get no more."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[Shape, ...], re.Pattern[bytes]] = {}

    def of(self, shapes: tuple[Shape, ...]) -> re.Pattern[bytes] | None:
        """The expression for rows of any of these shapes, one a line; None when there are too many already."""
        found = self._compiled.get(shapes)
        if found is None and len(self._compiled) < _MOST_PATTERNS:
            rows = b"|".join(_row(shape) for shape in shapes)
            found = self._compiled[shapes] = re.compile(rb"(?:(?:" + rows + rb")\r?+\n)++")
        return found


class Runs:
    """The rows of one format in one folder: `learn` from those that are parsed, pass over others with `end`.

    An expression is made after every `examples` rows to learn from, not after each.
    """

    def __init__(self, patterns: Patterns, examples: int = _EXAMPLES) -> None:
        self._patterns = patterns
        self._examples = examples
        self._learned = 0
        self._kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._pattern: re.Pattern[bytes] | None = None

    def learn(self, row: dict[str, Any]) -> None:
        """Take a row that was parsed as an example of those to come."""
        names = tuple(row)
        known = self._kinds.get(names)
        if known is None:
            if len(self._kinds) == _MOST_SHAPES or not all(map(_NAME.fullmatch, names)):
                return
            known = ("",) * len(names)
        kinds = []
        for letters, value in zip(known, row.values(), strict=True):
            kind = _KINDS.get(type(value))
            if kind is None or (kind == "i" and not -_LONGEST_WHOLE <= value <= _LONGEST_WHOLE):
                return
            kinds.append(letters if kind in letters else "".join(sorted(letters + kind)))
        self._kinds[names] = tuple(kinds)
        self._learned += 1
        if self._learned % self._examples == 0:
            self._pattern = self._patterns.of(tuple(sorted(self._kinds.items()))) or self._pattern

    def end(self, data: bytes, position: int) -> int:
        """Where the rows that look like known ones end; `position` when there are none."""
        match = self._pattern.match(data, position) if self._pattern is not None else None
        return match.end() if match else position


def _row(shape: Shape) -> bytes:
    fields = (
        b'"' + re.escape(name.encode()) + rb'":\ ?+(?:' + b"|".join(_values(kinds)) + b")"
        for name, kinds in zip(*shape, strict=True)
    )
    return rb"\{" + rb",\ ?+".join(fields) + rb"\}"


def _values(kinds: str) -> list[bytes]:
    """The expressions of these kinds; numbers with and without a fraction are one."""
    parts = ["fi", *kinds.replace("f", "").replace("i", "")] if "f" in kinds and "i" in kinds else [*kinds]
    return [_EXPRESSIONS[part] for part in parts]
