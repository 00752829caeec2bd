"""Which steps a kill comes after: those named by a test, or every one in turn until there are no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import pytest

from tests.local.crash_points import Crash

EVERY = pytest.param(None, id="every step", marks=[pytest.mark.heavy, pytest.mark.timeout(900)])
REQUEST = "^commit (request|endpoint)"
PIPE = "^commit pipe"
NOT_BESIDE = r"^(?!.*(retention|tmp/athena))"
"""What a runtime does beside all else, which nothing depends on, is left out of `every step`."""


def these(*crashes: Crash) -> Any:
    """A parameter: kills at these steps, all of which have to come."""
    return pytest.param(crashes, id="by half")


def kills(crashes: Sequence[Crash] | None) -> Iterable[Crash]:
    """The kills asked for, or one after each step in turn."""
    return (Crash(after, at=NOT_BESIDE) for after in count(1)) if crashes is None else crashes


def survived(struck: bool, crashes: Sequence[Crash] | None) -> bool:
    """Whether there are no more steps to kill at. Kills that were asked for must have come."""
    assert struck or crashes is None, "the step to kill at never came"
    return not struck
