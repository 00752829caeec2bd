"""Failures of a query in Athena's wording: `TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.x' does not exist`.

Athena's numbers: category 1 system, 2 user, 3 other
(https://docs.aws.amazon.com/athena/latest/ug/error-reference.html). The types are those that were measured for each of
Trino's error names on engine version 3 (public notes of the athena-local project, 2026); a name that was not has the
general type of its category.
"""

from __future__ import annotations

from salespipe.local.errors import AwsError

SYSTEM, USER, OTHER = 1, 2, 3

_TYPES = {
    "DIVISION_BY_ZERO": 1001,
    "TYPE_MISMATCH": 1002,
    "SYNTAX_ERROR": 1006,
    "COLUMN_NOT_FOUND": 1006,
    "CATALOG_NOT_FOUND": 1006,
    "INVALID_CAST_ARGUMENT": 1100,
    "NUMERIC_VALUE_OUT_OF_RANGE": 1100,
    "INVALID_PARAMETER_USAGE": 1100,
    "INVALID_FUNCTION_ARGUMENT": 1106,
    "TABLE_ALREADY_EXISTS": 1110,
    "NOT_SUPPORTED": 1200,
    "TABLE_NOT_FOUND": 1301,
    "SCHEMA_NOT_FOUND": 1301,
    "ENTITY_NOT_FOUND": 1301,
    "FUNCTION_NOT_FOUND": 1303,
    "RESULT_LOCATION": 401,
}
_GENERAL = {SYSTEM: 200, USER: 1000, OTHER: 1000}


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
        return _TYPES.get(self.code, _GENERAL[self.category])


class NotSupported(QueryFailure):
    """Athena may well answer this; the local engine does not, and says so rather than guess."""

    def __init__(self, what: str, at: tuple[int, int] | None = None) -> None:
        super().__init__("NOT_SUPPORTED", f"{what} is not supported by the local Athena", at)


def position(sql: str, start: int) -> tuple[int, int]:
    """The line and the column, both from 1, of an index into the text."""
    before = sql[:start]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def place(sql: str, start: int) -> str:
    """The same as Trino writes it."""
    line, column = position(sql, start)
    return f"line {line}:{column}"


def mismatched(sql: str, start: int, written: str) -> SyntaxFailure:
    """The first word that does not fit."""
    return SyntaxFailure(f"{place(sql, start)}: mismatched input '{written}'")


def refused(message: str, code: str = "INVALID_INPUT") -> AwsError:
    """A request that Athena refuses; `code` is its AthenaErrorCode, which `ErrorCode` repeats on the wire.

    https://docs.aws.amazon.com/athena/latest/APIReference/API_InvalidRequestException.html
    """
    return AwsError("InvalidRequestException", message, details={"AthenaErrorCode": code, "ErrorCode": code})


def checked(*constraints: tuple[bool, str, str]) -> None:
    """Raise for the constraints that do not hold, all in one message: (holds, the member, what it must be)."""
    broken = [
        f"Value at '{name}' failed to satisfy constraint: Member must {must}"
        for ok, name, must in constraints
        if not ok
    ]
    if broken:
        raise refused(f"{len(broken)} validation error{'s' * (len(broken) > 1)} detected: {'; '.join(broken)}")


def cannot_read(code: str, address: str, said: str) -> QueryFailure:
    """An object that cannot be read: Athena ends with its address (`HIVE_CURSOR_ERROR: Failed to read file at s3://…`,
    as engine version 3 says), here what is wrong with it follows."""
    return QueryFailure(code, f"Failed to read file at {address}: {said}")
