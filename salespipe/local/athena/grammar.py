"""What sqlglot lets pass and Trino's grammar does not: refused with its place.

sqlglot reads the grammars of thirty databases, and reads over what is missing. It takes signs that Trino does not have
(`a::b`, `1D`, `!a`), commas with nothing beside them, brackets that are never closed, and words that Trino reserves as
names (`SELECT 1 NULL`). So the tokens are looked at before parsing, and the names after it.

https://trino.io/docs/current/language/reserved.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import Token, TokenType, exp

from salespipe.local.athena.errors import NotSupported, SyntaxFailure

_FOREIGN = {
    TokenType.DCOLON, TokenType.NULLSAFE_EQ, TokenType.L_BRACE, TokenType.COLON_EQ, TokenType.PARAMETER,
    TokenType.ISNULL, TokenType.NOTNULL, TokenType.HASH, TokenType.BACKSLASH, TokenType.ILIKE, TokenType.DIV,
    TokenType.COLON,
}  # fmt: skip
# Trino's functions with a grammar of their own inside the brackets, which sqlglot reads in part.
_OWN_SYNTAX = ("json_exists", "json_query", "json_value", "json_object", "json_array", "json_table", "overlay")
_FOREIGN_TEXTS = ("==", "!", "~~", "~~*")
# A bracket behind one of these would be an array of its own, which Trino writes with ARRAY in front.
_BEFORE_OPERAND = {
    TokenType.COMMA, TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.SELECT, TokenType.ARROW, TokenType.EQ,
    TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH, TokenType.LT, TokenType.GT, TokenType.NEQ,
    TokenType.IN, TokenType.DPIPE, TokenType.VALUES, TokenType.WHERE, TokenType.AND, TokenType.OR,
}  # fmt: skip
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
_UNFINISHED = _RESERVED - _WHOLE
_BEGINNING_NOTHING = _UNFINISHED - frozenset(_BEGINNING_WORDS.split())
_AFTER_FROM = ("WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "UNION", "INTERSECT", "EXCEPT")
_INTERVAL_FIELDS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_OPEN = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
_CLOSE = frozenset(_OPEN.values())
# Behind these a pair of brackets has something in it, as behind what is no name.
_FILLED = {
    TokenType.TIMESTAMP, TokenType.TIMESTAMPTZ, TokenType.TIME, TokenType.VARCHAR, TokenType.CHAR, TokenType.DECIMAL,
    TokenType.STRUCT, TokenType.ANY, TokenType.ALL, TokenType.SOME,
}  # fmt: skip
# Behind these something has to come, before a comma, a bracket that closes or the end.
_OPEN_ENDED = {TokenType.COMMA, TokenType.DOT, TokenType.ALIAS, TokenType.ORDER_BY, TokenType.GROUP_BY}
_OPERATORS = {
    TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH, TokenType.MOD, TokenType.DPIPE, TokenType.EQ,
    TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE,
}  # fmt: skip
_ENDS = {None, TokenType.SEMICOLON, TokenType.COMMA, *_CLOSE}


def check_tokens(sql: str, tokens: Sequence[Token]) -> None:
    """Raises SyntaxFailure for a sign that is not Trino's, with its place."""
    before: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        inline = before is not None and before.text.upper() == "WITH" and token.text.upper() == "FUNCTION"
        if inline and after is not None and after.text.upper() != "AS" and after.token_type is not TokenType.L_PAREN:
            raise NotSupported("WITH FUNCTION", _position(sql, token.start))
        shown = sql[token.start : token.end + 1]
        if shown == "`":
            said = "backquoted identifiers are not supported; use double quotes to quote identifiers"
            raise SyntaxFailure(f"{_place(sql, token.start)}: {said}")
        digits = before is not None and before.token_type is TokenType.NUMBER and before.end + 1 == token.start
        if token.token_type is TokenType.L_PAREN and before is not None and before.text.lower() in _OWN_SYNTAX:
            written = before.text.lower()
            raise SyntaxFailure(f"{_place(sql, before.start)}: function {written} is not supported by the local Athena")
        foreign = token.token_type in _FOREIGN or shown in _FOREIGN_TEXTS
        kind = token.token_type
        texts = kind is TokenType.STRING and before is not None and before.token_type is TokenType.STRING
        bare = kind is TokenType.L_BRACKET and before is not None and before.token_type in _BEFORE_OPERAND
        if foreign or texts or bare:
            raise SyntaxFailure(f"{_place(sql, token.start)}: mismatched input '{shown}'")
        number = digits and kind is TokenType.VAR and before is not None
        if number or (kind is TokenType.HEX_STRING and shown[0] == "0"):
            start = before.start if number and before is not None else token.start
            written = sql[start : token.end + 1]
            raise SyntaxFailure(f"{_place(sql, start)}: the number {written} is not supported by the local Athena")
        before = token
    _check_brackets(sql, tokens)
    _check_neighbours(sql, tokens)
    _check_intervals(sql, tokens)
    _check_cases(sql, tokens)
    _check_joins(sql, tokens)


def check_names(sql: str, tree: exp.Expr) -> None:
    """Raises SyntaxFailure for a name that Trino would not take without double quotes."""
    for name in tree.find_all(exp.Identifier):
        start = name.meta.get("start")
        if start is None:
            continue
        written = sql[start : name.meta["end"] + 1]
        if not written.startswith('"') and (written.upper() in _RESERVED or not _NAME.fullmatch(written)):
            raise _mismatched(sql, start, written)
    for value in tree.find_all(exp.Placeholder):
        if value.arg_key == "alias":
            raise SyntaxFailure("line 1:1: a parameter cannot be a name")
    for alias in tree.find_all(exp.TableAlias):
        for column in alias.args.get("columns") or []:
            name = column.find(exp.Identifier)
            if name is not None and (alias.this is None or name is not column):  # no name, or a column with a type
                raise _mismatched(sql, name.meta["start"], name.name)


def _check_brackets(sql: str, tokens: Sequence[Token]) -> None:
    """They close each other, and what has to have something in it has."""
    waiting: list[tuple[TokenType, str]] = []  # what closes it, and the word that stands before it
    for place, token in enumerate(tokens):
        word = _word(tokens[place - 1]) if place else ""
        if token.token_type in _OPEN:
            waiting.append((_OPEN[token.token_type], word))
        elif token.token_type in _CLOSE:
            if not waiting or waiting.pop()[0] is not token.token_type:
                raise _mismatched(sql, token.start, token.text)
            sets = any(word.endswith("SETS") for _, word in waiting) or word == "GROUP BY"
            if tokens[place - 1].token_type is TokenType.L_PAREN and not sets and not _is_call(tokens, place - 1):
                raise _mismatched(sql, token.start, token.text)
    if waiting:
        raise _mismatched(sql, len(sql.rstrip()), "<EOF>")


def _is_call(tokens: Sequence[Token], place: int) -> bool:
    """Whether the bracket at `place`, with nothing in it, is that of a function, a window or a lambda."""
    if [each.token_type for each in tokens[place + 2 : place + 3]] == [TokenType.ARROW]:
        return True
    before = tokens[place - 1] if place else None
    named = before is not None and (bool(_word(before)) or before.token_type is TokenType.IDENTIFIER)
    window = before is not None and before.token_type is TokenType.ALIAS
    return (
        named and before is not None and before.token_type not in _FILLED and _word(before) not in _RESERVED
    ) or window


def _check_neighbours(sql: str, tokens: Sequence[Token]) -> None:
    """Where something is missing between two tokens."""
    for place, (before, token) in enumerate(zip(tokens, [*tokens[1:], None], strict=True)):
        kind = None if token is None else token.token_type
        opened = before.token_type in _OPEN
        if kind in _ENDS:
            missing = before.token_type in _OPEN_ENDED or _word(before) in _UNFINISHED
            missing |= before.token_type in _OPERATORS - {TokenType.STAR}
            missing |= _word(before) == "ROW" and _word(tokens[place - 2]) in ("FIRST", "NEXT", "FETCH")
            missing |= opened and kind is TokenType.COMMA
            missing |= kind is TokenType.COMMA and [_word(each) for each in tokens[place - 2 : place - 1]] == [
                "EXTRACT"
            ]
        else:
            missing = before.token_type is TokenType.COMMA and _word(token) in _BEGINNING_NOTHING
            apart = token is not None and token.start > before.end + 1
            missing |= before.token_type is TokenType.DOT and kind is TokenType.NUMBER and apart
            missing |= before.token_type in _OPERATORS and _word(token) == "NOT"
            missing |= _word(token) == "OFFSET" and [_word(each) for each in tokens[place - 1 : place]] == ["LIMIT"]
            missing |= _word(before) == "FETCH" and _word(token) in ("ROW", "ROWS")
            missing |= _word(before) == "NOT" and _word(token) == "NULL" and _is_value(tokens[place - 1])
            missing |= before.token_type is TokenType.ALIAS and _word(token) in _RESERVED
            missing |= before.token_type is TokenType.COMMA and _word(token) == "ALL"
            missing |= before.token_type is TokenType.NUMBER and kind is TokenType.STRING
            inside = place > 0 and tokens[place - 1].token_type is TokenType.L_PAREN
            missing |= _word(before) == "DISTINCT" and kind is TokenType.STAR and inside
            missing |= _word(before) in ("FROM", "JOIN") and kind is TokenType.VALUES
            missing |= _word(before) == "NOT" and _word(token) == "IS"
            missing |= kind is TokenType.ALIAS and _word(before) in _UNFINISHED
        if missing:
            raise _mismatched(sql, *((len(sql.rstrip()), "<EOF>") if token is None else (token.start, token.text)))


def _check_intervals(sql: str, tokens: Sequence[Token]) -> None:
    """https://trino.io/docs/current/language/types.html#interval-day-to-second"""
    for place, token in enumerate(tokens):
        amount, *unit = tokens[place + 1 : place + 3] or [token]
        if token.token_type is not TokenType.INTERVAL or amount.token_type not in (TokenType.STRING, TokenType.NUMBER):
            continue
        wrong = amount if amount.token_type is TokenType.NUMBER else next(iter(unit), None)
        if wrong is amount or _word(wrong) not in _INTERVAL_FIELDS:
            raise _mismatched(sql, *((len(sql.rstrip()), "<EOF>") if wrong is None else (wrong.start, wrong.text)))


def _check_cases(sql: str, tokens: Sequence[Token]) -> None:
    """WHEN and THEN take turns."""
    waiting: list[bool] = []  # of each CASE, whether its THEN is to come
    for token in tokens:
        word = _word(token)
        if word == "CASE":
            waiting.append(False)
        elif waiting and word in ("WHEN", "THEN", "ELSE", "END"):
            if waiting.pop() is not (word == "THEN"):
                raise _mismatched(sql, token.start, token.text)
            if word != "END":
                waiting.append(word == "WHEN")


def _check_joins(sql: str, tokens: Sequence[Token]) -> None:
    """Every join but a CROSS JOIN has its ON or USING, before whatever comes after FROM."""
    waiting = [0]  # of each bracket, how many joins have none yet
    for place, token in enumerate(tokens):
        word = _word(token)
        if token.token_type in _OPEN:
            waiting.append(0)
        elif word == "JOIN" and _word(tokens[place - 1]) != "CROSS":
            waiting[-1] += 1
        elif word in ("ON", "USING"):
            waiting[-1] = max(0, waiting[-1] - 1)
        elif (word in _AFTER_FROM or token.token_type in _CLOSE) and waiting[-1]:
            raise _mismatched(sql, token.start, token.text)
        if token.token_type in _CLOSE:
            waiting.pop()
    if waiting[-1]:
        raise _mismatched(sql, len(sql.rstrip()), "<EOF>")


def _is_value(token: Token) -> bool:
    """Whether a value may end with it."""
    quoted = token.token_type in (TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER)
    return quoted or token.token_type in _CLOSE or (_word(token) != "" and _word(token) not in _UNFINISHED)


def _word(token: Token | None) -> str:
    """A token that is a word and not in quotes, in capitals."""
    if token is None or token.token_type in (TokenType.STRING, TokenType.IDENTIFIER) or not token.text[:1].isalpha():
        return ""
    return token.text.upper()


def _mismatched(sql: str, start: int, written: str) -> SyntaxFailure:
    return SyntaxFailure(f"{_place(sql, start)}: mismatched input '{written}'")


def _position(sql: str, start: int) -> tuple[int, int]:
    before = sql[:start]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _place(sql: str, start: int) -> str:
    line, column = _position(sql, start)
    return f"line {line}:{column}"
