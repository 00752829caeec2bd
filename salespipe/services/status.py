"""How each hop of the pipeline is doing: its state, what passed through it, what waits before it.

Everything is read through the services' own Describe calls and CloudWatch; nothing is changed. A number that
cannot be known is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from salespipe.aws.errors import translated
from salespipe.errors import NotThereError
from salespipe.services import provision
from salespipe.services.disk import Disk, disk
from salespipe.services.metrics import Counts, counts, freshness
from salespipe.services.objects import error_records, failed, summary
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import COMPACTED_PREFIX, DATA_PREFIX, ERROR_PREFIX, SEEN_PREFIX


@dataclass(frozen=True)
class Hop:
    """One hop, in the order of the flow.

    `state` is the service's own word. `records` is what passed (table: orders alive; lake, errors, dead letters:
    what lies there; catalog: tables). `lag` is how many records reached the hop before but not this one.
    `age_seconds` is how old its latest sign of life is (delivery: the oldest record it still holds). `bytes` is what
    it keeps: the table's items, the stream's changes, Kinesis's records, the objects of lake and errors.
    """

    name: str
    state: str
    records: int | None = None
    lag: int | None = None
    age_seconds: float | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Status:
    """All hops; `healthy` when there are no `problems`, each of which is one line for a person.

    `disk` is what the target's whole store takes, in bytes by part (`disk.PARTS`); None where that is not ours to know.
    """

    hops: tuple[Hop, ...]
    healthy: bool
    problems: tuple[str, ...]
    disk: dict[str, int] | None = None


@dataclass(frozen=True)
class _Seen:
    hop: Hop
    problem: str = ""


def status(p: Pipeline, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Status:
    """Look at every hop. Raises NotThereError when the pipeline is not there; one hop that is missing is a problem,
    and so is a pipe that failed to be created."""
    at = now()
    with ThreadPoolExecutor(8, thread_name_prefix="status") as pool:
        table = _describe_table(p)
        since = table.get("CreationDateTime") or at
        found = pool.submit(counts, p, since, at)
        held = pool.submit(freshness, p, since, at)
        failures = pool.submit(failed, p)
        taken = pool.submit(disk, p, at)
        looks = [
            pool.submit(_look, name, partial(look, p))
            for name, look in (
                ("pipe", partial(_pipe, table=table)),
                ("kinesis", _kinesis),
                ("delivery", _delivery),
                ("transform", _transform),
                ("dead letters", _dead_letters),
                ("crawler", partial(_crawler, at=at)),
                ("catalog", _catalog),
                ("lake", partial(_prefixes, name="lake", prefixes=(DATA_PREFIX, COMPACTED_PREFIX), at=at)),
                ("errors", partial(_prefixes, name="errors", prefixes=(ERROR_PREFIX,), at=at)),
            )
        ]
        seen = [*_table(table), *(look.result() for look in looks)]
        if all(each.hop.state == _MISSING for each in seen if each.hop.name in _MOVERS):
            provision.require(p)
        named = {each.hop.name: each.hop for each in seen}
        hops = _counted(named, found.result(), held.result(), failures.result().records, taken.result())
    problems = [each.problem for each in seen if each.problem]
    problems += _failed(p, failures.result().unseen)
    if hops["dead letters"].records:
        problems.append(f"{hops['dead letters'].records} dead letters wait in the queue {p.names.dead_letters}")
    problems += _missed(found.result())
    return Status(tuple(hops[name] for name in _ORDER), not problems, tuple(problems), taken.result().parts)


def _failed(p: Pipeline, unseen: int | None) -> list[str]:
    """What failed and where, and what ends the problem. What is moved, unlike what is removed, is still counted."""
    if unseen == 0:
        return []
    errors, seen = f"s3://{p.names.bucket}/{ERROR_PREFIX}", SEEN_PREFIX.removeprefix(ERROR_PREFIX)
    what = "records failed, which cannot be counted"
    if unseen is not None:
        what = f"{unseen} {'record' if unseen == 1 else 'records'} failed"
    move = f"aws s3 mv {errors} {errors}{seen} --recursive --exclude '{seen}*'"
    return [f"{what}; see the objects under {ERROR_PREFIX}, and when you are done with them: {move}"]


def _missed(seen: Counts) -> list[str]:
    """What went by age before it could be moved."""
    lost = {"pipe: {} changes": seen.missed_changes, "delivery: {} records": seen.missed_records}
    return [
        f"{words.format(count)} reached the end of their retention before they were passed on, and are lost"
        for words, count in lost.items()
        if count
    ]


def in_flight(p: Pipeline) -> int | None:
    """How many change events were written but are neither in the lake nor among the errors.

    Exact when the target publishes how many change events its table wrote and counts without delay, and its pipe is
    as old as its table. None when it cannot be told: AWS publishes no such count; None too while nothing was written.
    What the pipe gave up as a dead letter stays counted; what went by age is not. Raises NotThereError when the
    pipeline is not there.
    """
    table = _describe_table(p)
    if not table:
        provision.require(p)
        return None
    seen = counts(p, table["CreationDateTime"])
    if seen.changes is None:
        return None
    before_stream, in_delivery = _lags(seen, error_records(p))
    if before_stream is None or in_delivery is None:
        return None
    return before_stream + in_delivery


def arrived(p: Pipeline) -> int:
    """How many records have come to their end so far: rows in the lake and records among the errors.

    As late as the target's metrics are. Raises NotThereError when the pipeline is not there.
    """
    table = _describe_table(p)
    if not table:
        provision.require(p)
        return 0
    return (counts(p, table["CreationDateTime"]).delivered or 0) + (error_records(p) or 0)


_ORDER = (
    "table",
    "stream",
    "pipe",
    "kinesis",
    "delivery",
    "transform",
    "lake",
    "errors",
    "dead letters",
    "crawler",
    "catalog",
)


_MISSING = "MISSING"
_MOVERS = ("pipe", "kinesis", "delivery")  # a `down` that keeps the data leaves none of them


def _lags(seen: Counts, failed: int | None) -> tuple[int | None, int | None]:
    """Change events before the pipe, and records between the stream and their end."""
    before = None
    if seen.changes is not None:
        before = max(seen.changes - (seen.piped or 0) - (seen.missed_changes or 0), 0)
    within = None
    if seen.incoming is not None and failed is not None:
        within = max(seen.incoming - (seen.processed or 0) - (seen.missed_records or 0) - failed, 0)
    elif seen.changes is not None and failed is not None:
        within = 0
    return before, within


def _counted(hops: dict[str, Hop], seen: Counts, held: float | None, failed: int | None, taken: Disk) -> dict[str, Hop]:
    """The hops with the numbers that CloudWatch and the error objects give."""
    before, within = _lags(seen, failed)
    numbers: dict[str, dict[str, Any]] = {
        "stream": {"records": seen.changes, "bytes": taken.changes},
        "pipe": {"records": seen.piped, "lag": before},
        "kinesis": {"records": seen.incoming, "bytes": taken.records},
        "delivery": {"records": seen.delivered, "lag": within, "age_seconds": held if within else None},
        "transform": {"records": seen.processed},
        "lake": {"records": seen.delivered},
        "errors": {"records": failed},
    }
    if hops["lake"].state == "EMPTY":
        numbers["lake"]["records"] = 0
    return {name: _with(hop, numbers.get(name, {})) for name, hop in hops.items()}


def _with(hop: Hop, numbers: dict[str, Any]) -> Hop:
    return Hop(**{**vars(hop), **numbers})


def _look(name: str, look: Callable[[], _Seen]) -> _Seen:
    """What `look` saw, or the hop as missing."""
    try:
        with translated():
            return look()
    except NotThereError:
        return _missing(name)


def _missing(name: str) -> _Seen:
    return _Seen(Hop(name, _MISSING), f"{name}: it is not there; repair the pipeline with: salespipe up")


def _state(name: str, state: str, good: tuple[str, ...], reason: str = "", **numbers: Any) -> _Seen:
    problem = "" if state in good else f"{name}: {state}" + (f": {reason}" if reason else "")
    return _Seen(Hop(name, state, **numbers), " ".join(problem.split()))


def _describe_table(p: Pipeline) -> dict[str, Any]:
    try:
        with translated():
            table: dict[str, Any] = p.aws.client("dynamodb").describe_table(TableName=p.names.table)["Table"]
            return table
    except NotThereError:
        return {}


def _table(table: dict[str, Any]) -> list[_Seen]:
    if not table:
        return [_missing("table"), _missing("stream")]
    enabled = table.get("StreamSpecification", {}).get("StreamEnabled", False)
    # Both are brought up to date about every six hours on AWS.
    count, taken = table.get("ItemCount"), table.get("TableSizeBytes")
    return [
        _state("table", table["TableStatus"], ("ACTIVE", "UPDATING"), records=count, bytes=taken),
        _state("stream", "ENABLED" if enabled else "DISABLED", ("ENABLED",)),
    ]


def _pipe(p: Pipeline, table: dict[str, Any]) -> _Seen:
    """A pipe whose stream was switched off is dead for good, also when another stream was switched on since:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html"""
    pipe = p.aws.client("pipes").describe_pipe(Name=p.names.pipe)
    seen = _state("pipe", pipe["CurrentState"], ("RUNNING",), pipe.get("StateReason", ""))
    alive = table.get("LatestStreamArn") if table.get("StreamSpecification", {}).get("StreamEnabled") else None
    if table and not seen.problem and pipe["Source"] != alive:
        said = "pipe: the stream that it reads is off for good; repair the pipeline with: salespipe up"
        return _Seen(seen.hop, said)
    return seen


def _kinesis(p: Pipeline) -> _Seen:
    found = p.aws.client("kinesis").describe_stream_summary(StreamName=p.names.stream)
    return _state("kinesis", found["StreamDescriptionSummary"]["StreamStatus"], ("ACTIVE", "UPDATING"))


def _delivery(p: Pipeline) -> _Seen:
    found = p.aws.client("firehose").describe_delivery_stream(DeliveryStreamName=p.names.delivery)
    described = found["DeliveryStreamDescription"]
    reason = described.get("FailureDescription", {}).get("Details", "")
    return _state("delivery", described["DeliveryStreamStatus"], ("ACTIVE",), reason)


def _transform(p: Pipeline) -> _Seen:
    found = p.aws.client("lambda").get_function_configuration(FunctionName=p.names.function)
    # Inactive is a function that was not called for weeks; the next call wakes it.
    return _state("transform", found.get("State", "Active"), ("Active", "Inactive"), found.get("StateReason", ""))


def _dead_letters(p: Pipeline) -> _Seen:
    sqs = p.aws.client("sqs")
    url = sqs.get_queue_url(QueueName=p.names.dead_letters)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting = sum(int(found.get(name, 0)) for name in names)
    return _Seen(Hop("dead letters", "EMPTY" if not waiting else "WAITING", records=waiting))


def _crawler(p: Pipeline, at: datetime) -> _Seen:
    crawler = p.aws.client("glue").get_crawler(Name=p.names.crawler)["Crawler"]
    last = crawler.get("LastCrawl", {})
    age = max((at - last["StartTime"]).total_seconds(), 0.0) if "StartTime" in last else None
    problem = ""
    if last.get("Status") == "FAILED":
        problem = " ".join(f"crawler: the last crawl failed: {last.get('ErrorMessage', '')}".split())
    return _Seen(Hop("crawler", crawler["State"], age_seconds=age), problem)


def _catalog(p: Pipeline) -> _Seen:
    glue = p.aws.client("glue")
    tables = [
        table["Name"]
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=p.names.database)
        for table in page["TableList"]
    ]
    return _Seen(Hop("catalog", "READY" if tables else "EMPTY", records=len(tables)))


def _prefixes(p: Pipeline, *, name: str, prefixes: tuple[str, ...], at: datetime) -> _Seen:
    """What lies under all of them; the newest object under the first that has any is the sign of life."""
    found = [summary(p, prefix) for prefix in prefixes]
    latest = next((each.latest for each in found if each.latest), None)
    age = max((at - latest).total_seconds(), 0.0) if latest else None
    state = "READY" if any(each.objects for each in found) else "EMPTY"
    return _Seen(Hop(name, state, age_seconds=age, bytes=sum(each.bytes for each in found)))
