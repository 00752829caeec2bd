"""The catalog through Athena's operations: the Glue databases and tables under the name AwsDataCatalog."""

from __future__ import annotations

import re
from typing import Any

from salespipe.local.api.paging import page
from salespipe.local.athena.catalog import CATALOG, Catalog, Column, Table
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.moto_app import Moto


class AthenaCatalogApi:
    """ListDatabases, GetDatabase, ListTableMetadata, GetTableMetadata."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def operations(self) -> dict[str, Handler]:
        """The operations answered here."""
        return {
            "ListDatabases": self.list_databases,
            "GetDatabase": self.get_database,
            "ListTableMetadata": self.list_table_metadata,
            "GetTableMetadata": self.get_table_metadata,
        }

    def _catalog(self, call: Call) -> Catalog:
        name = str(call.params.get("CatalogName") or "")
        if name.lower() != CATALOG:
            raise AwsError("InvalidRequestException", f"DataCatalog {name} was not found")
        return Catalog(self._moto, call.region)

    def list_databases(self, call: Call) -> dict[str, Any]:
        found = [_database(entry) for entry in self._catalog(call).databases()]
        return page(found, "DatabaseList", call.params, 50)

    def get_database(self, call: Call) -> dict[str, Any]:
        name = str(call.params.get("DatabaseName") or "").lower()
        found = self._catalog(call).database(name)
        if found is None:
            raise AwsError("MetadataException", f"Database {name} not found.")
        return {"Database": _database(found)}

    def list_table_metadata(self, call: Call) -> dict[str, Any]:
        """Tables whose name matches the regular expression, if one is given."""
        database = str(call.params.get("DatabaseName") or "").lower()
        catalog = self._catalog(call)
        if catalog.database(database) is None:
            raise AwsError("MetadataException", f"Database {database} not found.")
        pattern = str(call.params.get("Expression") or "")
        found = [
            _metadata(table)
            for table in catalog.tables(database)
            if not pattern or re.fullmatch(pattern, table.name, re.IGNORECASE)
        ]
        return page(found, "TableMetadataList", call.params, 50)

    def get_table_metadata(self, call: Call) -> dict[str, Any]:
        database = str(call.params.get("DatabaseName") or "").lower()
        name = str(call.params.get("TableName") or "").lower()
        table = self._catalog(call).table(database, name)
        if table is None:
            raise AwsError("MetadataException", f"Table {name} not found in database {database}.")
        return {"TableMetadata": _metadata(table)}


def _database(entry: dict[str, Any]) -> dict[str, Any]:
    shown = {"Name": entry["Name"], "Description": entry.get("Description"), "Parameters": entry.get("Parameters")}
    return {key: value for key, value in shown.items() if value}


def _metadata(table: Table) -> dict[str, Any]:
    parameters = dict(table.parameters)
    if table.view is None:
        parameters |= {
            "location": table.storage.location,
            "inputformat": table.storage.input_format,
            "serde.serialization.lib": table.storage.serde,
        }
    return {
        "Name": table.name,
        "TableType": table.kind,
        "Columns": [_column(column) for column in table.storage.columns],
        "PartitionKeys": [_column(column) for column in table.partition_keys],
        "Parameters": parameters,
    }


def _column(column: Column) -> dict[str, Any]:
    shown = {"Name": column.name, "Type": column.hive}
    return shown | ({"Comment": column.comment} if column.comment else {})
