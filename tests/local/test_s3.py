"""S3 objects, as a boto3 client of the endpoint sees them."""

from __future__ import annotations

import hashlib
import io
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salespipe.local.stores import Stores
from salespipe.local.stores.objects import ObjectStore, StoredObject
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
    for asked, body, said in [("-2", b"lo", "3-4/5"), ("1-2", b"el", "1-2/5"), ("0-99", b"hello", "0-4/5")]:
        part = s3.get_object(Bucket=BUCKET, Key="orders/dt=2026-01-31/hour=09/x.gz", Range=f"bytes={asked}")
        assert (part["Body"].read(), part["ContentRange"]) == (body, f"bytes {said}")
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206


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


@pytest.mark.parametrize("after", ["", "a", "a/", "a/b/", "a/b/0"])
def test_folders_behind_a_key_at_or_above_the_prefix_are_all_there(s3: Any, after: str) -> None:
    for key in ("a/b/0", "a/b/1/x", "a/b/2/x"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="a/b/", Delimiter="/", StartAfter=after)
    assert [one["Prefix"] for one in page["CommonPrefixes"]] == ["a/b/1/", "a/b/2/"]
    assert [one["Key"] for one in page.get("Contents", [])] == ([] if after == "a/b/0" else ["a/b/0"])


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


def test_only_one_of_many_first_writers_wins(s3: Any) -> None:
    def write(number: int) -> str:
        try:
            s3.put_object(Bucket=BUCKET, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(24)))
    assert sorted(answers) == ["PreconditionFailed"] * 23 + ["won"]
    assert [str(answers.index("won")).encode()] == [s3.get_object(Bucket=BUCKET, Key="lock")["Body"].read()]


def test_if_match_replaces_only_what_was_read(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.put_object(Bucket=BUCKET, Key="never there", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"2"


def test_a_body_that_was_damaged_on_its_way_is_refused(s3: Any) -> None:
    for digest, code in ((b64encode(bytes(16)).decode(), "BadDigest"), ("nonsense", "InvalidDigest")):
        with pytest.raises(ClientError, match=code):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"body", ContentMD5=digest)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"body", ContentMD5=b64encode(hashlib.md5(b"body").digest()).decode())
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


def test_a_copy_takes_new_metadata_when_asked_to(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"body", Metadata={"a": "b"}, ContentType="text/plain")
    source = {"Bucket": BUCKET, "Key": "k"}
    with pytest.raises(ClientError, match="to itself without changing"):
        s3.copy_object(Bucket=BUCKET, Key="k", CopySource=source)
    s3.copy_object(
        Bucket=BUCKET,
        Key="k",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"c": "d"},
        ContentType="text/csv",
    )
    found = s3.get_object(Bucket=BUCKET, Key="k")
    assert (found["Metadata"], found["ContentType"], found["Body"].read()) == ({"c": "d"}, "text/csv", b"body")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("?list-type=2&max-keys=many", 400, "InvalidArgument"),
        ("?list-type=2&max-keys=-1", 400, "InvalidArgument"),
        ("?list-type=2&continuation-token=%C3%BC", 400, "InvalidArgument"),
        ("/broken", 500, "InternalError"),
    ],
)
def test_every_error_is_in_the_xml_of_s3(
    runtime: Embedded, s3: Any, monkeypatch: pytest.MonkeyPatch, path: str, status: int, code: str
) -> None:
    def fails(bucket: str, key: str) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(runtime.stores.objects, "get", fails)
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{runtime.endpoint}/{BUCKET}{path}")
    with caught.value as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (status, "application/xml")
        assert ElementTree.fromstring(answer.read()).findtext("Code") == code


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_a_read_during_a_change_gives_a_whole_body_or_no_such_key(
    runtime: Embedded, s3: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    objects = runtime.stores.objects
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"old")
    look = objects.get

    def look_and_change(bucket: str, key: str) -> StoredObject | None:
        found = look(bucket, key)
        monkeypatch.setattr(objects, "get", look)
        if change == "replaced":
            objects.put(bucket, key, b"newer")
        else:
            objects.delete(bucket, [key])
        return found

    monkeypatch.setattr(objects, "get", look_and_change)
    if change == "replaced":
        found = s3.get_object(Bucket=BUCKET, Key="k")
        assert (found["Body"].read(), found["ContentLength"]) == (b"newer", 5)
    else:
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=BUCKET, Key="k")


def test_a_listing_by_folders_reads_a_row_per_folder(
    runtime: Embedded, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = runtime.stores.objects
    with runtime.stores.db.write():
        for number in range(120):
            objects.put(BUCKET, f"{number % 6}/{number}", b"")
    made: list[str] = []
    make = ObjectStore._object

    def counted(self: ObjectStore, row: Any) -> StoredObject:
        made.append(row[1])
        return make(self, row)

    monkeypatch.setattr(ObjectStore, "_object", counted)
    found = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == [f"{n}/" for n in range(6)]
    assert len(made) == 6
    assert s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)["IsTruncated"] is False


def test_parts_are_put_together_without_holding_up_other_writers(
    runtime: Embedded, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = ObjectStore.write

    def watched(self: ObjectStore, bucket: str, key: str, body: Any, **more: Any) -> StoredObject:
        def pieces() -> Iterator[bytes]:
            writer = threading.Thread(target=lambda: runtime.stores.positions.save("another", "0", "1"))
            writer.start()
            writer.join(3)
            assert not writer.is_alive()
            for piece in body:
                sizes.append(len(piece))
                yield piece

        return real(self, bucket, key, pieces(), **more)

    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in ((1, b"a" * (5 << 20)), (2, b"b"))
    ]
    monkeypatch.setattr(ObjectStore, "write", watched)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert sum(sizes) == (5 << 20) + 1
    assert max(sizes) == 1 << 20
    assert s3.head_object(Bucket=BUCKET, Key="k")["ContentLength"] == sum(sizes)


@pytest.fixture
def meanwhile(runtime: Embedded, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives a function that has something done after the next body was looked for a place and before it has one."""

    def arrange(action: Callable[[], object]) -> None:
        def before_write(bucket: str) -> None:
            runtime.stores.objects.before_write = None
            action()

        monkeypatch.setattr(runtime.stores.objects, "before_write", before_write)

    return arrange


def files(runtime: Embedded) -> list[str]:
    return [path.name for path in (runtime.home / "objects").rglob("*") if path.is_file()]


def test_a_part_of_an_upload_that_is_aborted_meanwhile_is_refused_and_leaves_nothing(
    runtime: Embedded, s3: Any, meanwhile: Any
) -> None:
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    meanwhile(lambda: s3.abort_multipart_upload(**upload))
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.upload_part(**upload, PartNumber=1, Body=b"late")
    assert runtime.stores.objects.size() == 0
    assert files(runtime) == []


def test_an_object_of_a_bucket_that_is_deleted_meanwhile_is_refused_and_not_in_the_next_one_of_that_name(
    runtime: Embedded, s3: Any, meanwhile: Any
) -> None:
    meanwhile(lambda: s3.delete_bucket(Bucket=BUCKET))
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"late")
    s3.create_bucket(Bucket=BUCKET)
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert files(runtime) == []


def test_the_uploads_of_a_bucket_go_with_it(runtime: Embedded, s3: Any) -> None:
    upload = {"Bucket": BUCKET, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    s3.upload_part(**upload, PartNumber=1, Body=b"part")
    s3.delete_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.upload_part(**upload, PartNumber=2, Body=b"late")
    assert files(runtime) == []


def test_a_bucket_is_deleted_in_one_step_with_looking_into_it(
    runtime: Embedded, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that comes between the two waits, and is refused; it is not acknowledged and lost."""
    refused: list[str] = []
    written, looked, indexed = threading.Event(), threading.Event(), threading.Event()
    real_list, real_write, real_index = ObjectStore.list, ObjectStore.write, ObjectStore.index

    def put() -> None:
        try:
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"late")
        except ClientError as error:
            refused.append(error.response["Error"]["Code"])

    def write(self: ObjectStore, *asked: Any, **more: Any) -> StoredObject:
        done = real_write(self, *asked, **more)
        written.set()
        assert looked.wait(10)
        return done

    def listed(self: ObjectStore, *asked: Any, **more: Any) -> list[StoredObject]:
        found = real_list(self, *asked, **more)
        looked.set()
        indexed.wait(0.3)  # in vain: it has to wait for the end of this step
        return found

    def index(self: ObjectStore, *made: StoredObject) -> None:
        real_index(self, *made)
        indexed.set()

    monkeypatch.setattr(ObjectStore, "write", write)
    monkeypatch.setattr(ObjectStore, "list", listed)
    monkeypatch.setattr(ObjectStore, "index", index)
    writer = threading.Thread(target=put)
    writer.start()
    assert written.wait(10)
    s3.delete_bucket(Bucket=BUCKET)
    writer.join(10)
    assert refused == ["NoSuchBucket"]


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


def test_what_is_rolled_back_leaves_no_file(stores: Stores) -> None:
    written: list[StoredObject] = []

    def fail() -> None:
        with stores.db.write():
            written.append(stores.objects.put("rolled-back", "dt=1/k", b"body"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert stores.objects.get("rolled-back", "dt=1/k") is None
    assert not written[0].path.exists()


def test_a_sweep_removes_what_a_kill_left_and_nothing_else(tmp_path: Path) -> None:
    before = Stores.open(tmp_path)
    before.objects.put("b", "dt=1/kept", b"1")
    left = before.objects.write("b", "dt=1/left", b"2")  # killed before its row
    before.close()

    stores = Stores.open(tmp_path)
    under_way = stores.objects.write("b", "dt=1/under way", b"3")
    steps = stores.objects.sweep()
    removed = next(steps)
    stores.objects.put("b", "dt=1/late", b"4")
    removed += sum(steps)
    stores.objects.index(under_way)

    assert removed == 1
    assert not left.path.exists()
    assert [stored.read() for stored in stores.objects.list("b")] == [b"1", b"4", b"3"]
    stores.close()
