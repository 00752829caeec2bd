"""Why there is no table of orders yet, and what to do next: words that do not send people round in a circle."""

from __future__ import annotations

from salespipe.errors import NotThereError
from salespipe.services.objects import error_records, listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import COMPACTED_PREFIX, DATA_PREFIX, ERROR_PREFIX


def why_empty(p: Pipeline) -> str:
    """Why nothing lies in the lake, in one line; empty when something does, so that a crawl makes a table of it."""
    try:
        if any(next(listing(p, prefix), None) is not None for prefix in (DATA_PREFIX, COMPACTED_PREFIX)):
            return ""
    except NotThereError:
        return f"the bucket {p.names.bucket} is not there; repair the pipeline with: salespipe up"
    failed = error_records(p)
    if failed == 0:
        return "nothing has been delivered yet; to write orders: salespipe generate; where they are: salespipe status"
    many = "all records" if failed is None else f"all {failed:,} records" if failed > 1 else "the only record"
    return f"{many} that arrived failed and went to {ERROR_PREFIX} of s3://{p.names.bucket}; see: salespipe status"
