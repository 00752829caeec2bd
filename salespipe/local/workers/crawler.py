"""Runs crawlers: a thread for each run, the state in the crawler's document, the log where AWS has it.

The log is CloudWatch group `/aws-glue/crawlers`, stream named as the crawler, each line beginning with the run's id
(LastCrawl's LogGroup, LogStream and MessagePrefix). Objects that are not what they should be are WARN lines there.
Guarantee: a crawler is RUNNING only while a thread of this process works for it. A run that a kill ended is shown as
FAILED when the process starts again; the next run completes what it had begun.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from salespipe.local.crawling.classify import Classifier
from salespipe.local.crawling.crawl import Plan, crawl
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

CRAWLERS = "glue-crawler"
CLASSIFIERS = "glue-classifier"
LOG_GROUP = "/aws-glue/crawlers"
_KINDS = {"JsonClassifier": "json", "CsvClassifier": "csv", "GrokClassifier": "grok", "XMLClassifier": "xml"}
_LINES_A_CALL = 1000


class Cancelled(Exception):
    """The run was asked to stop."""


@dataclass
class _Run:
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)


class CrawlerRuns:
    """Starts and stops runs. A crawler's id is `<region>/<name>`; its document is as the API gives it."""

    def __init__(self, stores: Stores, moto: Moto, *, clock: Callable[[], float] = time.time) -> None:
        self._stores = stores
        self._moto = moto
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._closing = threading.Event()
        self._recover()

    def _recover(self) -> None:
        for id, document in self._stores.documents.all(CRAWLERS).items():
            if document["State"] != "READY":
                status = "CANCELLED" if document["State"] == "STOPPING" else "FAILED"
                message = "" if status == "CANCELLED" else "The service was stopped while the crawler was running"
                self._finish(id, status, message, {})

    def start(self, id: str, region: str) -> None:
        """Begin a run. Raises AwsError when the crawler runs already."""
        run = str(uuid.uuid4())
        with self._lock:
            with self._stores.db.write():
                document = self._stores.documents.get(CRAWLERS, id)
                if document is None:
                    raise missing_crawler(id.partition("/")[2])
                name = document["Name"]
                if document["State"] != "READY":
                    raise AwsError("CrawlerRunningException", f"Crawler with name {name} has already started")
                document["State"] = "RUNNING"
                document["Run"] = {
                    "LogGroup": LOG_GROUP,
                    "LogStream": name,
                    "MessagePrefix": run,
                    "StartTime": self._clock(),
                }
                self._stores.documents.put(CRAWLERS, id, document)
            thread = threading.Thread(
                target=self._run, args=(id, region, document, run), name=f"crawler-{name}", daemon=True
            )
            self._runs[id] = _Run(thread)
            thread.start()

    def stop(self, id: str) -> None:
        """Ask a run to stop. Raises AwsError when none is under way."""
        with self._lock, self._stores.db.write():
            document = self._stores.documents.get(CRAWLERS, id)
            if document is None:
                raise missing_crawler(id.partition("/")[2])
            if document["State"] == "STOPPING":
                raise AwsError("CrawlerStoppingException", f"Crawler with name {document['Name']} is stopping")
            if document["State"] != "RUNNING":
                raise AwsError("CrawlerNotRunningException", f"Crawler with name {document['Name']} isn't running")
            document["State"] = "STOPPING"
            self._stores.documents.put(CRAWLERS, id, document)
            self._runs[id].stop.set()

    def close(self) -> None:
        """Stop every run and wait for its end; the runs are CANCELLED."""
        self._closing.set()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop.set()
        for run in runs:
            run.thread.join()

    def _run(self, id: str, region: str, document: dict[str, Any], run: str) -> None:
        name = document["Name"]
        log = _RunLog(self._moto, region, name, run, self._clock)
        stop, storage = self._runs[id].stop, self._stores.storage
        status, message, counts = "SUCCEEDED", "", {}

        def proceed() -> None:
            if stop.is_set():
                raise Cancelled

        def glue(operation: str, params: dict[str, Any]) -> dict[str, Any]:
            return self._moto.call("glue", operation, params, region=region)

        log("BENCHMARK", f"Running Start Crawl for Crawler {name}")
        try:
            plan = Plan.of(id, document, self._classifiers(region, document["Classifiers"]))
            for bucket in {target.bucket for target in plan.targets}:
                if not self._moto.bucket_exists(bucket):
                    raise AwsError("NoSuchBucket", f"The specified bucket does not exist: {bucket}")
            written = crawl(plan, run, self._stores, glue, log, proceed)
            counts = {
                "TablesCreated": written.created,
                "TablesUpdated": written.updated,
                "TablesDeleted": written.deleted,
            }
            log("BENCHMARK", "Finished writing to Catalog")
        except Cancelled:
            status = "CANCELLED"
            log("INFO", "The crawl was stopped")
        except AwsError as error:
            status, message = "FAILED", error.message
            log("ERROR", error.message)
        except Exception as error:
            # The crawler must not stay RUNNING for ever; the error is shown, and a defect raised for our own log.
            words = storage.words(error)
            status, message = "FAILED", f"Internal Service Exception: {words or f'{type(error).__name__}: {error}'}"
            log("ERROR", message)
            if words is None:
                raise
        finally:
            log("BENCHMARK", "Crawler has finished running and is in state READY")
            try:
                storage.insist(log.write, self._closing)
            finally:
                storage.insist(lambda: self._finish(id, status, message, counts), self._closing)

    def _classifiers(self, region: str, names: list[str]) -> tuple[Classifier, ...]:
        found = []
        for name in names:
            document = self._stores.documents.get(CLASSIFIERS, f"{region}/{name}")
            if document is None:
                raise AwsError("EntityNotFoundException", f"Classifier {name} not found")
            ((structure, body),) = document.items()
            found.append(Classifier(_KINDS[structure], body))
        return tuple(found)

    def _finish(self, id: str, status: str, message: str, counts: dict[str, int]) -> None:
        """READY again, with what the run came to."""
        with self._lock:
            with self._stores.db.write():
                document = self._stores.documents.get(CRAWLERS, id)
                if document is not None:
                    last = {"Status": status, **document.pop("Run")}
                    if message:
                        last["ErrorMessage"] = message
                    seconds = max(0.0, self._clock() - last["StartTime"])
                    document["State"] = "READY"
                    document["LastCrawl"] = last
                    document["Metrics"] = {**counts, "Runtimes": [*document["Metrics"]["Runtimes"][-98:], seconds]}
                    self._stores.documents.put(CRAWLERS, id, document)
            self._runs.pop(id, None)


class _RunLog:
    """Lines of one run, written to CloudWatch Logs when it ends."""

    def __init__(self, moto: Moto, region: str, stream: str, run: str, clock: Callable[[], float]) -> None:
        self._moto = moto
        self._region = region
        self._stream = stream
        self._run = run
        self._clock = clock
        self._events: list[dict[str, Any]] = []

    def __call__(self, level: str, line: str) -> None:
        message = f"[{self._run}] {level} : {line}"
        self._events.append({"timestamp": int(self._clock() * 1000), "message": message})

    def write(self) -> None:
        """Append the lines; makes the group and the stream where they are missing."""
        place = {"logGroupName": LOG_GROUP, "logStreamName": self._stream}
        for operation, params in (("CreateLogGroup", {"logGroupName": LOG_GROUP}), ("CreateLogStream", place)):
            try:
                self._moto.call("logs", operation, params, region=self._region)
            except AwsError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise
        for start in range(0, len(self._events), _LINES_A_CALL):
            batch = self._events[start : start + _LINES_A_CALL]
            self._moto.call("logs", "PutLogEvents", {**place, "logEvents": batch}, region=self._region)


def missing_crawler(name: str) -> AwsError:
    """What AWS says about a crawler that is not there."""
    return AwsError("EntityNotFoundException", f"Crawler entry with name {name} does not exist")
