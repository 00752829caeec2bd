"""The shop's habits: when orders come in, who places them, and how many pieces they are for.

Every draw comes from the generator that is passed in, so the same seed gives the same shop.
"""

from __future__ import annotations

from bisect import bisect
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

# Orders by hour of the day (UTC) and by weekday from Monday: quiet nights, a lunch-time rise and the evening peak
# on working days; weekends start later and stay level.
_HOURS = (8, 5, 3, 2, 2, 4, 9, 18, 30, 42, 50, 54, 58, 55, 50, 48, 50, 56, 66, 78, 84, 70, 42, 20)
_WEEKEND_HOURS = (12, 8, 5, 3, 2, 3, 5, 10, 22, 40, 58, 70, 74, 72, 70, 68, 66, 64, 64, 66, 64, 54, 36, 22)
_WEEKDAYS = (0.96, 0.92, 0.94, 1.00, 1.12, 1.24, 1.10)
_GROWTH = 0.25  # the last day sells this much more than the first

# One order in three is a new customer's; the rest go to someone in the recent past, in proportion to how often
# they bought. CDNOW, the classic real record, has 69,659 orders of 23,570 customers: 2.96 each.
_NEW_CUSTOMER = 0.338
_REMEMBERED = 20_000
_REGULARS = 300  # known from before, so that the first few to come in do not become everyone's best customers

_REGIONS = ("europe",) * 7 + ("north-america",) * 6 + ("asia-pacific",) * 4 + ("latin-america",) * 2 + ("africa",)

_SINGLE = (0.86, 0.95, 0.98, 0.992)  # cumulative share of 1, 2, 3, 4 pieces; beyond that 5 to 12
_CHEAP = (0.62, 0.83, 0.92, 0.96)
_CHEAP_BELOW = 40


class BusinessHours:
    """Draws the moment of an order within the `weeks` before `until`, by weekday, hour and slow growth."""

    def __init__(self, rng: Random, until: datetime, weeks: int) -> None:
        start = until - timedelta(weeks=weeks)
        hours = weeks * 7 * 24
        self._random = rng.random
        self._starts = [start + timedelta(hours=hour) for hour in range(hours)]
        self._weights = list(
            accumulate(
                _WEEKDAYS[moment.weekday()]
                * (_WEEKEND_HOURS if moment.weekday() > 4 else _HOURS)[moment.hour]
                * (1 + _GROWTH * hour / hours)
                for hour, moment in enumerate(self._starts)
            )
        )

    def draw(self) -> datetime:
        """A moment with milliseconds, before `until`."""
        hour = bisect(self._weights, self._random() * self._weights[-1])
        return self._starts[hour] + timedelta(milliseconds=int(self._random() * 3_600_000))


class Customers:
    """Draws who orders: new ones, and known ones who come back, a few of them very often.

    Numbers begin at 1 in every run, so customers also come back from one run to the next.
    """

    def __init__(self, rng: Random) -> None:
        self._random = rng.random
        self._recent = list(range(1, _REGULARS + 1))
        self._known = _REGULARS
        self._orders = 0

    def draw(self) -> int:
        if self._random() < _NEW_CUSTOMER:
            self._known += 1
            customer = self._known
        else:
            customer = self._recent[int(self._random() * len(self._recent))]
        if len(self._recent) < _REMEMBERED:
            self._recent.append(customer)
        else:
            self._recent[self._orders % _REMEMBERED] = customer
        self._orders += 1
        return customer


def region_of(customer: int) -> str:
    """Where a customer lives: always the same, without remembering it (Knuth's multiplicative hash)."""
    return _REGIONS[(customer * 2_654_435_761 % 2**32) * len(_REGIONS) >> 32]


def draw_quantity(rng: Random, price: float) -> int:
    """Pieces in one order: mostly one, more of what is cheap, at most 12."""
    chance = rng.random()
    pieces = bisect(_CHEAP if price < _CHEAP_BELOW else _SINGLE, chance) + 1
    return pieces if pieces < 5 else 5 + int(rng.random() ** 2 * 8)
