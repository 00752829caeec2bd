"""The same provisioning, unchanged, against the embedded runtime: it lasts over a restart and goes without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.services import provision

if TYPE_CHECKING:
    from tests.embedded import Embedded


def test_up_restart_down(runtime: Embedded) -> None:
    pipeline = runtime.pipeline()
    *_, result = provision.up(pipeline, provision.plan(pipeline))
    assert isinstance(result, provision.UpResult)
    assert [change.action for change in result.changes] == ["create"] * 18
    assert provision.plan(pipeline).pending == ()

    runtime.restart()
    pipeline = runtime.pipeline()
    assert provision.exists(pipeline)
    assert provision.plan(pipeline).pending == ()

    runtime.client("s3").put_object(Bucket=pipeline.names.bucket, Key="orders/x.gz", Body=b"x")
    *_, kept = provision.down(pipeline, provision.plan_down(pipeline, delete_data=False))
    assert isinstance(kept, provision.DownResult)
    assert {change.kind for change in kept.kept} == {"bucket", "table"}
    assert not provision.exists(pipeline)
    assert runtime.client("s3").get_object(Bucket=pipeline.names.bucket, Key="orders/x.gz")["Body"].read() == b"x"

    old = runtime.client("dynamodb").describe_table(TableName=pipeline.names.table)["Table"]
    assert "StreamSpecification" not in old
    *_, _ = provision.up(pipeline, provision.plan(pipeline))
    assert provision.exists(pipeline)
    new = runtime.client("dynamodb").describe_table(TableName=pipeline.names.table)["Table"]
    assert new["LatestStreamArn"] != old.get("LatestStreamArn")
    assert provision.plan(pipeline).pending == ()
    *_, _ = provision.down(pipeline, provision.plan_down(pipeline, delete_data=True))
    assert provision.plan_down(pipeline, delete_data=True).changes == ()
    assert runtime.client("s3").list_buckets()["Buckets"] == []
