"""S3 objects over our object store; buckets and their settings stay with moto.

Path-style addressing, as every SDK uses it with an IP endpoint.
API: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import replace
from email.utils import formatdate
from typing import BinaryIO, TypedDict
from urllib.parse import unquote
from uuid import uuid4

from salespipe.local.api import s3_xml
from salespipe.local.api.s3_multipart import Multipart
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject

MAX_KEYS = 1000

_BUCKET_SETTINGS_READ_BY_US = {"list-type", "prefix", "delimiter", "marker", "max-keys", "encoding-type", "start-after"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 1024 * 1024


class Attributes(TypedDict):
    """What is stored with a body."""

    content_type: str
    content_encoding: str | None
    metadata: dict[str, str]


class S3Api:
    """Answers what concerns objects; `handle` returns None for what moto is to answer."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._db = stores.db
        self._objects = stores.objects
        self._multipart = Multipart(stores, self._must_exist, self._check)
        self._moto = moto

    def handle(self, request: Request) -> Reply | None:
        """Answer a request, errors included, in S3's own XML."""
        bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
        if not bucket:
            return None
        try:
            return self._object(request, bucket, key) if key else self._bucket(request, bucket)
        except AwsError as error:
            return _failure(request, error)

    # ---- buckets ----

    def _bucket(self, request: Request, bucket: str) -> Reply | None:
        params = request.params
        if request.method == "POST" and "delete" in params:
            self._must_exist(bucket)
            keys, quiet = s3_xml.read_delete(request.body)
            self._objects.delete(bucket, keys)
            return _xml(s3_xml.deleted([] if quiet else keys))
        if request.method == "PUT" and not params:
            return self._create_bucket(request)
        if request.method == "PUT" and "lifecycle" in params:
            s3_xml.check_lifecycle(request.body)
            return None
        if request.method == "DELETE" and not params:
            return self._delete_bucket(request, bucket)
        if request.method != "GET":
            return None
        if "versions" in params:
            self._must_exist(bucket)
            return self._list(request, bucket, versions=True)
        if "uploads" in params:
            self._must_exist(bucket)
            return _xml(s3_xml.uploads(bucket, self._multipart.open_uploads(bucket)))
        if "list-type" in params or not (set(params) - _BUCKET_SETTINGS_READ_BY_US - {"x-id"}):
            self._must_exist(bucket)
            return self._list(request, bucket, versions=False)
        return None

    def _create_bucket(self, request: Request) -> Reply:
        """Created by moto, in one step with the tags that came with the request, which moto passes over."""
        tags = s3_xml.read_tags(request.body) if request.body else None
        with self._moto.together():
            reply = self._moto.http(request)
            if reply.status < 400 and tags is not None:
                self._moto.http(replace(request, query="tagging", body=tags))
        return reply

    def _delete_bucket(self, request: Request, bucket: str) -> Reply:
        """Deleted by moto, in one step with looking whether it is empty and with its unfinished uploads."""
        with self._moto.together():
            self._must_exist(bucket)
            if self._objects.list(bucket, limit=1):
                raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
            reply = self._moto.http(request)
            if reply.status < 400:
                self._multipart.forget_all(bucket)
        return reply

    def _must_exist(self, bucket: str) -> None:
        if not self._moto.bucket_exists(bucket):
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)

    def _list(self, request: Request, bucket: str, *, versions: bool) -> Reply:
        params = request.params
        prefix, delimiter = params.get("prefix", ""), params.get("delimiter", "")
        limit = _max_keys(params.get("max-keys"))
        after = params.get("start-after") or params.get("marker") or params.get("key-marker") or ""
        if "continuation-token" in params:
            after = _from_token(params["continuation-token"])
        found, groups, last = self._page(bucket, prefix, delimiter, after, limit)
        more = last is not None
        listing = s3_xml.Listing(bucket, prefix, delimiter, limit, found, groups, more, params.get("encoding-type"))
        if versions:
            return _xml(s3_xml.versions(listing, after, last or ""))
        if params.get("list-type") != "2":
            return _xml(s3_xml.objects_v1(listing, after, last or ""))
        token = base64.urlsafe_b64encode((last or "").encode()).decode()
        return _xml(s3_xml.objects_v2(listing, params.get("start-after", ""), params.get("continuation-token"), token))

    def _page(
        self, bucket: str, prefix: str, delimiter: str, after: str, limit: int
    ) -> tuple[list[StoredObject], list[str], str | None]:
        """Objects and common prefixes behind `after`, and where the next page goes on (None: there is none)."""
        found: list[StoredObject] = []
        groups: list[str] = []
        if delimiter and after.endswith(delimiter):
            after += "\U0010ffff"
        while limit > 0:
            for stored in self._objects.each(bucket, prefix, after):
                if len(found) + len(groups) == limit:
                    return found, groups, after.rstrip("\U0010ffff")
                head, cut, _ = stored.key[len(prefix) :].partition(delimiter) if delimiter else (stored.key, "", "")
                if cut:
                    groups.append(prefix + head + cut)
                    # Everything else of this group is skipped at once.
                    after = groups[-1] + "\U0010ffff"
                    break
                found.append(stored)
                after = stored.key
            else:
                break
        return found, groups, None

    # ---- objects ----

    def _object(self, request: Request, bucket: str, key: str) -> Reply | None:
        self._must_exist(bucket)
        params = {name: value for name, value in request.params.items() if not name.startswith(("X-Amz-", "response-"))}
        params.pop("x-id", None)
        if "uploads" in params or "uploadId" in params:
            return self._multipart.handle(request, bucket, key, _body(request))
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
        return _xml(s3_xml.copied(self._keep(request, written)))

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
        start, end = _range(request.headers.get("range"), stored.size)
        partial = (start, end) != (0, stored.size)
        if partial:
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{stored.size}"))
        headers.append(("Content-Length", str(end - start)))
        if request.method == "HEAD":
            return Reply(206 if partial else 200, headers)
        file.seek(start)
        return Reply(206 if partial else 200, headers, file.read(end - start))


def _range(header: str | None, size: int) -> tuple[int, int]:
    """The bytes [start, end) that a Range header asks for. Raises AwsError (InvalidRange)."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found.group(0) == "bytes=-":
        return 0, size
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def _max_keys(given: str | None) -> int:
    if not given:
        return MAX_KEYS
    if not given.isdecimal() or int(given) >= 1 << 31:
        raise AwsError("InvalidArgument", "Provided max-keys not an integer or within integer range")
    return min(int(given), MAX_KEYS)


def _from_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from error


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


def _failure(request: Request, error: AwsError) -> Reply:
    body = b"" if request.method == "HEAD" else s3_xml.error(error, unquote(request.path))
    return _xml(body, error.status)


def _xml(body: bytes, status: int = 200) -> Reply:
    return Reply(status, [("Content-Type", "application/xml"), ("x-amz-request-id", uuid4().hex[:16].upper())], body)
