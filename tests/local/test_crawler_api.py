"""The operations on crawlers and classifiers as a client sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from salespipe.local.errors import AwsError
from tests.local.test_crawler import ORDER, REGION, ROLE, Glue

ARN = f"arn:aws:glue:{REGION}:123456789012"
TARGETS = {"S3Targets": [{"Path": "s3://lake/orders/"}]}


@pytest.fixture
def glue(tmp_path: Path) -> Iterator[Glue]:
    opened = Glue(tmp_path / "home")
    opened("CreateDatabase", DatabaseInput={"Name": "db"})
    opened.make_bucket("lake")
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("operation", ["GetCrawler", "StartCrawler", "StopCrawler", "UpdateCrawler", "DeleteCrawler"])
def test_a_crawler_that_is_not_there_is_named(glue: Glue, operation: str) -> None:
    with pytest.raises(AwsError, match="EntityNotFoundException: Crawler entry with name nope does not exist"):
        glue(operation, Name="nope")


def test_a_crawler_is_shown_as_it_was_made_and_with_what_aws_adds(glue: Glue) -> None:
    glue.crawler(Description="d", Schedule="cron(0 * * * ? *)", TablePrefix="p_")
    crawler = glue("GetCrawler", Name="c")["Crawler"]
    assert crawler["Role"] == "crawler"
    assert crawler["State"] == "READY"
    assert crawler["Version"] == 1
    assert crawler["CrawlElapsedTime"] == 0
    assert crawler["CreationTime"] == crawler["LastUpdated"] > 1_700_000_000
    assert crawler["Schedule"] == {"ScheduleExpression": "cron(0 * * * ? *)", "State": "SCHEDULED"}
    assert crawler["Targets"]["S3Targets"] == [{"Path": "s3://lake/orders/", "Exclusions": []}]
    assert "LastCrawl" not in crawler
    assert not {"Run", "Metrics"} & crawler.keys()


def test_a_name_is_taken_once_in_a_region(glue: Glue) -> None:
    glue.crawler()
    with pytest.raises(AwsError, match="AlreadyExistsException"):
        glue.crawler()


def test_an_update_changes_what_is_given_and_raises_the_version(glue: Glue) -> None:
    glue.crawler(Description="before", TablePrefix="p_")
    glue("UpdateCrawler", Name="c", Description="after")
    crawler = glue("GetCrawler", Name="c")["Crawler"]
    assert (crawler["Description"], crawler["TablePrefix"], crawler["Version"]) == ("after", "p_", 2)
    with pytest.raises(AwsError, match="InvalidInputException"):
        glue("UpdateCrawler", Name="c", Configuration='{"Version":"1.0"}')
    assert glue("GetCrawler", Name="c")["Crawler"]["Version"] == 2


def test_crawlers_are_listed_in_pages_and_by_tag(glue: Glue) -> None:
    for number in range(5):
        tags = {"team": "sales"} if number % 2 else {}
        glue("CreateCrawler", Name=f"c{number}", Role=ROLE, DatabaseName="db", Targets=TARGETS, Tags=tags)
    first = glue("ListCrawlers", MaxResults=3)
    assert first["CrawlerNames"] == ["c0", "c1", "c2"]
    rest = glue("ListCrawlers", MaxResults=3, NextToken=first["NextToken"])
    assert rest == {"CrawlerNames": ["c3", "c4"]}
    assert glue("ListCrawlers", Tags={"team": "sales"})["CrawlerNames"] == ["c1", "c3"]
    assert [crawler["Name"] for crawler in glue("GetCrawlers")["Crawlers"]] == [f"c{number}" for number in range(5)]
    batch = glue("BatchGetCrawlers", CrawlerNames=["c4", "nope"])
    assert ([crawler["Name"] for crawler in batch["Crawlers"]], batch["CrawlersNotFound"]) == (["c4"], ["nope"])


def test_tags_of_crawlers_and_of_other_things(glue: Glue) -> None:
    glue.crawler(Tags={"a": "1"})
    crawler = f"{ARN}:crawler/c"
    glue("TagResource", ResourceArn=crawler, TagsToAdd={"b": "2"})
    assert glue("GetTags", ResourceArn=crawler)["Tags"] == {"a": "1", "b": "2"}
    glue("UntagResource", ResourceArn=crawler, TagsToRemove=["a"])
    assert glue("GetTags", ResourceArn=crawler)["Tags"] == {"b": "2"}
    with pytest.raises(AwsError, match="EntityNotFoundException"):
        glue("GetTags", ResourceArn=f"{ARN}:crawler/nope")
    glue("DeleteCrawler", Name="c")
    glue.crawler()
    assert glue("GetTags", ResourceArn=crawler)["Tags"] == {}
    glue("CreateDatabase", DatabaseInput={"Name": "tagged"}, Tags={"x": "y"})
    assert glue("GetTags", ResourceArn=f"{ARN}:database/tagged")["Tags"] == {"x": "y"}


def test_metrics_count_what_the_last_run_did(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler()
    (before,) = glue("GetCrawlerMetrics")["CrawlerMetricsList"]
    assert (before["LastRuntimeSeconds"], before["TablesCreated"]) == (0, 0)
    glue.crawl()
    (after,) = glue("GetCrawlerMetrics", CrawlerNameList=["c"])["CrawlerMetricsList"]
    assert after["TablesCreated"] == 1
    assert after["LastRuntimeSeconds"] > 0
    assert not after["StillEstimating"]


def test_classifiers_live(glue: Glue) -> None:
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$"})
    glue("CreateClassifier", CsvClassifier={"Name": "v", "Delimiter": ","})
    glue("CreateClassifier", XMLClassifier={"Name": "x", "Classification": "xml", "RowTag": "row"})
    with pytest.raises(AwsError, match="AlreadyExistsException"):
        glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$[*]"})
    glue("UpdateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$[*]"})
    found = glue("GetClassifier", Name="j")["Classifier"]["JsonClassifier"]
    assert (found["JsonPath"], found["Version"]) == ("$[*]", 2)
    assert [*glue("GetClassifiers", MaxResults=2)["Classifiers"][1]] == ["CsvClassifier"]
    glue("DeleteClassifier", Name="j")
    for operation in ("GetClassifier", "DeleteClassifier"):
        with pytest.raises(AwsError, match="EntityNotFoundException"):
            glue(operation, Name="j")


def test_a_classifier_is_one_of_four_and_complete(glue: Glue) -> None:
    with pytest.raises(AwsError, match="InvalidInputException"):
        glue("CreateClassifier")
    with pytest.raises(AwsError, match=r"JsonClassifier\.JsonPath must not be empty"):
        glue("CreateClassifier", JsonClassifier={"Name": "j"})
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$"})
    with pytest.raises(AwsError, match="is no CsvClassifier"):
        glue("UpdateClassifier", CsvClassifier={"Name": "j", "Delimiter": ","})
