r"""Regular expressions of Trino's library in the words of the engine's.

Trino's is Joni with its Java syntax (https://trino.io/docs/current/functions/regexp.html), where `\d`, `\w` and `\s`
mean all of Unicode and `$` also stands before a line feed at the very end; in RE2 they mean ASCII and the end alone.
The classes are written out. What RE2 has no words for (`$` there, `\b` beside a letter that is not ASCII) is a matter
of the text: one in which it would make a difference is refused.
"""

from __future__ import annotations

import re

from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.types import text

_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}", "s": r"\t-\r\x{85}\p{Z}"}
# What is none of them, for where it stands in a class with others.
_OTHERS = {
    "D": r"\P{Nd}",
    "S": r"\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}"
    r"\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF}",
}
_ASCII = r"\\[bBdDsSwW]|\[:"
_DIFFERS = "error('NOT_SUPPORTED: this regular expression of such a text is not supported by the local Athena')"

MACROS = (
    f"trino_ascii_text(s) AS CASE WHEN regexp_matches(s, '[^\\x00-\\x7F]') THEN {_DIFFERS} ELSE s END",
    f"trino_without_line_end(s) AS CASE WHEN ends_with(s, chr(10)) THEN {_DIFFERS} ELSE s END",
    f"trino_regexp_text(s, p) AS CASE WHEN regexp_matches(p, {text(_ASCII)}) AND regexp_matches(s, '[^\\x00-\\x7F]') "
    f"OR contains(p, '$') AND ends_with(s, chr(10)) THEN {_DIFFERS} ELSE s END",
)


def in_re2(pattern: str) -> str:
    """A constant pattern with its classes written out."""
    out, inside, position = "", False, 0
    while position < len(pattern):
        pair = pattern[position : position + 2]
        letter = pair[1:].lower()
        if pair[0] == "\\" and letter in _CLASSES and letter:
            if inside and pair[1] in _OTHERS:
                out += _OTHERS[pair[1]]
                position += len(pair)
                continue
            if inside and pair[1].isupper():
                raise NotSupported(f"the regular expression {pattern!r} ({pair} in a class)")
            out += _CLASSES[letter] if inside else f"[{'^' if pair[1].isupper() else ''}{_CLASSES[letter]}]"
        elif pair[0] == "\\":
            out += pair
        else:
            inside = pair[0] == "[" or (inside and pair[0] != "]")
            pair = pair[0]
            out += pair
        position += len(pair)
    return out


def guarded(sql: str, pattern: str) -> str:
    """A text, refused where a constant pattern may find something else in it than in Trino."""
    plain = re.sub(r"\\[^bB]", "", pattern)
    if re.search(r"\\[bB]|\[:", plain):
        sql = f"trino_ascii_text({sql})"
    many_lines = re.search(r"\(\?\w*m", plain)
    return f"trino_without_line_end({sql})" if "$" in plain and not many_lines else sql
