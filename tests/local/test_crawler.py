"""Crawls, from objects to the catalog, through the operations that a client calls."""

from __future__ import annotations

import dataclasses
import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from salespipe.local.api.glue import GlueApi
from salespipe.local.call import Call
from salespipe.local.crawling.crawl import crawl
from salespipe.local.crawling.schema import RowReader
from salespipe.local.errors import AwsError
from salespipe.local.http import Request
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.objects import StoredObject
from salespipe.local.workers import crawler as worker

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/crawler"
COMBINE = {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
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


def test_rows_like_those_before_in_their_folder_are_not_parsed(glue: Glue, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = 0
    real = RowReader.read

    def counted(reader: RowReader, row: dict[str, Any]) -> None:
        nonlocal parsed
        parsed += 1
        real(reader, row)

    monkeypatch.setattr(RowReader, "read", counted)
    for number in range(20):
        glue.put(f"orders/dt=1/{number}", *({**ORDER, "price": price / 2} for price in range(50)))
    glue.crawler()
    glue.crawl()
    assert glue.tables()["orders"]["Parameters"]["recordCount"] == "1000"
    assert 0 < parsed < 50


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


def test_a_changed_classifier_is_for_new_data_only(glue: Glue) -> None:
    glue("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$"})
    glue.put("orders/dt=1/a", {"data": {"id": 1, "n": 2}})
    glue.crawler(Classifiers=["j"], Configuration=json.dumps(COMBINE))
    glue.crawl()
    glue("UpdateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$.data"})
    glue.crawl()
    assert glue.columns() == {"data": "struct<id:int,n:int>"}
    glue.put("orders/dt=2/a", {"data": {"id": 1, "n": 2}})
    glue.crawl()
    assert glue.columns() == {"data": "struct<id:int,n:int>", "id": "int", "n": "int"}
    assert column_types(glue.partitions()["1"]) == {"data": "struct<id:int,n:int>"}


def test_merging_keeps_what_was_set_by_hand_and_updating_removes_it(glue: Glue) -> None:
    merge = {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(Configuration=json.dumps(merge))
    glue.crawl()
    table = glue.tables()["orders"]
    changed = {name: table[name] for name in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
    changed["Parameters"] = {**table["Parameters"], "team": "sales"}
    changed["StorageDescriptor"]["SerdeInfo"]["Parameters"]["ignore.malformed.json"] = "true"
    glue("UpdateTable", DatabaseName="db", TableInput=changed)
    glue.put("orders/dt=1/a", {**ORDER, "late": 1, "price": 1.5})
    glue.crawl()
    table = glue.tables()["orders"]
    assert table["Parameters"]["team"] == "sales"
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {
        "paths": "OrderId,late,price,quantity,region,status",
        "ignore.malformed.json": "true",
    }
    assert glue.columns()["price"] == column_types(glue.partitions()["1"])["price"] == "int"
    assert glue.columns()["late"] == column_types(glue.partitions()["1"])["late"] == "int"
    glue("UpdateCrawler", Name="c", Configuration="")
    glue.crawl()
    assert "team" not in glue.tables()["orders"]["Parameters"]
    assert glue.columns()["price"] == column_types(glue.partitions()["1"])["price"] == "double"


def test_merging_deprecates_a_table_whose_format_changed(glue: Glue) -> None:
    merge = {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
    glue.put("orders/a", ORDER)
    glue.crawler(Configuration=json.dumps(merge))
    glue.crawl()
    glue.put("orders/a", gzip.compress(json.dumps(ORDER).encode()))
    glue.crawl()
    assert "DEPRECATED_BY_CRAWLER" in glue.tables()["orders"]["Parameters"]
    assert glue.tables()["orders"]["Parameters"]["compressionType"] == "none"
    assert glue.warnings() == [
        "s3://lake/orders/: compressionType of table orders changed: MergeNewColumns deprecates the table"
    ]


def test_partitions_inherit_the_serde_of_a_table_that_is_only_logged(glue: Glue) -> None:
    inherit = {"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}}
    policy = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"quoteChar": "'"}}
    glue("CreateTable", DatabaseName="db", TableInput={
        "Name": "by_hand", "PartitionKeys": [{"Name": "dt", "Type": "string"}], "Parameters": {"classification": "csv"},
        "StorageDescriptor": {
            "Location": "s3://lake/orders/", "Columns": [{"Name": "id", "Type": "string"}], "SerdeInfo": serde
        },
    })  # fmt: skip
    glue.put("orders/dt=1/a", "id,n\n'1',2\n'2',3\n")
    glue.crawler(SchemaChangePolicy=policy, Configuration=json.dumps(inherit))
    glue.crawl()
    part = glue.partitions("by_hand")["1"]
    assert part["StorageDescriptor"]["SerdeInfo"] == serde
    assert part["StorageDescriptor"]["Location"] == "s3://lake/orders/dt=1/"
    assert column_types(part) == {"id": "string"}
    assert part["Parameters"]["recordCount"] == "2"


def test_under_the_log_policy_other_partition_keys_change_nothing(glue: Glue) -> None:
    glue("CreateTable", DatabaseName="db", TableInput={
        "Name": "by_hand", "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "StorageDescriptor": {"Location": "s3://lake/orders/", "Columns": []},
    })  # fmt: skip
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"})
    before = glue.tables()
    glue.crawl()
    assert (glue.tables(), glue.partitions("by_hand")) == (before, {})
    assert glue.warnings() == [
        "The partition keys of table by_hand differ from the folders; the policy is to log it only"
    ]


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


def test_a_new_folder_that_does_not_fit_is_left_out_and_said_so_at_every_crawl(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    glue.crawl()
    before = glue.tables()
    glue.put("orders/dt=2/a", {"x": 1, "y": 2, "z": 3})
    glue.put("orders/dt=3/a", ORDER)
    for _ in range(2):
        assert glue.crawl()["Status"] == "SUCCEEDED"
        assert glue.warnings() == ["s3://lake/orders/dt=2/: its schema does not fit the table: it is left out"]
        assert glue.tables() == before
        assert glue.partitions().keys() == {"1", "3"}


def test_new_folders_only_sees_neither_changes_nor_deletions(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=2/a", ORDER)
    glue.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    glue.crawl()
    before = (glue.tables(), glue.partitions())
    glue.put("orders/dt=1/a", {**ORDER, "price": "x"})
    glue.stores.objects.delete("lake", ["orders/dt=2/a"])
    glue.crawl()
    assert (glue.tables(), glue.partitions()) == before


def test_a_crawl_by_events_fails_and_says_why(glue: Glue) -> None:
    target = {"Path": "s3://lake/orders/", "EventQueueArn": "arn:aws:sqs:us-east-1:123456789012:q"}
    glue("CreateCrawler", Name="c", Role=ROLE, DatabaseName="db", Targets={"S3Targets": [target]},
         RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"})  # fmt: skip
    last = glue.crawl()
    assert last["Status"] == "FAILED"
    assert "CRAWL_EVENT_MODE" in last["ErrorMessage"]


def test_objects_that_are_not_what_they_should_be_are_reported_at_every_crawl(glue: Glue) -> None:
    glue.put("orders/dt=1/a", ORDER)
    glue.put("orders/dt=1/b", ORDER, "not json\n")
    glue.put("orders/dt=1/c", "hello world\n")
    glue.put("orders/dt=1/d", "a,b\n1,2\n")
    for number in range(5):
        glue.put(f"orders/dt=2/a{number}", ORDER)
    for name in "bcde":
        glue.put(f"orders/dt=2/{name}", gzip.compress(json.dumps(ORDER).encode()))
    glue.crawler()
    for _ in range(2):
        assert glue.crawl()["Status"] == "SUCCEEDED"
        assert glue.warnings() == [
            "s3://lake/orders/dt=1/b: line 2 is not JSON",
            "s3://lake/orders/dt=1/c: it is neither JSON nor CSV nor Parquet",
            "s3://lake/orders/dt=1/d: it is csv, most objects of the folder are json: it is left out of the schema",
            "s3://lake/orders/dt=2/b, s3://lake/orders/dt=2/c, s3://lake/orders/dt=2/d and 1 more: they are json"
            " (gzip), most objects of the folder are json: they are left out of the schema",
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


def test_a_csv_table_has_the_serde_and_the_parameters_of_its_format(glue: Glue) -> None:
    glue.put("orders/a", "id|price\n1|2.5\n2|3\n")
    glue.crawler()
    glue.crawl()
    table = glue.tables()["orders"]
    assert table["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "|"},
    }
    wanted = {"classification": "csv", "delimiter": "|", "skip.header.line.count": "1", "columnsOrdered": "true"}
    assert wanted.items() <= table["Parameters"].items()
    assert column_types(table) == {"id": "bigint", "price": "double"}


def test_a_csv_classifier_can_ask_for_the_open_csv_serde(glue: Glue) -> None:
    glue("CreateClassifier", CsvClassifier={"Name": "v", "Delimiter": ";", "QuoteSymbol": "'", "Serde": "OpenCSVSerDe"})
    glue.put("orders/a", "id;note\n1;'x;y'\n")
    glue.crawler(Classifiers=["v"])
    glue.crawl()
    assert glue.tables()["orders"]["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ";", "quoteChar": "'"},
    }


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


class Counted:
    """A file that counts the bytes read from it."""

    total = 0

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        Counted.total += len(data)
        return data


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    real = StoredObject.open
    monkeypatch.setattr(StoredObject, "open", lambda stored: Counted(real(stored)))
    monkeypatch.setattr(Counted, "total", 0)
    return Counted


def put_many(glue: Glue, keys: Iterable[str], body: bytes) -> None:
    """Objects of the same body, which is on the disk once."""
    first: StoredObject | None = None
    with glue.stores.db.write():
        for key in keys:
            if first is None:
                first = glue.stores.objects.write("lake", key, body)
                glue.stores.objects.index(first)
            else:
                path = first.path.with_name(f"{key.replace('/', '~')}")
                path.hardlink_to(first.path)
                glue.stores.objects.index(dataclasses.replace(first, key=key, path=path))


def test_of_large_objects_the_first_megabyte_is_read_once_and_little_is_held(
    glue: Glue, counted: type[Counted]
) -> None:
    body = (json.dumps(ORDER) + "\n").encode() * 60_000
    put_many(glue, [f"orders/dt={number % 4}/{number}" for number in range(30)], body)
    glue.crawler()
    tracemalloc.start()
    try:
        glue.crawl()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(body) > 5_000_000
    assert 0 < counted.total <= 30 * 1_000_010
    assert peak < 20_000_000
    records = int(glue.tables()["orders"]["Parameters"]["recordCount"])
    assert records == pytest.approx(30 * 60_000, rel=0.01)
    counted.total = 0
    glue.put("orders/dt=4/new", ORDER)
    glue.crawl()
    assert counted.total <= 200


@pytest.mark.heavy
def test_of_ten_thousand_objects_only_the_starts_are_read_and_later_only_the_new_ones(
    glue: Glue, counted: type[Counted]
) -> None:
    row = (json.dumps(ORDER) + "\n").encode()
    large, small = row * 60_000, row * 20
    keys = [f"orders/dt=2026-11-{1 + number % 20:02}/hour={number % 24:02}/{number}" for number in range(10_000)]
    put_many(glue, keys[::20], large)
    put_many(glue, [key for number, key in enumerate(keys) if number % 20], small)
    stored = 500 * len(large) + 9_500 * len(small)
    glue.crawler()
    glue.crawl()
    assert glue.tables()["orders"]["Parameters"]["sizeKey"] == str(stored)
    assert counted.total <= 500 * 1_000_010 + 9_500 * (len(small) + 10)
    assert counted.total < stored / 4
    counted.total = 0
    glue.put("orders/dt=2026-11-21/hour=00/new", ORDER)
    began = time.monotonic()
    glue.crawl()
    assert time.monotonic() - began < 1.5
    assert counted.total <= 200


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
