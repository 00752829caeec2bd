"""A runtime in which the pipeline is there already.

`up` takes half a second of CPU, so it is run once in a process and every other runtime starts over a copy of that home.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from salespipe.services import provision
from tests.embedded import Embedded


@contextmanager
def standing(home: Path) -> Iterator[Embedded]:
    """Runs over `home`, which is made of what `up` leaves."""
    shutil.copytree(_made(), home)
    embedded = Embedded(home)
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="salespipe-test-standing-", ignore_cleanup_errors=True)


@cache
def _made() -> Path:
    home = Path(_folder().name) / "home"
    embedded = Embedded(home)
    embedded.start()
    try:
        p = embedded.pipeline()
        for _ in provision.up(p, provision.plan(p)):
            pass
    finally:
        embedded.stop()
    return home
