"""How each kind reads what its service says when something fails late, halfway or in part."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from salespipe.aws.waiting import poll_until
from salespipe.errors import AccessError, NotOursError, SalespipeError
from salespipe.settings import BY_TARGET
from salespipe.stack.apply import apply
from salespipe.stack.declaration import Declared
from salespipe.stack.dynamodb import Table
from salespipe.stack.firehose import Delivery
from salespipe.stack.function import Function
from salespipe.stack.glue import Crawler, Database
from salespipe.stack.kinesis import Stream
from salespipe.stack.pipes import Pipe
from salespipe.stack.plan import Action, Change, Plan, differences
from salespipe.stack.resource import Found, Resource
from salespipe.stack.s3 import Bucket
from salespipe.stack.spreading import is_spreading
from tests.unit.fake_resource import NAMES, Fake, client_error
from tests.unit.scripted_aws import Script

SETTINGS = BY_TARGET["local"]


def made(kind: Callable[..., Resource], answers: Mapping[str, Any]) -> tuple[Resource, Script]:
    script = Script(answers)
    return kind(script.clients, NAMES, SETTINGS), script


def functions_say(**configuration: Any) -> dict[str, Any]:
    said = {"CodeSha256": "old", "Architectures": ["arm64"], "State": "Active", "LastUpdateStatus": "Successful"}
    return {"Configuration": said | configuration, "Tags": NAMES.tags}


REFUSED = functions_say(LastUpdateStatus="Failed", LastUpdateStatusReason="the role is gone")


def test_a_function_that_refused_its_last_update_differs_and_says_why() -> None:
    function, _ = made(Function, {"get_function": REFUSED})
    found = function.read()
    assert found is not None
    assert (found.state, found.reason) == ("ready", "the role is gone")
    assert "last update" in differences(function.desired({}), found.settings)


def test_a_function_whose_new_code_is_refused_keeps_its_configuration() -> None:
    function, script = made(Function, {"get_function": [functions_say(LastUpdateStatus="InProgress"), REFUSED]})
    function.sleep = lambda _: None
    with pytest.raises(SalespipeError, match="its new code was not taken: the role is gone"):
        function.update(function.desired({}), Found(functions_say()["Configuration"] | {"code": "old"}))
    assert "update_function_configuration" not in script.calls


def test_the_code_is_sent_again_after_a_refused_update() -> None:
    function, script = made(Function, {"get_function": functions_say()})
    desired = function.desired({})
    function.update(desired, Found(desired | {"last update": "Failed"}))
    assert script.calls[0] == "update_function_code"


@pytest.mark.parametrize(
    ("status", "state"),
    [("ACTIVE", "ready"), ("CREATING", "busy"), ("CREATING_FAILED", "failed"), ("DELETING_FAILED", "failed")],
)
def test_a_delivery_stream_that_failed_to_go_has_failed(status: str, state: str) -> None:
    described = {
        "DeliveryStreamStatus": status,
        "Destinations": [{}],
        "FailureDescription": {"Type": "UNKNOWN_ERROR", "Details": "the grant could not be retired"},
    }
    delivery, _ = made(Delivery, {"describe_delivery_stream": {"DeliveryStreamDescription": described}})
    found = delivery.read()
    assert found is not None
    assert (found.state, found.reason) == (state, "the grant could not be retired")


INVALID = "Input parameter is invalid from the request due to : "


@pytest.mark.parametrize(
    ("kind", "reason", "passes"),
    [
        # https://github.com/hashicorp/terraform-provider-aws/issues/40572
        (Pipe, f"{INVALID}Cannot access stream arn:x. Please ensure the customer role can perform actions", True),
        # https://github.com/terraform-aws-modules/terraform-aws-eventbridge/pull/133
        (Pipe, f"{INVALID}The provided customer role does not have permissions to call ReceiveMessage on SQS", True),
        # https://github.com/aws-samples/serverless-patterns/issues/1857
        (Pipe, f"{INVALID}Error occurred while sending message to SQS queue: arn:x", True),
        (Pipe, f"{INVALID}the target does not exist", False),
        (Pipe, "Cannot access stream arn:x with an explicit deny in a service control policy", False),
        (Pipe, "the role's permissions boundary was assumed to be removed", False),
        (Delivery, "Firehose is unable to assume role arn:x. Please check the role provided.", True),
        (Delivery, "not authorized to perform: kinesis:DescribeStream", False),
        (Delivery, "role is not authorized to perform: kinesis:DescribeStream on resource: arn:x", True),
        (Delivery, "role is not authorized to perform: iam:PassRole on resource: arn:x", False),
        (Delivery, "the subnet does not exist", False),
    ],
)
def test_only_the_known_failures_of_haste_are_tried_again(kind: type[Resource], reason: str, passes: bool) -> None:
    resource, _ = made(kind, {})
    assert resource.transient(reason) is passes


def test_an_explicit_deny_is_no_matter_of_spreading() -> None:
    words = "x is not authorized to perform: kinesis:DescribeStream on resource: arn:x"
    assert is_spreading(client_error("InvalidArgumentException", words))
    assert not is_spreading(client_error("InvalidArgumentException", f"{words} with an explicit deny"))


def test_a_bucket_that_may_not_be_looked_at_is_a_matter_of_access() -> None:
    bucket, _ = made(Bucket, {"head_bucket": client_error("403", "Forbidden")})
    with pytest.raises(AccessError, match=f"bucket {NAMES.bucket}: .*403") as caught:
        bucket.read()
    assert "s3:ListBucket" in caught.value.hint


def test_a_bucket_made_meanwhile_is_not_adopted() -> None:
    """CreateBucket in us-east-1 answers 200 for it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    missing = client_error("NoSuchTagSet")
    bucket, script = made(Bucket, {"get_bucket_tagging": missing, "get_bucket_policy": missing})
    with pytest.raises(NotOursError, match=f"bucket {NAMES.bucket}"):
        list(apply([Declared(bucket)], Plan((Change(bucket.kind, bucket.name, "create"),), {bucket.key: None})))
    assert [call for call in script.calls if call.startswith(("create", "put"))] == []


def test_the_tags_of_bucket_and_stream_go_with_their_creation() -> None:
    """No second call that could come too early, or never: a stream that is CREATING takes no tags."""
    bucket, s3 = made(Bucket, {"head_bucket": [client_error("404"), {}]})
    bucket.create(bucket.desired({}))
    assert "put_bucket_tagging" not in s3.calls
    stream, kinesis = made(Stream, {})
    stream.create(stream.desired({}))
    assert kinesis.calls == ["create_stream"]


def test_an_object_that_cannot_be_deleted_is_said() -> None:
    bucket, script = made(
        Bucket,
        {
            "list_object_versions": {"Versions": [{"Key": "orders/a", "VersionId": "1"}]},
            "delete_objects": {"Errors": [{"Key": "orders/a", "Code": "AccessDenied", "Message": "locked"}]},
        },
    )
    with pytest.raises(AccessError, match="DeleteObjects: AccessDenied: orders/a: locked"):
        down(bucket)
    assert "delete_bucket" not in script.calls


def test_a_catalog_table_that_cannot_be_deleted_is_said_and_one_that_is_gone_is_not() -> None:
    def error(table: str, code: str) -> dict[str, Any]:
        return {"TableName": table, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "no"}}

    gone, denied = error("a", "EntityNotFoundException"), error("b", "AccessDeniedException")
    tables = {"get_tables": {"TableList": [{"Name": "a"}, {"Name": "b"}]}}
    database, script = made(Database, tables | {"batch_delete_table": {"Errors": [gone]}})
    down(database)
    assert "delete_database" in script.calls
    database, script = made(Database, tables | {"batch_delete_table": {"Errors": [gone, denied]}})
    with pytest.raises(AccessError, match="BatchDeleteTable: AccessDeniedException: table b: no"):
        down(database)
    assert "delete_database" not in script.calls


CRAWLING = {"delete_crawler": client_error("CrawlerRunningException")}
CODING = {"get_function": functions_say(LastUpdateStatus="InProgress")}
BILLING = {
    "describe_table": {
        "Table": {"TableStatus": "UPDATING", "TableArn": "arn:x", "AttributeDefinitions": [], "KeySchema": []}
    }
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("kind", "answers", "action", "asked"),
    [
        (Crawler, CRAWLING, "delete", "stop_crawler"),
        (Function, CODING, "update", "get_function"),
        (Table, BILLING, "update", "describe_table"),
    ],
)
def test_giving_up_ends_the_waiting_of_a_kind(
    kind: type[Resource], answers: dict[str, Any], action: Action, asked: str
) -> None:
    """A crawler that will not stop, code or a billing mode that is long in changing: minutes otherwise."""
    resource, script = made(kind, answers)
    other = Found(dict.fromkeys(resource.desired({}), "other"), NAMES.tags)
    quick = Fake("quick", [])
    changes = (Change(resource.kind, resource.name, action), Change(quick.kind, quick.name, "create"))
    run = apply([Declared(resource), Declared(quick)], Plan(changes, {resource.key: other, quick.key: None}))
    assert [next(run).state for _ in range(3)] == ["started", "started", "done"]
    poll_until(lambda: asked in script.calls or None, asked, timeout=10)
    run.close()
    assert [thread for thread in threading.enumerate() if thread.name.startswith("apply")] == []


def down(resource: Resource) -> None:
    standing = Found({}, NAMES.tags)
    list(apply([Declared(resource)], Plan((Change(resource.kind, resource.name, "delete"),), {resource.key: standing})))
