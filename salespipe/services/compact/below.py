"""The tables below the view `orders`: `raw_orders`, what was delivered and is not compacted, and `orders_compacted`.

Both are ours and have the same columns, so that the view fits them whatever a crawl finds. A crawler makes of its own
table what lies there now: one object that does not belong there changes its types, its columns or its partitions, and
once the objects are gone it leaves the table as it is
(https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html). So nobody reads what it writes: new
columns are taken from it, and the hours are the folders that there are. Columns come and never go or change their type;
the JSON SerDe gives NULL for what a row does not have.

Athena reads the locations of the partitions, so that of `raw_orders` itself is a place where nothing lies: the crawler
would take a table at the location that it crawls for its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from salespipe.aws.errors import translated
from salespipe.errors import NotThereError, SalespipeError
from salespipe.services.compact import catalog, sql
from salespipe.services.compact.catalog import FOLDER, Table
from salespipe.services.compact.state import State
from salespipe.services.compact.statements import execute
from salespipe.services.objects import folders, listing
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import (
    COMPACTED_TABLE,
    COMPACTING_PREFIX,
    DATA_PREFIX,
    DAY_FOLDER,
    HOUR_FOLDER,
    LAKE_TABLE,
    RAW_TABLE,
)

_HOURS = ("dt", "hour")
_FILE = re.compile(re.escape(FOLDER) + r"dt=([^/]+)/hour=([^/]+)/run=([^/]+)/[^/]+")
_UPDATE_AT_ONCE = 100
_LAYOUT = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {}},
}


def first_state(p: Pipeline) -> State:
    """What counts before the first run: nothing that was compacted. Raises NotThereError without a table of orders,
    SalespipeError for a column that could not be kept."""
    found = catalog.raw(p)
    if found is None:
        raise NotThereError(f"there is no table {LAKE_TABLE}", "the crawler makes it; run: salespipe crawl")
    taken = sorted(catalog.columns(found).keys() & set(sql.PARTITIONS))
    if taken:
        raise SalespipeError(
            f"the orders have a column {taken[0]}, which is a partition of {COMPACTED_TABLE}: they cannot be compacted",
            "give the attribute another name",
        )
    return State("", sql.wide(catalog.columns(found)))


def restore(p: Pipeline, state: State, alive: Callable[[], None]) -> None:
    """Make the tables, or what is missing of them: before the view is there, and when a `down` has taken them. Nothing
    that anybody sees changes, but that new hours are there."""
    if catalog.table(p, COMPACTED_TABLE) is None:
        execute(p, sql.create_table(state.columns, f"s3://{p.names.bucket}/{FOLDER}"), alive)
    made = _compacted(p)
    there = {tuple(partition["Values"]) for partition in catalog.partitions(p, COMPACTED_TABLE)}
    files = (_FILE.fullmatch(each["Key"]) for each in listing(p, FOLDER))
    wanted = {match.groups() for match in files if match is not None and match[3] <= state.through}
    catalog.register(p, COMPACTED_TABLE, [_compacted_part(p, made, values) for values in sorted(wanted - there)])
    _fit(p, catalog.columns(made))


def extend(p: Pipeline, state: State) -> State:
    """Give both tables the columns that the crawler has found since."""
    made = _compacted(p)
    late = sql.missing([catalog.columns(found) for found in catalog.crawled(p)], catalog.columns(made))
    if late:
        made["StorageDescriptor"]["Columns"] += [{"Name": name, "Type": kind} for name, kind in late.items()]
        catalog.update(p, catalog.as_input(made, COMPACTED_TABLE))
        _fit(p, catalog.columns(made))
    return State(state.through, catalog.columns(made))


def register(p: Pipeline) -> None:
    """Let queries on `raw_orders` read every hour that there is."""
    made = catalog.table(p, RAW_TABLE)
    if made is not None:
        _register(p, made, catalog.partitions(p, RAW_TABLE))


def _compacted(p: Pipeline) -> Table:
    made = catalog.table(p, COMPACTED_TABLE)
    if made is None:
        raise SalespipeError(f"the tables behind {LAKE_TABLE} are not whole", "make them again with: salespipe crawl")
    return made


def _compacted_part(p: Pipeline, made: Table, values: Sequence[str]) -> dict[str, Any]:
    dt, hour, run = values
    location = f"s3://{p.names.bucket}/{FOLDER}dt={dt}/hour={hour}/run={run}/"
    return {"Values": list(values), "StorageDescriptor": {**made["StorageDescriptor"], "Location": location}}


def _fit(p: Pipeline, columns: dict[str, str]) -> None:
    """Make `raw_orders` what it has to be for these columns: first its partitions, as a column that a partition lacks
    is NULL in it, then the table, in one step."""
    wanted = _definition(p, columns)
    found = catalog.table(p, RAW_TABLE)
    if found is not None and [key["Name"] for key in found.get("PartitionKeys", [])] != list(_HOURS):
        catalog.drop(p, RAW_TABLE)
        found = None
    if found is None:
        catalog.create(p, wanted)
    parts = catalog.partitions(p, RAW_TABLE)
    storage = wanted["StorageDescriptor"]
    old = [each for each in parts if not _same(each["StorageDescriptor"], storage)]
    glue = p.aws.client("glue")
    with translated():
        for some in catalog.groups([_entry(each, storage) for each in old], _UPDATE_AT_ONCE):
            answer = glue.batch_update_partition(DatabaseName=p.names.database, TableName=RAW_TABLE, Entries=some)
            catalog.check("BatchUpdatePartition", answer)
    if found is not None and not (
        _same(found["StorageDescriptor"], storage) and found["StorageDescriptor"]["Location"] == storage["Location"]
    ):
        catalog.update(p, wanted)
    _register(p, wanted, parts)


def _definition(p: Pipeline, columns: dict[str, str]) -> Table:
    return {
        "Name": RAW_TABLE,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "json"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in _HOURS],
        "StorageDescriptor": {
            **_LAYOUT,
            "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
            "Location": f"s3://{p.names.bucket}/{COMPACTING_PREFIX}{RAW_TABLE}/",
        },
    }


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    columns = [[(each["Name"], each["Type"]) for each in storage["Columns"]] for storage in (one, other)]
    serdes = [storage.get("SerdeInfo", {}).get("SerializationLibrary") for storage in (one, other)]
    return columns[0] == columns[1] and serdes[0] == serdes[1]


def _entry(part: dict[str, Any], storage: dict[str, Any]) -> dict[str, Any]:
    own = {
        "Values": part["Values"],
        "StorageDescriptor": {**storage, "Location": part["StorageDescriptor"]["Location"]},
    }
    return {"PartitionValueList": part["Values"], "PartitionInput": own}


def _register(p: Pipeline, made: Table, parts: Sequence[dict[str, Any]]) -> None:
    there = {tuple(each["Values"]) for each in parts}
    location = f"s3://{p.names.bucket}/{DATA_PREFIX}dt={{}}/hour={{}}/"
    catalog.register(
        p,
        RAW_TABLE,
        [
            {
                "Values": list(hour),
                "StorageDescriptor": {**made["StorageDescriptor"], "Location": location.format(*hour)},
            }
            for hour in hours(p)
            if hour not in there
        ],
    )


def hours(p: Pipeline, below: str = "") -> Iterator[tuple[str, str]]:
    """The hours (dt, hour) into which something was delivered and is not compacted, those below an address."""
    for day in folders(p, DATA_PREFIX):
        if DAY_FOLDER.fullmatch(day):
            for folder in folders(p, day):
                match = HOUR_FOLDER.fullmatch(folder)
                if match is not None and f"s3://{p.names.bucket}/{folder}".startswith(below):
                    yield match[1], match[2]
