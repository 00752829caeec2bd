"""What a compaction would do: the closed hours of the lake, cut into runs. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from salespipe.aws.absent import if_there
from salespipe.aws.errors import translated
from salespipe.errors import NotThereError
from salespipe.services import provision
from salespipe.services.compact import catalog, state
from salespipe.services.compact.hours import Batch, Hour, RawObject, batches, by_hour, closed, objects_of, slack
from salespipe.services.compact.showing import counts
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.cost import scan_usd
from salespipe.stack.naming import DATA_PREFIX

_SCANS = 3  # the copy, the rows by object and the totals each read the raw objects


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
    run = state.under_way(p)
    copied = {each.key for each in objects_of(run.batch)} if run is not None and counts(p, run) else set()
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
