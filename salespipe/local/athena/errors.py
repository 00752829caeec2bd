"""Failures of a query in Athena's wording: `TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.x' does not exist`.

Athena's numbers: category 1 system, 2 user, 3 other
(https://docs.aws.amazon.com/athena/latest/ug/error-reference.html).
"""

from __future__ import annotations

SYSTEM, USER, OTHER = 1, 2, 3

_TYPES = {
    "SYNTAX_ERROR": 1006,
    "NOT_SUPPORTED": 1005,
    "TABLE_NOT_FOUND": 1110,
    "SCHEMA_NOT_FOUND": 1110,
    "ENTITY_NOT_FOUND": 1301,
    "HIVE_CURSOR_ERROR": 1005,
    "RESULT_LOCATION": 401,
}
_GENERIC_USER = 1000


class SyntaxFailure(Exception):
    """The text is no statement at all: StartQueryExecution itself refuses it. `str()` is `line 1:1: mismatched …`."""


class QueryFailure(Exception):
    """The query ends FAILED. `code` is Trino's error name, `message` what follows it."""

    def __init__(self, code: str, message: str, at: tuple[int, int] | None = None, category: int = USER) -> None:
        self.code = code
        self.message = message if at is None else f"line {at[0]}:{at[1]}: {message}"
        self.category = category
        super().__init__(f"{code}: {self.message}" if code else self.message)

    @property
    def type(self) -> int:
        """The ErrorType of AthenaError."""
        return _TYPES.get(self.code, _GENERIC_USER)


class NotSupported(QueryFailure):
    """Athena may well answer this; the local engine does not, and says so rather than guess."""

    def __init__(self, what: str, at: tuple[int, int] | None = None) -> None:
        super().__init__("NOT_SUPPORTED", f"{what} is not supported by the local Athena", at)
