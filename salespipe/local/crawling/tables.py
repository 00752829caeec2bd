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
    if layout.classification == "csv":
        return {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"field.delim": layout.option("delimiter")},
        }
    return {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"paths": ",".join(sorted(columns.paths))},
    }
