"""Glue tables and partitions as a crawler writes them; the parameters and SerDe are those of recorded tables."""

from __future__ import annotations

from typing import Any

from salespipe.local.crawling.folders import Share
from salespipe.local.crawling.grouping import Group, Leaf
from salespipe.local.crawling.hivetypes import hive_text
from salespipe.local.crawling.schema import Columns, Format

Document = dict[str, Any]

_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
RUN_PARAMETER = "CRAWL_RUN_ID"
DEPRECATED = "DEPRECATED_BY_CRAWLER"
_INHERITED = ("classification", "compressionType", "delimiter", "skip.header.line.count")


def glue_columns(columns: Columns, without: list[str]) -> list[Document]:
    """Columns in the order first seen; a column that a partition key already names is left to the partition key."""
    return [{"Name": name, "Type": hive_text(kind)} for name, kind in columns.types.items() if name not in without]


def table_input(group: Group, name: str, total: Share, columns: list[Document], crawler: str, run: str) -> Document:
    """The `TableInput` of a group."""
    parameters = _parameters(total, crawler, run)
    keys = [{"Name": key, "Type": "string"} for key in group.partition_keys]
    return {
        "Name": name,
        "Owner": "owner",
        "Retention": 0,
        "StorageDescriptor": _storage(group.location, columns, total, parameters),
        "PartitionKeys": keys,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {**parameters, **({"partition_filtering.enabled": "true"} if keys else {})},
    }


def partition_input(group: Group, leaf: Leaf, columns: list[Document], crawler: str, run: str) -> Document:
    """The `PartitionInput` of one leaf of a group."""
    parameters = _parameters(leaf.share, crawler, run)
    location = f"s3://{group.bucket}/{leaf.folder.path}"
    return {
        "Values": group.values(leaf),
        "StorageDescriptor": _storage(location, columns, leaf.share, parameters),
        "Parameters": parameters,
    }


def inherited_partition(table: Document, part: Document) -> Document:
    """A partition with the table's schema, format and SerDe; its location and counts are its own."""
    storage = part["StorageDescriptor"]
    own = {name: storage[name] for name in ("Location", "Parameters")}
    parameters = {
        **part["Parameters"],
        **{name: table["Parameters"][name] for name in _INHERITED if name in table.get("Parameters", {})},
    }
    return {**part, "Parameters": parameters, "StorageDescriptor": {**table["StorageDescriptor"], **own}}


def merged_columns(known: list[Document], found: list[Document]) -> list[Document]:
    """The known columns as they are, and behind them those that are new."""
    names = {column["Name"] for column in known}
    return [*known, *(column for column in found if column["Name"] not in names)]


def merged_table(before: Document, table: Document) -> Document:
    """The table as it is in the catalog, with the new one's columns and what else a crawler sets and updates."""
    storage, known = table["StorageDescriptor"], before["StorageDescriptor"]
    serde = known.get("SerdeInfo") or storage["SerdeInfo"]
    if serde.get("SerializationLibrary") == storage["SerdeInfo"]["SerializationLibrary"]:
        serde = {**serde, "Parameters": {**serde.get("Parameters", {}), **storage["SerdeInfo"]["Parameters"]}}
    kept = {name: known[name] for name in ("InputFormat", "OutputFormat") if known.get(name)}
    parameters = {name: value for name, value in before.get("Parameters", {}).items() if name != DEPRECATED}
    return {
        **table,
        "Parameters": {**parameters, **table["Parameters"]},
        "StorageDescriptor": {**storage, **kept, "SerdeInfo": serde},
    }


def _parameters(share: Share, crawler: str, run: str) -> dict[str, str]:
    parameters = {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "UPDATED_BY_CRAWLER": crawler,
        RUN_PARAMETER: run,
        "averageRecordSize": str(round(share.bytes / share.records) if share.records else 0),
        "classification": share.format.classification,
        "compressionType": share.format.compression,
        "objectCount": str(share.objects),
        "recordCount": str(share.records),
        "sizeKey": str(share.bytes),
        "typeOfData": "file",
    }
    if share.format.classification == "csv":
        parameters |= {
            "areColumnsQuoted": "false",
            "columnsOrdered": "true",
            "delimiter": share.format.option("delimiter"),
        }
        if share.format.option("header") == "1":
            parameters["skip.header.line.count"] = "1"
    return parameters


def _storage(location: str, columns: list[Document], share: Share, parameters: dict[str, str]) -> Document:
    parquet = share.format.classification == "parquet"
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": _PARQUET_INPUT if parquet else _TEXT_INPUT,
        "OutputFormat": _PARQUET_OUTPUT if parquet else _TEXT_OUTPUT,
        "Compressed": share.format.compression != "none",
        "NumberOfBuckets": -1,
        "SerdeInfo": _serde(share.format, share.columns),
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": parameters,
        "StoredAsSubDirectories": False,
    }


def _serde(layout: Format, columns: Columns) -> Document:
    if layout.classification == "parquet":
        return {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        }
    if layout.option("serde") == "open":
        return {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
            "Parameters": {"separatorChar": layout.option("delimiter"), "quoteChar": layout.option("quote")},
        }
    if layout.classification == "csv":
        return {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"field.delim": layout.option("delimiter")},
        }
    return {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"paths": ",".join(sorted(columns.paths))},
    }
