"""`--output FILE`: there whole or not at all.

The rows go into a file beside it, which takes its place when the last one is in. What is no plain file, such as a
pipe or /dev/null, is written as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salespipe.cli.views.results import Result, lines
from salespipe.errors import SalespipeError


def save(result: Result, form: str, path: Path) -> None:
    """The rows in a file, which is replaced. Raises SalespipeError when it cannot be written."""
    try:
        with whole(path) as place:
            _write(result, form, place)
    except OSError as error:
        raise SalespipeError(f"{path} cannot be written: {error.strerror or error}") from error


def check(path: Path) -> None:
    """Raise SalespipeError for a file that cannot be, before a query is paid for it."""
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise SalespipeError(f"{path} cannot be written: {why}")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write the file to; it becomes `path` when nothing was raised, and is gone otherwise."""
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        yield path
        return
    goal = path.resolve()  # a link stays one
    place = goal.with_name(f".{goal.name}.{os.getpid()}.part")
    try:
        yield place
        if goal.exists():
            place.chmod(goal.stat().st_mode & 0o777)
        place.replace(goal)
    finally:
        place.unlink(missing_ok=True)


def _write(result: Result, form: str, place: Path) -> None:
    if form == "parquet":
        from salespipe.services.query.parquet import write_parquet

        write_parquet(place, result.columns, result.rows)
        return
    with place.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in lines(result.columns, result.rows, form))
