"""Whether an earlier result may be given again instead of running the query.

Athena's rules: the query text, its parameters, catalog, database, workgroup and result location are the same, the
result is not older than asked for, it still lies where it was written, and the tables can still be read. Only SELECT
and EXECUTE. Athena does not look whether the data changed; a table whose columns changed is asked anew here.
https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from salespipe.local.athena.catalog import split_location
from salespipe.local.athena.execution_document import Document
from salespipe.local.stores.objects import ObjectStore

REUSABLE = ("SELECT", "EXECUTE")
_SAME = ("Query", "ExecutionParameters", "QueryExecutionContext", "WorkGroup", "SubstatementType")


def earlier(
    document: Document, minutes: int, columns: list[dict[str, Any]], history: Iterable[Document], objects: ObjectStore
) -> Document | None:
    """The newest execution in `history`, newest first, whose result will do for `document`."""
    execution = document["QueryExecution"]
    oldest = time.time() - minutes * 60
    for candidate in history:
        other = candidate["QueryExecution"]
        if float(other["Status"]["SubmissionDateTime"]) < oldest:
            return None
        if (
            other["Status"]["State"] == "SUCCEEDED"
            and all(other.get(name) == execution.get(name) for name in _SAME)
            and all(candidate.get(name) == document.get(name) for name in ("location", "region"))
            and candidate["columns"] == columns
            and not other["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"]
            and _is_there(other["ResultConfiguration"]["OutputLocation"], objects)
        ):
            return candidate
    return None


def _is_there(location: str, objects: ObjectStore) -> bool:
    bucket, key = split_location(location)
    return objects.get(bucket, key.removesuffix("/")) is not None
