"""Crawlers: their documents, and what may be in them. Runs are `workers/crawler.py`'s.

API: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-crawling.html. A schedule is stored and shown but
starts nothing here: the crawler runs when StartCrawler says so.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from salespipe.local.api.crawler_rules import check_update, checked, role_name, schedule
from salespipe.local.api.paging import page
from salespipe.local.call import Call, Handler
from salespipe.local.crawling.folders import FolderMemory
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.workers.crawler import CLASSIFIERS, CRAWLERS, CrawlerRuns, missing_crawler

_SETTINGS = (
    "DatabaseName",
    "Description",
    "Targets",
    "Classifiers",
    "TablePrefix",
    "SchemaChangePolicy",
    "RecrawlPolicy",
    "LineageConfiguration",
    "LakeFormationConfiguration",
    "Configuration",
    "CrawlerSecurityConfiguration",
)
_PRIVATE = ("Run", "Metrics")


class Crawlers:
    """A crawler's document is as GetCrawler gives it, plus what only its runs need."""

    def __init__(self, stores: Stores, moto: Moto, runs: CrawlerRuns) -> None:
        self._stores = stores
        self._moto = moto
        self._runs = runs

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "BatchGetCrawlers": self.batch_get,
            "CreateCrawler": self.create,
            "DeleteCrawler": self.delete,
            "GetCrawler": self.get,
            "GetCrawlerMetrics": self.metrics,
            "GetCrawlers": self.get_all,
            "ListCrawlers": self.list_names,
            "StartCrawler": self.start,
            "StopCrawler": self.stop,
            "UpdateCrawler": self.update,
        }

    def require(self, region: str, name: str) -> dict[str, Any]:
        """The crawler's document. Raises AwsError (EntityNotFoundException)."""
        document = self._stores.documents.get(CRAWLERS, f"{region}/{name}")
        if document is None:
            raise missing_crawler(name)
        return document

    def create(self, call: Call) -> dict[str, Any]:
        """CreateCrawler."""
        given = call.params
        name = str(given.get("Name", ""))
        if not name:
            raise AwsError("InvalidInputException", "Name must not be empty")
        now = time.time()
        document = {
            "Name": name,
            "Role": role_name(str(given.get("Role", ""))),
            **{key: given[key] for key in _SETTINGS if key in given},
            **schedule(given),
            "State": "READY",
            "CreationTime": now,
            "LastUpdated": now,
            "Version": 1,
            "Metrics": {"Runtimes": []},
        }
        document = self._checked(call, document)
        id = f"{call.region}/{name}"
        with self._moto.together():
            if self._stores.documents.get(CRAWLERS, id) is not None:
                raise AwsError("AlreadyExistsException", f"Crawler with name {name} already exists")
            if given.get("Tags"):
                tags = {"ResourceArn": call.arn(f"crawler/{name}"), "TagsToAdd": given["Tags"]}
                self._moto.call("glue", "TagResource", tags, region=call.region)
            self._stores.documents.put(CRAWLERS, id, document)
        return {}

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateCrawler: settings that are not given stay."""
        given = call.params
        changes = {key: given[key] for key in _SETTINGS if key in given} | schedule(given)
        if "Role" in given:
            changes["Role"] = role_name(str(given["Role"]))
        with self._stores.db.write():
            before = self._idle(call)
            document = self._checked(call, {**before, **changes})
            check_update(before, document)
            document |= {"LastUpdated": time.time(), "Version": document["Version"] + 1}
            self._stores.documents.put(CRAWLERS, f"{call.region}/{document['Name']}", document)
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteCrawler; its tables stay."""
        with self._moto.together():
            name = self._idle(call)["Name"]
            self._stores.documents.delete(CRAWLERS, f"{call.region}/{name}")
            FolderMemory(self._stores.documents, f"{call.region}/{name}").forget()
            arn = call.arn(f"crawler/{name}")
            tags = self._moto.call("glue", "GetTags", {"ResourceArn": arn}, region=call.region).get("Tags", {})
            if tags:
                gone = {"ResourceArn": arn, "TagsToRemove": list(tags)}
                self._moto.call("glue", "UntagResource", gone, region=call.region)
        return {}

    def start(self, call: Call) -> dict[str, Any]:
        """StartCrawler."""
        self._runs.start(f"{call.region}/{call.params.get('Name', '')}", call.region)
        return {}

    def stop(self, call: Call) -> dict[str, Any]:
        """StopCrawler."""
        self._runs.stop(f"{call.region}/{call.params.get('Name', '')}")
        return {}

    def get(self, call: Call) -> dict[str, Any]:
        """GetCrawler."""
        return {"Crawler": _shown(self.require(call.region, str(call.params.get("Name", ""))))}

    def get_all(self, call: Call) -> dict[str, Any]:
        """GetCrawlers."""
        return page([_shown(document) for document in self._all(call)], "Crawlers", call.params)

    def batch_get(self, call: Call) -> dict[str, Any]:
        """BatchGetCrawlers."""
        wanted = call.params.get("CrawlerNames", [])
        found = {document["Name"]: document for document in self._all(call)}
        return {
            "Crawlers": [_shown(found[name]) for name in wanted if name in found],
            "CrawlersNotFound": [name for name in wanted if name not in found],
        }

    def list_names(self, call: Call) -> dict[str, Any]:
        """ListCrawlers, of all or of those that carry all the tags given."""
        names = [document["Name"] for document in self._all(call)]
        wanted = (call.params.get("Tags") or {}).items()
        if wanted:
            names = [name for name in names if wanted <= self._tags(call, name).items()]
        return page(names, "CrawlerNames", call.params)

    def metrics(self, call: Call) -> dict[str, Any]:
        """GetCrawlerMetrics."""
        wanted = call.params.get("CrawlerNameList")
        entries = []
        for document in self._all(call):
            if wanted and document["Name"] not in wanted:
                continue
            runtimes = document["Metrics"]["Runtimes"]
            entries.append(
                {
                    "CrawlerName": document["Name"],
                    "TimeLeftSeconds": 0.0,
                    "StillEstimating": document["State"] == "RUNNING",
                    "LastRuntimeSeconds": runtimes[-1] if runtimes else 0.0,
                    "MedianRuntimeSeconds": statistics.median(runtimes) if runtimes else 0.0,
                    "TablesCreated": document["Metrics"].get("TablesCreated", 0),
                    "TablesUpdated": document["Metrics"].get("TablesUpdated", 0),
                    "TablesDeleted": document["Metrics"].get("TablesDeleted", 0),
                }
            )
        return page(entries, "CrawlerMetricsList", call.params)

    def _all(self, call: Call) -> list[dict[str, Any]]:
        found = self._stores.documents.all(CRAWLERS)
        return [document for id, document in found.items() if id.startswith(f"{call.region}/")]

    def _idle(self, call: Call) -> dict[str, Any]:
        """The crawler that the call names. Raises AwsError while it runs."""
        document = self.require(call.region, str(call.params.get("Name", "")))
        if document["State"] != "READY":
            raise AwsError("CrawlerRunningException", f"Crawler with name {document['Name']} is currently running")
        return document

    def _checked(self, call: Call, document: dict[str, Any]) -> dict[str, Any]:
        known = {id.partition("/")[2] for id in self._stores.documents.all(CLASSIFIERS) if id.startswith(call.region)}
        return checked(document, known)

    def _tags(self, call: Call, name: str) -> dict[str, str]:
        arn = call.arn(f"crawler/{name}")
        tags: dict[str, str] = self._moto.call("glue", "GetTags", {"ResourceArn": arn}, region=call.region)["Tags"]
        return tags


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    """The document as a client sees it; elapsed milliseconds while a run is under way."""
    elapsed = time.time() - document["Run"]["StartTime"] if "Run" in document else 0
    shown = {key: value for key, value in document.items() if key not in _PRIVATE}
    return {**shown, "CrawlElapsedTime": int(elapsed * 1000)}
