"""Writes what a crawl found to the Glue Data Catalog: only what differs, and as the schema change policy allows.

Update behaviour (https://docs.aws.amazon.com/glue/latest/dg/crawler-schema-changes-prevent.html):
UPDATE_IN_DATABASE keeps the order of known columns, changes their types, drops what no object has any more, appends
new ones and removes what no crawler sets; MergeNewColumns only appends columns and keeps the rest, but deprecates a
table whose format changed; LOG changes no table. New tables and partitions are always added. A partition has its own
schema, or with InheritFromTable the table's, and its format and SerDe. Delete behaviour: what has no object any more
is deleted, marked DEPRECATED_BY_CRAWLER, or only logged. A table at the same location is the same table, whoever made
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from salespipe.local.crawling.grouping import Group, table_name, unique_name
from salespipe.local.crawling.tables import (
    DEPRECATED,
    RUN_PARAMETER,
    Document,
    glue_columns,
    inherited_partition,
    merged_columns,
    merged_table,
    partition_input,
    table_input,
)
from salespipe.local.errors import AwsError

GlueCall = Callable[[str, Document], Document]
"""Calls one Glue operation: name and parameters in, response out; raises AwsError."""

_FUNDAMENTAL = ("classification", "compressionType", "delimiter")
_TABLE_FIELDS = (
    "Name",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "TableType",
    "Parameters",
)


@dataclass(frozen=True)
class Policy:
    """What a crawler may change in the catalog."""

    update: str = "UPDATE_IN_DATABASE"
    delete: str = "DEPRECATE_IN_DATABASE"
    inherit: bool = False
    merge_new_columns: bool = False

    @property
    def logs(self) -> bool:
        """Whether tables stay as they are. MergeNewColumns overrides that, says AWS."""
        return self.update == "LOG" and not self.merge_new_columns


@dataclass
class Written:
    """What a crawl did to the catalog, and the lines its log says about it."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    partitions: int = 0
    log: list[tuple[str, str]] = field(default_factory=list)

    def info(self, line: str) -> None:
        self.log.append(("INFO", line))

    def warn(self, line: str) -> None:
        self.log.append(("WARN", line))


class Catalog:
    """One database of the catalog as one run of one crawler sees it."""

    def __init__(self, call: GlueCall, database: str, crawler: str, run: str, prefix: str, policy: Policy) -> None:
        self._call = call
        self._database = database
        self._crawler = crawler
        self._run = run
        self._prefix = prefix
        self._policy = policy
        self.written = Written()

    def write(self, groups: Iterable[Group], locations: Iterable[str]) -> None:
        """Make the catalog say what `groups` are; `locations` are the include paths crawled.

        Raises AwsError, e.g. EntityNotFoundException where the database is missing.
        """
        tables = {table["Name"]: table for table in self._tables()}
        at = {_location(table): name for name, table in tables.items() if _location(table)}
        written = set()
        for found in groups:
            name = at.get(found.location.rstrip("/"))
            if name is None:
                name = table_name(self._prefix, found.bucket, found.root)
                if name in tables or name in written:
                    name = unique_name(name, found.location)
            written.add(name)
            self._write_table(found, name, tables.get(name))
        roots = tuple(locations)
        for name, table in tables.items():
            ours = table.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == self._crawler
            if ours and name not in written and f"{_location(table)}/".startswith(roots):
                self._lose_table(table)

    def _tables(self) -> list[Document]:
        return list(self._pages("GetTables", {"DatabaseName": self._database}, "TableList"))

    def _pages(self, operation: str, params: Document, items: str) -> Iterable[Document]:
        token = None
        while True:
            page = self._call(operation, {**params, **({"NextToken": token} if token else {})})
            yield from page.get(items, [])
            token = page.get("NextToken")
            if not token:
                return

    def _write_table(self, found: Group, name: str, before: Document | None) -> None:
        total = found.total
        keys = found.partition_keys
        for column in set(keys) & total.columns.types.keys():
            self.written.warn(f"{found.location}: column {column} is also a partition; the partition's value is used")
        columns = glue_columns(total.columns, keys)
        if before is not None:
            if not self._fits(found, name, before):
                return
            columns = self._columns(name, before, columns)
        table = table_input(found, name, total, columns, self._crawler, self._run)
        if before is not None and self._policy.merge_new_columns:
            table = merged_table(before, table)
        if before is None:
            self._call("CreateTable", {"DatabaseName": self._database, "TableInput": table})
            self.written.created += 1
            self.written.info(f"Created table {name} in database {self._database}")
        elif self._policy.logs:
            table = before
        elif not same({field: before[field] for field in _TABLE_FIELDS if field in before}, table):
            if before.get("PartitionKeys", []) != table["PartitionKeys"]:
                self.written.warn(
                    f"The partition keys of table {name} differ from the folders; the table is written anew"
                )
                self._drop_partitions(name, [part["Values"] for part in self._partitions(name)])
            self._call("UpdateTable", {"DatabaseName": self._database, "TableInput": table})
            self.written.updated += 1
            self.written.info(f"Updated table {name} in database {self._database}")
        if keys:
            self._write_partitions(found, name, table, keys)

    def _fits(self, found: Group, name: str, before: Document) -> bool:
        """Whether the table in the catalog can take what was found, as far as the policy leaves it as it is."""
        keys = [key["Name"] for key in before.get("PartitionKeys", [])]
        if self._policy.logs and keys != found.partition_keys:
            self.written.warn(
                f"The partition keys of table {name} differ from the folders; the policy is to log it only"
            )
            return False
        parameters = before.get("Parameters", {})
        share = found.total
        now = {"classification": share.format.classification, "compressionType": share.format.compression}
        now["delimiter"] = share.format.option("delimiter")
        differ = [part for part in _FUNDAMENTAL if part in parameters and parameters[part] != now[part]]
        if self._policy.merge_new_columns and differ:
            self.written.warn(
                f"{found.location}: {', '.join(differ)} of table {name} changed: MergeNewColumns deprecates the table"
            )
            self._deprecate(before)
            return False
        return True

    def _columns(self, name: str, before: Document, found: list[Document]) -> list[Document]:
        """The table's columns after this crawl: the known ones first, in their order."""
        known: list[Document] = before.get("StorageDescriptor", {}).get("Columns", [])
        by_name = {column["Name"]: column for column in found}
        names = {column["Name"] for column in known}
        late = [column for column in found if column["Name"] not in names]
        if self._policy.logs:
            if late or [by_name.get(column["Name"]) for column in known] != known:
                self.written.info(f"Schema of table {name} differs from the data; the policy is to log it only")
            return known
        if self._policy.merge_new_columns:
            return merged_columns(known, found)
        return [by_name[column["Name"]] for column in known if column["Name"] in by_name] + late

    def _partitions(self, table: str) -> list[Document]:
        params = {"DatabaseName": self._database, "TableName": table}
        return list(self._pages("GetPartitions", params, "Partitions"))

    def _write_partitions(self, found: Group, name: str, table: Document, keys: list[str]) -> None:
        before = {tuple(part["Values"]): part for part in self._partitions(name)}
        new, changed = [], []
        for leaf in found.leaves:
            part = partition_input(found, leaf, glue_columns(leaf.share.columns, keys), self._crawler, self._run)
            old = before.pop(tuple(part["Values"]), None)
            if self._policy.inherit:
                part = inherited_partition(table, part)
            elif self._policy.merge_new_columns and old is not None:
                storage = part["StorageDescriptor"]
                storage["Columns"] = merged_columns(old["StorageDescriptor"]["Columns"], storage["Columns"])
            if old is None:
                new.append(part)
            elif not same({field: old.get(field) for field in part}, part):
                changed.append(part)
        place = {"DatabaseName": self._database, "TableName": name}
        if new:
            self._check(self._call("BatchCreatePartition", {**place, "PartitionInputList": new}))
        self._update_partitions(name, changed)
        self.written.partitions += len(new) + len(changed)
        if new or changed:
            self.written.info(f"Table {name}: {len(new)} partitions added, {len(changed)} updated")
        if before:
            self._lose_partitions(name, list(before.values()))

    def _update_partitions(self, name: str, parts: list[Document]) -> None:
        if parts:
            entries = [{"PartitionValueList": part["Values"], "PartitionInput": part} for part in parts]
            place = {"DatabaseName": self._database, "TableName": name}
            self._check(self._call("BatchUpdatePartition", {**place, "Entries": entries}))

    def _check(self, response: Document) -> None:
        for error in response.get("Errors", []):
            detail = error.get("ErrorDetail") or error.get("PartitionError") or {}
            raise AwsError(str(detail.get("ErrorCode", "InternalServiceException")), str(detail.get("ErrorMessage")))

    def _lose_partitions(self, name: str, gone: list[Document]) -> None:
        if self._policy.delete == "DELETE_FROM_DATABASE":
            self._drop_partitions(name, [part["Values"] for part in gone])
            self.written.info(f"Table {name}: {len(gone)} partitions deleted, their objects are gone")
        elif self._policy.delete == "DEPRECATE_IN_DATABASE":
            fresh = [part for part in gone if DEPRECATED not in part.get("Parameters", {})]
            self._update_partitions(
                name,
                [
                    {
                        "Values": part["Values"],
                        "StorageDescriptor": part["StorageDescriptor"],
                        "Parameters": {**part.get("Parameters", {}), DEPRECATED: _now()},
                    }
                    for part in fresh
                ],
            )
            if fresh:
                self.written.info(f"Table {name}: {len(fresh)} partitions deprecated, their objects are gone")
        else:
            self.written.info(f"Table {name}: {len(gone)} partitions have no objects any more")

    def _drop_partitions(self, name: str, values: list[list[str]]) -> None:
        if values:
            gone = [{"Values": each} for each in values]
            place = {"DatabaseName": self._database, "TableName": name}
            self._check(self._call("BatchDeletePartition", {**place, "PartitionsToDelete": gone}))

    def _lose_table(self, table: Document) -> None:
        name = table["Name"]
        if self._policy.delete == "DELETE_FROM_DATABASE":
            self._call("DeleteTable", {"DatabaseName": self._database, "Name": name})
            self.written.deleted += 1
            self.written.info(f"Deleted table {name} from database {self._database}")
        elif self._policy.delete == "DEPRECATE_IN_DATABASE" and DEPRECATED not in table["Parameters"]:
            self._deprecate(table)
            self.written.info(f"Deprecated table {name}: its objects are gone")
        elif self._policy.delete == "LOG":
            self.written.info(f"Table {name} has no objects any more")

    def _deprecate(self, table: Document) -> None:
        if DEPRECATED not in table.get("Parameters", {}):
            kept = {field: table[field] for field in _TABLE_FIELDS if field in table}
            kept["Parameters"] = {**table.get("Parameters", {}), DEPRECATED: _now()}
            self._call("UpdateTable", {"DatabaseName": self._database, "TableInput": kept})


def same(one: Any, other: Any) -> bool:
    """Whether two documents say the same, whichever run wrote them."""
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name != RUN_PARAMETER}
    return value


def _location(table: Document) -> str:
    return str(table.get("StorageDescriptor", {}).get("Location", "")).rstrip("/")


def _now() -> str:
    return str(int(time.time() * 1000))
