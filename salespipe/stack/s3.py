"""The bucket of the lake: private, encrypted, reachable over TLS only, objects owned by the account.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.absent import if_there
from salespipe.aws.errors import client_error, error_code
from salespipe.errors import AccessError
from salespipe.stack.naming import RESULT_PREFIX
from salespipe.stack.policies import tls_only
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list

_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ABORT_AFTER_DAYS = 7
_ABORT_RULE = {
    "ID": "abort-unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_AFTER_DAYS},
}
# Athena forgets a query after 45 days (https://docs.aws.amazon.com/athena/latest/ug/querying-viewing-history.html), but
# never removes its result.
_RESULT_DAYS = 45
_RESULT_RULE = {
    "ID": "remove-query-results",
    "Status": "Enabled",
    "Filter": {"Prefix": RESULT_PREFIX},
    "Expiration": {"Days": _RESULT_DAYS},
}
_RULES = (_ABORT_RULE, _RESULT_RULE)


class Bucket(Resource):
    """Holds orders/, errors/ and athena/. Bucket names are global, but this one contains the account's id."""

    kind = "bucket"
    holds_data = True
    exists_codes = frozenset({"BucketAlreadyOwnedByYou"})

    @property
    def name(self) -> str:
        return self.names.bucket

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "public access block": dict.fromkeys(_PUBLIC_ACCESS, True),
            "encryption": "AES256",
            "object ownership": "BucketOwnerEnforced",
            "bucket policy": tls_only(self.names),
            "lifecycle": {"unfinished uploads": _ABORT_AFTER_DAYS, "query results": _RESULT_DAYS},
        }

    def read(self) -> Found | None:
        s3 = self.aws.client("s3")
        if not self._stands():
            return None
        tags = if_there(s3.get_bucket_tagging, Bucket=self.name) or {}
        access = if_there(s3.get_public_access_block, Bucket=self.name) or {}
        encryption = if_there(s3.get_bucket_encryption, Bucket=self.name) or {}
        ownership = if_there(s3.get_bucket_ownership_controls, Bucket=self.name) or {}
        policy = if_there(s3.get_bucket_policy, Bucket=self.name) or {}
        rules = (if_there(s3.get_bucket_lifecycle_configuration, Bucket=self.name) or {}).get("Rules", [])
        encryption_rules = encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        ownership_rules = ownership.get("OwnershipControls", {}).get("Rules", [])
        return Found(
            settings={
                "public access block": access.get("PublicAccessBlockConfiguration"),
                "encryption": next(
                    (r["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for r in encryption_rules), None
                ),
                "object ownership": next((r["ObjectOwnership"] for r in ownership_rules), None),
                "bucket policy": json.loads(policy["Policy"]) if policy else None,
                "lifecycle": {"unfinished uploads": _abort_days(rules), "query results": _result_days(rules)},
            },
            tags=from_tag_list(tags.get("TagSet")),
        )

    def create(self, desired: Values) -> None:
        s3 = self.aws.client("s3")
        # In us-east-1 S3 answers 200 for a bucket that the account has already.
        if self._stands():
            raise client_error("CreateBucket", "BucketAlreadyOwnedByYou", "it was made meanwhile")
        where: dict[str, Any] = {"Tags": self.tag_list}
        if self.names.region != "us-east-1":
            where["LocationConstraint"] = self.names.region
        s3.create_bucket(Bucket=self.name, CreateBucketConfiguration=where)
        self.update(desired, Found(settings={}))

    def update(self, desired: Values, found: Found) -> None:
        s3 = self.aws.client("s3")
        steps: dict[str, Callable[[], Any]] = {
            "public access block": lambda: s3.put_public_access_block(
                Bucket=self.name, PublicAccessBlockConfiguration=desired["public access block"]
            ),
            "encryption": lambda: s3.put_bucket_encryption(
                Bucket=self.name,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": desired["encryption"]}}]
                },
            ),
            "object ownership": lambda: s3.put_bucket_ownership_controls(
                Bucket=self.name,
                OwnershipControls={"Rules": [{"ObjectOwnership": desired["object ownership"]}]},
            ),
            "bucket policy": lambda: s3.put_bucket_policy(
                Bucket=self.name, Policy=json.dumps(desired["bucket policy"])
            ),
            "lifecycle": lambda: s3.put_bucket_lifecycle_configuration(
                Bucket=self.name,
                LifecycleConfiguration={"Rules": [*self._other_rules(), *_RULES]},
            ),
        }
        for setting, put in steps.items():
            if found.settings.get(setting) != desired[setting]:
                put()

    def delete(self) -> None:
        s3 = self.aws.client("s3")
        if not self._stands():
            return
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
            doomed = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if doomed:
                answer = s3.delete_objects(Bucket=self.name, Delete={"Objects": doomed, "Quiet": True})
                if answer.get("Errors"):
                    error = answer["Errors"][0]
                    words = f"{error.get('Key', '')}: {error.get('Message', '')}"
                    raise client_error("DeleteObjects", error.get("Code", ""), words)
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=self.name):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"])
        if_there(s3.delete_bucket, Bucket=self.name)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (
            "public access blocked, encrypted (AES256), TLS only, objects owned by the account",
            f"unfinished uploads are removed after {_ABORT_AFTER_DAYS} days, query results after {_RESULT_DAYS}",
        )

    def losses(self, found: Found) -> tuple[str, ...]:
        return ("every object in it, with all versions and unfinished uploads",)

    def _stands(self) -> bool:
        """Whether the bucket is there. Raises AccessError when that may not be known; see
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html."""
        try:
            return if_there(self.aws.client("s3").head_bucket, Bucket=self.name) is not None
        except ClientError as error:
            if error_code(error) not in {"403", "AccessDenied"}:
                raise
            raise AccessError(
                f"bucket {self.name}: S3 refuses to show it (403 Forbidden)",
                "allow s3:ListBucket on it; if another account has taken the name, choose another with --name",
            ) from error

    def _other_rules(self) -> list[dict[str, Any]]:
        """The lifecycle rules that somebody else added: they stay."""
        lifecycle = if_there(self.aws.client("s3").get_bucket_lifecycle_configuration, Bucket=self.name) or {}
        ours = {rule["ID"] for rule in _RULES}
        return [rule for rule in lifecycle.get("Rules", []) if rule.get("ID") not in ours]


def _abort_days(rules: list[dict[str, Any]]) -> int | None:
    """Days after which unfinished uploads go, by whichever enabled rule says so for the whole bucket."""
    for rule in rules:
        days = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        whole = not (rule.get("Filter", {}).get("Prefix") or rule.get("Prefix"))
        if rule.get("Status") == "Enabled" and days is not None and whole:
            return int(days)
    return None


def _result_days(rules: list[dict[str, Any]]) -> int | None:
    """Days after which our own rule removes the results of queries; None if it does not."""
    for rule in rules:
        whole = rule.get("Filter") == _RESULT_RULE["Filter"] and rule.get("Status") == "Enabled"
        if rule.get("ID") == _RESULT_RULE["ID"] and whole:
            days = rule.get("Expiration", {}).get("Days")
            return None if days is None else int(days)
    return None
