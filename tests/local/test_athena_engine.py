"""The engine's sessions: a stop reaches a query whenever it comes, and tells how far the query was."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from salespipe.local.athena import execution_document as kept
from salespipe.local.athena.catalog import Column, Storage
from salespipe.local.athena.engine import Cancelled, Engine, Session
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.formats import json as json_format
from salespipe.local.athena.formats.source import Source

ENDLESS = "SELECT count(*) FROM range(1000000) a(x) CROSS JOIN range(1000000) b(y) WHERE x % 7 = y % 11"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "spill")
    yield engine
    engine.close()


def _runs(session: Session, ended: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            session.rows(ENDLESS)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("before", [True, False])
def test_a_stop_that_comes_with_the_beginning_is_not_forgotten(engine: Engine, before: bool) -> None:
    for _ in range(10):
        ended: list[BaseException] = []
        with engine.session() as session:
            if before:
                session.cancel()
            thread = _runs(session, ended)
            session.cancel()
            thread.join(10)
            assert not thread.is_alive()
        assert len(ended) == 1


def test_a_stop_tells_the_share_that_was_done(engine: Engine) -> None:
    ended: list[BaseException] = []
    with engine.session() as session:
        assert session.share_read is None
        thread = _runs(session, ended)
        deadline = time.monotonic() + 20
        while session.progress() is None:
            assert time.monotonic() < deadline
        session.cancel()
        thread.join(10)
    assert len(ended) == 1
    assert session.share_read is not None
    assert 0 <= session.share_read < 1


def test_what_a_stopped_query_is_charged_for() -> None:
    def document() -> kept.Document:
        statistics = {"DataScannedInBytes": 1000}
        status = {"State": "RUNNING", "SubmissionDateTime": time.time()}
        return {"QueryExecution": {"Status": status, "Statistics": statistics}}

    charged = []
    for share in (None, 0.25):
        stopped = document()
        kept.stopped(stopped, share, time.time())
        charged.append(stopped["QueryExecution"]["Statistics"]["DataScannedInBytes"])
    assert charged == [1000, 250]
    limited = document()
    kept.cut_off(limited, 600, time.time())
    assert limited["QueryExecution"]["Statistics"]["DataScannedInBytes"] == 600
    assert limited["QueryExecution"]["Status"]["State"] == "CANCELLED"


def test_a_statement_that_needs_more_memory_gets_it_for_its_time(tmp_path: Path) -> None:
    small = Engine(tmp_path / "spill", memory="16MB", most="256MB")
    needs = "SELECT length(string_agg(CAST(range AS VARCHAR), ',')) FROM range(2000000)"
    try:
        with small.session() as session, small.session() as other:
            assert session.rows(needs) == [(sum(len(str(n)) + 1 for n in range(2_000_000)) - 1,)]
            assert _limit(other) == "244.1 MiB"
        with small.session() as session:
            assert _limit(session) == "15.2 MiB"
            with pytest.raises(QueryFailure, match="EXCEEDED_LOCAL_MEMORY_LIMIT"):
                session.rows("SELECT length(string_agg(repeat('x', 1000), ',')) FROM range(4000000)")
    finally:
        small.close()


def test_objects_as_firehose_writes_them_are_read_in_little_memory(tmp_path: Path) -> None:
    """Each thread has a buffer of its own, which the engine would make 32 MB."""
    files = []
    for number in range(4):
        lines = "".join(json.dumps({"n": n, "text": f"{n:0200}"}) + "\n" for n in range(number, 20_000, 4))
        files.append(tmp_path / f"{number}.gz")
        files[-1].write_bytes(gzip.compress(lines.encode(), 1))
    storage = Storage((Column("n", "bigint"),), "", "org.openx.data.jsonserde.JsonSerDe", {}, "", {})
    columns = list(enumerate(storage.columns))
    sql = json_format.read(Source(files, [file.stat().st_size for file in files], columns, storage))
    engine = Engine(tmp_path / "spill", memory="30MB", most="30MB")
    try:
        with engine.session() as session:
            assert session.rows(f"SELECT count(*), sum(n) FROM ({sql})") == [(20_000, sum(range(20_000)))]
    finally:
        engine.close()


def _limit(session: Session) -> str:
    return str(session.rows("SELECT current_setting('memory_limit')")[0][0])
