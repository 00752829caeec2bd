"""S3: who is asked, and what is in a bucket. Objects are ours; buckets and their settings stay with moto.

Path-style addressing, as every SDK uses it with an IP endpoint.
API: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import unquote

from salespipe.local.api import s3_xml
from salespipe.local.api.s3_objects import ObjectRequests
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject

MAX_KEYS = 1000

_BUCKET_SETTINGS_READ_BY_US = {"list-type", "prefix", "delimiter", "marker", "max-keys", "encoding-type", "start-after"}


class S3Api:
    """Answers what concerns objects; `handle` returns None for what moto is to answer."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._moto = moto
        self._objects = stores.objects
        self._requests = ObjectRequests(stores, self._must_exist)

    def handle(self, request: Request) -> Reply | None:
        """Answer a request, errors included, in S3's own XML."""
        bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
        if not bucket:
            return None
        try:
            return self._requests.handle(request, bucket, key) if key else self._bucket(request, bucket)
        except AwsError as error:
            return _failure(request, error)

    # ---- buckets ----

    def _bucket(self, request: Request, bucket: str) -> Reply | None:
        params = request.params
        if request.method == "POST" and "delete" in params:
            self._must_exist(bucket)
            keys, quiet = s3_xml.read_delete(request.body)
            self._objects.delete(bucket, keys)
            return s3_xml.reply(s3_xml.deleted([] if quiet else keys))
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
            return s3_xml.reply(s3_xml.uploads(bucket, self._requests.multipart.open_uploads(bucket)))
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
                self._requests.multipart.forget_all(bucket)
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
            return s3_xml.reply(s3_xml.versions(listing, after, last or ""))
        if params.get("list-type") != "2":
            return s3_xml.reply(s3_xml.objects_v1(listing, after, last or ""))
        token = base64.urlsafe_b64encode((last or "").encode()).decode()
        return s3_xml.reply(
            s3_xml.objects_v2(listing, params.get("start-after", ""), params.get("continuation-token"), token)
        )

    def _page(
        self, bucket: str, prefix: str, delimiter: str, after: str, limit: int
    ) -> tuple[list[StoredObject], list[str], str | None]:
        """Objects and common prefixes behind `after`, and where the next page goes on (None: there is none)."""
        found: list[StoredObject] = []
        groups: list[str] = []
        if delimiter and after.endswith(delimiter) and after.startswith(prefix) and after != prefix:
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


def _failure(request: Request, error: AwsError) -> Reply:
    body = b"" if request.method == "HEAD" else s3_xml.error(error, unquote(request.path))
    return s3_xml.reply(body, error.status)
