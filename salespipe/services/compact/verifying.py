"""Whether a copy is what its source is: the objects that were written down, each row, and money to the cent."""

from __future__ import annotations

import gzip
import zlib

from salespipe.aws.errors import translated
from salespipe.errors import SalespipeError
from salespipe.services.compact import sql
from salespipe.services.compact.hours import Batch, Part, RawObject, objects_of
from salespipe.services.compact.state import Run, State
from salespipe.services.compact.work import Work
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import DATA_PREFIX

_BLANK_BYTES = 1024


def verify(work: Work, state: State, run: Run) -> tuple[int, int]:
    """Rows of the copy and bytes read for knowing that it is the source's. Raises SalespipeError when it is not."""
    p, bucket = work.p, work.p.names.bucket
    paths = work.execute(sql.rows_by_path(run.batch, bucket))
    seen = {path for path, _ in paths.rows}
    for each in objects_of(run.batch):
        if sql.path(bucket, each.key) not in seen and not _is_blank(p, each):
            raise SalespipeError(
                f"Athena reads no row out of {sql.path(bucket, each.key)}, which is not empty; nothing was changed",
                "look at the object; if it does not belong there, move it away",
            )
    source = work.execute(sql.totals_of_source(state.columns, run.batch, bucket))
    copy = work.execute(sql.totals_of_copy(state.columns, run.id))
    rows = sum(int(count or 0) for _, count in paths.rows)
    if source.rows != copy.rows or rows != sum(int(row[2] or 0) for row in source.rows):
        hour = next((a for a, b in zip(source.rows, copy.rows, strict=False) if a != b), None)
        where = f" in the hour dt={hour[0]}/hour={hour[1]}" if hour else ""
        raise SalespipeError(
            f"the copy differs from what was delivered{where}; nothing was changed",
            "please report this to the maintainers of salespipe",
        )
    return rows, paths.scanned_bytes + source.scanned_bytes + copy.scanned_bytes


def _is_blank(p: Pipeline, each: RawObject) -> bool:
    """Whether a small object holds nothing but white space."""
    if each.size > _BLANK_BYTES:
        return False
    with translated():
        body = p.aws.client("s3").get_object(Bucket=p.names.bucket, Key=each.key)["Body"].read()
    try:
        return not (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).strip()
    except (OSError, EOFError, zlib.error):
        return False


def still(p: Pipeline, part: Part) -> tuple[list[RawObject], int]:
    """The objects of `part` that are as they were read, and how many are there but are not."""
    hour = part.hour
    now = {each["Key"]: each["ETag"] for each in listing(p, f"{DATA_PREFIX}dt={hour.dt}/hour={hour.hour}/")}
    same = [each for each in part.objects if now.get(each.key) == each.etag]
    return same, sum(each.key in now for each in part.objects) - len(same)


def check_same(p: Pipeline, batch: Batch) -> None:
    """What was read is what was written down. Raises SalespipeError."""
    for part in batch:
        if len(still(p, part)[0]) != len(part.objects):
            raise SalespipeError(
                f"somebody else changed or removed objects of dt={part.hour.dt}/hour={part.hour.hour} meanwhile;"
                " nothing was compacted",
                "run the same command again",
            )
