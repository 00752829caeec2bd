"""Showing what a statement wrote: its objects, its manifest and the catalog's entries, in one step.

A kill before that step leaves files that no object is made of, a kill behind it leaves everything. AWS writes the
objects first and the catalog last, so it may leave objects of a table that is not there; the manifest lists them.
https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from salespipe.local.athena.catalog import split_location
from salespipe.local.athena.column_info import column_info, metadata
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.statements.context import Context, Result, ResultColumn, Stored
from salespipe.local.athena.types import BIGINT
from salespipe.local.athena.writing.layout import Layout
from salespipe.local.stores.objects import StoredObject

_CHUNK = 1 << 20
_ROWS = (ResultColumn("rows", BIGINT),)


@dataclass(frozen=True)
class NewFile:
    """A file that is to become the object `bucket`, `key`."""

    bucket: str
    key: str
    path: Path


def object_name(context: Context, layout: Layout, number: int) -> str:
    """A name as Trino gives it: when, which query, which file."""
    stamp = f"{context.now:%Y%m%d_%H%M%S}_{number:05d}_{context.id[:5]}"
    return f"{stamp}_{uuid.uuid4()}{layout.extension}"


def check_empty(context: Context, location: str, database: str, name: str) -> None:
    """Raises HIVE_PATH_ALREADY_EXISTS if there is any object at a location that must have none."""
    bucket, prefix = split_location(location)
    if context.objects.list(bucket, prefix, limit=1):
        raise QueryFailure(
            "HIVE_PATH_ALREADY_EXISTS",
            f"Target directory for table '{database}.{name}' already exists: {location}. You may need to manually "
            f"clean the data at location '{location}' before retrying. Athena will not delete data in your account.",
        )


def commit(
    context: Context, files: Sequence[NewFile], rows: int, folder: str, enter: Callable[[], None] = lambda: None
) -> Result:
    """Store the files, then make everything visible at once; `enter` looks whether all is still as it was and writes
    to the catalog.

    The manifest and the metadata go to `folder`, below the location of results.
    """
    bucket, prefix = split_location(context.output + folder)
    listed = "".join(f"s3://{file.bucket}/{file.key}\n" for file in files)
    written: list[StoredObject] = []
    try:
        for file in files:
            written.append(context.objects.write(file.bucket, file.key, _chunks(file.path)))
            file.path.unlink()
        columns = metadata(context.id, [column_info(column) for column in _ROWS])
        for name, body in (("-manifest.csv", listed.encode()), (".metadata", columns)):
            written.append(context.objects.write(bucket, f"{prefix}{context.id}{name}", body))
    except BaseException:
        context.objects.discard(*written)
        raise
    with context.catalog.together():
        try:
            enter()
        except BaseException:
            context.objects.discard(*written)
            raise
        context.objects.index(*written)  # and if what follows fails, the files go
        for each in sorted({stored.bucket for stored in written}):
            if not context.catalog.bucket_exists(each):
                raise QueryFailure("", f"Unable to verify/create output bucket {each}")
    manifest = f"s3://{bucket}/{prefix}{context.id}-manifest.csv"
    return Result(_ROWS, stored=Stored(f"s3://{bucket}/{prefix}{context.id}", manifest, rows))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
