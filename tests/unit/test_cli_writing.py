"""What is said of orders that are written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from salespipe.cli.views import writing
from salespipe.cli.views.console import Console
from salespipe.services.write import WriteProgress, WriteResult

RESULT = WriteResult(inserted=1049, updated=0, deleted=0, seconds=2.5, rate=419.6, retried=0)


def test_what_is_put_is_told_as_written_since_the_table_does_not_say_what_was_there() -> None:
    assert writing.orders(RESULT) == "1,049 orders written  in 2.5 s, 419.6/s"
    assert writing.orders(WriteProgress(1, 0, 0, 1.0, 1.0, 2)) == "1 order written  in 1.0 s, 1.0/s, 2 retried"


def test_operations_are_told_by_their_kind() -> None:
    assert writing.operations(WriteProgress(3, 2, 1, 1.0, 6.0, 0)) == (
        "6 operations: 3 inserted, 2 updated, 1 deleted  in 1.0 s, 6.0/s"
    )


@pytest.mark.parametrize("words", [writing.orders, writing.operations])
def test_the_summary_for_machines_has_one_form(words: Callable[[WriteProgress], str]) -> None:
    out = io.StringIO()
    writing.show(Console(out, io.StringIO(), json=True), RESULT, words)
    assert json.loads(out.getvalue()) == {
        "inserted": 1049,
        "updated": 0,
        "deleted": 0,
        "seconds": 2.5,
        "rate": 419.6,
        "retried": 0,
    }
