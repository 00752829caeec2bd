"""What sqlglot reads over and Trino's grammar does not: refused with its place.

sqlglot takes commas with nothing beside them, brackets that are never closed, a CASE without THEN, a join without ON,
and words that Trino reserves as names (`SELECT 1 NULL`). So the text is looked at as a row of signs before it is
parsed, and its names after that. (Signs that Trino does not have at all are looked for before, in foreign.py.)

A sign is a word in capitals (`ORDER_BY` is one), ' for a string, " for a quoted name, 0 for a number; any other stands
for itself. https://trino.io/docs/current/language/reserved.html, /sql/select.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType, exp

from salespipe.local.athena.errors import SyntaxFailure, mismatched

_RESERVED_WORDS = """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
    CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP
    ELSE END ESCAPE EXCEPT EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS
    JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG LOCALTIME LOCALTIMESTAMP
    NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN TRIM TRUE
    UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
"""
# Those of them that are a value, or the end of one: with any other something is still to come.
_WHOLE_WORDS = """
    CURRENT_CATALOG CURRENT_DATE CURRENT_PATH CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    END FALSE LOCALTIME LOCALTIMESTAMP NULL TRUE
"""
# Those with which a value may begin.
_BEGINNING_WORDS = """
    CASE CAST CUBE EXISTS EXTRACT GROUPING JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_VALUE LISTAGG NORMALIZE
    NOT ROLLUP TRIM UNNEST
"""
_RESERVED, _WHOLE = frozenset(_RESERVED_WORDS.split()), frozenset(_WHOLE_WORDS.split())
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_END = "<EOF>"


def _any(words: Iterator[str] | frozenset[str]) -> str:
    return f"(?:{'|'.join(sorted(words))})"


_UNFINISHED = _any(_RESERVED - _WHOLE)
_BEGINS_NOTHING = _any((_RESERVED - _WHOLE - frozenset(_BEGINNING_WORDS.split())) | {"ALL"})
_OPERATOR = r"(?:[-+*/%]|\|\||=|<>|!=|<=?|>=?)"
_VALUE = rf"(?!{_UNFINISHED} )(?:['\"0)\]]|\w+)"
_STOP = rf"(?:[,)\];]|{_END})"
# What stands before a sign that does not fit, and that sign.
_GAPS = [
    re.compile(rf" {before}(?= {wrong} )")
    for before, wrong in (
        (rf"(?:,|\._?|AS|ORDER_BY|GROUP_BY|(?!\*){_OPERATOR}|{_UNFINISHED})", _STOP),
        (r"[(\[]", ","),
        (",", _BEGINS_NOTHING),
        (r"\._", "0"),
        ("0", "'"),
        ("AS", _any(_RESERVED)),
        (_UNFINISHED, "AS"),
        (_OPERATOR, "NOT"),
        ("NOT", "IS"),
        (rf"{_VALUE} NOT", "NULL"),
        (r"\( DISTINCT", r"\*"),
        (r"EXTRACT \( \S+", ","),
        ("(?:FROM|JOIN)", "VALUES"),
        (r"LIMIT (?:0|ALL|\?)", "OFFSET"),
        ("FETCH", "ROWS?"),
        (r"FETCH (?:FIRST|NEXT)(?: 0)? ROWS?", _STOP),
        (r"(?:ROWS|RANGE|GROUPS) (?:0|'|UNBOUNDED|CURRENT) (?:PRECEDING|FOLLOWING|ROW)", "AND"),  # without BETWEEN
        ("INTERVAL(?: [-+])?", "0"),
        (r"INTERVAL(?: [-+])? '", r"(?!(?:YEAR|MONTH|DAY|HOUR|MINUTE|SECOND) )\S+"),
        # of a type, or of what is compared with
        (r"(?:TIMESTAMP|TIME|VARCHAR|CHAR|DECIMAL|ROW|ANY|ALL|SOME) \(", r"\)"),
    )
]
_NO_CALL = re.compile(rf"(?:{_UNFINISHED}|[^\w\"]+)")
_AFTER_FROM = ("WHERE", "GROUP_BY", "HAVING", "ORDER_BY", "LIMIT", "UNION", "INTERSECT", "EXCEPT")
_CLAUSES = ("SELECT", "FROM", *_AFTER_FROM)
_CLOSED_BY = {"(": ")", "[": "]"}


def check_tokens(sql: str, tokens: Sequence[Token]) -> None:
    """Raises SyntaxFailure for the first sign that does not fit where it stands."""
    signs = [*(_sign(token, after) for token, after in zip(tokens, [*tokens[1:], None], strict=True)), _END]
    signs = list(_typed(signs))
    wrong = [*_gaps(signs), *_brackets(signs), *_cases(signs), *_joins(signs)]
    if wrong:
        raise _at(sql, tokens, min(wrong))


def check_names(sql: str, tree: exp.Expr) -> None:
    """Raises SyntaxFailure for a name that Trino would not take without double quotes."""
    for name in tree.find_all(exp.Identifier):
        start = name.meta.get("start")
        if start is None:
            continue
        written = sql[start : name.meta["end"] + 1]
        if not written.startswith('"') and (written.upper() in _RESERVED or not _NAME.fullmatch(written)):
            raise mismatched(sql, start, written)
    for value in tree.find_all(exp.Placeholder):
        if value.arg_key == "alias":
            raise SyntaxFailure("line 1:1: a parameter cannot be a name")
    for alias in tree.find_all(exp.TableAlias):
        for column in alias.args.get("columns") or []:
            name = column.find(exp.Identifier)
            if name is not None and (alias.this is None or name is not column):  # no name, or a column with a type
                raise mismatched(sql, name.meta["start"], name.name)


def _gaps(signs: Sequence[str]) -> Iterator[int]:
    """Where something is missing between two signs."""
    row = f" {' '.join(signs)} "
    for gap in _GAPS:
        found = gap.search(row)
        if found:
            yield row.count(" ", 0, found.end())


def _typed(signs: Sequence[str]) -> Iterator[str]:
    """`ARRAY<INTEGER>`, an older way to write ARRAY(INTEGER), as the latter."""
    depth = 0
    for before, sign in zip(["", *signs], signs, strict=False):
        if sign == "<" and before in ("ARRAY", "MAP", "ROW"):
            depth += 1
            yield "("
        elif sign == ">" and depth:
            depth -= 1
            yield ")"
        else:
            yield sign


def _brackets(signs: Sequence[str]) -> Iterator[int]:
    """They close each other, and have something in them but where that is allowed."""
    waiting: list[int] = []
    clauses = [""]  # of each bracket, in which one we are
    for place, sign in enumerate(signs):
        if sign in _CLAUSES:
            clauses[-1] = sign
        if sign in _CLOSED_BY:
            waiting.append(place)
            clauses.append("")
        elif sign in _CLOSED_BY.values():
            if not waiting or _CLOSED_BY[signs[opened := waiting.pop()]] != sign:
                yield place
                return
            clauses.pop()
            before, after = signs[opened - 1] if opened else "", signs[place + 1]
            sets = any(signs[outer - 1].endswith("SETS") for outer in waiting)
            sets |= before in ("GROUP_BY", ",") and clauses[-1] == "GROUP_BY"
            may_be_empty = sets or sign == "]" or after == "->" or before == "AS"
            if opened == place - 1 and not may_be_empty and _NO_CALL.fullmatch(before):
                yield place
    if waiting:
        yield len(signs) - 1


def _cases(signs: Sequence[str]) -> Iterator[int]:
    """WHEN and THEN take turns."""
    waiting: list[bool] = []  # of each CASE, whether its THEN is to come
    for place, sign in enumerate(signs):
        if sign == "CASE":
            waiting.append(False)
        elif waiting and sign in ("WHEN", "THEN", "ELSE", "END"):
            if waiting.pop() is not (sign == "THEN"):
                yield place
            if sign != "END":
                waiting.append(sign == "WHEN")


def _joins(signs: Sequence[str]) -> Iterator[int]:
    """Every join but a CROSS JOIN has its ON or USING, before whatever comes after FROM."""
    waiting = [0]  # of each bracket, how many joins have none yet
    for place, sign in enumerate(signs):
        if sign in _CLOSED_BY:
            waiting.append(0)
        elif sign == "JOIN" and signs[place - 1] not in ("CROSS", "NATURAL"):
            waiting[-1] += 1
        elif sign in ("ON", "USING"):
            waiting[-1] = max(0, waiting[-1] - 1)
        elif (sign in (*_AFTER_FROM, _END) or sign in _CLOSED_BY.values()) and waiting[-1]:
            yield place
        if sign in _CLOSED_BY.values() and len(waiting) > 1:
            waiting.pop()


def _sign(token: Token, after: Token | None) -> str:
    kind = token.token_type
    if kind in (TokenType.STRING, TokenType.HEX_STRING, TokenType.UNICODE_STRING):
        return "'"
    if kind is TokenType.IDENTIFIER:
        return '"'
    if kind is TokenType.NUMBER:
        return "0"
    apart = kind is TokenType.DOT and after is not None and after.start > token.end + 1
    return "._" if apart else token.text.upper().replace(" ", "_")


def _at(sql: str, tokens: Sequence[Token], place: int) -> SyntaxFailure:
    if place == len(tokens):
        return mismatched(sql, len(sql.rstrip()), _END)
    return mismatched(sql, tokens[place].start, sql[tokens[place].start : tokens[place].end + 1])
