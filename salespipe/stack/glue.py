"""Catalog database, JSON classifier and crawler: one table `orders` over what Firehose delivers.

https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html. The crawler runs on demand only: an hourly
schedule would cost more than all the rest.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.absent import ABSENT, if_there
from salespipe.aws.errors import client_error, error_code
from salespipe.aws.waiting import poll_until
from salespipe.stack.naming import (
    COMPACTED_TABLE,
    COMPACTION_STATE,
    CRAWLED_TABLE_PREFIX,
    CURRENT_VIEW,
    DATA_PREFIX,
    LAKE_TABLE,
    NEXT_VIEW,
    RAW_TABLE,
)
from salespipe.stack.resource import Found, Resource, Seen, Values

_JSON_PATH = "$"
_TABLE_LEVEL = 2  # the bucket is level 1, orders/ level 2: everything below is one table
_STOP_SECONDS = 600.0
_DELETE_AT_ONCE = 100
_MADE_BY_NAME = (LAKE_TABLE, CURRENT_VIEW, RAW_TABLE, COMPACTED_TABLE, NEXT_VIEW)
_MADE_BY_OTHERS = "made by others"  # tables and views; declared is nothing about them
_EXISTS = frozenset({"AlreadyExistsException"})


class Database(Resource):
    """Holds the tables that describe the data; they can be made again from it, so they go with `down`."""

    kind = "database"
    exists_codes = _EXISTS

    @property
    def name(self) -> str:
        return self.names.database

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {}

    def read(self) -> Found | None:
        glue = self.aws.client("glue")
        if if_there(glue.get_database, Name=self.name) is None:
            return None
        tags = if_there(glue.get_tags, ResourceArn=self.names.arn("glue", f"database/{self.name}")) or {}
        others = sorted(table["Name"] for table in if_there(self._tables) or [] if not self._is_made_again(table))
        return Found({_MADE_BY_OTHERS: others}, tags.get("Tags", {}))

    def create(self, desired: Values) -> None:
        self.aws.client("glue").create_database(
            DatabaseInput={"Name": self.name, "Description": f"salespipe {self.names.pipeline}"},
            Tags=self.names.tags,
        )

    def update(self, desired: Values, found: Found) -> None:
        """Nothing of it is declared but its name."""

    def delete(self) -> None:
        glue = self.aws.client("glue")
        if if_there(glue.get_database, Name=self.name) is None:
            return
        tables = [table["Name"] for table in self._tables()]
        for start in range(0, len(tables), _DELETE_AT_ONCE):
            answer = glue.batch_delete_table(
                DatabaseName=self.name, TablesToDelete=tables[start : start + _DELETE_AT_ONCE]
            )
            for error in answer.get("Errors", []):
                detail = error["ErrorDetail"]
                if detail["ErrorCode"] not in ABSENT:
                    words = f"table {error['TableName']}: {detail.get('ErrorMessage', '')}"
                    raise client_error("BatchDeleteTable", detail["ErrorCode"], words)
        if_there(glue.delete_database, Name=self.name)

    def losses(self, found: Found) -> tuple[str, ...]:
        made = "its tables and views; salespipe crawl makes them again from the data"
        others = found.settings.get(_MADE_BY_OTHERS, [])
        return (made, f"but not these, which it did not make: {', '.join(others)}") if others else (made,)

    def _tables(self) -> list[dict[str, Any]]:
        pages = self.aws.client("glue").get_paginator("get_tables").paginate(DatabaseName=self.name)
        return [table for page in pages for table in page["TableList"]]

    def _is_made_again(self, table: dict[str, Any]) -> bool:
        """Whether crawl, or the next compaction, makes it from the data."""
        by_crawler = table.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == self.names.crawler
        return by_crawler or table["Name"] in _MADE_BY_NAME


class Classifier(Resource):
    """A classifier cannot carry tags: it is ours when it says just what ours says, or when our crawler uses it."""

    kind = "classifier"
    exists_codes = _EXISTS

    @property
    def name(self) -> str:
        return self.names.classifier

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {"JsonPath": _JSON_PATH}

    def read(self) -> Found | None:
        glue = self.aws.client("glue")
        answer = if_there(glue.get_classifier, Name=self.name)
        if answer is None:
            return None
        path = answer["Classifier"].get("JsonClassifier", {}).get("JsonPath")
        owned = path == _JSON_PATH or self._used_by_our_crawler()
        return Found({"JsonPath": path}, tags=self.names.tags if owned else {})

    def create(self, desired: Values) -> None:
        self.aws.client("glue").create_classifier(JsonClassifier={"Name": self.name, **desired})

    def update(self, desired: Values, found: Found) -> None:
        self.aws.client("glue").update_classifier(JsonClassifier={"Name": self.name, **desired})

    def delete(self) -> None:
        if_there(self.aws.client("glue").delete_classifier, Name=self.name)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (f"JSON path {_JSON_PATH}, the whole object: a list of fields there does nothing",)

    def _used_by_our_crawler(self) -> bool:
        crawler = Crawler(self.aws, self.names, self.settings)
        found = crawler.read()
        return found is not None and crawler.ours(found) and self.name in found.settings["Classifiers"]


class Crawler(Resource):
    """Reads orders/ only; a late type widens the table and partitions take the table's schema."""

    kind = "crawler"
    exists_codes = _EXISTS

    @property
    def name(self) -> str:
        return self.names.crawler

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "Role": self.names.role("crawler"),
            "DatabaseName": self.names.database,
            "Path": f"s3://{self.names.bucket}/{DATA_PREFIX}",
            "TablePrefix": CRAWLED_TABLE_PREFIX if self._compacted() else "",
            "Classifiers": [self.names.classifier],
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
            "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
            "Configuration": {
                "Version": 1.0,
                "Grouping": {
                    "TableGroupingPolicy": "CombineCompatibleSchemas",
                    "TableLevelConfiguration": _TABLE_LEVEL,
                },
                "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
            },
        }

    def read(self) -> Found | None:
        glue = self.aws.client("glue")
        answer = if_there(glue.get_crawler, Name=self.name)
        if answer is None:
            return None
        crawler = answer["Crawler"]
        paths = [target["Path"] for target in crawler.get("Targets", {}).get("S3Targets", [])]
        settings = {
            "Role": crawler["Role"].rpartition("/")[2],
            "DatabaseName": crawler.get("DatabaseName"),
            "Path": paths[0] if len(paths) == 1 else paths,
            "TablePrefix": crawler.get("TablePrefix") or "",
            "Classifiers": crawler.get("Classifiers", []),
            "SchemaChangePolicy": crawler.get("SchemaChangePolicy"),
            "RecrawlPolicy": crawler.get("RecrawlPolicy"),
            "Configuration": json.loads(crawler.get("Configuration") or "{}"),
        }
        tags = if_there(glue.get_tags, ResourceArn=self.names.arn("glue", f"crawler/{self.name}")) or {}
        return Found(settings, tags.get("Tags", {}))

    def create(self, desired: Values) -> None:
        self.aws.client("glue").create_crawler(Name=self.name, Tags=self.names.tags, **self._definition(desired))

    def update(self, desired: Values, found: Found) -> None:
        self.aws.client("glue").update_crawler(Name=self.name, **self._definition(desired))

    def delete(self) -> None:
        """A running crawler cannot be deleted: it is stopped first."""
        poll_until(self._gone, f"crawler {self.name}", timeout=_STOP_SECONDS, sleep=self.sleep)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (f"one table from {desired['Path']}, whatever the schemas below it; runs on demand only",)

    def _compacted(self) -> bool:
        """Whether orders were compacted: then `orders` is a view, and the crawler's table stands beside it."""
        find = self.aws.client("s3").list_objects_v2
        return bool(
            (if_there(find, Bucket=self.names.bucket, Prefix=COMPACTION_STATE, MaxKeys=1) or {}).get("KeyCount")
        )

    def _definition(self, desired: Values) -> dict[str, Any]:
        definition = dict(desired)
        definition["Targets"] = {"S3Targets": [{"Path": definition.pop("Path")}]}
        definition["Configuration"] = json.dumps(desired["Configuration"])
        return definition

    def _gone(self) -> bool | None:
        glue = self.aws.client("glue")
        try:
            if_there(glue.delete_crawler, Name=self.name)
        except ClientError as error:
            if error_code(error) != "CrawlerRunningException":
                raise
        else:
            return True
        try:
            glue.stop_crawler(Name=self.name)
        except ClientError as error:
            if error_code(error) not in {"CrawlerNotRunningException", "CrawlerStoppingException"}:
                raise
        return None
