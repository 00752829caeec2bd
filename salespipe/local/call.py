"""One request to one operation of a JSON-protocol service, as a handler of ours receives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """`params` is the decoded request document; blobs in it are still base64 text."""

    service: str
    operation: str
    account: str
    region: str
    params: dict[str, Any]

    def arn(self, resource: str) -> str:
        """ARN of a resource of this service, in this call's account and region."""
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"


Handler = Callable[[Call], dict[str, Any]]
"""Takes the call and returns the response document; raises AwsError."""
