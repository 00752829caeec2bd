"""Prepared statements: texts with a name, kept for each workgroup of a region.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

import time
from typing import Any

from salespipe.local.errors import AwsError
from salespipe.local.stores.documents import Documents

KIND = "athena-prepared"
_MOST = 1000


class PreparedStatements:
    """Those of one workgroup, each as the API's PreparedStatement."""

    def __init__(self, documents: Documents, region: str, workgroup: str) -> None:
        self._documents = documents
        self._workgroup = workgroup
        self._prefix = f"{region}/{workgroup}/"

    def get(self, name: str) -> dict[str, Any] | None:
        """A statement, or None."""
        return self._documents.get(KIND, self._prefix + name)

    def text(self, name: str) -> str | None:
        """A statement's text, or None."""
        found = self.get(name)
        return None if found is None else str(found["QueryStatement"])

    def put(self, name: str, text: str, description: str = "", *, new: bool) -> None:
        """Keep a statement; a `new` one must not be there, another must be. Raises AwsError."""
        there = self.get(name) is not None
        if new and there:
            raise AwsError(
                "InvalidRequestException", f"PreparedStatement {name} already exists in workGroup {self._workgroup}"
            )
        if not new and not there:
            raise self.missing(name)
        if new and len(self.all()) >= _MOST:
            raise AwsError("InvalidRequestException", f"A workgroup can have at most {_MOST:,} prepared statements")
        statement = {
            "StatementName": name,
            "QueryStatement": text,
            "WorkGroupName": self._workgroup,
            "LastModifiedTime": time.time(),
        }
        self._documents.put(
            KIND, self._prefix + name, statement | ({"Description": description} if description else {})
        )

    def delete(self, name: str) -> None:
        """Remove a statement. Raises AwsError if it is not there."""
        if self.get(name) is None:
            raise self.missing(name)
        self._documents.delete(KIND, self._prefix + name)

    def all(self) -> list[dict[str, Any]]:
        """Every statement, by name."""
        return [found for id, found in self._documents.all(KIND).items() if id.startswith(self._prefix)]

    def missing(self, name: str) -> AwsError:
        """The error for a name that is not there."""
        return AwsError(
            "ResourceNotFoundException", f"PreparedStatement {name} was not found in workGroup {self._workgroup}"
        )
