"""The error that a client of the endpoint sees as the service's own."""

from __future__ import annotations


class AwsError(Exception):
    """A service error: its code (`ResourceNotFoundException`), its message and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class StoreError(Exception):
    """The store on disk cannot be used as it is; the message says why and what to do."""
