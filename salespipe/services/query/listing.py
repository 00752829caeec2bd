"""The ids of what belongs to the pipeline's workgroup, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code, translate
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline

BATCH = 50
"""The most that a page has, and that one call takes the details of."""


def ids(p: Pipeline, operation: str, key: str) -> Iterator[str]:
    """The ids under `key` of the answers to `operation`. Raises NotThereError when the pipeline is not there."""
    call = getattr(p.aws.client("athena"), operation)
    more: dict[str, str] = {}
    while True:
        try:
            page = call(WorkGroup=p.names.workgroup, MaxResults=BATCH, **more)
        except ClientError as error:
            if error_code(error) == "InvalidRequestException":  # so Athena calls a workgroup that is not there
                provision.require(p)
            raise translate(error) from error
        yield from map(str, page[key])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
