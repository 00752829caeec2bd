"""S3 objects, as a boto3 client of the endpoint sees them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salespipe.local.stores import Stores
from tests.embedded import Embedded

BUCKET = "a-bucket"


@pytest.fixture
def s3(runtime: Embedded) -> Any:
    client = runtime.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def test_an_object_comes_back_with_its_metadata(s3: Any) -> None:
    s3.put_object(
        Bucket=BUCKET,
        Key="orders/dt=2026-01-31/hour=09/x.gz",
        Body=b"hello",
        Metadata={"Source": "test"},
        ContentType="text/plain",
    )
    found = s3.get_object(Bucket=BUCKET, Key="orders/dt=2026-01-31/hour=09/x.gz")
    assert found["Body"].read() == b"hello"
    assert found["Metadata"] == {"source": "test"}
    assert found["ContentType"] == "text/plain"
    assert found["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert (
        s3.get_object(Bucket=BUCKET, Key="orders/dt=2026-01-31/hour=09/x.gz", Range="bytes=-2")["Body"].read() == b"lo"
    )


def test_a_large_object_goes_up_in_parts(s3: Any) -> None:
    body = bytes(range(256)) * 80_000
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "large")
    assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == body
    assert s3.head_object(Bucket=BUCKET, Key="large")["ETag"].endswith('-3"')
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_an_aborted_upload_leaves_nothing(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == [upload]
    s3.abort_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_listing_gives_every_key_and_folder_once_over_its_pages(s3: Any, operation: str) -> None:
    keys = [f"{folder}/{n}" for folder in ("a", "b", "ü &<>") for n in range(5)] + ["top", "zz"]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    pages = s3.get_paginator(operation)

    flat = [
        one["Key"]
        for page in pages.paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 4})
        for one in page["Contents"]
    ]
    assert flat == sorted(keys, key=str.encode)

    folders, files = [], []
    for page in pages.paginate(Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": 2}):
        folders += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        files += [one["Key"] for one in page.get("Contents", [])]
    assert sorted(folders) == ["a/", "b/", "ü &<>/"]
    assert sorted(files) == ["top", "zz"]


def test_deleting_many_and_copying(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="from", Body=b"body", Metadata={"a": "b"})
    s3.copy_object(Bucket=BUCKET, Key="to", CopySource={"Bucket": BUCKET, "Key": "from"})
    assert s3.get_object(Bucket=BUCKET, Key="to")["Metadata"] == {"a": "b"}
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "from"}, {"Key": "to"}, {"Key": "never there"}]})
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_bucket_with_objects_is_not_deleted(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key="k")
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("get_object", {"Bucket": BUCKET, "Key": "none"}, "NoSuchKey"),
        ("get_object", {"Bucket": "no-such-bucket", "Key": "none"}, "NoSuchBucket"),
        ("put_object", {"Bucket": "no-such-bucket", "Key": "none", "Body": b""}, "NoSuchBucket"),
        ("get_object_acl", {"Bucket": BUCKET, "Key": "none"}, "NotImplemented"),
    ],
)
def test_errors_have_the_codes_of_s3(s3: Any, operation: str, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_a_write_that_must_be_the_first_fails_when_it_is_not(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"2", IfNoneMatch="*")
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"1"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Any:
    opened = Stores.open(tmp_path_factory.mktemp("store"))
    yield opened
    opened.close()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=300), st.binary(max_size=64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_can_be_stored_inside_the_store(stores: Stores, key: str, body: bytes) -> None:
    stored = stores.objects.put("b", key, body)
    assert stores.home / "objects" / "b" in stored.path.parents
    assert ".." not in stored.path.parts
    found = stores.objects.get("b", key)
    assert found is not None
    assert found.read() == body


def test_replacing_an_object_gives_its_file_back(stores: Stores) -> None:
    first = stores.objects.put("c", "dt=2026-01-31/k.json.gz", b"1")
    second = stores.objects.put("c", "dt=2026-01-31/k.json.gz", b"2")
    assert not first.path.exists()
    assert second.path.parent.name == "dt=2026-01-31"
    assert second.path.name.endswith("k.json.gz")
    stores.objects.delete("c", ["dt=2026-01-31/k.json.gz"])
    assert not second.path.exists()
