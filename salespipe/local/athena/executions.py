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
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from salespipe.local.athena import execution_document as kept
from salespipe.local.athena import results, reuse
from salespipe.local.athena.catalog import CATALOG, Catalog, split_location
from salespipe.local.athena.column_info import column_info
from salespipe.local.athena.engine import Cancelled, Engine, Session
from salespipe.local.athena.errors import OTHER, SYSTEM, QueryFailure, SyntaxFailure, refused
from salespipe.local.athena.execution_document import KIND, UNFINISHED, Document, Request
from salespipe.local.athena.prepared import PreparedStatements
from salespipe.local.athena.statements.context import Context, Result
from salespipe.local.errors import AwsError, StoreError
from salespipe.local.moto_app import Moto
from salespipe.local.stores import Stores

TOKENS = "athena-token"
"""Of the documents: the client tokens that executions were started with."""
_THREADS = 4

log = logging.getLogger(__name__)


class CutoffReached(Exception):
    """The query would read more than its workgroup allows."""


class Reused(Exception):
    """The query need not run: the result of an earlier execution is its result."""

    def __init__(self, earlier: Document) -> None:
        self.earlier = earlier
        super().__init__(earlier["QueryExecution"]["QueryExecutionId"])


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
        self._unstored: dict[str, Document] = {}
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
            # What it gave may have gone with its workgroup.
            if known is not None and documents.get(KIND, known["id"]) is not None:
                if known["asked"] != request.asked:
                    raise refused("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
                return str(known["id"])
            if request.token:
                documents.put(TOKENS, request.token, {"id": id, "asked": request.asked})
            self._save(id, kept.new(id, request))
        self._pool.submit(self._guarded, id, request)
        return id

    def get(self, id: str) -> Document:
        """The document of an execution. Raises AwsError for an id that is not known."""
        found = self._unstored.get(id) or self._stores.documents.get(KIND, id)
        if found is None:
            raise refused(f"QueryExecution {id} was not found", "QUERY_EXECUTION_NOT_FOUND")
        return found

    def all(self) -> Iterator[Document]:
        """Every execution, newest first, as many as are taken."""
        return self._stores.documents.newest(KIND)

    def stop(self, id: str) -> None:
        """Cancel a query that is not finished; of one that is, nothing changes."""
        self.get(id)
        with self._lock:
            session = self._sessions.get(id)
            if session is not None:
                session.cancel()
            elif self._change(id, lambda found: kept.finish(found, "CANCELLED", kept.CANCELLED)):
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
        kept.finish(document, "FAILED", str(failure), failure)
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
            self._change(id, kept.begin)
            try:
                written = self._write(id, request, session, folder, started)
            except Cancelled:
                self._change(id, lambda found: kept.stopped(found, session.share_read, started))
            except CutoffReached:
                self._change(id, lambda found: kept.cut_off(found, request.cutoff or 0, started))
            except Reused as reused:
                earlier = reused.earlier
                self._change(id, lambda found: kept.reuse(found, earlier, started))
            except QueryFailure as error:
                self._end(id, error, started)
            except SyntaxFailure as error:
                self._end(id, QueryFailure("SYNTAX_ERROR", str(error)), started)
            except AwsError as error:
                self._end(id, QueryFailure("", _said(error), category=OTHER), started)
            else:
                self._change(id, lambda found: kept.succeed(found, written, started))

    def _write(self, id: str, request: Request, session: Session, folder: Path, started: float) -> results.Written:
        def scanned(count: int) -> None:
            self._change(id, lambda found: kept.planned(found, count, started))
            if request.cutoff is not None and count > request.cutoff:
                raise CutoffReached

        if request.statement.type == "DML" and request.catalog.lower() not in ("", CATALOG):
            raise QueryFailure("CATALOG_NOT_FOUND", f"Catalog '{request.catalog}' does not exist")
        bucket, prefix = split_location(request.location)
        context = Context(
            id=id,
            output=f"s3://{bucket}/{prefix}",
            central=request.central,
            database=request.database.strip("`").lower(),  # awswrangler quotes it for DDL, which Athena takes
            catalog=Catalog(self._moto, request.region),
            objects=self._stores.objects,
            folder=folder,
            now=datetime.now(UTC),
            session=session,
            scanned=scanned,
            prepared=PreparedStatements(self._stores.documents, request.region, request.workgroup),
        )
        result = request.statement.run(context)
        if request.reuse is not None and request.statement.subtype in reuse.REUSABLE:
            self._reuse(id, request.reuse, result)
        name = results.result_name(request.statement, id)
        return results.write(self._stores, self._moto.bucket_exists, bucket, prefix + name, id, result)

    def _reuse(self, id: str, minutes: int, result: Result) -> None:
        """Raise Reused when an earlier execution will do."""
        columns = [column_info(column) for column in result.columns]
        earlier = reuse.earlier(self.get(id), minutes, columns, self.all(), self._stores.objects)
        if earlier is not None:
            raise Reused(earlier)

    def _own_folder(self) -> tempfile.TemporaryDirectory[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=self._folder)

    # documents

    def _end(self, id: str, failure: QueryFailure, started: float | None = None) -> None:
        self._change(id, lambda found: kept.finish(found, "FAILED", str(failure), failure, started))

    def _save(self, id: str, document: Document) -> None:
        self._stores.documents.put(KIND, id, document)

    def _change(self, id: str, change: Callable[[Document], object]) -> bool:
        """Whether there was anything to change: what is finished stays as it is."""
        # In one transaction, as its workgroup may be deleted at this moment.
        with self._changing, self._stores.db.write():
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
