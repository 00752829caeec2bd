"""The errors of this side: one that a client of the endpoint sees as the service's own, the others of what is kept."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """A service error: its code (`ResourceNotFoundException`), its message and the HTTP status.

    `details` are the further members of the error's shape, e.g. `AthenaErrorCode` or `CancellationReasons`.
    """

    def __init__(self, code: str, message: str, status: int = 400, details: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = details or {}


class StoreError(Exception):
    """The store on disk cannot be used as it is; the message says why and what to do."""


class HomeError(StoreError):
    """The home cannot be used; the message says why and what to do."""


class NoHomeError(HomeError):
    """What was given for the home is no folder and cannot become one."""


class DamagedObjectError(StoreError):
    """The bytes of an object are not what was written; the message names the object, the file and what to do."""
