"""What the parser understood and the translation would not read: refused, never passed over.

sqlglot reads the grammars of thirty databases. It takes signs that Trino does not have (`a::b`, `1D`, `!a`) and keeps
parts of an expression (`BETWEEN SYMMETRIC`, a `LIMIT` inside an aggregate) where a translation that does not look there
would answer another question. So the signs are looked at before parsing, and every node of an expression after it: a
part of one that its handler does not read is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import Token, TokenType, exp

from salespipe.local.athena.errors import NotSupported, QueryFailure, SyntaxFailure

_FOREIGN = {
    TokenType.DCOLON, TokenType.NULLSAFE_EQ, TokenType.L_BRACE, TokenType.COLON_EQ, TokenType.PARAMETER,
    TokenType.ISNULL, TokenType.NOTNULL, TokenType.HASH, TokenType.BACKSLASH, TokenType.ILIKE, TokenType.DIV,
}  # fmt: skip
# Trino's functions with a grammar of their own inside the brackets, which sqlglot reads in part.
_OWN_SYNTAX = ("json_exists", "json_query", "json_value", "json_object", "json_array", "json_table", "overlay")
_FOREIGN_TYPES = (
    "NUMBER", "STRING", "TEXT", "FLOAT", "LONG", "SHORT", "BOOL", "DATETIME", "INT2", "INT4", "INT8", "INT16", "INT32",
    "INT64", "NVARCHAR",
    "NCHAR", "CLOB", "BLOB", "BYTEA", "BINARY", "FLOAT4", "FLOAT8", "OBJECT", "STRUCT", "SERIAL",
)  # fmt: skip
_FOREIGN_TEXTS = ("==", "!", "~~", "~~*")
# A bracket behind one of these would be an array of its own, which Trino writes with ARRAY in front.
_BEFORE_OPERAND = {
    TokenType.COMMA, TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.SELECT, TokenType.ARROW, TokenType.EQ,
    TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH, TokenType.LT, TokenType.GT, TokenType.NEQ,
    TokenType.IN, TokenType.DPIPE, TokenType.VALUES, TokenType.WHERE, TokenType.AND, TokenType.OR,
}  # fmt: skip
_BINARY = {"this", "expression"}
# The parts of each kind of node that its handler reads.
_READ: dict[type[exp.Expr], set[str]] = {
    exp.Literal: {"this", "is_string"},
    exp.Boolean: {"this"},
    exp.HexString: {"this"},
    exp.UnicodeString: {"this", "escape"},
    exp.Interval: {"this", "unit"},
    exp.IntervalSpan: _BINARY,
    exp.Column: {"this", "table", "db", "catalog"},
    exp.Identifier: {"this", "quoted"},
    exp.Dot: _BINARY,
    exp.Paren: {"this"},
    exp.Tuple: {"expressions"},
    exp.Array: {"expressions", "bracket_notation"},
    exp.Bracket: {"this", "expressions"},
    exp.Anonymous: {"this", "expressions"},
    exp.Lambda: {"this", "expressions"},
    exp.Case: {"this", "ifs", "default"},
    exp.If: {"this", "true"},
    exp.Cast: {"this", "to", "_type"},
    # `safe` is the mark of TRY_CAST, `requires_string` a note for other databases
    exp.TryCast: {"this", "to", "_type", "safe", "requires_string"},
    exp.AtTimeZone: {"this", "zone"},
    exp.Between: {"this", "low", "high"},
    exp.In: {"this", "expressions", "query"},
    exp.Is: _BINARY,
    exp.Like: {*_BINARY, "negate"},
    exp.Escape: _BINARY,
    exp.DPipe: {*_BINARY, "safe"},
    exp.Neg: {"this"},
    exp.Not: {"this"},
    exp.Any: {"this"},
    exp.All: {"this"},
    exp.Exists: {"this"},
    exp.Filter: _BINARY,
    exp.Window: {"this", "partition_by", "order", "spec", "alias", "over"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side", "exclude"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Order: {"this", "expressions"},
    exp.Distinct: {"expressions", "on"},
    exp.Where: {"this"},
    exp.Having: {"this"},
    exp.IgnoreNulls: {"this"},
    exp.RespectNulls: {"this"},
    exp.GroupConcat: {"this", "separator", "on_overflow"},
    exp.OverflowTruncateBehavior: {"this", "with_count"},
    exp.Extract: _BINARY,
    exp.StrPosition: {"this", "substr"},
    exp.Substring: {"this", "start", "length"},
    exp.Trim: {"this", "position", "expression"},
    exp.ParseJSON: {"this", "is_literal"},
    exp.CurrentDate: set(),
    exp.CurrentTimestamp: set(),
    exp.Localtimestamp: set(),
    exp.Localtime: set(),
    exp.Null: set(),
    exp.Var: {"this"},
    exp.Alias: {"this", "alias"},
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), _BINARY),
    exp.Div: {*_BINARY, "typed", "safe"},
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _BINARY),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ, exp.And, exp.Or), _BINARY),
}


def check_tokens(sql: str, tokens: Sequence[Token]) -> None:
    """Raises SyntaxFailure for a sign that is not Trino's, with its place."""
    before: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        inline = before is not None and before.text.upper() == "WITH" and token.text.upper() == "FUNCTION"
        if inline and after is not None and after.text.upper() != "AS" and after.token_type is not TokenType.L_PAREN:
            raise NotSupported("WITH FUNCTION", _position(sql, token.start))
        shown = sql[token.start : token.end + 1]
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


def check_types(sql: str, tokens: Sequence[Token]) -> None:
    """Raises TYPE_NOT_FOUND for a type of another database in a CAST: `NUMBER` would be a decimal without fraction."""
    inside: list[str] = []  # of each bracket around: that of a CAST, that of its type, another
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.token_type is TokenType.L_PAREN:
            opener = before.text.upper() if before is not None else ""
            inside.append("type" if inside[-1:] == ["type"] else "cast" if opener in ("CAST", "TRY_CAST") else "")
        elif token.token_type is TokenType.R_PAREN:
            del inside[-1:]
        elif inside[-1:] == ["cast"] and token.token_type is TokenType.ALIAS:
            inside[-1] = "type"
        elif (
            inside[-1:] == ["type"]
            and token.text.upper() in _FOREIGN_TYPES
            and after is not None
            and after.token_type in (TokenType.COMMA, TokenType.L_PAREN, TokenType.R_PAREN)
        ):
            raise QueryFailure("TYPE_NOT_FOUND", f"Unknown type: {token.text.lower()}", _position(sql, token.start))


def check_tree(tree: exp.Expr, place: Callable[[exp.Expr], tuple[int, int]]) -> None:
    """Raises NotSupported for the first node with a part that nothing reads."""
    for node in tree.walk():
        read = _READ.get(type(node))
        if read is None:
            continue
        for part, value in node.args.items():
            if value and part not in read:
                raise NotSupported(f"{part.strip('_').replace('_', ' ').upper()} of {node.key.upper()}", place(node))


def _position(sql: str, start: int) -> tuple[int, int]:
    before = sql[:start]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _place(sql: str, start: int) -> str:
    line, column = _position(sql, start)
    return f"line {line}:{column}"
