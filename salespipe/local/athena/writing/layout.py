"""The form in which rows are written: Parquet, JSON or text, how compressed, under which SerDe.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html, /insert-into.html, /compression-support.html
GZIP is what Athena takes when nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from salespipe.local.athena.catalog import Storage
from salespipe.local.athena.errors import NotSupported, QueryFailure

TEXT_FORMATS = (
    "org.apache.hadoop.mapred.TextInputFormat",
    "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
)
PARQUET_FORMATS = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
)
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
LAZY_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
JSON_SERDE = "org.apache.hive.hcatalog.data.JsonSerDe"

_COMPRESSIONS = {
    "PARQUET": ("GZIP", "SNAPPY", "ZSTD", "NONE"),
    "JSON": ("GZIP", "NONE"),
    "TEXTFILE": ("GZIP", "ZSTD", "NONE"),
}
_SERDES = {PARQUET_SERDE: "PARQUET", JSON_SERDE: "JSON", LAZY_SERDE: "TEXTFILE"}
_EXTENSIONS = {"GZIP": ".gz", "ZSTD": ".zst", "NONE": ""}
_PROPERTIES = ("write_compression", "write.compression", "parquet_compression", "parquet.compression", "compression")


@dataclass(frozen=True)
class Layout:
    """`format` is PARQUET, JSON or TEXTFILE; `compression` one that the format can have, NONE for none."""

    format: str
    compression: str
    level: int | None = None
    delimiter: str = "\x01"

    @classmethod
    def of_properties(cls, properties: Mapping[str, Any], *, default: str | None = "PARQUET") -> Layout:
        """What the WITH clause of CTAS or UNLOAD asks for. Raises QueryFailure, by name for what is not written."""
        written = properties.get("format", default)
        if written is None:
            raise QueryFailure("INVALID_TABLE_PROPERTY", "format is a required property of UNLOAD")
        format_ = str(written).upper()
        if format_ in ("ORC", "AVRO", "CSV", "RCBINARY", "RCTEXT", "SEQUENCEFILE"):
            raise NotSupported(f"format {format_}")
        if format_ not in _COMPRESSIONS:
            raise QueryFailure("INVALID_TABLE_PROPERTY", f"Unable to set table property 'format' to ['{written}']")
        delimiter = str(properties.get("field_delimiter", "\x01"))
        if "field_delimiter" in properties and format_ != "TEXTFILE":
            raise QueryFailure("INVALID_TABLE_PROPERTY", f"Cannot specify field_delimiter for table format {format_}")
        if len(delimiter) != 1:
            raise QueryFailure("INVALID_TABLE_PROPERTY", "field_delimiter must be a single character")
        return cls(format_, _compression(format_, properties), _level(properties), delimiter)

    @classmethod
    def of_table(cls, storage: Storage) -> Layout:
        """What INSERT INTO a table must write. Raises NotSupported for a SerDe that Athena, or this, does not write."""
        format_ = _SERDES.get(storage.serde)
        if format_ is None:
            raise NotSupported(f"INSERT INTO a table with the SerDe {storage.serde or '(none)'}")
        parameters = storage.serde_parameters
        if int((storage.properties | parameters).get("skip.header.line.count", "0")):
            raise NotSupported("INSERT INTO a table with skip.header.line.count")
        for name in ("escape.delim", "serialization.null.format", "quote.delim"):
            if format_ == "TEXTFILE" and name in parameters:
                raise NotSupported(f"INSERT INTO a table with {name}")
        if format_ == "JSON" and any(name.startswith("mapping.") for name in parameters):
            raise NotSupported("INSERT INTO a table with mapped JSON keys")
        return cls(format_, _compression(format_, storage.properties), None, parameters.get("field.delim", "\x01"))

    @property
    def extension(self) -> str:
        """How the names of the objects end: text is told to be compressed by that alone, Parquet says so inside."""
        return "" if self.format == "PARQUET" else _EXTENSIONS[self.compression]

    @property
    def copy_options(self) -> str:
        """The engine's options for COPY."""
        if self.format == "PARQUET":
            compression = {"NONE": "uncompressed"}.get(self.compression, self.compression.lower())
            level = f", COMPRESSION_LEVEL {self.level}" if self.level is not None else ""
            return f"FORMAT parquet, COMPRESSION {compression}{level}"
        # A line is ready before it is written: nothing is quoted, escaped or taken for NULL.
        return (
            "FORMAT csv, HEADER false, DELIMITER '\x01', QUOTE '', ESCAPE '', NULLSTR '', "
            f"COMPRESSION {self.compression.lower()}"
        )

    def descriptor(self, columns: list[dict[str, str]], location: str) -> dict[str, Any]:
        """Glue's StorageDescriptor of a table that is written like this."""
        serde = {"PARQUET": PARQUET_SERDE, "JSON": JSON_SERDE, "TEXTFILE": LAZY_SERDE}[self.format]
        formats = PARQUET_FORMATS if self.format == "PARQUET" else TEXT_FORMATS
        parameters = {"serialization.format": "1"}
        if self.format == "TEXTFILE" and self.delimiter != "\x01":
            parameters = {"field.delim": self.delimiter, "serialization.format": self.delimiter}
        return {
            "Columns": columns,
            "Location": location,
            "InputFormat": formats[0],
            "OutputFormat": formats[1],
            "Compressed": False,
            "NumberOfBuckets": 0,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": parameters},
            "StoredAsSubDirectories": False,
        }

    @property
    def parameters(self) -> dict[str, str]:
        """The table parameters that keep the compression for a later INSERT INTO."""
        if self.format == "PARQUET":
            return {"parquet.compression": "UNCOMPRESSED" if self.compression == "NONE" else self.compression}
        return {"write.compression": self.compression}


def _compression(format_: str, properties: Mapping[str, Any]) -> str:
    asked = {name: str(properties[name]).upper() for name in _PROPERTIES if name in properties}
    if len(set(asked.values())) > 1:
        raise QueryFailure("INVALID_TABLE_PROPERTY", f"Only one of {', '.join(asked)} can be set")
    if format_ != "PARQUET" and "parquet_compression" in asked:
        raise QueryFailure("INVALID_TABLE_PROPERTY", f"Cannot specify parquet_compression for table format {format_}")
    wanted = next(iter(asked.values()), "GZIP")
    wanted = "NONE" if wanted == "UNCOMPRESSED" else wanted
    if wanted in _COMPRESSIONS[format_]:
        return wanted
    if wanted in ("BZIP2", "DEFLATE", "LZ4", "LZO", "SNAPPY", "ZLIB", "ZSTD", "BROTLI"):
        raise NotSupported(f"{wanted} compression of {format_}")
    raise QueryFailure("INVALID_TABLE_PROPERTY", f"Unable to set table property 'write_compression' to ['{wanted}']")


def _level(properties: Mapping[str, Any]) -> int | None:
    level = properties.get("compression_level")
    if level is None:
        return None
    if _compression("PARQUET", properties) != "ZSTD" or not str(level).isdigit() or not 1 <= int(level) <= 22:
        raise QueryFailure("INVALID_TABLE_PROPERTY", "compression_level is 1 to 22, and for ZSTD")
    return int(level)
