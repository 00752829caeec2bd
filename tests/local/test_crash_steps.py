"""kill -9 right after each step between the table and the lake, and in S3: whatever half is done is made whole.

The default run takes the steps at which something is done by half; the heavy one every step there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from salespipe.orders import Operation
from salespipe.orders.simulator import simulate
from tests.local import ledger
from tests.local.crash_points import Crash
from tests.local.crash_resources import body, files, named
from tests.local.crash_sweep import EVERY, PIPE, REQUEST, kills, survived, these
from tests.local.crashing import NAMES, Home, strike, until
from tests.local.ledger import Audit


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


OBJECT = r"objects/.*/orders/"


@pytest.mark.parametrize(
    "crashes",
    [
        these(
            Crash(1, at=REQUEST),  # the order is written, its writer does not know
            Crash(1, at=PIPE),
            Crash(1, at="^commit", since=f"^whole {OBJECT}", same_thread=True),
            Crash(1, at=f"^whole {OBJECT}"),  # the object's file is there, nothing names it
        ),
        EVERY,
    ],
)
def test_from_the_table_to_the_lake(home: Home, crashes: Sequence[Crash] | None) -> None:
    home.json("up")
    home.kill()
    lake = ledger.Lake(NAMES.bucket)
    source = short_lives()
    written: list[Operation] = []

    def all_delivered() -> bool:
        return len(lake.rows(home.client("s3"))) >= len(written)

    for crash in kills(crashes):
        waiting = list(islice(source, 8))
        written += waiting
        struck = strike(home, crash, lambda: write(home, waiting) and all_delivered())  # noqa: B023 - used up in here
        if waiting:
            home.start()
            write(home, waiting)
        if survived(struck, crashes):
            break

    home.start()
    until(all_delivered, "all is delivered")
    assert ledger.audit(written, lake.rows(home.client("s3"))) == Audit(events=len(written))
    assert lake.disordered() == []
    until(lambda: files(home) == named(home), "files that no object names are removed")


def short_lives() -> Iterator[Operation]:
    """Orders that come, change twice and go in four operations, so that what must stay in order is close together."""
    for operation in simulate(5):
        if operation.kind == "insert":
            yield operation
            yield Operation("update", replace(operation.order, status="paid"))
            yield Operation("update", replace(operation.order, status="shipped"))
            yield Operation("delete", replace(operation.order, status="shipped"))


def write(home: Home, waiting: list[Operation]) -> bool:
    """Write the operations that are waiting one by one; each stops waiting when it was acknowledged."""
    while waiting:
        order = waiting[0].order
        if waiting[0].kind == "delete":
            home.client("dynamodb").delete_item(TableName=NAMES.table, Key={"orderid": {"S": order.orderid}})
        else:
            home.client("dynamodb").put_item(TableName=NAMES.table, Item=order.item())
        del waiting[0]
    return True


# ---- objects ----


@pytest.mark.parametrize(
    "crashes",
    [these(Crash(1, at="^half objects"), Crash(1, at=REQUEST)), EVERY],
)
def test_an_object_is_the_old_one_or_the_new_one(home: Home, crashes: Sequence[Crash] | None) -> None:
    home.start()
    home.client("s3").create_bucket(Bucket="bucket")
    now = body(0)
    home.client("s3").put_object(Bucket="bucket", Key="key", Body=now)
    home.kill()
    for number, crash in enumerate(kills(crashes), start=1):
        new = body(number)

        def act(new: bytes = new) -> bool:
            home.client("s3").put_object(Bucket="bucket", Key="key", Body=new)
            return True

        struck = strike(home, crash, act)
        home.start()
        found = home.client("s3").get_object(Bucket="bucket", Key="key")["Body"].read()
        assert found in ((now, new) if struck else (new,))
        now = found
        if survived(struck, crashes):
            break
    until(lambda: files(home) == named(home) == 1, "the files of bodies that are no longer used are removed")


def test_a_kill_while_an_upload_is_put_together(home: Home) -> None:
    home.start()
    home.client("s3").create_bucket(Bucket="bucket")
    upload: dict[str, str] = {"Bucket": "bucket", "Key": "large"}
    upload["UploadId"] = home.client("s3").create_multipart_upload(**upload)["UploadId"]
    parts = [body(7) * 300, body(8)]
    tags = [home.client("s3").upload_part(**upload, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
    done = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]}

    def complete() -> bool:
        home.client("s3").complete_multipart_upload(**upload, MultipartUpload=done)
        return True

    assert strike(home, Crash(1, at="^whole objects/bucket/"), complete)
    home.start()
    assert home.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    complete()
    assert home.client("s3").get_object(Bucket="bucket", Key="large")["Body"].read() == b"".join(parts)
    until(lambda: files(home) == 1, "parts and what was left by the kill are removed")
