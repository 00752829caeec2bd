"""S3 objects one by one: put, get, copy, delete, with the conditions and ranges of their requests.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html, API_GetObject.html, API_CopyObject.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from email.utils import formatdate
from typing import BinaryIO, TypedDict
from urllib.parse import unquote

from salespipe.local.api import s3_xml
from salespipe.local.api.s3_multipart import Multipart
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 1024 * 1024


class Attributes(TypedDict):
    """What is stored with a body."""

    content_type: str
    content_encoding: str | None
    metadata: dict[str, str]


class ObjectRequests:
    """Answers what concerns one object; `must_exist` raises AwsError unless the bucket is there."""

    def __init__(self, stores: Stores, must_exist: Callable[[str], None]) -> None:
        self._db = stores.db
        self._objects = stores.objects
        self._must_exist = must_exist
        self.multipart = Multipart(stores, must_exist, self._check)

    def handle(self, request: Request, bucket: str, key: str) -> Reply | None:
        self._must_exist(bucket)
        params = {name: value for name, value in request.params.items() if not name.startswith(("X-Amz-", "response-"))}
        params.pop("x-id", None)
        if "uploads" in params or "uploadId" in params:
            return self.multipart.handle(request, bucket, key, _body(request))
        if set(params) - {"versionId", "partNumber"}:
            raise AwsError("NotImplemented", f"{request.method} ?{request.query} is not supported by the local S3", 501)
        if request.method == "PUT":
            return self._put(request, bucket, key)
        if request.method in ("GET", "HEAD"):
            return self._get(request, bucket, key)
        if request.method == "DELETE":
            self._objects.delete(bucket, [key])
            return Reply(204, [])
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)

    def _put(self, request: Request, bucket: str, key: str) -> Reply:
        headers = request.headers
        self._check(request, bucket, key)  # before a large body is written in vain; what counts is the check in _keep
        source = headers.get("x-amz-copy-source")
        if source is not None:
            return self._copy(request, unquote(source).lstrip("/"), bucket, key)
        _check_md5(request)
        stored = self._keep(request, self._objects.write(bucket, key, _body(request), **_attributes(headers)))
        return Reply(200, [("ETag", f'"{stored.etag}"'), ("x-amz-server-side-encryption", "AES256")])

    def _keep(self, request: Request, written: StoredObject) -> StoredObject:
        """Make a written body the object if its bucket is there and the request's conditions hold, in one step with
        looking."""
        with self._db.write():
            self._db.on_rollback(lambda: self._objects.discard(written))
            self._check(request, written.bucket, written.key)
            self._objects.index(written)
        return written

    def _check(self, request: Request, bucket: str, key: str) -> None:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
        self._must_exist(bucket)
        wanted = request.headers.get("if-match")
        none = request.headers.get("if-none-match")
        if wanted is None and none is None:
            return
        existing = self._objects.get(bucket, key)
        if wanted is not None and existing is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if existing is not None and (none == "*" or (wanted is not None and wanted.strip('"') != existing.etag)):
            raise _unmet()

    def _copy(self, request: Request, source: str, bucket: str, key: str) -> Reply:
        """The source's bytes with its own metadata, or with the request's (`x-amz-metadata-directive: REPLACE`)."""
        from_bucket, _, from_key = source.partition("?")[0].partition("/")
        self._must_exist(from_bucket)
        own = request.headers.get("x-amz-metadata-directive") == "REPLACE"
        if (from_bucket, from_key) == (bucket, key) and not own:
            raise AwsError(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes.",
            )
        original, file = self._opened(from_bucket, from_key)
        with file:
            attributes = (
                _attributes(request.headers)
                if own
                else {
                    "content_type": original.content_type,
                    "content_encoding": original.content_encoding,
                    "metadata": original.metadata,
                }
            )
            written = self._objects.write(bucket, key, iter(lambda: file.read(_PIECE), b""), **attributes)
        return s3_xml.reply(s3_xml.copied(self._keep(request, written)))

    def _opened(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        found = self._objects.open(bucket, key)
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        return found

    def _get(self, request: Request, bucket: str, key: str) -> Reply:
        stored, file = self._opened(bucket, key)
        with file:
            return self._got(request, stored, file)

    def _got(self, request: Request, stored: StoredObject, file: BinaryIO) -> Reply:
        etag = f'"{stored.etag}"'
        headers = [
            ("ETag", etag),
            ("Last-Modified", formatdate(stored.modified, usegmt=True)),
            ("Content-Type", stored.content_type),
            ("Accept-Ranges", "bytes"),
            ("x-amz-server-side-encryption", "AES256"),
            *((f"x-amz-meta-{name}", value) for name, value in stored.metadata.items()),
        ]
        if stored.content_encoding:
            headers.append(("Content-Encoding", stored.content_encoding))
        if request.headers.get("if-none-match") in (etag, stored.etag, "*"):
            return Reply(304, headers)
        if request.headers.get("if-match", etag) not in (etag, stored.etag, "*"):
            raise _unmet()
        asked = _range(request.headers.get("range"), stored.size)
        partial = (
            asked is not None
        )  # also when that is all of it: https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7
        start, end = asked or (0, stored.size)
        if partial:
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{stored.size}"))
        headers.append(("Content-Length", str(end - start)))
        if request.method == "HEAD":
            return Reply(206 if partial else 200, headers)
        file.seek(start)
        return Reply(206 if partial else 200, headers, file.read(end - start))


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes [start, end) that a Range header asks for, if there is one. Raises AwsError (InvalidRange)."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def _check_md5(request: Request) -> None:
    """Raise unless the body is the one whose digest was sent along, if one was."""
    given = request.headers.get("content-md5")
    if given is None:
        return
    try:
        digest = base64.b64decode(given, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(request.body, usedforsecurity=False).digest():
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _unmet() -> AwsError:
    return AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)


def _attributes(headers: dict[str, str]) -> Attributes:
    """What is stored with a body."""
    prefix = "x-amz-meta-"
    return {
        "content_type": headers.get("content-type", "binary/octet-stream"),
        "content_encoding": _own_encoding(headers),
        "metadata": {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)},
    }


def _own_encoding(headers: dict[str, str]) -> str | None:
    """The Content-Encoding of the object itself: `aws-chunked` only says how it was sent."""
    parts = [part.strip() for part in headers.get("content-encoding", "").split(",")]
    return ",".join(part for part in parts if part and part != "aws-chunked") or None


def _body(request: Request) -> bytes:
    """The object's bytes; the `aws-chunked` framing of streaming uploads is taken off.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """
    if "aws-chunked" not in request.headers.get("content-encoding", "") and not request.headers.get(
        "x-amz-content-sha256", ""
    ).startswith("STREAMING-"):
        return request.body
    parts: list[bytes] = []
    place = 0
    while True:
        try:
            line = request.body.index(b"\r\n", place)
            size = int(request.body[place:line].split(b";")[0], 16)
        except ValueError as error:
            raise AwsError("IncompleteBody", "The chunks of the request body are broken or incomplete") from error
        if size == 0:
            return b"".join(parts)
        parts.append(request.body[line + 2 : line + 2 + size])
        place = line + 2 + size + 2
