"""What `status` shows of sizes: those it knows, the whole and its parts in a fixed order; and the active faults."""

from __future__ import annotations

import io
import json

from salespipe.cli.views import hops
from salespipe.cli.views.console import Console
from salespipe.services.status import Hop, Status

HOPS = (Hop("table", "ACTIVE", records=2, bytes=1_234_567), Hop("pipe", "RUNNING", age_seconds=1.23456))
DISK = {"records": 3_000_000, "items": 1_234_567, "logs": 12}


def shown(status: Status, *, as_json: bool) -> str:
    out = io.StringIO()
    hops.show(Console(out, io.StringIO(), json=as_json), status, where="here")
    return out.getvalue()


def test_sizes_and_the_disk_are_for_people() -> None:
    lines = shown(Status(HOPS, True, (), DISK), as_json=False).splitlines()
    assert lines[0].split() == ["hop", "state", "records", "lag", "age", "size"]
    assert lines[2].split() == ["table", "ACTIVE", "2", "1.2", "MB"]
    assert lines[3].split() == ["pipe", "RUNNING", "1.2", "s"]
    assert "on disk: 4.2 MB (records 3.0 MB, items 1.2 MB, logs 12 B)" in lines


def test_the_document_has_bytes_and_the_total() -> None:
    found = json.loads(shown(Status(HOPS, True, (), DISK), as_json=True))
    assert found["hops"][0]["bytes"] == 1_234_567
    assert found["disk"] == {**DISK, "total": sum(DISK.values())}


def test_where_the_disk_is_not_ours_there_is_nothing_of_it() -> None:
    status = Status(HOPS, True, ())
    assert "on disk" not in shown(status, as_json=False)
    assert json.loads(shown(status, as_json=True))["disk"] is None


def test_the_parts_keep_their_order_and_have_words_that_explain_them() -> None:
    disk = {"records": 1, "logs": 12, "free": 0, "overhead": 3_000_000}
    text = shown(Status(HOPS, True, (), disk), as_json=False)
    assert "(records 1 B, logs 12 B, free to be used again 0 B, indexes and bookkeeping 3.0 MB)" in text


def test_active_faults_are_in_the_last_line_and_in_the_document() -> None:
    out = io.StringIO()
    hops.show(Console(out, io.StringIO()), Status(HOPS, True, ()), where="here", faults=["fail-lambda", "fail-s3"])
    assert out.getvalue().splitlines()[-1] == "healthy; here; active faults: fail-lambda, fail-s3"
    assert json.loads(shown(Status(HOPS, True, ()), as_json=True))["active_faults"] == []
