"""Log files of bounded size: one that grows too large is turned over while its writers go on."""

from __future__ import annotations

import shutil
from pathlib import Path


def turn_over(path: Path, most_bytes: int) -> None:
    """Past `most_bytes` the file becomes `<path>.1` and begins anew. Its writers, which must be in append mode, go on
    at 0; the lines of that moment may be lost."""
    if path.exists() and path.stat().st_size > most_bytes:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        with path.open("r+b") as file:
            file.truncate(0)
