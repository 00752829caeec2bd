"""Which reader a SerDe needs."""

from __future__ import annotations

from salespipe.local.athena.catalog import Storage
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.formats import csv, json, parquet
from salespipe.local.athena.formats.source import Reader

_READERS: dict[str, Reader] = {
    "org.openx.data.jsonserde.JsonSerDe": json.read,
    "org.apache.hive.hcatalog.data.JsonSerDe": json.read,
    "com.amazon.emr.hive.serde.s3.JsonSerDe": json.read,
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": csv.read,
    "org.apache.hadoop.hive.serde2.OpenCSVSerde": csv.read,
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": parquet.read,
}


def reader(storage: Storage) -> Reader:
    """The reader for a table or partition. Refuses a SerDe that is not read here."""
    if not storage.serde:
        raise QueryFailure("HIVE_UNSUPPORTED_FORMAT", "Unable to create input format")
    found = _READERS.get(storage.serde)
    if found is None:
        raise NotSupported(f"SerDe {storage.serde}")
    return found


def is_parquet(storage: Storage) -> bool:
    """Whether a column can be read without the others."""
    return _READERS.get(storage.serde) is parquet.read


def is_json(storage: Storage) -> bool:
    """Whether `plain_lines` may help when a file cannot be read."""
    return _READERS.get(storage.serde) is json.read
