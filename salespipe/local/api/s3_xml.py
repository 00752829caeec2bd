"""The XML documents of S3: what is read from requests and what is written in answers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from xml.sax.saxutils import escape

from salespipe.local.errors import AwsError
from salespipe.local.http import Reply
from salespipe.local.stores.objects import StoredObject

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class Listing:
    """A page of a bucket; with `encoding` `url` keys are percent-encoded in the answer."""

    bucket: str
    prefix: str
    delimiter: str
    limit: int
    objects: list[StoredObject]
    groups: list[str]
    more: bool
    encoding: str | None

    def text(self, key: str) -> str:
        """A key as this listing writes it."""
        return quote(key, safe="/") if self.encoding == "url" else key


def reply(body: bytes, status: int = 200) -> Reply:
    """The answer with such a document."""
    return Reply(status, [("Content-Type", "application/xml"), ("x-amz-request-id", uuid4().hex[:16].upper())], body)


def _document(root: str, *content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">{"".join(content)}</{root}>'
    ).encode()


def _tag(name: str, value: object) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    return f"<{name}>{escape(str(value))}</{name}>"


def _time(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _entry(name: str, listing: Listing, stored: StoredObject, *more: str) -> str:
    return (
        f"<{name}>"
        + _tag("Key", listing.text(stored.key))
        + "".join(more)
        + _tag("LastModified", _time(stored.modified))
        + _tag("ETag", f'"{stored.etag}"')
        + _tag("Size", stored.size)
        + _tag("StorageClass", "STANDARD")
        + f"</{name}>"
    )


def _head(listing: Listing) -> list[str]:
    content = [
        _tag("Name", listing.bucket),
        _tag("Prefix", listing.text(listing.prefix)),
        _tag("MaxKeys", listing.limit),
        _tag("IsTruncated", listing.more),
    ]
    if listing.delimiter:
        content.append(_tag("Delimiter", listing.text(listing.delimiter)))
    if listing.encoding:
        content.append(_tag("EncodingType", listing.encoding))
    content += [f"<CommonPrefixes>{_tag('Prefix', listing.text(group))}</CommonPrefixes>" for group in listing.groups]
    return content


def objects_v2(listing: Listing, start_after: str, token: str | None, following: str) -> bytes:
    """ListObjectsV2."""
    content = _head(listing)
    content.append(_tag("KeyCount", len(listing.objects) + len(listing.groups)))
    if start_after:
        content.append(_tag("StartAfter", listing.text(start_after)))
    if token:
        content.append(_tag("ContinuationToken", token))
    if listing.more:
        content.append(_tag("NextContinuationToken", following))
    content += [_entry("Contents", listing, stored) for stored in listing.objects]
    return _document("ListBucketResult", *content)


def objects_v1(listing: Listing, marker: str, following: str) -> bytes:
    """ListObjects."""
    content = [*_head(listing), _tag("Marker", listing.text(marker))]
    if listing.more:
        content.append(_tag("NextMarker", listing.text(following)))
    content += [_entry("Contents", listing, stored) for stored in listing.objects]
    return _document("ListBucketResult", *content)


def versions(listing: Listing, marker: str, following: str) -> bytes:
    """ListObjectVersions: without versioning each object is its one version, `null`."""
    content = [*_head(listing), _tag("KeyMarker", listing.text(marker))]
    if listing.more:
        content += [_tag("NextKeyMarker", listing.text(following)), _tag("NextVersionIdMarker", "null")]
    for stored in listing.objects:
        content.append(_entry("Version", listing, stored, _tag("VersionId", "null"), _tag("IsLatest", True)))
    return _document("ListVersionsResult", *content)


def error(problem: AwsError, resource: str) -> bytes:
    """An error answer."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error>'
        + _tag("Code", problem.code)
        + _tag("Message", problem.message)
        + _tag("Resource", resource)
        + "</Error>"
    ).encode()


def copied(stored: StoredObject) -> bytes:
    """CopyObject."""
    return _document("CopyObjectResult", _tag("LastModified", _time(stored.modified)), _tag("ETag", f'"{stored.etag}"'))


def deleted(keys: Iterable[str]) -> bytes:
    """DeleteObjects."""
    return _document("DeleteResult", *(f"<Deleted>{_tag('Key', key)}</Deleted>" for key in keys))


def upload_created(bucket: str, key: str, upload: str) -> bytes:
    """CreateMultipartUpload."""
    return _document(
        "InitiateMultipartUploadResult", _tag("Bucket", bucket), _tag("Key", key), _tag("UploadId", upload)
    )


def upload_completed(stored: StoredObject) -> bytes:
    """CompleteMultipartUpload."""
    return _document(
        "CompleteMultipartUploadResult",
        _tag("Location", f"/{stored.bucket}/{stored.key}"),
        _tag("Bucket", stored.bucket),
        _tag("Key", stored.key),
        _tag("ETag", f'"{stored.etag}"'),
    )


def uploads(bucket: str, found: list[dict[str, Any]]) -> bytes:
    """ListMultipartUploads."""
    content = [_tag("Bucket", bucket), _tag("IsTruncated", False)]
    for upload in found:
        content.append(
            "<Upload>"
            + _tag("Key", upload["Key"])
            + _tag("UploadId", upload["UploadId"])
            + _tag("Initiated", _time(upload["Initiated"]))
            + "</Upload>"
        )
    return _document("ListMultipartUploadsResult", *content)


def parts(bucket: str, key: str, upload: str, found: list[StoredObject]) -> bytes:
    """ListParts."""
    content = [_tag("Bucket", bucket), _tag("Key", key), _tag("UploadId", upload), _tag("IsTruncated", False)]
    for part in found:
        content.append(
            "<Part>"
            + _tag("PartNumber", int(part.key.rpartition("/")[2]))
            + _tag("LastModified", _time(part.modified))
            + _tag("ETag", f'"{part.etag}"')
            + _tag("Size", part.size)
            + "</Part>"
        )
    return _document("ListPartsResult", *content)


def _read(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)
    except ET.ParseError as problem:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed") from problem


def read_delete(body: bytes) -> tuple[list[str], bool]:
    """The keys of a DeleteObjects request, and whether it wants no answer for what went well."""
    root = _read(body)
    return [element.text or "" for element in root.findall("{*}Object/{*}Key")], root.findtext("{*}Quiet") == "true"


def read_complete(body: bytes) -> list[tuple[int, str]]:
    """Part numbers and ETags of a CompleteMultipartUpload request."""
    try:
        return [
            (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"'))
            for part in _read(body).findall("{*}Part")
        ]
    except ValueError as problem:
        raise AwsError("MalformedXML", "A part number is not a number") from problem


def read_tags(body: bytes) -> bytes | None:
    """The tags of a CreateBucket request as the body of a PutBucketTagging one; None when it has none."""
    tags = _read(body).find("{*}Tags")
    if tags is None:
        return None
    pairs = [(tag.findtext("{*}Key") or "", tag.findtext("{*}Value") or "") for tag in tags]
    content = "".join(f"<Tag>{_tag('Key', key)}{_tag('Value', value)}</Tag>" for key, value in pairs)
    return _document("Tagging", f"<TagSet>{content}</TagSet>")


def check_lifecycle(body: bytes) -> None:
    """Raise AwsError for rules by object size: moto passes the size over, and the rule would be for every object."""
    sizes = {"ObjectSizeGreaterThan", "ObjectSizeLessThan"}
    if any(each.tag.rpartition("}")[2] in sizes for each in _read(body).iter()):
        raise AwsError("NotImplemented", "lifecycle rules by object size are not supported by the local S3", 501)
