"""What a pipeline costs on AWS: approximate list prices of us-east-1, without free tiers, tax or discounts.

Pricing pages: https://aws.amazon.com/{kinesis/data-streams,firehose,eventbridge,dynamodb,lambda,s3,cloudwatch}/pricing/.
A month has 730 hours; a change event is about 1 KB, one write of the table and one record everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from salespipe.settings import Settings
from salespipe.stack.resource import Resource

LABEL = "approximate list prices, us-east-1"
_HOURS = 730
_SCAN_USD, _LEAST_SCAN = Decimal(5), Decimal(10_000_000)


@dataclass(frozen=True)
class Cost:
    """US dollars: a month of doing nothing, and a million change events."""

    monthly_idle: Decimal = Decimal(0)
    per_million: Decimal = Decimal(0)
    note: str = ""


NOTHING = Cost()
_STREAM = {
    "ON_DEMAND": Cost(Decimal("0.04") * _HOURS, Decimal("0.12"), "$0.04 an hour, $0.08/GB in, $0.04/GB out"),
    "PROVISIONED": Cost(Decimal("0.015") * _HOURS, Decimal("0.014"), "one shard, $0.015 an hour"),
}
_BY_KIND = {
    "table": Cost(per_million=Decimal("0.63"), note="$0.625 a million writes"),
    "delivery": Cost(per_million=Decimal("0.14"), note="$0.029/GB, a record counts as 5 KB at least"),
    "pipe": Cost(per_million=Decimal("0.40"), note="$0.40 a million requests of up to 64 KB, fewer in batches"),
    "function": Cost(per_million=Decimal("0.10"), note="$0.20 a million calls and the time they take"),
    "bucket": Cost(per_million=Decimal("0.01"), note="$0.005 a thousand objects, $0.023/GB a month"),
    "crawler": Cost(note="about $0.07 to 0.15 a run; on demand only"),
    "workgroup": Cost(note="$5/TB read, $0.00005 a query at least"),
}


def cost_of(resource: Resource, settings: Settings) -> Cost:
    """The cost of one resource; roles, log groups and the catalog are as good as free."""
    if resource.kind == "stream":
        return _STREAM[settings.stream_mode]
    return _BY_KIND.get(resource.kind, NOTHING)


def scan_usd(read: int, queries: int) -> Decimal:
    """What Athena asks for `queries` that read `read` bytes each: $5/TB, 10 MB at least
    (https://aws.amazon.com/athena/pricing/)."""
    return queries * max(Decimal(read), _LEAST_SCAN) * _SCAN_USD / 10**12


def words(cost: Cost) -> str:
    """The cost in one line, or nothing when there is none."""
    sums = []
    if cost.monthly_idle:
        sums.append(f"${cost.monthly_idle.quantize(Decimal('0.01'))} a month idle")
    if cost.per_million:
        sums.append(f"${cost.per_million} a million orders")
    if cost.note:
        sums.append(cost.note)
    return "cost: " + "; ".join(sums) if sums else ""
