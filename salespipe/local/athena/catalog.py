"""The Glue Data Catalog as a query sees it: databases, tables, partitions and views."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.type_names import parse_type
from salespipe.local.athena.types import Type
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto

CATALOG = "awsdatacatalog"
_VIEW = re.compile(r"/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*/")


@dataclass(frozen=True)
class Column:
    """A declared column; `hive` is its type as Glue spells it."""

    name: str
    hive: str
    comment: str = ""

    @property
    def type(self) -> Type:
        """Its Trino type. Raises HIVE_INVALID_METADATA for one that is none."""
        try:
            return parse_type(self.hive)
        except ValueError:
            raise QueryFailure(
                "HIVE_INVALID_METADATA", f"Glue table column '{self.name}' has invalid data type: {self.hive}"
            ) from None


@dataclass(frozen=True)
class Storage:
    """Where rows are and how they are written: a table's, or one partition's. `properties` are the table's own."""

    columns: tuple[Column, ...]
    location: str
    serde: str
    serde_parameters: dict[str, str]
    input_format: str
    properties: dict[str, str]
    output_format: str = ""


@dataclass(frozen=True)
class Partition:
    """One partition: its values as text, in the order of the table's partition keys."""

    values: tuple[str, ...]
    storage: Storage


@dataclass(frozen=True)
class Table:
    """A table or view. `view` is the text of a view's definition with its catalog, schema and column types."""

    database: str
    name: str
    storage: Storage
    partition_keys: tuple[Column, ...]
    parameters: dict[str, str]
    kind: str
    view: dict[str, Any] | None
    bucketed: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """Data columns, then partition columns."""
        return self.storage.columns + self.partition_keys


class Catalog:
    """Reads and writes the catalog of one region through Glue's own operations."""

    def __init__(self, moto: Moto, region: str) -> None:
        self._moto = moto
        self._region = region

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """One Glue operation. Raises AwsError."""
        return self._moto.call("glue", operation, params, region=self._region)

    def together(self) -> AbstractContextManager[None]:
        """What is changed inside, in the catalog and in the stores, is one step."""
        return self._moto.together()

    def bucket_exists(self, bucket: str) -> bool:
        """Whether an S3 bucket exists."""
        return self._moto.bucket_exists(bucket)

    def databases(self) -> list[dict[str, Any]]:
        """Every database, by name."""
        return sorted(self._pages("GetDatabases", "DatabaseList"), key=lambda entry: str(entry["Name"]))

    def database(self, name: str) -> dict[str, Any] | None:
        """A database, or None."""
        try:
            found: dict[str, Any] = self.call("GetDatabase", Name=name)["Database"]
        except AwsError as error:
            if error.code == "EntityNotFoundException":
                return None
            raise
        return found

    def tables(self, database: str) -> list[Table]:
        """Every table and view of a database, by name."""
        found = self._pages("GetTables", "TableList", DatabaseName=database)
        return sorted((_table(database, entry) for entry in found), key=lambda table: table.name)

    def table(self, database: str, name: str) -> Table | None:
        """A table or view, or None."""
        found = self._moto.glue_table(self._region, database, name)
        return None if found is None else _table(database, found)

    def partitions(self, table: Table) -> list[Partition]:
        """Every partition of a table."""
        found = self._moto.glue_partitions(self._region, table.database, table.name)
        if found is None:
            found = self._pages("GetPartitions", "Partitions", DatabaseName=table.database, TableName=table.name)
        given: list[dict[str, Any]] = []
        columns: tuple[Column, ...] = ()
        partitions = []
        for entry in found:
            own = entry["StorageDescriptor"].get("Columns") or []
            if own != given:  # the partitions of a table have the same columns, nearly always
                given, columns = own, tuple(_column(column) for column in own)
            partitions.append(_partition(entry, columns))
        return partitions

    def partition(self, table: Table, values: Sequence[str]) -> Partition | None:
        """The partition with these values, or None."""
        try:
            entry = self.call(
                "GetPartition", DatabaseName=table.database, TableName=table.name, PartitionValues=list(values)
            )["Partition"]
        except AwsError as error:
            if error.code == "EntityNotFoundException":
                return None
            raise
        return _partition(entry)

    def add_partitions(self, database: str, name: str, partitions: Sequence[dict[str, Any]]) -> None:
        """Create partitions from Glue's PartitionInputs, a hundred a call. Raises AwsError for the first that fails."""
        for start in range(0, len(partitions), 100):
            answer = self.call(
                "BatchCreatePartition",
                DatabaseName=database,
                TableName=name,
                PartitionInputList=list(partitions[start : start + 100]),
            )
            for error in answer.get("Errors") or []:
                detail = error.get("ErrorDetail") or {}
                raise AwsError(str(detail.get("ErrorCode")), str(detail.get("ErrorMessage")))

    def _pages(self, operation: str, key: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = self.call(operation, **params, **({"NextToken": token} if token else {}))
            found.extend(page.get(key, []))
            token = page.get("NextToken")
            if not token:
                return found


def _table(database: str, entry: dict[str, Any]) -> Table:
    keys = tuple(_column(column) for column in entry.get("PartitionKeys") or [])
    kind = str(entry.get("TableType") or "EXTERNAL_TABLE")
    parameters = {str(key): str(value) for key, value in (entry.get("Parameters") or {}).items()}
    return Table(
        database=database,
        name=str(entry["Name"]),
        storage=_storage(entry.get("StorageDescriptor") or {}, parameters),
        partition_keys=keys,
        parameters=parameters,
        kind=kind,
        view=_view(str(entry.get("ViewOriginalText") or "")) if kind == "VIRTUAL_VIEW" else None,
        bucketed=bool((entry.get("StorageDescriptor") or {}).get("BucketColumns")),
    )


def _partition(entry: dict[str, Any], columns: tuple[Column, ...] | None = None) -> Partition:
    values = tuple(str(value) for value in entry.get("Values", []))
    return Partition(values, _storage(entry["StorageDescriptor"], {}, columns))


def _storage(
    descriptor: dict[str, Any], properties: dict[str, str], columns: tuple[Column, ...] | None = None
) -> Storage:
    serde = descriptor.get("SerdeInfo") or {}
    return Storage(
        columns=tuple(_column(column) for column in descriptor.get("Columns") or []) if columns is None else columns,
        location=str(descriptor.get("Location") or ""),
        serde=str(serde.get("SerializationLibrary") or ""),
        serde_parameters={str(key): str(value) for key, value in (serde.get("Parameters") or {}).items()},
        input_format=str(descriptor.get("InputFormat") or ""),
        properties=properties,
        output_format=str(descriptor.get("OutputFormat") or ""),
    )


def _column(column: dict[str, Any]) -> Column:
    return Column(str(column["Name"]).lower(), str(column.get("Type") or "string"), str(column.get("Comment") or ""))


def _view(text: str) -> dict[str, Any]:
    found = _VIEW.search(text)
    if found is None:
        return {}
    try:
        view: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    except (binascii.Error, ValueError):
        return {}
    return view


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key prefix of an `s3://` location; the prefix of a folder ends with a slash."""
    bucket, _, prefix = location.partition("://")[2].partition("/")
    return bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/"
