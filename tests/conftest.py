"""Fixtures for every test: a runtime of its own, and the pipeline in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.embedded import Embedded


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Embedded]:
    """The embedded runtime in this process, out of a new home."""
    from tests.embedded import Embedded

    embedded = Embedded(tmp_path / "home")
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()
