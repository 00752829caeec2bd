"""Every error that a person may see.

    SalespipeError                1   it failed
    ├── UsageError                2   the request itself is wrong
    ├── NotThereError             3   the pipeline, or the thing asked for, does not exist
    ├── AccessError               4   no credentials, or not permitted
    ├── NotOursError              1   the name is taken by something without our tag
    ├── QueryError                1   Athena refused or failed the statement
    └── TransientError            1   throttled, or failed for now: the same call may succeed later
        └── UnreachableError      1   no answer at all: whose network or process is at fault, the target knows

The number is the exit code of the command. A message says what is wrong and names the value; the hint says
what to do. Whether a call may be repeated is a class (`TransientError`), never a text match.
"""

from __future__ import annotations


class SalespipeError(Exception):
    """Something failed; `str(error)` is one line for a person and `hint` is what to do about it."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(SalespipeError):
    """The request is wrong: an option, a file, a mapping."""

    exit_code = 2


class NotThereError(SalespipeError):
    """The pipeline, or the thing that was asked for, does not exist."""

    exit_code = 3


class AccessError(SalespipeError):
    """Credentials are missing, expired or not permitted to do this."""

    exit_code = 4


class NotOursError(SalespipeError):
    """A resource has our name but not our tag: it is somebody else's and is left alone."""


class QueryError(SalespipeError):
    """A statement that Athena refused or that failed while running. `line` is the line of the statement that is meant
    and `column` the place in it from 1, where Athena names one."""

    def __init__(self, message: str, hint: str = "", line: str = "", column: int = 0) -> None:
        super().__init__(message, hint)
        self.line = line
        self.column = column


class TransientError(SalespipeError):
    """Throttled, or not reachable just now: the same call may succeed later."""


class UnreachableError(TransientError):
    """A service gave no answer at all; whether it did what was asked is not known."""
