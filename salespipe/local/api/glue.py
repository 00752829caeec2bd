"""Glue: crawlers and classifiers are ours, databases, tables and partitions moto's.

Tags of crawlers are kept with moto's other tags, which the tagging API sees too; here is only checked that the
crawler exists. API: https://docs.aws.amazon.com/glue/latest/webapi/API_Operations.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local.api.glue_classifiers import Classifiers
from salespipe.local.api.glue_crawlers import Crawlers
from salespipe.local.call import Call, Handler
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.workers.crawler import CrawlerRuns


class GlueApi:
    """Opening it shows runs that a kill ended as FAILED; `close` ends the runs under way."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._moto = moto
        self._runs = CrawlerRuns(stores, moto)
        self._crawlers = Crawlers(stores, moto, self._runs)
        self._classifiers = Classifiers(stores)

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            **self._classifiers.operations(),
            **self._crawlers.operations(),
            "TagResource": self.tags,
            "UntagResource": self.tags,
            "GetTags": self.tags,
        }

    def close(self) -> None:
        """Stop the crawlers that run and wait for them."""
        self._runs.close()

    def tags(self, call: Call) -> dict[str, Any]:
        """Any of the three tag operations."""
        resource = str(call.params.get("ResourceArn", "")).rpartition(":")[2]
        kind, _, name = resource.partition("/")
        if kind == "crawler":
            self._crawlers.require(call.region, name)
        return self._moto.call("glue", call.operation, call.params, region=call.region)
