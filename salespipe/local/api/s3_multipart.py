"""Multipart uploads: parts are objects of a bucket that no client can name, until they are put together.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from salespipe.local.api import s3_xml
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject

Check = Callable[[Request, str, str], None]
"""Raises AwsError unless the bucket of a write is there and its conditions (`If-Match`, `If-None-Match`) hold."""

KIND = "s3-upload"
"""Of the documents: the uploads that were begun."""
_PARTS = ".multipart"
_MOST_PARTS = 10_000
_PIECE = 1024 * 1024


class Multipart:
    """Create, upload parts, complete or abort."""

    def __init__(self, stores: Stores, must_exist: Callable[[str], None], check: Check) -> None:
        """`must_exist` raises AwsError unless there is a bucket of that name."""
        self._stores = stores
        self._must_exist = must_exist
        self._check = check

    def handle(self, request: Request, bucket: str, key: str, body: bytes) -> Reply:
        """One request that has `uploads` or `uploadId` in its query. Raises AwsError."""
        if request.method == "POST" and "uploads" in request.params:
            return self._create(request, bucket, key)
        upload = request.params["uploadId"]
        self._begun(upload)
        if request.method == "PUT" and "x-amz-copy-source" not in request.headers:
            part = _part_number(request.params.get("partNumber", ""))
            stored = self._keep(upload, self._stores.objects.write(_PARTS, f"{upload}/{part:05d}", body))
            return Reply(200, [("ETag", f'"{stored.etag}"')])
        if request.method == "POST":
            return self._complete(request, bucket, key, upload)
        if request.method == "DELETE":
            forget(self._stores, upload)
            return Reply(204, [])
        if request.method == "GET":
            parts = self._stores.objects.list(_PARTS, f"{upload}/")
            return s3_xml.reply(s3_xml.parts(bucket, key, upload, parts))
        raise AwsError("NotImplemented", "UploadPartCopy is not supported by the local S3", 501)

    def open_uploads(self, bucket: str) -> list[dict[str, Any]]:
        """Uploads of a bucket that were neither completed nor aborted."""
        return [
            {"UploadId": upload, **document}
            for upload, document in self._stores.documents.all(KIND).items()
            if document["Bucket"] == bucket
        ]

    def forget_all(self, bucket: str) -> None:
        """Remove the uploads of a bucket and their parts. Joins an open `write()`."""
        for upload in self.open_uploads(bucket):
            forget(self._stores, upload["UploadId"])

    def _begun(self, upload: str) -> dict[str, Any]:
        """The document of an upload. Raises AwsError for one that was completed, aborted or never begun."""
        document = self._stores.documents.get(KIND, upload)
        if document is None:
            raise _no_upload()
        return document

    def _keep(self, upload: str, written: StoredObject) -> StoredObject:
        """Make a written body a part, in one step with looking whether its upload is still there."""
        with self._stores.db.write():
            self._stores.db.on_rollback(lambda: self._stores.objects.discard(written))
            self._begun(upload)
            self._stores.objects.index(written)
        return written

    def _create(self, request: Request, bucket: str, key: str) -> Reply:
        upload = uuid.uuid4().hex
        headers = request.headers
        document = {
            "Bucket": bucket,
            "Key": key,
            "Initiated": time.time(),
            "ContentType": headers.get("content-type", "binary/octet-stream"),
            "ContentEncoding": headers.get("content-encoding"),
            "Metadata": {
                name.removeprefix("x-amz-meta-"): value
                for name, value in headers.items()
                if name.startswith("x-amz-meta-")
            },
        }
        with self._stores.db.write():
            self._must_exist(bucket)
            self._stores.documents.put(KIND, upload, document)
        return s3_xml.reply(s3_xml.upload_created(bucket, key, upload))

    def _complete(self, request: Request, bucket: str, key: str, upload: str) -> Reply:
        wanted = s3_xml.read_complete(request.body)
        have = {int(part.key.rpartition("/")[2]): part for part in self._stores.objects.list(_PARTS, f"{upload}/")}
        for number, etag in wanted:
            if number not in have or have[number].etag != etag:
                raise AwsError("InvalidPart", f"One or more of the specified parts could not be found: {number}")
        if [number for number, _ in wanted] != sorted({number for number, _ in wanted}):
            raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.")
        document = self._begun(upload)
        chosen = [have[number] for number, _ in wanted]
        digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in chosen), usedforsecurity=False).hexdigest()
        self._check(request, bucket, key)
        try:
            written = self._stores.objects.write(
                bucket,
                key,
                _pieces(chosen),
                content_type=document["ContentType"],
                content_encoding=document["ContentEncoding"],
                metadata=document["Metadata"],
                etag=f"{digest}-{len(chosen)}",
            )
        except FileNotFoundError as error:
            raise _no_upload() from error  # aborted, or completed by another request, while its parts were read
        with self._stores.db.write():
            self._stores.db.on_rollback(lambda: self._stores.objects.discard(written))
            self._begun(upload)
            self._check(request, bucket, key)
            self._stores.objects.index(written)
            forget(self._stores, upload)
        return s3_xml.reply(s3_xml.upload_completed(written))


def forget(stores: Stores, upload: str) -> None:
    """Remove an upload and its parts. Joins an open `write()`."""
    with stores.db.write():
        parts = stores.objects.list(_PARTS, f"{upload}/")
        stores.objects.delete(_PARTS, [part.key for part in parts])
        stores.documents.delete(KIND, upload)


def _no_upload() -> AwsError:
    return AwsError("NoSuchUpload", "The specified upload does not exist.", 404)


def _part_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PARTS:
        raise AwsError("InvalidArgument", f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive")
    return int(text)


def _pieces(parts: Sequence[StoredObject]) -> Iterator[bytes]:
    """The bodies of the parts one behind the other, a piece in memory at a time."""
    for part in parts:
        with part.open() as file:
            while piece := file.read(_PIECE):
                yield piece
