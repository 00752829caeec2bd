"""Shard iterators as opaque, signed-looking tokens: which shard, behind which sequence, and until when they are good.

Lifetimes: Kinesis 5 minutes (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html),
DynamoDB Streams 15 minutes
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html).
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from salespipe.local.errors import AwsError


@dataclass(frozen=True, slots=True)
class Position:
    """Reading goes on behind `after` in `shard` of the stream."""

    stream_arn: str
    shard: int
    after: int


class Iterators:
    """Makes and reads tokens of one service; nothing is kept of them, so polling leaks nothing."""

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.time) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._expired: dict[str, float] = {}
        """By stream, or by the table of a change stream: the tokens made until then have expired, whatever they say."""

    def expire(self, arn: str) -> None:
        """Let every token that was made until now expire: of the stream, or of the change streams of the table."""
        self._expired[arn] = self._clock() + self._lifetime

    def make(self, position: Position) -> str:
        """A token that is good for the lifetime from now."""
        until = self._clock() + self._lifetime
        return base64.b64encode(orjson.dumps([position.stream_arn, position.shard, position.after, until])).decode()

    def read(self, token: object) -> Position:
        """The position of a token. Raises AwsError (ExpiredIteratorException, InvalidArgumentException)."""
        try:
            stream_arn, shard, after, until = orjson.loads(base64.b64decode(str(token), validate=True))
            place = Position(str(stream_arn), int(shard), int(after))
            expired = float(until) < self._clock()
            if self._expired:
                expired |= float(until) <= self._expired.get(place.stream_arn.partition("/stream/")[0], 0.0)
        except (binascii.Error, ValueError, TypeError) as error:
            raise AwsError("InvalidArgumentException", "Invalid ShardIterator.") from error
        if expired:
            raise AwsError(
                "ExpiredIteratorException",
                f"Iterator expired. The iterator was good for {self._lifetime:.0f} seconds after it was returned.",
            )
        return place
