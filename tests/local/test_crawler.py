"""Crawls, from objects to the catalog, through the operations that a client calls."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.local.api.glue import GlueApi
from salespipe.local.call import Call
from salespipe.local.crawling.crawl import crawl
from salespipe.local.errors import AwsError
from salespipe.local.http import Request
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.workers import crawler as worker

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/crawler"
ORDER = {"OrderId": "o-1", "quantity": 2, "price": 12, "status": "placed", "region": "north"}


class Glue:
    """The Glue of one home, called as the gateway calls it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.open()

    def open(self) -> None:
        self.stores = Stores.open(self.home)
        self.moto = Moto(self.stores)
        self.api = GlueApi(self.stores, self.moto)

    def close(self) -> None:
        self.api.close()
        self.stores.close()

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        handler = self.api.operations().get(operation)
        if handler is None:
            return self.moto.call("glue", operation, params, region=REGION)
        return handler(Call("glue", operation, self.moto.account, REGION, params))

    def make_bucket(self, name: str) -> None:
        scope = f"AWS4-HMAC-SHA256 Credential=test/20261120/{REGION}/s3/aws4_request"
        headers = {"host": f"s3.{REGION}.amazonaws.com", "authorization": scope}
        assert self.moto.http(Request("PUT", f"/{name}", "", headers)).status == 200

    def put(self, key: str, *rows: dict[str, Any] | str | bytes) -> None:
        body = b"".join(
            row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row) + "\n").encode()
            for row in rows
        )
        self.stores.objects.put("lake", key, body)

    def crawler(self, **settings: Any) -> None:
        targets = {"S3Targets": [{"Path": settings.pop("Path", "s3://lake/orders/")}]}
        self("CreateCrawler", **{"Name": "c", "Role": ROLE, "DatabaseName": "db", "Targets": targets, **settings})

    def crawl(self) -> dict[str, Any]:
        """Run the crawler to its end; what LastCrawl says."""
        self("StartCrawler", Name="c")
        return self.ended()

    def ended(self) -> dict[str, Any]:
        until(lambda: self("GetCrawler", Name="c")["Crawler"]["State"] == "READY")
        last: dict[str, Any] = self("GetCrawler", Name="c")["Crawler"]["LastCrawl"]
        return last

    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["Name"]: table for table in self("GetTables", DatabaseName="db")["TableList"]}

    def columns(self, table: str = "orders") -> dict[str, str]:
        return column_types(self.tables()[table])

    def partitions(self, table: str = "orders") -> dict[str, dict[str, Any]]:
        found = self("GetPartitions", DatabaseName="db", TableName=table)["Partitions"]
        return {"/".join(part["Values"]): part for part in found}

    def warnings(self) -> list[str]:
        """The warnings of the last run."""
        last = self("GetCrawler", Name="c")["Crawler"]["LastCrawl"]
        place = {"logGroupName": last["LogGroup"], "logStreamName": last["LogStream"]}
        events = self.moto.call("logs", "GetLogEvents", place, region=REGION)["events"]
        mark = f"[{last['MessagePrefix']}] WARN : "
        return [event["message"].removeprefix(mark) for event in events if event["message"].startswith(mark)]


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.005)


def column_types(described: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in described["StorageDescriptor"]["Columns"]}


@pytest.fixture
def glue(tmp_path: Path) -> Iterator[Glue]:
    opened = Glue(tmp_path / "home")
    opened("CreateDatabase", DatabaseInput={"Name": "db"})
    opened.make_bucket("lake")
    try:
        yield opened
    finally:
        opened.close()


def test_a_crawl_writes_the_table_as_aws_does(glue: Glue) -> None:
    glue.put("orders/dt=2026-11-20/hour=09/a", ORDER, {**ORDER, "price": 12.5})
    glue.put("orders/dt=2026-11-20/hour=10/b", {**ORDER, "quantity": 5_000_000_000, "note": None})
    glue.crawler()
    last = glue.crawl()
    assert last["Status"] == "SUCCEEDED"
    assert last["LogGroup"] == "/aws-glue/crawlers"
    assert last["LogStream"] == "c"
    table = glue.tables()["orders"]
    storage = table["StorageDescriptor"]
    assert column_types(table) == {
        "orderid": "string",
        "quantity": "bigint",
        "price": "double",
        "status": "string",
        "region": "string",
        "note": "string",
    }
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}, {"Name": "hour", "Type": "string"}]
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert storage["Location"] == "s3://lake/orders/"
    assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert storage["OutputFormat"] == "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    assert storage["SerdeInfo"] == {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"paths": "OrderId,note,price,quantity,region,status"},
    }
    size = sum(stored.size for stored in glue.stores.objects.list("lake"))
    assert table["Parameters"] == {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "UPDATED_BY_CRAWLER": "c",
        "CRAWL_RUN_ID": last["MessagePrefix"],
        "averageRecordSize": str(round(size / 3)),
        "classification": "json",
        "compressionType": "none",
        "objectCount": "2",
        "recordCount": "3",
        "sizeKey": str(size),
        "typeOfData": "file",
        "partition_filtering.enabled": "true",
    }
    part = glue.partitions()["2026-11-20/09"]
    assert part["StorageDescriptor"]["Location"] == "s3://lake/orders/dt=2026-11-20/hour=09/"
    assert part["Parameters"]["recordCount"] == "2"
    assert "note" not in column_types(part)


def test_a_second_crawl_with_nothing_new_writes_nothing(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler()
    glue.crawl()
    before = (glue.tables(), glue.partitions())
    assert glue.crawl()["Status"] == "SUCCEEDED"
    assert (glue.tables(), glue.partitions()) == before


def test_new_objects_folders_and_columns_are_added_and_the_rest_is_left(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=2/a", ORDER)
    glue.crawler()
    glue.crawl()
    before = glue.partitions()
    glue.put("orders/dt=2/b", {**ORDER, "coupon": "x"})
    glue.put("orders/dt=3/a", {"late": 1, **ORDER})
    glue.crawl()
    assert list(glue.columns()) == ["orderid", "quantity", "price", "status", "region", "coupon", "late"]
    after = glue.partitions()
    assert after.keys() == {"1", "2", "3"}
    assert after["1"] == before["1"]
    assert after["2"]["Parameters"]["objectCount"] == "2"
    assert list(column_types(after["1"])) == ["orderid", "quantity", "price", "status", "region"]


def test_partitions_keep_their_own_types_unless_they_inherit_the_tables(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler()
    glue.crawl()
    glue.put("orders/dt=2/a", {**ORDER, "price": 12.5})
    glue.crawl()
    assert glue.columns()["price"] == "double"
    assert column_types(glue.partitions()["1"])["price"] == "int"
    inherit = {"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}
    glue("UpdateCrawler", Name="c", Configuration=json.dumps(inherit))
    glue.crawl()
    assert column_types(glue.partitions()["1"]) == glue.columns()


def test_a_schema_becomes_narrower_when_the_object_that_widened_it_is_gone(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=1/b", {**ORDER, "price": "twelve", "odd": True})
    glue.crawler()
    glue.crawl()
    assert glue.columns()["price"] == "string"
    glue.stores.objects.delete("lake", ["orders/dt=1/b"])
    glue.crawl()
    assert glue.columns()["price"] == "int"
    assert "odd" not in glue.columns()


def test_an_object_that_was_replaced_is_read_again(glue: Glue) -> None:
    glue.put("orders/a", ORDER)
    glue.crawler()
    glue.crawl()
    glue.put("orders/a", {**ORDER, "price": 1.5})
    glue.crawl()
    assert glue.columns()["price"] == "double"


def test_under_the_log_policy_the_schema_stays_and_partitions_come(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"})
    glue.crawl()
    before = glue.columns()
    glue.put("orders/dt=2/a", {**ORDER, "late": 1})
    glue.crawl()
    assert glue.columns() == before
    assert glue.partitions().keys() == {"1", "2"}


def test_merging_new_columns_keeps_the_types_that_are_there(glue: Glue) -> None:
    merge = {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(Configuration=json.dumps(merge))
    glue.crawl()
    glue.put("orders/dt=1/a", {**{name: ORDER[name] for name in ("OrderId", "quantity")}, "price": 1.5, "late": 1})
    glue.crawl()
    assert glue.columns() == {
        "orderid": "string",
        "quantity": "int",
        "price": "int",
        "status": "string",
        "region": "string",
        "late": "int",
    }


@pytest.mark.parametrize("behaviour", ["DELETE_FROM_DATABASE", "DEPRECATE_IN_DATABASE", "LOG"])
def test_what_has_no_objects_any_more_goes_as_the_policy_says(glue: Glue, behaviour: str) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=2/a", ORDER)
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": behaviour}
    glue.crawler(SchemaChangePolicy=policy)
    glue.crawl()
    glue.stores.objects.delete("lake", ["orders/dt=1/a"])
    glue.crawl()
    parts = glue.partitions()
    assert parts.keys() == ({"2"} if behaviour == "DELETE_FROM_DATABASE" else {"1", "2"})
    if "1" in parts:
        assert ("DEPRECATED_BY_CRAWLER" in parts["1"]["Parameters"]) is (behaviour == "DEPRECATE_IN_DATABASE")
    glue.stores.objects.delete("lake", ["orders/dt=2/a"])
    glue.crawl()
    tables = glue.tables()
    assert tables.keys() == (set() if behaviour == "DELETE_FROM_DATABASE" else {"orders"})
    if tables:
        deprecated = "DEPRECATED_BY_CRAWLER" in tables["orders"]["Parameters"]
        assert deprecated is (behaviour == "DEPRECATE_IN_DATABASE")
    glue.put("orders/dt=2/a", ORDER)
    glue.crawl()
    assert "DEPRECATED_BY_CRAWLER" not in glue.tables()["orders"]["Parameters"]
    assert "DEPRECATED_BY_CRAWLER" not in glue.partitions()["2"]["Parameters"]


def test_new_folders_only_leaves_known_folders_alone(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    glue.crawl()
    glue.put("orders/dt=1/b", ORDER)
    glue.put("orders/dt=2/a", ORDER)
    glue.crawl()
    counts = {name: part["Parameters"]["objectCount"] for name, part in glue.partitions().items()}
    assert counts == {"1": "1", "2": "1"}


def test_objects_that_are_not_what_they_should_be_are_reported_at_every_crawl(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=1/b", ORDER, "not json\n")
    glue.put("orders/dt=1/c", "hello world\n")
    glue.put("orders/dt=1/d", "a,b\n1,2\n")
    glue.crawler()
    for _ in range(2):
        assert glue.crawl()["Status"] == "SUCCEEDED"
        assert glue.warnings() == [
            "s3://lake/orders/dt=1/b: line 2 is not JSON",
            "s3://lake/orders/dt=1/c: it is neither JSON nor CSV nor Parquet",
            "s3://lake/orders/dt=1/: 1 objects are csv, the others are json: they are left out of the schema",
        ]
    assert list(glue.columns()) == ["orderid", "quantity", "price", "status", "region"]


def test_hidden_empty_excluded_and_marker_objects_are_no_data(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    for key in ("orders/dt=1/_SUCCESS", "orders/.hidden/x", "orders/_errors/dt=1/x", "orders/tmp/x"):
        glue.put(key, {"other": 1})
    glue.put("orders/dt=1/empty")
    glue.put("orders/folder/", b"")
    glue("CreateCrawler", Name="c", Role=ROLE, DatabaseName="db", Targets={
        "S3Targets": [{"Path": "s3://lake/orders", "Exclusions": ["tmp/**"]}]
    })  # fmt: skip
    glue.crawl()
    assert glue.tables().keys() == {"orders"}
    assert glue.tables()["orders"]["Parameters"]["objectCount"] == "1"


def test_gzip_objects_make_a_gzip_table(glue: Glue) -> None:
    glue.put("orders/dt=1/a.gz", gzip.compress(json.dumps(ORDER).encode()))
    glue.crawler()
    glue.crawl()
    assert glue.tables()["orders"]["Parameters"]["compressionType"] == "gzip"
    assert glue.tables()["orders"]["StorageDescriptor"]["Compressed"] is True


def test_the_classifier_of_the_crawler_is_honoured(glue: Glue) -> None:
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$[*]"})
    glue("CreateClassifier", GrokClassifier={"Name": "g", "Classification": "x", "GrokPattern": "%{WORD:a}"})
    glue.put("orders/a", json.dumps([ORDER, ORDER]))
    glue.crawler(Classifiers=["g", "j"])
    glue.crawl()
    assert list(glue.columns()) == ["orderid", "quantity", "price", "status", "region"]
    assert glue.tables()["orders"]["Parameters"]["recordCount"] == "2"
    assert glue.warnings() == ["Classifier g (grok) is not applied locally"]


def test_a_prefix_and_a_taken_name_make_another_name(glue: Glue) -> None:
    glue("CreateTable", DatabaseName="db", TableInput={
        "Name": "raw_orders", "StorageDescriptor": {"Location": "s3://elsewhere/orders/", "Columns": []}
    })  # fmt: skip
    glue.put("orders/a", ORDER)
    glue.crawler(TablePrefix="Raw-")
    glue.crawl()
    (name,) = glue.tables().keys() - {"raw_orders"}
    assert name.startswith("raw_orders_")
    assert len(name) == len("raw_orders_") + 32
    glue.crawl()
    assert glue.tables().keys() == {"raw_orders", name}


def test_a_table_at_the_location_is_updated_whoever_made_it(glue: Glue) -> None:
    glue("CreateTable", DatabaseName="db", TableInput={
        "Name": "by_hand", "StorageDescriptor": {"Location": "s3://lake/orders", "Columns": []}
    })  # fmt: skip
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler()
    glue.crawl()
    assert glue.tables().keys() == {"by_hand"}
    assert glue.partitions("by_hand").keys() == {"1"}


def test_an_empty_lake_is_no_failure(glue: Glue) -> None:
    glue.crawler()
    assert glue.crawl()["Status"] == "SUCCEEDED"
    assert glue.tables() == {}


def test_a_missing_database_fails_the_crawl_with_its_name(glue: Glue) -> None:
    glue.put("orders/a", ORDER)
    glue.crawler(DatabaseName="nowhere")
    last = glue.crawl()
    assert last["Status"] == "FAILED"
    assert "nowhere" in last["ErrorMessage"]


def test_a_missing_bucket_fails_the_crawl_with_its_name(glue: Glue) -> None:
    glue.crawler(Path="s3://no-such-lake/orders/")
    last = glue.crawl()
    assert (last["Status"], last["ErrorMessage"]) == ("FAILED", "The specified bucket does not exist: no-such-lake")


def test_targets_other_than_s3_fail_the_crawl(glue: Glue) -> None:
    glue("CreateCrawler", Name="c", Role=ROLE, DatabaseName="db", Targets={"DynamoDBTargets": [{"Path": "t"}]})
    last = glue.crawl()
    assert last["Status"] == "FAILED"
    assert "DynamoDBTargets" in last["ErrorMessage"]


def test_a_running_crawler_can_be_stopped_and_nothing_else(glue: Glue, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()
    real = crawl

    def held(*args: Any) -> Any:
        entered.set()
        assert leave.wait(30)
        return real(*args)

    monkeypatch.setattr("salespipe.local.workers.crawler.crawl", held)
    glue.crawler()
    with pytest.raises(AwsError, match="CrawlerNotRunningException"):
        glue("StopCrawler", Name="c")
    glue("StartCrawler", Name="c")
    assert entered.wait(30)
    for operation in ("StartCrawler", "UpdateCrawler", "DeleteCrawler"):
        with pytest.raises(AwsError, match="CrawlerRunningException"):
            glue(operation, Name="c")
    glue("StopCrawler", Name="c")
    assert glue("GetCrawler", Name="c")["Crawler"]["State"] == "STOPPING"
    with pytest.raises(AwsError, match="CrawlerStoppingException"):
        glue("StopCrawler", Name="c")
    leave.set()
    assert glue.ended()["Status"] == "CANCELLED"
    glue("DeleteCrawler", Name="c")


def test_a_run_that_a_kill_ended_is_shown_as_failed_and_the_next_completes_it(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler()
    document = glue.stores.documents.get(worker.CRAWLERS, f"{REGION}/c")
    assert document is not None
    run = {"LogGroup": "g", "LogStream": "c", "MessagePrefix": "m", "StartTime": 1.0}
    glue.stores.documents.put(worker.CRAWLERS, f"{REGION}/c", {**document, "State": "RUNNING", "Run": run})
    glue.close()
    glue.open()
    crawler = glue("GetCrawler", Name="c")["Crawler"]
    assert crawler["State"] == "READY"
    assert crawler["LastCrawl"]["Status"] == "FAILED"
    assert "stopped while the crawler was running" in crawler["LastCrawl"]["ErrorMessage"]
    assert glue.crawl()["Status"] == "SUCCEEDED"
    assert glue.partitions().keys() == {"1"}


def test_crawlers_classifiers_and_tables_are_there_after_a_restart(glue: Glue) -> None:
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$"})
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(Classifiers=["j"], Tags={"team": "sales"})
    glue.crawl()
    before = (glue("GetCrawlers"), glue("GetClassifiers"), glue.tables(), glue.partitions())
    glue.close()
    glue.open()
    assert (glue("GetCrawlers"), glue("GetClassifiers"), glue.tables(), glue.partitions()) == before
    arn = f"arn:aws:glue:{REGION}:123456789012:crawler/c"
    assert glue("GetTags", ResourceArn=arn)["Tags"] == {"team": "sales"}


def test_a_crawler_made_again_does_not_remember(glue: Glue) -> None:
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$.OrderId"})
    glue.put("orders/a", ORDER)
    glue.crawler()
    glue.crawl()
    glue("DeleteCrawler", Name="c")
    glue.crawler(Classifiers=["j"])
    glue.crawl()
    assert glue.columns() == {"record": "string"}


@pytest.mark.heavy
def test_ten_thousand_objects_take_seconds_and_the_second_crawl_less_than_one(glue: Glue) -> None:
    rows = [{**ORDER, "OrderId": f"o-{number}", "price": number / 4} for number in range(20)]
    with glue.stores.db.write():
        for number in range(10_000):
            glue.put(f"orders/dt=2026-11-{1 + number % 20:02}/hour={number % 24:02}/{number}", *rows)
    glue.crawler()
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        glue.crawl()
        seconds.append(time.monotonic() - began)
    assert glue.tables()["orders"]["Parameters"]["recordCount"] == "200000"
    assert seconds[0] < 10
    assert seconds[1] < 1.5
