"""The life of queries: QUEUED, RUNNING, then SUCCEEDED, FAILED or CANCELLED, kept as documents so that history
survives.

Queries run on a few threads. An execution that a killed process left unfinished is FAILED when the next one starts. An
end for which there is no room in the store is answered at once and stored when there is.
https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from salespipe.local.athena import results
from salespipe.local.athena.catalog import Catalog, split_location
from salespipe.local.athena.engine import Cancelled, Engine, Session
from salespipe.local.athena.errors import OTHER, SYSTEM, QueryFailure, SyntaxFailure
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.statements.context import Context, Statement
from salespipe.local.errors import AwsError, StoreError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

KIND = "athena-query"
TOKENS = "athena-token"
"""Of the documents: the executions, and the client tokens that they were started with."""
UNFINISHED = ("QUEUED", "RUNNING")
_THREADS = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A query that was accepted. `cutoff` is the workgroup's limit of bytes scanned, None without one."""

    sql: str
    statement: Statement
    database: str
    region: str
    workgroup: str
    location: str
    cutoff: int | None
    parameters: list[str]
    token: str
    central: bool = False
    """The workgroup enforces its own location."""


class CutoffReached(Exception):
    """The query would read more than its workgroup allows."""


class Executions:
    """Runs queries and answers for those that ran."""

    def __init__(self, stores: Stores, moto: Moto) -> None:
        self._stores = stores
        self._moto = moto
        self._folder = stores.home / "tmp" / "athena"
        shutil.rmtree(self._folder, ignore_errors=True)
        self.engine = Engine(self._folder / "spill")
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="athena")
        self._sessions: dict[str, Session] = {}
        self._stopped: set[str] = set()
        self._unstored: dict[str, dict[str, Any]] = {}
        """The documents of executions whose end could not be stored yet."""
        self._storing: threading.Thread | None = None
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._closing = threading.Event()
        self._fail_unfinished()

    def warm(self) -> None:
        """Import and open the engine on a thread of ours."""
        self._pool.submit(self.engine.warm)

    def close(self) -> None:
        """Cancel what runs and give the engine's memory back."""
        self._closing.set()
        with self._lock:
            for session in self._sessions.values():
                session.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if (storing := self._storing) is not None:
            storing.join()
        self.engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, request: Request) -> str:
        """Queue a query; its id. The same client token gives the same id again."""
        documents = self._stores.documents
        id = str(uuid.uuid4())
        with self._stores.db.write():
            known = documents.get(TOKENS, request.token) if request.token else None
            if known is not None:
                if known["sql"] != request.sql:
                    raise AwsError("InvalidRequestException", "Idempotent parameters do not match")
                return str(known["id"])
            if request.token:
                documents.put(TOKENS, request.token, {"id": id, "sql": request.sql})
            self._save(id, _document(id, request))
        self._pool.submit(self._guarded, id, request)
        return id

    def get(self, id: str) -> dict[str, Any]:
        """The document of an execution. Raises AwsError for an id that is not known."""
        found = self._unstored.get(id) or self._stores.documents.get(KIND, id)
        if found is None:
            raise AwsError("InvalidRequestException", f"QueryExecution {id} was not found")
        return found

    def all(self) -> Iterator[dict[str, Any]]:
        """Every execution, newest first, as many as are taken."""
        return self._stores.documents.newest(KIND)

    def stop(self, id: str) -> None:
        """Cancel a query that is not finished; of one that is, nothing changes."""
        self.get(id)
        with self._lock:
            session = self._sessions.get(id)
            if session is not None:
                session.cancel()
            elif self._change(id, lambda found: _finish(found, "CANCELLED", "Query was cancelled")):
                self._stopped.add(id)  # which lasts until its turn on the pool is over

    # on the pool

    def _guarded(self, id: str, request: Request) -> None:
        """No error of ours may leave a query RUNNING for ever."""
        try:
            self._run(id, request)
        except Exception as error:
            words = self._stores.storage.words(error)
            if words is None:
                log.exception("query %s", id)
            said = words or f"{type(error).__name__}: {error}"
            failure = QueryFailure("GENERIC_INTERNAL_ERROR", said, category=SYSTEM)
            try:
                self._end(id, failure)
            except (OSError, sqlite3.Error, StoreError) as unstored:
                if self._stores.storage.words(unstored) is None:
                    raise
                self._store_later(id, failure)
        finally:
            with self._lock:
                self._stopped.discard(id)

    def _store_later(self, id: str, failure: QueryFailure) -> None:
        """Whoever waits for the query is told its end now; a thread of the pool is not to wait for room."""
        document = self._stores.documents.get(KIND, id)
        if document is None:
            return
        _finish(document, "FAILED", str(failure), failure)
        with self._lock:
            self._unstored[id] = document
            if self._storing is None:
                self._storing = threading.Thread(target=self._store_ends, name="athena-ends", daemon=True)
                self._storing.start()

    def _store_ends(self) -> None:
        while True:
            with self._lock:
                if not self._unstored:
                    self._storing = None
                    return
                id, document = next(iter(self._unstored.items()))
            try:
                self._stores.storage.insist(partial(self._save, id, document), self._closing)
            except (OSError, sqlite3.Error, StoreError):
                if self._closing.is_set():
                    return  # the next start finds it unfinished
                raise
            with self._lock:
                del self._unstored[id]

    @contextmanager
    def _within_reach(self, id: str, session: Session) -> Iterator[bool]:
        """Whether the query is still wanted; meanwhile `stop` and `close` can cancel it."""
        with self._lock:
            wanted = id not in self._stopped
            if wanted:
                self._sessions[id] = session
        try:
            yield wanted
        finally:
            with self._lock:
                self._sessions.pop(id, None)

    def _run(self, id: str, request: Request) -> None:
        with (
            self.engine.session() as session,
            self._own_folder() as name,
            self._within_reach(id, session) as wanted,
        ):
            if not wanted:
                return
            folder = Path(name)
            started = time.time()
            self._change(id, lambda found: _begin(found))
            try:
                written = self._write(id, request, session, folder)
            except Cancelled:
                self._change(id, lambda found: _finish(found, "CANCELLED", "Query was cancelled", started=started))
            except CutoffReached as reached:
                said = str(reached)
                self._change(id, lambda found: _finish(found, "CANCELLED", said, started=started))
            except QueryFailure as error:
                self._end(id, error, started)
            except SyntaxFailure as error:
                self._end(id, QueryFailure("SYNTAX_ERROR", str(error)), started)
            except AwsError as error:
                self._end(id, QueryFailure("", _said(error), category=OTHER), started)
            else:
                self._change(id, lambda found: _succeed(found, written, started))

    def _write(self, id: str, request: Request, session: Session, folder: Path) -> results.Written:
        def scanned(count: int) -> None:
            self._change(id, lambda found: found["QueryExecution"]["Statistics"].update(DataScannedInBytes=count))
            if request.cutoff is not None and count > request.cutoff:
                raise CutoffReached("Query cancelled! : Bytes scanned limit was exceeded")

        bucket, prefix = split_location(request.location)
        context = Context(
            id=id,
            output=f"s3://{bucket}/{prefix}",
            central=request.central,
            database=request.database,
            catalog=Catalog(self._moto, request.region),
            objects=self._stores.objects,
            folder=folder,
            now=datetime.now(UTC),
            session=session,
            scanned=scanned,
            prepared=PreparedStatements(self._stores.documents, request.region, request.workgroup),
        )
        result = request.statement.run(context)
        return results.write(self._stores, self._moto.bucket_exists, bucket, prefix + id, result)

    def _own_folder(self) -> tempfile.TemporaryDirectory[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=self._folder)

    # documents

    def _end(self, id: str, failure: QueryFailure, started: float | None = None) -> None:
        self._change(id, lambda found: _finish(found, "FAILED", str(failure), failure, started))

    def _save(self, id: str, document: dict[str, Any]) -> None:
        self._stores.documents.put(KIND, id, document)

    def _change(self, id: str, change: Callable[[dict[str, Any]], object]) -> bool:
        """Whether there was anything to change: what is finished stays as it is."""
        with self._changing:
            document = self.get(id) if id in self._unstored else self._stores.documents.get(KIND, id)
            if document is None or document["QueryExecution"]["Status"]["State"] not in UNFINISHED:
                return False
            change(document)
            self._save(id, document)
            return True

    def _fail_unfinished(self) -> None:
        reason = QueryFailure("", "The local runtime stopped while the query was running", category=SYSTEM)
        for id, document in self._stores.documents.all(KIND).items():
            if document["QueryExecution"]["Status"]["State"] in UNFINISHED:
                self._end(id, reason)


def _said(error: AwsError) -> str:
    """What Athena passes on of another service's error: of S3's failures their code too, as its SDK words them."""
    if error.status < 500:
        return error.message
    told = f"Service: Amazon S3; Status Code: {error.status}; Error Code: {error.code}"
    return f"The result could not be written: {error.message} ({told})"


def _document(id: str, request: Request) -> dict[str, Any]:
    statement = request.statement
    execution: dict[str, Any] = {
        "QueryExecutionId": id,
        "Query": request.sql,
        "StatementType": statement.type,
        "ResultConfiguration": {"OutputLocation": request.location},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": {"Database": request.database, "Catalog": "awsdatacatalog"},
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"DataScannedInBytes": 0, "TotalExecutionTimeInMillis": 0},
        "WorkGroup": request.workgroup,
        "EngineVersion": {
            "SelectedEngineVersion": "Athena engine version 3",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        "SubstatementType": statement.subtype,
    }
    extension = "csv" if statement.subtype == "SELECT" else "txt"
    location = request.location if request.location.endswith("/") else request.location + "/"
    execution["ResultConfiguration"]["OutputLocation"] = f"{location}{id}.{extension}"
    if request.parameters:
        execution["ExecutionParameters"] = request.parameters
    if not request.database:
        execution["QueryExecutionContext"].pop("Database")
    return {"QueryExecution": execution, "columns": [], "rows": 0, "token": request.token}


def _begin(document: dict[str, Any]) -> None:
    status = document["QueryExecution"]["Status"]
    status["State"] = "RUNNING"
    queued = int((time.time() - float(status["SubmissionDateTime"])) * 1000)
    document["QueryExecution"]["Statistics"]["QueryQueueTimeInMillis"] = queued


def _finish(
    document: dict[str, Any], state: str, reason: str, failure: QueryFailure | None = None, started: float | None = None
) -> None:
    execution = document["QueryExecution"]
    status = execution["Status"]
    status |= {"State": state, "StateChangeReason": reason, "CompletionDateTime": time.time()}
    if failure is not None:
        status["AthenaError"] = {
            "ErrorCategory": failure.category,
            "ErrorType": failure.type,
            "Retryable": failure.category == SYSTEM,
            "ErrorMessage": reason,
        }
    _time(execution, started)


def _succeed(document: dict[str, Any], written: results.Written, started: float) -> None:
    execution = document["QueryExecution"]
    execution["Status"] |= {"State": "SUCCEEDED", "CompletionDateTime": time.time()}
    execution["ResultConfiguration"]["OutputLocation"] = written.location
    document |= {"columns": written.columns, "rows": written.rows, "bytes": written.bytes}
    if written.manifest:
        execution["Statistics"]["DataManifestLocation"] = written.manifest
        document["updated"] = True
    _time(execution, started)


def _time(execution: dict[str, Any], started: float | None) -> None:
    now = time.time()
    engine = int((now - started) * 1000) if started is not None else 0
    total = int((now - float(execution["Status"]["SubmissionDateTime"])) * 1000)
    execution["Statistics"] |= {
        "EngineExecutionTimeInMillis": engine,
        "TotalExecutionTimeInMillis": total,
        "ServiceProcessingTimeInMillis": max(0, total - engine),
        "QueryPlanningTimeInMillis": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }
