"""Log files of bounded size: one that grows too large is turned over while its writers go on."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

log = logging.getLogger(__name__)


def turn_over(path: Path, most_bytes: int) -> None:
    """Past `most_bytes` the file becomes `<path>.1` and begins anew. Its writers, which must be in append mode, go on
    at 0; the lines of that moment may be lost.

    Where there is no room for the copy the old lines go. A file that cannot be changed stays as it is: nothing that
    writes a log fails because of it.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return
    old = path.with_name(path.name + ".1")
    try:
        try:
            shutil.copyfile(path, old)
        except OSError:
            old.unlink(missing_ok=True)
        with path.open("r+b") as file:
            file.truncate(0)
    except OSError as error:
        log.warning("%s is too large and cannot be turned over: %s", path, error)
