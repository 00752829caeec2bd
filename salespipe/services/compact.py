"""Rewrite the closed hours of the lake into partitioned Parquet, so that a query opens one object instead of thousands.

The switch. Athena wants one data format in a table and all its partitions
(https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html), so a partition of the JSON table cannot
become Parquet, and a partition cannot leave one table and enter another in one step. A view can change what it reads
in one step. Therefore, from the first compaction on, `orders` is a view, put in place by one UpdateTable
(`compact_catalog`):

    raw_orders, but for the objects under way   UNION ALL   orders_compacted, runs up to N

1. Write down the run N+1: each object it reads, with its ETag.
2. INSERT INTO orders_compacted, as partitions dt/hour/run=N+1: nobody reads runs above N.
3. Compare copy and source by hour: rows, distinct events, money as exact decimals.
4. The switch: `orders` reads the runs up to N+1, and of raw_orders all but the objects of the run.
5. Wait until every query that may have begun before the switch has ended, in every workgroup: Athena lists the objects
   of a table while it runs (https://docs.aws.amazon.com/athena/latest/ug/querying-glue-catalog.html).
6. Delete the objects of the run, those that still have the ETag that was read. Queries that run meanwhile exclude
   these objects by `"$path"`, and Trino opens no file that a query excludes so. That is not documented for Athena:
   should it open one all the same while it is deleted, the query fails; it does not miss or repeat an order.
7. `orders` reads all of raw_orders again: nothing of the run is left there. The run is over.

Guarantee: at every instant each event is in `orders` as often as it was delivered, also for a query that runs during
a step. What comes into an hour after 1 is in no list: it is always visible and never deleted. A kill before 4 is
rolled back by the next run, one after 4 is carried on. Only one run is under way in a pipeline (`compact_state`).

CTAS is not used (see `compact_sql.create_table`). Everything is done with the caller's rights: there is no role that
could do it meanwhile. Beside those for `query` it takes athena:ListWorkGroups, ListQueryExecutions,
BatchGetQueryExecution, StopQueryExecution; glue:GetCrawler, UpdateCrawler, CreateTable, UpdateTable, DeleteTable,
BatchCreatePartition, BatchDeletePartition; s3:PutObject and DeleteObject below orders/, compacted/ and compacting/.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from salespipe.aws.absent import if_there
from salespipe.aws.errors import translated
from salespipe.errors import AccessError, NotThereError, SalespipeError
from salespipe.services import compact_catalog as catalog
from salespipe.services import compact_sql as sql
from salespipe.services import compact_state as memory
from salespipe.services import provision
from salespipe.services.compact_plan import Batch, Hour, Part, RawObject, batches, by_hour, closed, objects_of, slack
from salespipe.services.compact_state import Lock, Run, State
from salespipe.services.compact_statements import execute, stop_all, unfinished
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.cost import scan_usd
from salespipe.stack.naming import DATA_PREFIX

_SCANS = 3  # the copy, the rows by object and the totals each read the raw objects
_BLANK_BYTES = 1024
_QUIET_SECONDS = 5.0

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class CompactPlan:
    """What a compaction would do: the objects of each hour in `hours`, in `batches` of one run each. `slack_seconds`
    is how long after its end an hour is closed, `open_hours` how many hours are left out as they are not, `unknown`
    those that the catalog does not know. `pending` says that an earlier run has to be finished first."""

    hours: dict[Hour, list[RawObject]]
    batches: tuple[Batch, ...]
    slack_seconds: float
    open_hours: int
    unknown: tuple[Hour, ...]
    pending: bool

    @property
    def objects(self) -> int:
        return sum(map(len, self.hours.values()))

    @property
    def bytes(self) -> int:
        return sum(each.size for objects in self.hours.values() for each in objects)

    @property
    def scan_usd(self) -> Decimal:
        """What Athena asks on AWS for reading it all, in US dollars, list price."""
        sizes = [sum(each.size for each in objects_of(batch)) for batch in self.batches]
        return sum((scan_usd(size, _SCANS) for size in sizes), Decimal(0)).normalize()


@dataclass(frozen=True)
class CompactProgress:
    """What is being done: `step` in the run `run` of `runs` (0: one that an earlier command has left)."""

    step: Literal["finish", "roll back", "copy", "verify", "switch", "wait", "delete", "done"]
    run: int
    runs: int
    hours: int
    objects: int
    waiting: int = 0


@dataclass(frozen=True)
class CompactResult:
    """What became of it: the hours, objects and bytes before, the objects and bytes after, rows moved and bytes that
    Athena read. `left` objects had changed since they were read, and stay. `finished` says what became of a run that
    an earlier command has left: `finished`, `rolled back`, or empty without one."""

    hours: int
    objects: int
    bytes: int
    new_objects: int
    new_bytes: int
    rows: int
    left: int
    scanned_bytes: int
    finished: str
    seconds: float


@dataclass
class _Sums:
    objects: int = 0
    bytes: int = 0
    rows: int = 0
    left: int = 0
    scanned: int = 0


Events = Generator["CompactProgress | CompactResult", None, None]


def plan(
    p: Pipeline,
    *,
    before: datetime | None = None,
    open_hours: bool = False,
    now: datetime | None = None,
) -> CompactPlan:
    """What `compact` would do. Changes nothing.

    Only hours that ended by `before` (default: now) are looked at; with `open_hours` also those into which objects may
    still come, but none that has not ended by an explicit `before`. Raises NotThereError when the pipeline is not
    there.
    """
    at = now or datetime.now(UTC)
    provision.require(p)
    seconds = _slack(p)
    run = memory.under_way(p)
    copied = {each.key for each in objects_of(run.batch)} if run is not None and _counts(p, run) else set()
    found = by_hour(
        RawObject(each["Key"], each["ETag"], each["Size"])
        for each in listing(p, DATA_PREFIX)
        if each["Key"] not in copied
    )
    asked = [hour for hour in found if before is None or hour.ends <= before]
    chosen = asked if open_hours else closed(asked, at, seconds)
    raw = catalog.raw(p) if chosen else None
    known = catalog.hours(p, raw) if raw is not None else set()
    hours = {hour: found[hour] for hour in chosen if (hour.dt, hour.hour) in known}
    return CompactPlan(
        hours,
        tuple(batches(hours, p.names.bucket, p.settings.scan_cutoff_mb * 1_000_000 // 2)),
        seconds,
        len(asked) - len(chosen),
        tuple(hour for hour in chosen if (hour.dt, hour.hour) not in known),
        run is not None,
    )


def _slack(p: Pipeline) -> float:
    """By the settings of the delivery stream as it is, which somebody may have changed."""
    with translated():
        answer = if_there(p.aws.client("firehose").describe_delivery_stream, DeliveryStreamName=p.names.delivery)
    if answer is None:
        raise NotThereError(f"delivery stream {p.names.delivery} is not there", "repair it with: salespipe up")
    target = answer["DeliveryStreamDescription"]["Destinations"][0].get("ExtendedS3DestinationDescription", {})
    transform = {
        parameter["ParameterName"]: parameter["ParameterValue"]
        for processor in target.get("ProcessingConfiguration", {}).get("Processors", [])
        for parameter in processor.get("Parameters", [])
    }
    return slack(
        float(target.get("BufferingHints", {}).get("IntervalInSeconds", 300)),
        float(transform.get("BufferIntervalInSeconds", 60)),
        int(float(transform.get("NumberOfRetries", 3))),
    )


def compact(p: Pipeline, plan: CompactPlan, *, sleep: Sleep = time.sleep) -> Events:
    """Carry the plan out; the last item is the result.

    Interrupted before a switch it takes back what it did; afterwards the next run carries on. Raises SalespipeError
    when somebody else compacts, or when copy and source differ: then the old state is kept.
    """
    began = time.monotonic()
    sums = _Sums()
    with memory.held(p) as lock:

        def alive() -> None:
            lock.renew(at_once=False)

        finished = yield from _finish_earlier(p, lock, alive, sleep)
        if plan.batches:
            state = _ready(p, lock, alive)
            for number, batch in enumerate(plan.batches, 1):
                state = yield from _run(p, lock, state, batch, (number, len(plan.batches)), sums, alive, sleep)
        new = _new(p, plan.hours)
    yield CompactResult(
        len(plan.hours), sums.objects, sums.bytes, *new, sums.rows, sums.left, sums.scanned, finished,
        time.monotonic() - began,
    )  # fmt: skip


def refresh(p: Pipeline) -> bool:
    """Make `orders` show what there is, once it is a view: new columns, or the tables that a `down` took. Whether there
    is anything compacted. Somebody who compacts meanwhile does it himself."""
    if memory.state(p) is None:
        return False
    try:
        with memory.held(p) as lock:
            _refresh(p, lock)
    except memory.AtWorkError:
        return True
    return True


def _refresh(p: Pipeline, lock: Lock) -> None:
    def alive() -> None:
        lock.renew(at_once=False)

    state = memory.state(p)
    if state is None:
        return
    catalog.restore(p, state, alive)
    state = catalog.extend(p, state)
    hidden = []
    run = memory.under_way(p)
    if run is not None and _counts(p, run):
        state, hidden = State(run.id, state.columns, state.raw), _paths(p, run.batch)
    lock.renew()
    catalog.show(p, state, hidden, alive)
    memory.keep(p, state)


def _counts(p: Pipeline, run: Run) -> bool:
    """Whether a run that is not finished was switched to, so that it has to be carried on and not rolled back."""
    state = memory.state(p)
    return state is not None and (state.through >= run.id or catalog.shown_through(p) == run.id)


def _ready(p: Pipeline, lock: Lock, alive: Callable[[], None]) -> State:
    """The state before the next run: the first time, `orders` becomes a view of what it is already."""
    state = memory.state(p)
    if state is None:
        state = catalog.first_state(p)
        memory.keep(p, state)  # from now on `crawl` ends what follows, should we not
    catalog.aside(p)
    catalog.restore(p, state, alive)
    state = catalog.extend(p, state)
    if catalog.shown_through(p) is None:
        lock.renew()
        catalog.show(p, state, [], alive)
    return state


def _finish_earlier(
    p: Pipeline, lock: Lock, alive: Callable[[], None], sleep: Sleep
) -> Generator[CompactProgress, None, str]:
    run = memory.under_way(p)
    if run is None:
        return ""
    size = (0, 0, len(run.batch), len(objects_of(run.batch)))
    stop_all(p, run.id, sleep)
    state = memory.state(p)
    if state is None:
        memory.end(p)
        return "rolled back"
    if not _counts(p, run):
        yield CompactProgress("roll back", *size)
        _roll_back(p, run)
        return "rolled back"
    yield CompactProgress("finish", *size)
    state = State(run.id, state.columns, state.raw)
    memory.keep(p, state)
    if catalog.shown_through(p) != run.id:
        catalog.restore(p, state, alive)
        catalog.show(p, state, _paths(p, run.batch), alive)
    yield from _clear(p, lock, state, run, size[:2], _Sums(), alive, sleep)
    return "finished"


def _roll_back(p: Pipeline, run: Run) -> None:
    catalog.forget(p, run.id)
    memory.end(p)


def _run(
    p: Pipeline,
    lock: Lock,
    state: State,
    batch: Batch,
    which: tuple[int, int],
    sums: _Sums,
    alive: Callable[[], None],
    sleep: Sleep,
) -> Generator[CompactProgress, None, State]:
    """One run, from the copy to the end of what was copied."""
    run = Run(memory.next_id(state.through), batch)
    size = (*which, len(batch), len(objects_of(batch)))
    lock.renew()
    memory.begin(p, run)
    try:
        yield CompactProgress("copy", *size)
        raw = catalog.columns(state.raw)
        copied = execute(p, sql.insert(raw, state.columns, batch, p.names.bucket, run.id), alive, sleep)
        yield CompactProgress("verify", *size)
        _check_same(p, batch)
        rows, read = _verify(p, state, run, alive, sleep)
        yield CompactProgress("switch", *size)
        lock.renew()
    except BaseException:
        stop_all(p, run.id, sleep)
        _roll_back(p, run)
        raise
    counted = State(run.id, state.columns, state.raw)
    catalog.show(p, counted, _paths(p, batch), alive)
    memory.keep(p, counted)
    sums.rows += rows
    sums.scanned += copied.scanned_bytes + read
    yield from _clear(p, lock, counted, run, which, sums, alive, sleep)
    return counted


def _verify(p: Pipeline, state: State, run: Run, alive: Callable[[], None], sleep: Sleep) -> tuple[int, int]:
    """Rows of the copy and bytes read for knowing that it is the source's. Raises SalespipeError when it is not."""
    bucket = p.names.bucket
    paths = execute(p, sql.rows_by_path(run.batch, bucket), alive, sleep)
    seen = {path for path, _ in paths.rows}
    for each in objects_of(run.batch):
        if sql.path(bucket, each.key) not in seen and not _is_blank(p, each):
            raise SalespipeError(
                f"Athena reads no row out of {sql.path(bucket, each.key)}, which is not empty; nothing was changed",
                "look at the object; if it does not belong there, move it away",
            )
    both = {name: kind for name, kind in catalog.columns(state.raw).items() if name in state.columns}
    source = execute(p, sql.totals_of_source(both, run.batch, bucket), alive, sleep)
    copy = execute(p, sql.totals_of_copy(both, run.id), alive, sleep)
    rows = sum(int(count or 0) for _, count in paths.rows)
    if source.rows != copy.rows or rows != sum(int(row[2] or 0) for row in source.rows):
        hour = next((a for a, b in zip(source.rows, copy.rows, strict=False) if a != b), None)
        where = f" in the hour dt={hour[0]}/hour={hour[1]}" if hour else ""
        raise SalespipeError(
            f"the copy differs from what was delivered{where}; nothing was changed",
            "please report this to the maintainers of salespipe",
        )
    return rows, paths.scanned_bytes + source.scanned_bytes + copy.scanned_bytes


def _is_blank(p: Pipeline, each: RawObject) -> bool:
    """Whether a small object holds nothing but white space."""
    if each.size > _BLANK_BYTES:
        return False
    with translated():
        body = p.aws.client("s3").get_object(Bucket=p.names.bucket, Key=each.key)["Body"].read()
    try:
        return not (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).strip()
    except (OSError, EOFError, zlib.error):
        return False


def _clear(
    p: Pipeline,
    lock: Lock,
    state: State,
    run: Run,
    which: tuple[int, int],
    sums: _Sums,
    alive: Callable[[], None],
    sleep: Sleep,
) -> Iterator[CompactProgress]:
    """After the switch: the old objects go as soon as nobody reads them."""
    size = (*which, len(run.batch), len(objects_of(run.batch)))
    for waiting in _readers(p, alive, sleep):
        yield CompactProgress("wait", *size, waiting=waiting)
    yield CompactProgress("delete", *size)
    found = [_still(p, part) for part in run.batch]
    same = [each for part, _ in found for each in part]
    lock.renew()
    catalog.delete(p, [each.key for each in same])
    sums.objects += len(same)
    sums.bytes += sum(each.size for each in same)
    sums.left += sum(changed for _, changed in found)
    lock.renew()
    catalog.show(p, state, [], alive)
    memory.end(p)
    yield CompactProgress("done", *size)


def _readers(p: Pipeline, alive: Callable[[], None], sleep: Sleep) -> Iterator[int]:
    """How many queries that may have begun before now still run, until there is none.

    Then, for a few seconds at most, until no query runs at all: one that began since does not want the old objects, but
    whether it leaves them closed is up to Athena's optimizer.
    """
    try:
        now = {each.id for each in unfinished(p)}
        running = set(now)
        pause = 0.02
        patience = _QUIET_SECONDS
        while running or (now and patience > 0):
            yield len(running)
            alive()
            sleep(pause)
            patience -= 0 if running else pause
            pause = min(pause * 1.5, 2.0)
            now = {each.id for each in unfinished(p)}
            running &= now
    except AccessError as error:
        raise AccessError(
            f"{error}: whether somebody still reads the old objects cannot be known, so they stay",
            "nothing is shown twice; allow athena:ListWorkGroups, ListQueryExecutions and BatchGetQueryExecution,"
            " and run the same command again",
        ) from error


def _still(p: Pipeline, part: Part) -> tuple[list[RawObject], int]:
    """The objects of `part` that are as they were read, and how many are there but are not."""
    hour = part.hour
    now = {each["Key"]: each["ETag"] for each in listing(p, f"{DATA_PREFIX}dt={hour.dt}/hour={hour.hour}/")}
    same = [each for each in part.objects if now.get(each.key) == each.etag]
    return same, sum(each.key in now for each in part.objects) - len(same)


def _check_same(p: Pipeline, batch: Batch) -> None:
    """What was read is what was written down. Raises SalespipeError."""
    for part in batch:
        if len(_still(p, part)[0]) != len(part.objects):
            raise SalespipeError(
                f"somebody else changed or removed objects of dt={part.hour.dt}/hour={part.hour.hour} meanwhile;"
                " nothing was compacted",
                "run the same command again",
            )


def _paths(p: Pipeline, batch: Sequence[Part]) -> list[str]:
    return [sql.path(p.names.bucket, each.key) for each in objects_of(batch)]


def _new(p: Pipeline, hours: dict[Hour, list[RawObject]]) -> tuple[int, int]:
    """Objects and bytes that these hours have now."""
    folders = {f"dt={hour.dt}/hour={hour.hour}" for hour in hours}
    found = [
        each["Size"]
        for each in (listing(p, catalog.FOLDER) if hours else ())
        if "/".join(each["Key"].removeprefix(catalog.FOLDER).split("/")[:2]) in folders
    ]
    return len(found), sum(found)
