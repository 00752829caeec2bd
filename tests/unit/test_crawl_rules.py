"""What may be in a crawler."""

from __future__ import annotations

from typing import Any

import pytest

from salespipe.local.api.crawler_rules import check_update, checked, role_name, schedule
from salespipe.local.errors import AwsError

CRAWLER: dict[str, Any] = {
    "Name": "c",
    "Role": "r",
    "DatabaseName": "db",
    "Targets": {"S3Targets": [{"Path": "s3://b/orders/"}]},
}


def test_defaults_are_those_that_aws_shows() -> None:
    document = checked(CRAWLER, set())
    assert document["SchemaChangePolicy"] == {
        "UpdateBehavior": "UPDATE_IN_DATABASE",
        "DeleteBehavior": "DEPRECATE_IN_DATABASE",
    }
    assert document["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}
    assert document["Targets"]["S3Targets"] == [{"Path": "s3://b/orders/", "Exclusions": []}]
    assert document["Targets"]["JdbcTargets"] == []
    assert checked(document, set()) == document


def test_new_folders_only_forces_logging() -> None:
    document = checked({**CRAWLER, "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}}, set())
    assert document["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Role": ""}, "Role must not be empty"),
        ({"DatabaseName": ""}, "You must provide the DatabaseName parameter when you specify a non-catalog"),
        ({"Targets": {}}, "at least one target"),
        ({"Targets": {"S3Targets": [{"Path": "/orders"}]}}, "must be s3://bucket/prefix or bucket/prefix"),
        ({"Targets": {"S3Targets": [{"Path": "s3:///orders"}]}}, "must be s3://bucket/prefix or bucket/prefix"),
        ({"Targets": {"S3Targets": [{"Path": "b", "SampleSize": 250}]}}, "SampleSize 250 must be from 1 to 249"),
        ({"Classifiers": ["nope"]}, "Classifiers not found: nope"),
        ({"Configuration": "{"}, "it is not JSON"),
        ({"Configuration": "[]"}, "it is not a JSON object"),
        ({"Configuration": "{}"}, "Version is missing"),
        (
            {"Configuration": '{"Version":"1.0"}'},
            "Crawler configuration not valid: Version type invalid: expected Double, received String",
        ),
        ({"Configuration": '{"Version":1.0,"Grouping":[]}'}, "Grouping type invalid"),
        ({"SchemaChangePolicy": {"UpdateBehavior": "MAYBE"}}, "UpdateBehavior MAYBE is not valid"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVENT_MODE"}}, "Event queue ARN is required"),
        (
            {
                "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
                "SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"},
            },
            "can have only LOG DeleteBehavior",
        ),
    ],
)
def test_what_aws_refuses_is_refused_in_its_words(change: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match="InvalidInputException") as caught:
        checked({**CRAWLER, **change}, {"known"})
    assert message in caught.value.message


def test_new_folders_and_events_are_of_s3_only() -> None:
    document = {**CRAWLER, "Targets": {"DynamoDBTargets": [{"Path": "t"}]}}
    for behaviour, message in (
        ("CRAWL_NEW_FOLDERS_ONLY", 'RecrawlBehavior "Crawl new folders only" can only apply to Amazon S3 target.'),
        ("CRAWL_EVENT_MODE", "Only S3 targets are allowed for event based crawlers."),
    ):
        with pytest.raises(AwsError) as caught:
            checked({**document, "RecrawlPolicy": {"RecrawlBehavior": behaviour}}, set())
        assert caught.value.message == message


def test_the_targets_of_a_crawler_of_new_folders_stay() -> None:
    before = checked({**CRAWLER, "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}}, set())
    after = checked({**before, "Targets": {"S3Targets": [{"Path": "s3://b/other/"}]}}, set())
    check_update(before, {**before, "Description": "d"})
    with pytest.raises(AwsError, match="Amazon S3 target is immutable"):
        check_update(before, after)


def test_a_schedule_is_a_cron_expression() -> None:
    assert schedule({"Schedule": "cron(0 * * * ? *)"}) == {
        "Schedule": {"ScheduleExpression": "cron(0 * * * ? *)", "State": "SCHEDULED"}
    }
    assert schedule({}) == {}
    with pytest.raises(AwsError, match=r"only cron\(\) is accepted"):
        schedule({"Schedule": "rate(1 hour)"})


def test_a_role_is_shown_by_its_name() -> None:
    assert role_name("arn:aws:iam::123456789012:role/service-role/x") == "service-role/x"
    assert role_name("x") == "x"
