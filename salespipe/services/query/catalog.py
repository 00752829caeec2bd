"""The tables and columns that a query may name, as the catalog has them.

https://docs.aws.amazon.com/athena/latest/APIReference/API_ListTableMetadata.html
"""

from __future__ import annotations

from salespipe.aws.errors import translated
from salespipe.services.pipeline import Pipeline

CATALOG = "AwsDataCatalog"


def tables(p: Pipeline) -> dict[str, list[str]]:
    """The columns of each table and view of the pipeline's database, by its name."""
    athena = p.aws.client("athena")
    found: dict[str, list[str]] = {}
    more: dict[str, str] = {}
    while True:
        with translated():
            page = athena.list_table_metadata(CatalogName=CATALOG, DatabaseName=p.names.database, **more)
        for table in page["TableMetadataList"]:
            columns = [*table.get("Columns", ()), *table.get("PartitionKeys", ())]
            found[str(table["Name"])] = [str(column["Name"]) for column in columns]
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}
