"""information_schema: what the catalog says of itself. https://docs.aws.amazon.com/athena/latest/ug/querying-glue-catalog.html"""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.local.athena.catalog import CATALOG, Catalog
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Field, Relation
from salespipe.local.athena.types import BIGINT, VARCHAR, text

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Translation

_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "views": ("table_catalog", "table_schema", "table_name", "view_definition"),
    "columns": (
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default",
        "is_nullable", "data_type",
    ),
}  # fmt: skip


def relation(catalog: Catalog, translation: Translation, name: str, at: tuple[int, int]) -> Relation:
    """`information_schema.<name>` with its rows in place. Raises TABLE_NOT_FOUND for one that is not here."""
    if name not in _COLUMNS:
        raise QueryFailure("TABLE_NOT_FOUND", f"Table '{CATALOG}.information_schema.{name}' does not exist", at)
    alias = translation.fresh("t")
    rows = _rows(catalog, name)
    names = _COLUMNS[name]
    typed = [f"CAST(c{i} AS {'BIGINT' if n == 'ordinal_position' else 'VARCHAR'}) AS c{i}" for i, n in enumerate(names)]
    values = ", ".join("(" + ", ".join(row) + ")" for row in rows) or "(" + ", ".join(["NULL"] * len(names)) + ")"
    listed = ", ".join(f"c{index}" for index in range(len(names)))
    where = "" if rows else " WHERE false"
    fields = [
        Field(n, f"{alias}.c{i}", BIGINT if n == "ordinal_position" else VARCHAR, (CATALOG, "information_schema", name))
        for i, n in enumerate(names)
    ]
    return Relation(f"(SELECT {', '.join(typed)} FROM (VALUES {values}) AS v({listed}){where}) AS {alias}", fields)


def _rows(catalog: Catalog, name: str) -> list[list[str]]:
    databases = [str(entry["Name"]) for entry in catalog.databases()]
    if name == "schemata":
        return [[text(CATALOG), text(database)] for database in (*databases, "information_schema")]
    tables = [table for database in databases for table in catalog.tables(database)]
    if name == "views":
        return [
            [text(CATALOG), text(table.database), text(table.name), text(str(table.view.get("originalSql", "")))]
            for table in tables
            if table.view is not None
        ]
    if name == "tables":
        return [
            [
                text(CATALOG),
                text(table.database),
                text(table.name),
                text("VIEW" if table.view is not None else "BASE TABLE"),
            ]
            for table in tables
        ]
    return [
        [
            text(CATALOG),
            text(table.database),
            text(table.name),
            text(column.name),
            str(index),
            "NULL",
            text("YES"),
            text(str(column.type)),
        ]
        for table in tables
        for index, column in enumerate(table.columns, 1)
    ]
