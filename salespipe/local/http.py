"""A request as it reached the endpoint, and the answer to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qs, unquote

_SCOPE = re.compile(r"Credential=[^/]*/\d{8}/([^/]*)/([^/]*)/aws4_request")
_QUERY_SCOPE = re.compile(r"[^/]*/\d{8}/([^/]*)/([^/]*)/aws4_request")

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


@dataclass(frozen=True)
class Request:
    """Header names in lower case; `path` and `query` as they stood in the request line; the body whole."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""

    @classmethod
    def received(
        cls, method: bytes, path: bytes, query: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> Request:
        """The request whose parts came over the wire as these."""
        texts = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        return cls(method.decode("latin-1"), path.decode("latin-1"), query.decode("latin-1"), texts, body)

    @cached_property
    def params(self) -> dict[str, str]:
        """Query parameters; of a repeated one the first. A parameter without a value is an empty text."""
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @cached_property
    def _scope(self) -> tuple[str, str]:
        """Region and signing name of the credential scope; S3 where nothing is signed, as AWS allows only there."""
        found = _SCOPE.search(self.headers.get("authorization", ""))
        if found is None and "X-Amz-Credential" in self.params:
            found = _QUERY_SCOPE.match(unquote(self.params["X-Amz-Credential"]))
        return (found.group(1), found.group(2)) if found else (DEFAULT_REGION, "s3")

    @property
    def region(self) -> str:
        """The region that the request was signed for."""
        return self._scope[0]

    @property
    def service(self) -> str:
        """The signing name of the service: `dynamodb` stands for DynamoDB Streams too."""
        return self._scope[1]

    @property
    def target(self) -> tuple[str, str]:
        """The two parts of X-Amz-Target: `("Kinesis_20131202", "PutRecords")`; empty texts without one."""
        prefix, _, operation = self.headers.get("x-amz-target", "").rpartition(".")
        return prefix, operation
