"""Trino SQL text to a syntax tree, by sqlglot, with every function left under the name that was written.

sqlglot would turn functions it knows into its own nodes and so into its own opinion of what they mean. Here its
function table is empty: the only meanings are the ones in `rules/`, and a name that is not there is refused.
Tree nodes keep their place in the text (`meta`), for the `line 1:8` of Athena's errors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser

from salespipe.local.athena.errors import SyntaxFailure
from salespipe.local.athena.foreign import check_signs
from salespipe.local.athena.grammar import check_names, check_tokens

_TYPES = {
    "ARRAY", "BIGINT", "BOOLEAN", "CHAR", "DATE", "DECIMAL", "DOUBLE", "DOUBLE PRECISION", "GEOMETRY", "HYPERLOGLOG",
    "INT", "INTEGER", "INTERVAL", "IPADDRESS", "JSON", "MAP", "NULL", "RANGE", "REAL", "ROW", "SMALLINT", "TDIGEST",
    "TIME", "TIMESTAMP", "TINYINT", "UNION", "UNKNOWN", "UUID", "VARBINARY", "VARCHAR",
}  # fmt: skip
"""Trino's words among those that sqlglot takes for types."""
_AFTER_VALUES = (
    TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT, TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET,
    TokenType.FETCH,
)  # fmt: skip
_SPECIAL_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "LISTAGG")


class _Parser(TrinoParser):
    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: TrinoParser.FUNCTION_PARSERS[name] for name in _SPECIAL_SYNTAX
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., Any]]] = {
        name: TrinoParser.NO_PAREN_FUNCTION_PARSERS[name] for name in ("ANY", "CASE")
    }
    OPTIONAL_ALIAS_TOKEN_CTE = False

    def _parse_function_call(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
        """CAST and the other special forms get their place too."""
        token = self._curr
        node = super()._parse_function_call(*args, **kwargs)
        if node is not None and "start" not in node.meta:
            node.update_positions(token)
        return node

    def _parse_derived_table_values(self, allow_value_synonym: bool = False) -> exp.Values | None:
        """`(VALUES 1 UNION VALUES 2)` in FROM is a query like any other; sqlglot would expect the bracket's end."""
        depth = 0
        for token in self._tokens[self._index :] if self._curr and self._curr.token_type is TokenType.L_PAREN else []:
            depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
            if depth == 0:
                break
            if depth == 1 and token.token_type in _AFTER_VALUES:
                return None
        return super()._parse_derived_table_values(allow_value_synonym)

    def _parse_between(self, this: exp.Expr | None) -> exp.Between:
        """sqlglot would do without AND."""
        if self._curr is not None and self._curr.text.upper() in ("SYMMETRIC", "ASYMMETRIC"):
            return super()._parse_between(this)
        low = self._parse_bitwise()
        if not self._match(TokenType.AND):
            self.raise_error("Invalid expression: AND expected")
        return self.expression(exp.Between(this=this, low=low, high=self._parse_bitwise()))


class _Tokenizer(Trino.Tokenizer):
    # Other databases' names of types (TEXT, NUMBER, INT8) are names like any other.
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        word: kind
        for word, kind in Trino.Tokenizer.KEYWORDS.items()
        if kind not in TrinoParser.TYPE_TOKENS or word in _TYPES
    }


class _Athena(Trino):
    INDEX_OFFSET = 0  # keep a[1] as it was written
    SUPPORTS_USER_DEFINED_TYPES = True  # the translation says which are none
    Parser = _Parser
    Tokenizer = _Tokenizer


def parse_query(sql: str) -> exp.Expr:
    """The tree of one query. Raises SyntaxFailure with the place and the word that does not fit."""
    try:
        dialect = _Athena()
        tokens = dialect.tokenize(sql)
        check_signs(sql, tokens)
        check_tokens(sql, tokens)
        trees = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        raise _failure(sql, error) from error
    except TokenError as error:
        raise SyntaxFailure(f"line 1:1: {str(error).splitlines()[0]}") from error
    statements = [tree for tree in trees if tree is not None]
    if len(statements) > 1:
        raise SyntaxFailure("Only one sql statement is allowed")
    if not statements or not isinstance(statements[0], (exp.Query, exp.Values)):
        raise SyntaxFailure("line 1:1: mismatched input. Expecting: <query>")
    check_names(sql, statements[0])
    _quantifiers(statements[0])
    return statements[0]


def _quantifiers(tree: exp.Expr) -> None:
    """sqlglot takes ALL and SOME for functions where VALUES follow."""
    for node in list(tree.find_all(exp.Anonymous)):
        kind = {"ALL": exp.All, "SOME": exp.Any}.get(node.name.upper())
        if kind is not None and len(node.expressions) == 1 and isinstance(node.expressions[0], (exp.Values, exp.Query)):
            node.replace(kind(this=node.expressions[0]))


def _failure(sql: str, error: ParseError) -> SyntaxFailure:
    """Trino names the first word that does not fit; sqlglot points at it, or at the last word if more were expected."""
    found = error.errors[0]
    word, line, last = str(found.get("highlight") or ""), int(found.get("line") or 1), int(found.get("col") or 1)
    if sql.rstrip().endswith(word) and not str(found.get("end_context") or "").strip():
        line, column = sql.rstrip().count("\n") + 1, len(sql.rstrip().rsplit("\n", 1)[-1]) + 1
        if "Invalid expression" not in str(found.get("description")):
            return SyntaxFailure(f"line {line}:{column}: mismatched input '<EOF>'")
    return SyntaxFailure(f"line {line}:{max(1, last - len(word) + 1)}: mismatched input '{word}'")
