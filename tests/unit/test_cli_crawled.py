"""What the crawler could not read is told, whoever looks."""

from __future__ import annotations

import io
import json

import pytest

from salespipe.cli.views import crawled, story
from salespipe.cli.views.console import Console
from salespipe.services.crawl import CrawlResult

WARNING = "salespipe: warning: crawler: s3://b/x: line 2\\x07 is not JSON\n"
TROUBLED = CrawlResult((), 1.23456, ("s3://b/x: line 2\x07 is not JSON",))


def test_a_warning_is_said_even_when_quiet_and_is_in_the_document() -> None:
    out, err = io.StringIO(), io.StringIO()

    crawled.show(Console(out, err, json=True, quiet=True), TROUBLED)

    assert err.getvalue() == WARNING
    assert json.loads(out.getvalue()) == {"tables": [], "seconds": 1.235, "problems": list(TROUBLED.problems)}


def test_without_a_warning_the_document_has_no_problems() -> None:
    out, err = io.StringIO(), io.StringIO()

    crawled.show(Console(out, err, json=True), CrawlResult((), 1.0))

    assert (json.loads(out.getvalue()), err.getvalue()) == ({"tables": [], "seconds": 1.0}, "")


@pytest.mark.parametrize("quiet", [True, False])
def test_the_demo_tells_it_too(quiet: bool) -> None:
    err = io.StringIO()

    story.progress_on(Console(io.StringIO(), err, quiet=quiet))(TROUBLED)

    assert err.getvalue().startswith(WARNING)
