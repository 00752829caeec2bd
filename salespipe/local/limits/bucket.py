"""One limit: tokens that come back at a rate, up to a most.

Over any time `t` no more than `most + rate * t` tokens are given, but for one request at a time that is larger than
the bucket itself: that one is given once the bucket is full, and paid back before the next.
"""

from __future__ import annotations

from collections.abc import Iterable

_HAIR = 1e-9  # what adding up fractions of a second may be wrong by


class Bucket:
    """Begins with one second's tokens. `now` is any clock in seconds that never goes back."""

    __slots__ = ("_at", "_level", "most", "rate")

    def __init__(self, rate: float, now: float, *, burst_seconds: float = 1.0) -> None:
        self.rate = rate
        self.most = rate * burst_seconds
        self._level = rate
        self._at = now

    def _at_time(self, now: float) -> float:
        self._level = min(self.most, self._level + max(now - self._at, 0.0) * self.rate)
        self._at = now
        return self._level

    def has(self, amount: float, now: float) -> bool:
        """Whether `amount` would be given."""
        return self._at_time(now) + _HAIR >= min(amount, self.most)

    def owe(self, amount: float, now: float) -> None:
        """Take `amount` although it may not be there: nothing is given until it has come back."""
        self._level = self._at_time(now) - amount

    def empty(self, now: float) -> None:
        """Lose what was saved up."""
        self._level = min(self._at_time(now), 0.0)

    def wait(self, now: float) -> float:
        """Seconds until the bucket owes nothing."""
        return max(-self._at_time(now) / self.rate, 0.0)


def take(wanted: Iterable[tuple[Bucket | None, float]], now: float) -> bool:
    """Take from every bucket, or from none when one of them has too little. No bucket is no limit."""
    asked = [(bucket, amount) for bucket, amount in wanted if bucket is not None]
    if not all(bucket.has(amount, now) for bucket, amount in asked):
        return False
    for bucket, amount in asked:
        bucket.owe(amount, now)
    return True
