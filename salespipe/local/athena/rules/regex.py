r"""Regular expressions: https://trino.io/docs/current/functions/regexp.html

Replacements refer to groups as `$1` and `${name}` where the engine has `\1`; an expression that is not found gives
NULL. The engine's RE2 has neither lookaround nor back references: such patterns are refused.
"""

from __future__ import annotations

import re

from sqlglot import exp

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.rules.patterns import guarded, in_re2
from salespipe.local.athena.rules.registry import built, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, BOOLEAN, INTEGER, TEXT, VARCHAR, array, text

PAGE = "functions/regexp.html"
_UNKNOWN_TO_RE2 = re.compile(r"\(\?(=|!|<=|<!|>)|\\[1-9]|\\k<|[*+?}]\+")
# Of a pattern that is not a constant, what would have to be rewritten for RE2 is refused when it is met.
_NOT_AS_IT_IS = rf"{_UNKNOWN_TO_RE2.pattern}|\(\?<[A-Za-z]"
macros(
    # where each match begins: behind the texts between the matches and the matches before it
    "trino_match_places(s, p) AS list_transform(range(1, len(regexp_extract_all(s, p)) + 1), lambda i: "
    "1 + length(array_to_string(regexp_split_to_array(s, p)[1:i], '')) "
    "+ length(array_to_string(regexp_extract_all(s, p)[1:i - 1], '')))",
    "trino_match_position(s, p, b, n) AS CASE WHEN s IS NULL OR p IS NULL OR b IS NULL OR n IS NULL THEN NULL "
    "WHEN b < 1 THEN error('INVALID_FUNCTION_ARGUMENT: start position cannot be smaller than 1') "
    "WHEN n < 1 THEN error('INVALID_FUNCTION_ARGUMENT: occurrence cannot be smaller than 1') "
    "WHEN regexp_full_match('', p) OR len(list_filter(trino_match_places(s, p), lambda x, i: "
    "x < b AND x + length(regexp_extract_all(s, p)[i]) > b)) > 0 "
    "THEN error('NOT_SUPPORTED: regexp_position of this pattern at this start is not supported by the local Athena') "
    "ELSE coalesce(list_filter(trino_match_places(s, p), lambda x: x >= b)[n], -1) END",
    "trino_no_empty(p) AS CASE WHEN regexp_full_match('', p) THEN error('NOT_SUPPORTED: a pattern that matches the "
    "empty text is not supported here by the local Athena') ELSE p END",
    f"trino_pattern(p) AS CASE WHEN regexp_matches(p, {text(_NOT_AS_IT_IS)}) THEN error('NOT_SUPPORTED: the regular "
    "expression ' || p || ' (lookaround, back references, possessive quantifiers, named groups) is not supported "
    "by the local Athena') ELSE p END",
)
_REFERENCE = re.compile(r"\\(.)|\$(\d+)|\$\{(\w+)\}|(\$)", re.DOTALL)


def _subject(call: Arguments) -> tuple[Typed, str]:
    value = call.value(0)
    if value.type.name not in (*TEXT, "unknown"):
        raise call.unfit()
    if not isinstance(call.trees[1], exp.Literal):
        dynamic = call.value(1)
        if dynamic.type.name not in (*TEXT, "unknown"):
            raise call.unfit()
        dynamic = converted(dynamic, VARCHAR)
        subject = Typed(f"trino_regexp_text({converted(value, VARCHAR).sql}, {dynamic.sql})", VARCHAR)
        return subject, f"trino_pattern({dynamic.sql})"
    pattern = call.literal(1)
    if _UNKNOWN_TO_RE2.search(pattern):
        raise NotSupported(
            f"the regular expression {pattern!r} (lookaround, back references, possessive quantifiers)", call.at
        )
    try:
        re.compile(re.sub(r"\(\?<([A-Za-z])", r"(?P<\1", pattern))
    except re.error as error:
        # Python's own limits, of which Java knows nothing
        if not any(words in str(error) for words in ("bad escape", "multiple repeat", "global flags")):
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Invalid regular expression: {pattern}", call.at) from None
    return Typed(guarded(converted(value, VARCHAR).sql, pattern), VARCHAR), text(_renamed(in_re2(pattern)))


def _no_empty(call: Arguments, pattern: str) -> str:
    """The pattern, refused where it may match the empty text: Java finds that behind other matches, RE2 does not."""
    if isinstance(call.trees[1], exp.Literal):
        try:
            empty = re.fullmatch(re.sub(r"\(\?<([A-Za-z])", r"(?P<\1", call.literal(1)), "") is not None
        except re.error:
            empty = False
        if empty:
            raise NotSupported(f"{call.name} with a pattern that matches the empty text", call.at)
        return pattern
    return f"trino_no_empty({pattern})"


def _renamed(pattern: str) -> str:
    """RE2 writes named groups with a P."""
    return re.sub(r"\(\?<([A-Za-z])", r"(?P<\1", pattern)


@built(PAGE, "scalar", "regexp_like")
def like(call: Arguments) -> Typed:
    call.expect(2)
    value, pattern = _subject(call)
    return Typed(f"regexp_matches({value.sql}, {pattern})", BOOLEAN)


@built(PAGE, "scalar", "regexp_count")
def count(call: Arguments) -> Typed:
    call.expect(2)
    value, pattern = _subject(call)
    return Typed(f"CAST(len(regexp_extract_all({value.sql}, {_no_empty(call, pattern)})) AS BIGINT)", BIGINT)


@built(PAGE, "scalar", "regexp_position")
def position(call: Arguments) -> Typed:
    """Where the n-th match at or behind a start begins, counted from 1; -1 where there is none."""
    call.expect(2, 3, 4)
    value, pattern = _subject(call)
    start, nth = (call.value(index).sql if len(call.trees) > index else "1" for index in (2, 3))
    return Typed(f"CAST(trino_match_position({value.sql}, {pattern}, {start}, {nth}) AS INTEGER)", INTEGER)


@built(PAGE, "scalar", "regexp_extract")
def extract(call: Arguments) -> Typed:
    """The first match or one of its groups; NULL without a match."""
    call.expect(2, 3)
    value, pattern = _subject(call)
    group = _group(call)
    found = f"regexp_extract({value.sql}, {pattern}, {group})"
    return Typed(f"CASE WHEN regexp_matches({value.sql}, {pattern}) THEN {found} END", VARCHAR)


@built(PAGE, "scalar", "regexp_extract_all")
def extract_all(call: Arguments) -> Typed:
    call.expect(2, 3)
    value, pattern = _subject(call)
    return Typed(f"regexp_extract_all({value.sql}, {_no_empty(call, pattern)}, {_group(call)})", array(VARCHAR))


def _group(call: Arguments) -> int:
    """The group's number. Refuses one that a match may leave out: NULL in Trino, '' in the engine."""
    if len(call.trees) < 3:
        return 0
    group, pattern = int(call.literal(2)), call.literal(1)
    groups = len(re.findall(r"(?<!\\)\((?!\?[^<P])", pattern))
    if not 0 <= group <= groups:
        raise QueryFailure(
            "INVALID_FUNCTION_ARGUMENT", f"Pattern has {groups} groups. Cannot access group {group}", call.at
        )
    if group and re.search(r"\)(\?|\*|\{0)|\|", pattern):
        raise NotSupported("a group that a match may leave out", call.at)
    return group


@built(PAGE, "scalar", "regexp_split")
def split(call: Arguments) -> Typed:
    call.expect(2)
    value, pattern = _subject(call)
    return Typed(f"regexp_split_to_array({value.sql}, {_no_empty(call, pattern)})", array(VARCHAR))


@built(PAGE, "scalar", "regexp_replace")
def replace(call: Arguments) -> Typed:
    """Every match is removed, or replaced by a constant text with `$1` for a group."""
    call.expect(2, 3)
    value, pattern = _subject(call)
    replacement = _engine_replacement(call.literal(2), call.literal(1)) if len(call.trees) == 3 else ""
    if replacement:
        pattern = _no_empty(call, pattern)
    return Typed(f"regexp_replace({value.sql}, {pattern}, {text(replacement)}, 'g')", VARCHAR)


def _engine_replacement(written: str, pattern: str) -> str:
    names = re.findall(r"\(\?P?<([A-Za-z]\w*)>", pattern)
    groups = re.findall(r"(?<!\\)\((?:\?P?<([A-Za-z]\w*)>|(?!\?))", pattern)

    def one(match: re.Match[str]) -> str:
        if match[1] is not None:
            return "\\\\" if match[1] == "\\" else match[1]
        if match[2] is not None:
            digits = 1  # as many as still number a group
            while digits < len(match[2]) and int(match[2][: digits + 1]) <= len(groups):
                digits += 1
            group = int(match[2][:digits])
            if group > 9:
                raise NotSupported(f"a replacement with group {group}")
            if group <= len(groups):
                return f"\\{group}{match[2][digits:]}"
        if match[3] is not None and match[3] in names:
            return f"\\{groups.index(match[3]) + 1}"
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Illegal replacement sequence: {written}")

    return _REFERENCE.sub(one, written)
