"""Signs of other databases, which sqlglot reads and Trino does not have: `a::b`, `1D`, `!a`, backquotes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType

from salespipe.local.athena.errors import NotSupported, SyntaxFailure, mismatched, place, position

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


def check_signs(sql: str, tokens: Sequence[Token]) -> None:
    """Raises SyntaxFailure for a sign that is not Trino's, with its place."""
    before: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        inline = before is not None and before.text.upper() == "WITH" and token.text.upper() == "FUNCTION"
        if inline and after is not None and after.text.upper() != "AS" and after.token_type is not TokenType.L_PAREN:
            raise NotSupported("WITH FUNCTION", position(sql, token.start))
        shown = sql[token.start : token.end + 1]
        if shown == "`":
            said = "backquoted identifiers are not supported; use double quotes to quote identifiers"
            raise SyntaxFailure(f"{place(sql, token.start)}: {said}")
        digits = before is not None and before.token_type is TokenType.NUMBER and before.end + 1 == token.start
        if token.token_type is TokenType.L_PAREN and before is not None and before.text.lower() in _OWN_SYNTAX:
            written = before.text.lower()
            raise SyntaxFailure(f"{place(sql, before.start)}: function {written} is not supported by the local Athena")
        foreign = token.token_type in _FOREIGN or shown in _FOREIGN_TEXTS
        kind = token.token_type
        texts = kind is TokenType.STRING and before is not None and before.token_type is TokenType.STRING
        bare = kind is TokenType.L_BRACKET and before is not None and before.token_type in _BEFORE_OPERAND
        if foreign or texts or bare:
            raise mismatched(sql, token.start, shown)
        number = digits and kind is TokenType.VAR and before is not None
        if number or (kind is TokenType.HEX_STRING and shown[0] == "0"):
            start = before.start if number and before is not None else token.start
            written = sql[start : token.end + 1]
            raise SyntaxFailure(f"{place(sql, start)}: the number {written} is not supported by the local Athena")
        before = token
