"""What SALESPIPE_LOCAL_THROTTLE may say, read into numbers.

    off                                 no limits, as without the variable
    aws                                 the documented limits, all of them
    0.01                                all of them, times this factor
    shard-records=50                    this limit alone
    aws,shard-reads=20,shard-bytes=off  all of them, but for those that are named

https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html (initial throughput)
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html (a partition's limits)
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html
Reads of a change stream have no documented numbers; AWS's own answer is that they are those of a Kinesis shard
(https://github.com/aws/aws-sdk-java-v2/issues/470).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

VARIABLE = "SALESPIPE_LOCAL_THROTTLE"

AWS: dict[str, float] = {
    "shard-records": 1000,
    "shard-bytes": 1024 * 1024,
    "shard-reads": 5,
    "shard-read-bytes": 2 * 1024 * 1024,
    "table-writes": 4000,
    "table-reads": 12_000,
    "key-writes": 1000,
    "key-reads": 3000,
    "stream-reads": 5,
    "stream-read-bytes": 2 * 1024 * 1024,
    "stream-describes": 10,
}
"""A second, each. Tables in units: `table-*` of a table on demand, `key-*` of each range of its keys."""

OFF = "off"


@dataclass(frozen=True)
class Rates:
    """Limits by name; one that is not there is none. `factor` is for what a provisioned table says of itself."""

    text: str = OFF
    limits: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0


def parse(text: str | None) -> Rates:
    """The limits that `text` asks for. Raises ValueError with one line that says what is wrong and what would do."""
    words = [word.strip().lower() for word in (text or "").split(",")]
    if words in ([""], [OFF]):
        return Rates()
    limits: dict[str, float] = {}
    factor = 1.0
    for place, word in enumerate(words):
        name, equals, number = word.partition("=")
        if equals:
            if name not in AWS:
                raise ValueError(_wrong(text, f"{name!r} is no limit; those are {', '.join(AWS)}"))
            limits.pop(name, None)
            if number != OFF:
                limits[name] = _number(text, number)
        elif place == 0:
            factor = 1.0 if word == "aws" else _number(text, word)
            limits = {name: rate * factor for name, rate in AWS.items()}
        else:
            raise ValueError(_wrong(text, f"{word!r} is no name=number"))
    return Rates(",".join(words), limits, factor) if limits else Rates()


def _number(text: str | None, word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(_wrong(text, f"{word!r} is neither aws, off nor a number above 0"))
    return number


def _wrong(text: str | None, why: str) -> str:
    return f"{VARIABLE} {text!r}: {why}"
