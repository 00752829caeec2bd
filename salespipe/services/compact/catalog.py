"""The tables behind the name `orders` once orders are compacted, and the one step that changes what it stands for.

`raw_orders` is the table of what Firehose delivered, `orders_compacted` holds the Parquet (`below`), and `orders` is
the view over both. A view is put in place by one UpdateTable of Glue: Athena makes it under another name, and what it
made becomes `orders`. Whoever asked before reads as before, whoever asks later reads the new view.

The crawler names a table after its folder, `orders`, and one that is taken by something else with 32 more characters
(https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html), so from the first compaction on it
gives its tables the prefix `crawled_`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.absent import if_there
from salespipe.aws.errors import client_error, error_code, translated
from salespipe.errors import NotThereError, SalespipeError
from salespipe.services.compact import sql
from salespipe.services.compact.state import State
from salespipe.services.compact.statements import execute
from salespipe.services.objects import listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import (
    COMPACTED_PREFIX,
    COMPACTED_TABLE,
    CRAWLED_TABLE_PREFIX,
    DATA_PREFIX,
    LAKE_TABLE,
    NEXT_VIEW,
    RAW_TABLE,
    up_hint,
)

FOLDER = f"{COMPACTED_PREFIX}{LAKE_TABLE}/"
"""Where the compacted table lies."""

_VIEW = "VIRTUAL_VIEW"
_RUN = re.compile(r"'(\d{10}-[0-9a-f]{8})'")
_INPUT = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
    "ViewExpandedText", "TableType", "Parameters",
)  # fmt: skip
_CREATE_AT_ONCE = 100
_DELETE_AT_ONCE = 25

Table = dict[str, Any]


def table(p: Pipeline, name: str) -> Table | None:
    """A table of the catalog as Glue describes it."""
    with translated():
        found = if_there(p.aws.client("glue").get_table, DatabaseName=p.names.database, Name=name)
    return None if found is None else dict(found["Table"])


def columns(found: Table) -> dict[str, str]:
    """Glue types by column name, without the partition columns."""
    return {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]}


def raw(p: Pipeline) -> Table | None:
    """The table of what was delivered: `orders` itself until that is a view."""
    found = table(p, LAKE_TABLE)
    return found if found is not None and not is_view(found) else table(p, RAW_TABLE)


def crawled(p: Pipeline) -> list[Table]:
    """The tables that the crawler made of the folders of hours: one, but one for each folder where they differ in
    compression (https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html)."""
    return [found for found in by_crawler(p) if is_of_hours(p, found)]


def by_crawler(p: Pipeline) -> list[Table]:
    """Every table that our crawler made of what was delivered."""
    with translated():
        pages = p.aws.client("glue").get_paginator("get_tables").paginate(DatabaseName=p.names.database)
        return [
            found
            for page in pages
            for found in page["TableList"]
            if found.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == p.names.crawler
            and found["StorageDescriptor"].get("Location", "").startswith(f"s3://{p.names.bucket}/{DATA_PREFIX}")
        ]


def is_of_hours(p: Pipeline, found: Table) -> bool:
    """Whether a table of the crawler has folders of hours for partitions, or is one, and JSON in them."""
    folders = found["StorageDescriptor"]["Location"].removeprefix(f"s3://{p.names.bucket}/{DATA_PREFIX}").split("/")
    names = [folder.partition("=")[0] for folder in folders if folder]
    names += [key["Name"] for key in found.get("PartitionKeys", [])]
    return names == ["dt", "hour"] and found["Parameters"].get("classification") == "json"


def is_view(found: Table) -> bool:
    """Whether it stands for a query."""
    return found.get("TableType") == _VIEW


def as_input(found: Table, name: str) -> Table:
    """A table as what CreateTable and UpdateTable take."""
    return {key: found[key] for key in _INPUT if key in found} | {"Name": name}


def partitions(p: Pipeline, name: str, expression: str = "") -> list[dict[str, Any]]:
    """The partitions of a table, those that `expression` leaves."""
    params = {"Expression": expression} if expression else {}
    with translated():
        pages = p.aws.client("glue").get_paginator("get_partitions")
        return [
            partition
            for page in pages.paginate(DatabaseName=p.names.database, TableName=name, **params)
            for partition in page["Partitions"]
        ]


def hours(p: Pipeline, found: Table) -> set[tuple[str, str]]:
    """The hours (dt, hour) of which a query on the raw table reads the folder that the delivery writes to."""
    location = f"s3://{p.names.bucket}/{DATA_PREFIX}dt={{}}/hour={{}}"
    return {
        (partition["Values"][0], partition["Values"][1])
        for partition in partitions(p, found["Name"])
        if partition["StorageDescriptor"]["Location"].rstrip("/") == location.format(*partition["Values"][:2])
    }


def aside(p: Pipeline) -> None:
    """Let the crawler write a table that nobody reads from now on. Raises NotThereError without a crawler."""
    glue = p.aws.client("glue")
    try:
        with translated():
            if glue.get_crawler(Name=p.names.crawler)["Crawler"].get("TablePrefix", "") != CRAWLED_TABLE_PREFIX:
                glue.update_crawler(Name=p.names.crawler, TablePrefix=CRAWLED_TABLE_PREFIX)
    except NotThereError as error:
        raise NotThereError(f"pipeline {p.names.pipeline!r} is not there", up_hint(p.names.pipeline)) from error


def show(p: Pipeline, state: State, hidden: Sequence[str], alive: Callable[[], None]) -> None:
    """The switch: from now on `orders` is all that is raw, but for the objects at the addresses `hidden`, and all that
    the runs up to the state's `through` wrote."""
    execute(p, sql.view(state.columns, state.through, hidden), alive)
    made = table(p, NEXT_VIEW)
    if made is None:
        raise SalespipeError(f"the view {NEXT_VIEW} was removed by somebody else", "run the same command again")
    alive()
    view = as_input(made, LAKE_TABLE)
    if not create(p, view):
        try:
            update(p, view)
        except SalespipeError as error:
            cause = error.__cause__
            before = table(p, LAKE_TABLE)
            refused = isinstance(cause, ClientError) and error_code(cause) == "InvalidInputException"
            if not refused or before is None or is_view(before):
                raise
            # Only the first time, should Glue not let a table become a view: for a moment the name is not there,
            # and queries fail.
            drop(p, LAKE_TABLE)
            create(p, view)
    drop(p, NEXT_VIEW)


def shown_through(p: Pipeline) -> str | None:
    """The last run that the view `orders` shows, empty for none; None while `orders` is no view."""
    found = table(p, LAKE_TABLE)
    if found is None or not is_view(found):
        return None
    text = str(found.get("ViewOriginalText", "")).strip().removeprefix("/* Presto View:").removesuffix("*/").strip()
    try:
        said = json.loads(base64.b64decode(text, validate=True))["originalSql"]
    except (binascii.Error, ValueError, KeyError) as error:
        raise SalespipeError(
            f"the view {LAKE_TABLE} of {p.names.database} is not one that Athena has made",
            f"drop the view and make it again with: salespipe crawl; the data is safe in {RAW_TABLE}"
            f" and {COMPACTED_TABLE}",
        ) from error
    seen = _RUN.search(said)
    return seen[1] if seen else ""


def forget(p: Pipeline, run: str) -> None:
    """Take away what `run` wrote: first out of the catalog, then its objects."""
    glue = p.aws.client("glue")
    gone = [{"Values": partition["Values"]} for partition in _of_run(p, run)]
    with translated():
        for some in groups(gone, _DELETE_AT_ONCE):
            answer = glue.batch_delete_partition(
                DatabaseName=p.names.database, TableName=COMPACTED_TABLE, PartitionsToDelete=some
            )
            check("BatchDeletePartition", answer)
    delete(p, [each["Key"] for each in listing(p, FOLDER) if f"/run={run}/" in each["Key"]])


def _of_run(p: Pipeline, run: str) -> list[dict[str, Any]]:
    if table(p, COMPACTED_TABLE) is None:
        return []
    return [each for each in partitions(p, COMPACTED_TABLE, f"run = '{run}'") if each["Values"][2] == run]


def delete(p: Pipeline, keys: Iterable[str]) -> None:
    """Delete objects, a thousand a call."""
    with translated():
        for some in groups([{"Key": key} for key in keys], 1000):
            answer = p.aws.client("s3").delete_objects(Bucket=p.names.bucket, Delete={"Objects": some, "Quiet": True})
            for error in answer.get("Errors", []):
                raise client_error(
                    "DeleteObjects", error.get("Code", ""), f"{error.get('Key')}: {error.get('Message')}"
                )


def create(p: Pipeline, definition: Table) -> bool:
    """Make a table. Whether it was not there before."""
    with translated():
        try:
            p.aws.client("glue").create_table(DatabaseName=p.names.database, TableInput=definition)
        except ClientError as error:
            if error_code(error) != "AlreadyExistsException":
                raise
            return False
    return True


def update(p: Pipeline, definition: Table) -> None:
    """Change a table in one step."""
    with translated():
        p.aws.client("glue").update_table(DatabaseName=p.names.database, TableInput=definition, SkipArchive=True)


def drop(p: Pipeline, name: str) -> None:
    """Take a table out of the catalog, if it is there."""
    with translated():
        if_there(p.aws.client("glue").delete_table, DatabaseName=p.names.database, Name=name)


def register(p: Pipeline, name: str, wanted: Sequence[dict[str, Any]]) -> None:
    """Add partitions, those that are not there."""
    fields = ("Values", "StorageDescriptor", "Parameters")
    inputs = [{field: each[field] for field in fields if field in each} for each in wanted]
    with translated():
        for some in groups(inputs, _CREATE_AT_ONCE):
            answer = p.aws.client("glue").batch_create_partition(
                DatabaseName=p.names.database, TableName=name, PartitionInputList=some
            )
            check("BatchCreatePartition", answer)


def check(operation: str, answer: dict[str, Any]) -> None:
    """Raise for what a batch could not do, unless it was done already."""
    for error in answer.get("Errors", []):
        detail = error.get("ErrorDetail", {})
        if detail.get("ErrorCode") not in ("AlreadyExistsException", "EntityNotFoundException"):
            raise client_error(operation, detail.get("ErrorCode", ""), detail.get("ErrorMessage", ""))


def groups(items: Sequence[dict[str, Any]], most: int) -> Iterator[list[dict[str, Any]]]:
    """The items in batches."""
    left = iter(items)
    while some := list(islice(left, most)):
        yield some
