"""Keeps the workers as the control plane wants them: one for each running pipe and each shard of a delivery stream.

Looks at start and after every change of the control plane, in every region that is in use. A worker whose
configuration changed is stopped, and only when it has stopped is its successor started. What a pipe or delivery
stream asks for that cannot be done is not an end: it is logged, and reported by `errors`, and whoever asked for it
goes on where it was as soon as it asks for something else. Positions are forgotten only of what a look at everything
did not find.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Iterator

from salespipe.local import moto_inside
from salespipe.local.api.kinesis import KinesisApi
from salespipe.local.api.streams import SHARD_ID
from salespipe.local.forgetting import forget_functions, forget_gone
from salespipe.local.functions import Functions
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores
from salespipe.local.stores.bell import CONTROL
from salespipe.local.workers.delivery import DeliveryPoller
from salespipe.local.workers.delivery_config import DeliveryConfig, DeliveryConfigError
from salespipe.local.workers.pipe import PipePoller
from salespipe.local.workers.pipe_config import PipeConfig, PipeConfigError
from salespipe.local.workers.retention import Retention
from salespipe.local.workers.sweep import Sweep
from salespipe.local.workers.transform import Transform
from salespipe.local.workers.trimming import Readers, readers_of
from salespipe.local.workers.worker import Worker, worker_key

log = logging.getLogger(__name__)

PIPE_SETTLE = 0.005
DELIVERY_SETTLE = 0.02
LOOK_AGAIN_SECONDS = 60.0

Job = PipeConfig | tuple[DeliveryConfig, int]
"""What one worker does: a pipe, or one shard of a delivery stream."""


class Supervisor:
    """Starts and stops the workers; is itself run by one."""

    topic = CONTROL

    def __init__(self, stores: Stores, moto: Moto, functions: Functions, kinesis: KinesisApi) -> None:
        self._stores = stores
        self._moto = moto
        self._functions = functions
        self._kinesis = kinesis
        self._workers: dict[Job, Worker] = {}
        self._refused: dict[str, str] = {}
        self._existing: set[str] = set()
        self._wanted: list[Job] | None = None
        self._since = time.time()
        self._lock = threading.Lock()
        self._self = Worker("supervisor", self, stores.bell, threading.Event(), explain=stores.storage.words)
        self._sweep = Worker(
            "sweep", Sweep(stores.objects), stores.bell, threading.Event(), explain=stores.storage.words
        )
        self._aging = Retention(stores, moto, self.readers)
        self._retention = Worker("retention", self._aging, stores.bell, threading.Event(), explain=stores.storage.words)

    def start(self) -> None:
        """Begin; the workers follow at once. What an earlier run left behind is removed meanwhile."""
        self._functions.sweep(self._deployed())
        self._self.start()
        self._sweep.start()
        self._retention.start()

    def stop(self) -> None:
        """End everything, the functions that are at work included: what they were doing is done again next time."""
        self._self.signal()
        self._sweep.signal()
        self._retention.signal()
        for worker in self._running().values():
            worker.signal()
        self._functions.stop()
        self._self.join()
        self._sweep.join()
        self._retention.join()
        self._end(self._running())
        self._aging.finish()

    def count(self) -> int:
        """How many pipes and delivery streams are at work."""
        return len({_arn(job) for job in self.jobs()})

    def jobs(self) -> list[Job]:
        """What is being done just now."""
        return list(self._running())

    def errors(self) -> dict[str, str]:
        """By name of the worker, pipe or delivery stream: what is wrong with it just now."""
        failing = {worker.name: worker.error for worker in self._running().values() if worker.error is not None}
        for own in (self._self, self._retention):
            if own.error is not None:
                failing[own.name] = own.error
        return failing | self._refused

    def refused(self) -> dict[str, str]:
        """Of these, who asks for what cannot be done, which only another setting ends."""
        return dict(self._refused)

    def readers(self) -> Readers | None:
        """Who reads what, those included that are just being replaced; None before the first look."""
        wanted = self._wanted
        return None if wanted is None else readers_of(wanted)

    def _running(self) -> dict[Job, Worker]:
        with self._lock:
            return dict(self._workers)

    # ---- reconciling ----

    def poll(self) -> float:
        """Make the workers what the control plane says they should be."""
        refused: dict[str, str] = {}
        existing: set[str] = set()
        wanted: list[Job] = [*self._pipes(existing, refused), *self._deliveries(existing, refused)]
        for name, why in refused.items():
            if self._refused.get(name) != why:
                log.error("%s: %s", name, why)
        self._refused = refused
        self._wanted = wanted
        running = self._running()
        self._end({job: worker for job, worker in running.items() if job not in wanted})
        for key in self._existing - existing:
            self._stores.positions.clear(key)
            forget_gone(self._stores)  # what their workers still counted until they ended
        self._existing = existing
        for job in wanted:
            if job not in running:
                worker = self._worker(job)
                with self._lock:
                    self._workers[job] = worker
                worker.start()
        self._functions.refresh()
        forget_functions(self._stores)
        return LOOK_AGAIN_SECONDS

    def _deployed(self) -> set[str]:
        """The digests of the code of all functions."""
        found: set[str] = set()
        for region in moto_inside.regions("lambda"):
            query: str | None = ""
            while query is not None:
                page = self._moto.rest("lambda", "GET", f"/2015-03-31/functions/{query}", region=region)
                found |= {base64.b64decode(one["CodeSha256"]).hex() for one in page["Functions"]}
                query = f"?Marker={page['NextMarker']}" if page.get("NextMarker") else None
        return found

    def _pipes(self, existing: set[str], refused: dict[str, str]) -> Iterator[PipeConfig]:
        for region in moto_inside.regions("pipes"):
            query: str | None = ""
            while query is not None:
                page = self._moto.rest("pipes", "GET", f"/v1/pipes{query}", region=region)
                for one in page["Pipes"]:
                    described = self._moto.rest("pipes", "GET", f"/v1/pipes/{one['Name']}", region=region)
                    existing.add(worker_key(described["Arn"], float(described["CreationTime"])))
                    try:
                        config = PipeConfig.from_description(described)
                    except PipeConfigError as error:
                        refused[f"pipe {one['Name']}"] = str(error)
                        continue
                    if described["DesiredState"] == "RUNNING":
                        yield config
                query = f"?NextToken={page['NextToken']}" if page.get("NextToken") else None

    def _deliveries(self, existing: set[str], refused: dict[str, str]) -> Iterator[tuple[DeliveryConfig, int]]:
        for region in moto_inside.regions("firehose"):
            last: str | None = None
            more = True
            while more:
                asked = {"DeliveryStreamType": "KinesisStreamAsSource"}
                if last is not None:
                    asked["ExclusiveStartDeliveryStreamName"] = last
                page = self._moto.call("firehose", "ListDeliveryStreams", asked, region=region)
                for name in page["DeliveryStreamNames"]:
                    last = name
                    yield from self._delivery(region, name, existing, refused)
                more = page["HasMoreDeliveryStreams"]

    def _delivery(
        self, region: str, name: str, existing: set[str], refused: dict[str, str]
    ) -> Iterator[tuple[DeliveryConfig, int]]:
        asked = {"DeliveryStreamName": name}
        described = self._moto.call("firehose", "DescribeDeliveryStream", asked, region=region)
        stream = described["DeliveryStreamDescription"]
        existing.add(worker_key(stream["DeliveryStreamARN"], float(stream["CreateTimestamp"])))
        try:
            config = DeliveryConfig.from_description(stream)
            # Asked of the control plane itself: what the API remembers may be from before a resharding.
            source = config.source_arn
            shards = moto_inside.stream_shards(source.split(":")[3], source.rpartition("/")[2])
        except DeliveryConfigError as error:
            refused[f"delivery {name}"] = str(error)
        except LookupError:
            refused[f"delivery {name}"] = f"source stream is not there: {config.source_arn}"
        else:
            for shard in shards:
                yield config, shard[0]

    # ---- workers ----

    def _worker(self, job: Job) -> Worker:
        stop = threading.Event()
        bell, explain = self._stores.bell, self._stores.storage.words
        if isinstance(job, PipeConfig):
            moving = PipePoller(job, self._stores, self._kinesis.put, self._send, SHARD_ID, self._since)
            return Worker(f"pipe {job.name}", moving, bell, stop, settle=PIPE_SETTLE, explain=explain)
        config, shard = job
        transform = None
        if config.processor is not None:
            transform = Transform(config, config.processor, self._functions.invoke, stop.wait, self._stores.db.turn)
        exists, throttle = self._moto.bucket_exists, self._kinesis.throttle
        delivering = DeliveryPoller(config, shard, self._stores, transform, exists, throttle=throttle)
        name = f"delivery {config.name} shard {shard}"
        return Worker(name, delivering, bell, stop, settle=DELIVERY_SETTLE, explain=explain)

    def _end(self, workers: dict[Job, Worker]) -> None:
        for worker in workers.values():
            worker.signal()
        for job, worker in workers.items():
            worker.join()
            with self._lock:
                del self._workers[job]

    def _send(self, queue_arn: str, body: str) -> None:
        """Send a dead letter. Raises AwsError."""
        region, name = queue_arn.split(":")[3], queue_arn.split(":")[5]
        queue = self._moto.call("sqs", "GetQueueUrl", {"QueueName": name}, region=region)
        self._moto.call("sqs", "SendMessage", {"QueueUrl": queue["QueueUrl"], "MessageBody": body}, region=region)


def _arn(job: Job) -> str:
    return job.arn if isinstance(job, PipeConfig) else job[0].arn
