"""Up, again, down: what stands afterwards, over moto."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from salespipe.errors import NotOursError, NotThereError
from salespipe.services import provision
from salespipe.stack.apply import Step
from salespipe.stack.naming import TAG
from tests.services.provisioning import World, actions, changed, open_world, world_in_process


@pytest.fixture
def world() -> Iterator[World]:
    with world_in_process() as world:
        yield world


def test_all_is_created_then_nothing_changes(world: World) -> None:
    first = world.up()
    assert {change.action for change in first.changes} == {"create"}
    assert len(first.changes) == 18
    second = world.up()
    assert {change.action for change in second.changes} == {"noop"}
    writes = len(world.death.writes)
    assert world.plan().pending == ()
    assert len(world.death.writes) == writes


def test_over_http_at_an_endpoint() -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        world = open_world("eu-west-1", endpoint_url=f"http://{host}:{port}")
        assert len(world.up().changes) == 18
        assert world.plan().pending == ()
        assert len(world.down(delete_data=True).deleted) == 18
    finally:
        server.stop()


def test_the_pipe_starts_when_everything_behind_it_is_done(world: World) -> None:
    steps = [s for s in provision.up(world.pipeline, world.plan()) if isinstance(s, Step)]
    order = [(s.change.kind, s.state) for s in steps]
    for kind in ("table", "stream", "queue", "delivery"):
        assert order.index((kind, "done")) < order.index(("pipe", "started"))
    assert all(s.seconds > 0 for s in steps if s.state == "done")
    assert sum(s.state == "started" for s in steps) == sum(s.state == "done" for s in steps) == 18


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_bucket_stands_in_the_region_closed_and_encrypted(region: str) -> None:
    with world_in_process(region) as world:
        world.up()
        s3, name = world.client("s3"), world.pipeline.names.bucket
        where = s3.get_bucket_location(Bucket=name)["LocationConstraint"]
        assert where == (None if region == "us-east-1" else region)
        assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_pipe_and_delivery_are_declared_as_aws_needs_them(world: World) -> None:
    """Partition key path: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html."""
    world.up()
    names = world.pipeline.names
    pipe = world.client("pipes").describe_pipe(Name=names.pipe)
    table = world.client("dynamodb").describe_table(TableName=names.table)["Table"]
    assert pipe["Source"] == table["LatestStreamArn"]
    assert pipe["TargetParameters"]["KinesisStreamParameters"]["PartitionKey"] == "$.dynamodb.Keys.orderid.S"
    reading = pipe["SourceParameters"]["DynamoDBStreamParameters"]
    assert reading["StartingPosition"] == "TRIM_HORIZON"
    assert reading["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert 0 < reading["MaximumRetryAttempts"] <= 10_000
    assert 60 <= reading["MaximumRecordAgeInSeconds"] <= 604_800
    assert reading["DeadLetterConfig"]["Arn"].endswith(":" + names.dead_letters)
    stream = world.client("firehose").describe_delivery_stream(DeliveryStreamName=names.delivery)
    (destination,) = stream["DeliveryStreamDescription"]["Destinations"]
    target = destination["ExtendedS3DestinationDescription"]
    assert target["Prefix"] == "orders/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert target["ErrorOutputPrefix"].startswith("errors/!{firehose:error-output-type}/dt=")
    assert target["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 1}
    group = world.client("logs").describe_log_streams(logGroupName=names.delivery_log)
    assert [s["logStreamName"] for s in group["logStreams"]] == ["DestinationDelivery"]


def test_every_resource_carries_the_tag(world: World) -> None:
    world.up()
    assert all(found is not None and found.tags == {TAG: "sales"} for found in world.plan().found.values())


def test_down_keeps_the_data_and_up_takes_it_back(world: World) -> None:
    world.up()
    world.client("dynamodb").put_item(TableName="OrdersRawTable", Item={"orderid": {"S": "a"}})
    down = world.down(delete_data=False)
    assert {change.kind for change in down.kept} == {"bucket", "table"}
    assert len(down.deleted) == 16
    assert not provision.exists(world.pipeline)
    plan = world.plan()
    # The table's stream was switched off, so that the next pipe does not send its last 24 hours again. (moto never
    # switches one on again; that `up` is run in test_provision_runtime.)
    assert {kind: action for kind, action in actions(plan).items() if action != "create"} == {
        "bucket": "noop",
        "table": "update",
    }
    pipe = next(change for change in plan.changes if change.kind == "pipe")
    assert not any("arrive again" in detail for detail in pipe.details)
    item = world.client("dynamodb").get_item(TableName="OrdersRawTable", Key={"orderid": {"S": "a"}})
    assert item["Item"] == {"orderid": {"S": "a"}}


def test_down_with_the_data_leaves_nothing(world: World) -> None:
    world.up()
    names = world.pipeline.names
    s3, glue = world.client("s3"), world.client("glue")
    # moto does not look at the policy's condition and would refuse every object, TLS or not.
    s3.delete_bucket_policy(Bucket=names.bucket)
    s3.put_bucket_versioning(Bucket=names.bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=names.bucket, Key="orders/dt=2026-11-20/hour=10/a.gz", Body=body)
    s3.delete_object(Bucket=names.bucket, Key="orders/dt=2026-11-20/hour=10/a.gz")
    s3.create_multipart_upload(Bucket=names.bucket, Key="orders/half")
    glue.create_table(DatabaseName=names.database, TableInput={"Name": "orders"})
    steps = list(provision.down(world.pipeline, provision.plan_down(world.pipeline, delete_data=True)))
    done = [s.change.kind for s in steps if isinstance(s, Step) and s.state == "done"]
    assert done.index("pipe") < done.index("delivery") < done.index("stream")
    assert done.index("crawler") < done.index("classifier")
    assert provision.plan_down(world.pipeline, delete_data=True).changes == ()
    tagged = world.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": TAG}])
    # moto keeps the tags of a Glue database or crawler that is gone.
    left = [r["ResourceARN"] for r in tagged["ResourceTagMappingList"] if ":glue:" not in r["ResourceARN"]]
    assert left == []
    assert glue.get_databases()["DatabaseList"] == glue.get_crawlers()["Crawlers"] == []
    assert world.client("iam").list_roles()["Roles"] == []
    assert s3.list_buckets()["Buckets"] == []
    assert world.missing.classifiers == {}


def test_tables_that_crawl_does_not_make_again_are_named_before_they_go(world: World) -> None:
    world.up()
    names, glue = world.pipeline.names, world.client("glue")

    def said() -> tuple[str, ...]:
        changes = provision.plan_down(world.pipeline, delete_data=False).changes
        return next(change.details for change in changes if change.kind == "database")

    crawled = {"Parameters": {"UPDATED_BY_CRAWLER": names.crawler}}
    for name, more in (("orders", {}), ("orders_current", {}), ("orders_next", {}), ("older", crawled)):
        glue.create_table(DatabaseName=names.database, TableInput={"Name": name, **more})
    (alone,) = said()
    assert "salespipe crawl makes them again" in alone
    for name in ("shops", "by_day"):
        glue.create_table(DatabaseName=names.database, TableInput={"Name": name})
    assert said() == (alone, "but not these, which it did not make: by_day, shops")
    assert world.plan().pending == ()


def test_down_on_nothing_is_empty(world: World) -> None:
    assert provision.plan_down(world.pipeline, delete_data=True).changes == ()


def test_it_is_there_only_while_it_stands(world: World) -> None:
    assert not provision.exists(world.pipeline)
    with pytest.raises(NotThereError, match="pipeline 'sales' is not there") as caught:
        provision.require(world.pipeline)
    assert caught.value.hint == "create it with: salespipe up"
    world.up()
    provision.require(world.pipeline)


def test_after_a_down_that_kept_the_data_it_is_told_where_it_is(world: World) -> None:
    world.up()
    world.down(delete_data=False)
    with pytest.raises(NotThereError) as caught:
        provision.require(world.pipeline)
    assert caught.value.hint.startswith("its data is kept: salespipe up finds it again, salespipe down --delete-data")
    world.down(delete_data=True)
    with pytest.raises(NotThereError) as caught:
        provision.require(world.pipeline)
    assert caught.value.hint == "create it with: salespipe up"


def test_what_is_not_ours_is_named_and_nothing_is_changed(world: World) -> None:
    names = world.pipeline.names
    world.client("s3").create_bucket(Bucket=names.bucket)
    world.client("sqs").create_queue(QueueName=names.dead_letters, tags={TAG: "another"})
    world.missing.classifiers[names.classifier] = {"Name": names.classifier, "JsonPath": "$.id"}
    writes = len(world.death.writes)
    with pytest.raises(NotOursError) as caught:
        world.plan()
    for name in (names.bucket, names.dead_letters, names.classifier):
        assert name in str(caught.value)
    assert len(world.death.writes) == writes


def test_down_leaves_what_is_not_ours(world: World) -> None:
    names = world.pipeline.names
    world.up()
    world.client("firehose").untag_delivery_stream(DeliveryStreamName=names.delivery, TagKeys=[TAG])
    down = world.down(delete_data=True)
    (kept,) = down.kept
    assert (kept.kind, kept.name) == ("delivery", names.delivery)
    assert "not ours" in kept.details[0]
    world.client("firehose").describe_delivery_stream(DeliveryStreamName=names.delivery)


def test_taken_between_plan_and_up_is_refused(world: World) -> None:
    plan = world.plan()
    world.client("firehose").create_delivery_stream(
        DeliveryStreamName=world.pipeline.names.delivery,
        S3DestinationConfiguration={"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": "arn:aws:s3:::x"},
    )
    with pytest.raises(NotOursError, match=r"delivery salespipe-sales-delivery: .*taken"):
        list(provision.up(world.pipeline, plan))
    with pytest.raises(ClientError, match="NotFound"):
        world.client("pipes").describe_pipe(Name=world.pipeline.names.pipe)


def test_two_pipelines_stand_side_by_side(world: World) -> None:
    world.up()
    other = open_world(name="shop")
    other.up()
    assert changed(world.plan()) == {}
    other.down(delete_data=True)
    assert changed(world.plan()) == {}
    assert provision.exists(world.pipeline)


def test_the_plan_tells_the_cost(world: World) -> None:
    plan = world.plan()
    assert str(plan.monthly_idle_usd) == "29.20"
    assert plan.usd_per_million_orders > 1
    assert sum(c.cost.monthly_idle for c in plan.changes) == plan.monthly_idle_usd
