"""The runtime itself: stores, moto, our operations, the workers and the endpoint; started in order, ended in reverse.

Runs as `python -m salespipe.local HOME`, or inside a test's own process. Listens on 127.0.0.1 only.
"""

from __future__ import annotations

import fcntl
import gc
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

import uvicorn

import salespipe
from salespipe.local.api.athena import AthenaApi
from salespipe.local.api.cloudwatch import CloudWatchApi
from salespipe.local.api.dynamodb import DynamoDbApi
from salespipe.local.api.glue import GlueApi
from salespipe.local.api.kinesis import KinesisApi
from salespipe.local.api.lambda_ import LambdaApi
from salespipe.local.api.s3 import S3Api
from salespipe.local.api.streams import StreamsApi
from salespipe.local.connection import Connection
from salespipe.local.errors import StoreError
from salespipe.local.faults.admin import Admin
from salespipe.local.faults.effects import kinds
from salespipe.local.faults.registry import Registry
from salespipe.local.faults.stream import StreamSwitch
from salespipe.local.functions import Functions
from salespipe.local.gateway import Gateway
from salespipe.local.home import make
from salespipe.local.limits.rates import VARIABLE, parse
from salespipe.local.limits.throttle import Throttle
from salespipe.local.loop import run_in_turns
from salespipe.local.moto_app import Moto
from salespipe.local.moto_inside import function, holds_data, moves_data
from salespipe.local.stores import Stores
from salespipe.local.workers.supervisor import Supervisor

_HOME_LOOK_SECONDS = 0.5

log = logging.getLogger(__name__)


class Runtime:
    """AWS on one machine, out of one home, within the throughput limits of `throttle`. One in a process at a time,
    since moto's state is global."""

    def __init__(self, home: Path, throttle: Throttle | None = None) -> None:
        make(home)
        self.home = home
        self._lock = _own(home)
        self.stores = Stores.open(home)
        self.moto = Moto(self.stores)
        self._socket = _bind(home)
        self.port = int(self._socket.getsockname()[1])
        # What a function needs to reach this endpoint by itself, as the environment of a real one lets it reach AWS.
        aws = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        self.functions = Functions(
            home, function, environment=aws, metrics=self.stores.metrics, storage=self.stores.storage
        )
        self.throttle = throttle or Throttle()
        self.dynamodb = DynamoDbApi(self.stores, self.moto, self.throttle)
        self.kinesis = KinesisApi(self.stores, self.moto, self.throttle)
        self.dynamodb.reconcile()
        self.kinesis.reconcile()
        self.streams = StreamsApi(self.stores, self.moto, self.throttle)
        self.glue = GlueApi(self.stores, self.moto)
        self.athena = AthenaApi(self.stores, self.moto)
        self.supervisor = Supervisor(self.stores, self.moto, self.functions, self.kinesis)
        self.faults = Registry(
            kinds(
                self.throttle,
                self.functions,
                self.stores.objects,
                [self.kinesis.iterators, self.streams.iterators],
                StreamSwitch(self.stores.items, self.dynamodb.update_table, self.moto.account),
            )
        )
        self.gateway = Gateway(
            self.moto,
            {
                "DynamoDB_20120810": ("dynamodb", self.dynamodb.operations()),
                "DynamoDBStreams_20120810": ("dynamodb", self.streams.operations()),
                "Kinesis_20131202": ("kinesis", self.kinesis.operations()),
                "AWSGlue": ("glue", self.glue.operations()),
                "AmazonAthena": ("athena", self.athena.operations()),
            },
            {
                "s3": S3Api(self.stores, self.moto),
                "lambda": LambdaApi(self.functions),
                "monitoring": CloudWatchApi(self.stores),
            },
            self.health,
            self.stores.storage,
            Admin(self.faults, self.throttle).handle,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.gateway,
                http=Connection,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=120,
                timeout_graceful_shutdown=3,
            )
        )
        self._thread = threading.Thread(
            target=lambda: run_in_turns(self.stores.db.turn, self._server.serve([self._socket])),
            name="endpoint",
            daemon=True,
        )
        self._started_at = time.time()

    @property
    def endpoint(self) -> str:
        """URL that any AWS client can be pointed at."""
        return f"http://127.0.0.1:{self.port}"

    def health(self) -> dict[str, Any]:
        """Who answers here, whether there is a pipe or a delivery stream (the last one's worker may still be ending),
        how many are at work, what keeps one from it (`refused`: until
        it is changed), what is wrong with the storage (None: nothing), and whether there is data."""
        return {
            "pid": os.getpid(),
            "version": salespipe.__version__,
            "home": str(self.home),
            "started_at": self._started_at,
            "moves": moves_data(),
            "workers": self.supervisor.count(),
            "errors": self.supervisor.errors(),
            "refused": self.supervisor.refused(),
            "limits": self.throttle.rates.text,
            "storage": self._storage(),
            "data": holds_data(),
        }

    def _storage(self) -> str | None:
        storage = self.stores.storage
        try:
            return storage.problem() or self.stores.objects.problem()
        except sqlite3.Error as error:
            return storage.words(error) or str(error)

    def start(self) -> None:
        """Serve, then let the workers go on where they were, then say where we are."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise StoreError(f"the endpoint could not be started on port {self.port}")
            time.sleep(0.002)
        self.supervisor.start()
        self.athena.warm()
        state = {"pid": os.getpid(), "port": self.port, "version": salespipe.__version__, "endpoint": self.endpoint}
        _keep(self.home / "port", str(self.port))
        _keep(self.home / "runtime.json", json.dumps(state))

    def at_home(self) -> bool:
        """Whether the home is still this process's: not if its folder was moved or removed."""
        try:
            return os.path.samestat(os.fstat(self._lock.fileno()), (self.home / "store.lock").stat())
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def stop(self) -> None:
        """No more requests, then no more work, then the stores are closed."""
        if self.at_home():
            with suppress(OSError):  # the file of a process that is gone is in nobody's way
                (self.home / "runtime.json").unlink(missing_ok=True)
        self.faults.close()
        self._server.should_exit = True
        self._thread.join()
        self.functions.stop()  # first, as a request may be waiting for one
        self.gateway.close()
        self.supervisor.stop()
        self.glue.close()
        self.athena.close()
        self.moto.close()
        self.stores.close()
        self._socket.close()
        self._lock.close()


def _own(home: Path) -> IO[str]:
    """Hold the home for this process. Raises StoreError if another has it."""
    file = (home / "store.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreError(f"another runtime has {home} open") from error
    return file


def _keep(path: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text)
    unfinished.replace(path)


def _bind(home: Path) -> socket.socket:
    """A listening socket on the port of last time, so that exported settings stay true; on any other if it is taken."""
    try:
        last = int((home / "port").read_text())
    except (OSError, ValueError):
        last = 0
    for port in (last, 0):
        # The protocol has to be named: asyncio switches Nagle's delay off only where it sees TCP (40 ms a request).
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", port))
        except OSError:
            bound.close()
            if port == 0:
                raise
        else:
            return bound
    raise AssertionError("unreachable: port 0 binds or raises")


def serve(home: Path) -> None:
    """Run until SIGTERM or SIGINT, or until the home is gone: what is acknowledged has to be found there again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    throttle = Throttle()
    try:
        throttle.configure(parse(os.environ.get(VARIABLE)))
    except ValueError as error:
        raise StoreError(str(error)) from error
    runtime = Runtime(home, throttle)
    runtime.start()
    # What is there now stays: moto's modules and models need not be searched for garbage again and again.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # A thread that comes back from the disk or a function waits this long for the interpreter, not 5 ms.
    sys.setswitchinterval(0.001)
    log.info("serving %s out of %s", runtime.endpoint, home)
    while not ended.wait(_HOME_LOOK_SECONDS):
        if not runtime.at_home():
            log.error("%s was moved or removed: ending", home)
            break
    runtime.stop()
    log.info("stopped")
