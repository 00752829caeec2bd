"""CREATE EXTERNAL TABLE and DROP TABLE: what is said of objects that are there and stay there.

https://docs.aws.amazon.com/athena/latest/ug/create-table.html, /drop-table.html
"""

from __future__ import annotations

from typing import Any

from salespipe.local.athena.errors import NotSupported, QueryFailure, SyntaxFailure
from salespipe.local.athena.statements.context import Context, Result, Statement
from salespipe.local.athena.statements.hive import columns, properties
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.writing.layout import LAZY_SERDE, PARQUET_FORMATS, PARQUET_SERDE, TEXT_FORMATS


def drop_table(words: Words) -> Statement:
    """Parse what follows DROP TABLE. The objects stay: the table is external."""
    missing_ok = words.accept("IF", "EXISTS")
    name = words.table("")
    words.end()

    def action(context: Context) -> Result:
        database = name[0] or context.database
        table = context.catalog.table(database, name[1])
        if table is None and missing_ok:
            return Result()
        if table is None:
            raise QueryFailure("", f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name[1]}")
        if table.view is not None:
            raise QueryFailure("", f"FAILED: SemanticException Cannot drop a view with DROP TABLE: {name[1]}")
        context.catalog.call("DeleteTable", DatabaseName=database, Name=name[1])
        return Result()

    return Statement("DDL", "DROP_TABLE", action)


def create_table(words: Words) -> Statement:
    """Parse what follows CREATE EXTERNAL TABLE."""
    there_ok = words.accept("IF", "NOT", "EXISTS")
    name = words.table("")
    declared = columns(words)
    clauses = _Clauses(words)
    words.end()
    if not clauses.location:
        raise SyntaxFailure("line 1:8: no viable alternative at input 'CREATE EXTERNAL TABLE'. LOCATION is missing")
    if not clauses.location.startswith("s3://"):
        raise SyntaxFailure(f"Location is not a valid S3 path: {clauses.location}")
    entry = clauses.entry(name[1], declared)

    def action(context: Context) -> Result:
        database = name[0] or context.database
        if context.catalog.database(database) is None:
            raise QueryFailure("", f"FAILED: SemanticException [Error 10072]: Database does not exist: {database}")
        if context.catalog.table(database, name[1]) is not None:
            if there_ok:
                return Result()
            raise QueryFailure(
                "",
                "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"AlreadyExistsException(message:Table {name[1]} already exists)",
            )
        context.catalog.call("CreateTable", DatabaseName=database, TableInput=entry)
        return Result()

    return Statement("DDL", "CREATE_TABLE", action)


class _Clauses:
    """What may follow the columns of CREATE EXTERNAL TABLE, in any order."""

    def __init__(self, words: Words) -> None:
        self.comment = ""
        self.partitions: list[dict[str, str]] = []
        self.serde = LAZY_SERDE
        self.serde_parameters: dict[str, str] = {}
        self.formats = TEXT_FORMATS
        self.location = ""
        self.parameters: dict[str, str] = {}
        while words.peek() is not None:
            self._clause(words)

    def _clause(self, words: Words) -> None:
        if words.accept("COMMENT"):
            self.comment = words.string()
        elif words.accept("PARTITIONED", "BY"):
            self.partitions = columns(words)
        elif words.accept("ROW", "FORMAT"):
            self._row_format(words)
        elif words.accept("WITH", "SERDEPROPERTIES"):
            self.serde_parameters.update(properties(words))
        elif words.accept("STORED", "AS"):
            self._stored(words)
        elif words.accept("LOCATION"):
            self.location = words.string()
        elif words.accept("TBLPROPERTIES"):
            self.parameters = properties(words)
        elif words.accept("CLUSTERED"):
            raise NotSupported("CLUSTERED BY")
        else:
            raise words.mismatch(
                "'COMMENT', 'LOCATION', 'PARTITIONED', 'ROW', 'STORED', 'TBLPROPERTIES', 'WITH', <EOF>"
            )

    def _row_format(self, words: Words) -> None:
        if words.accept("SERDE"):
            self.serde = words.string()
            return
        words.expect("DELIMITED")
        while True:
            if words.accept("FIELDS", "TERMINATED", "BY"):
                self.serde_parameters["field.delim"] = _delimiter(words.string())
                self.serde_parameters["serialization.format"] = self.serde_parameters["field.delim"]
                if words.accept("ESCAPED", "BY"):
                    self.serde_parameters["escape.delim"] = _delimiter(words.string())
            elif words.accept("LINES", "TERMINATED", "BY"):
                if _delimiter(words.string()) != "\n":
                    raise NotSupported("LINES TERMINATED BY anything but a newline")
            elif words.accept("COLLECTION", "ITEMS", "TERMINATED", "BY"):
                self.serde_parameters["colelction.delim"] = _delimiter(words.string())  # so spelt in Hive
            elif words.accept("MAP", "KEYS", "TERMINATED", "BY"):
                self.serde_parameters["mapkey.delim"] = _delimiter(words.string())
            elif words.accept("NULL", "DEFINED", "AS"):
                self.serde_parameters["serialization.null.format"] = words.string()
            else:
                return

    def _stored(self, words: Words) -> None:
        if words.accept("TEXTFILE"):
            return
        if words.accept("PARQUET"):
            self.formats, self.serde = PARQUET_FORMATS, PARQUET_SERDE
        elif words.accept("INPUTFORMAT"):
            first = words.string()
            words.expect("OUTPUTFORMAT")
            self.formats = (first, words.string())
        else:
            word = words.take()
            raise NotSupported(f"STORED AS {word.text.upper()}")

    def entry(self, name: str, declared: list[dict[str, str]]) -> dict[str, Any]:
        """Glue's TableInput."""
        parameters = {"EXTERNAL": "TRUE", **self.parameters}
        if self.comment:
            parameters["comment"] = self.comment
        return {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": parameters,
            "PartitionKeys": self.partitions,
            "StorageDescriptor": {
                "Columns": declared,
                "Location": self.location,
                "InputFormat": self.formats[0],
                "OutputFormat": self.formats[1],
                "SerdeInfo": {
                    "SerializationLibrary": self.serde,
                    "Parameters": {"serialization.format": "1", **self.serde_parameters},
                },
            },
        }


def _delimiter(written: str) -> str:
    r"""`\t`, `\001` and the like as the character they stand for."""
    known = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
    if written in known:
        return known[written]
    return chr(int(written[1:], 8)) if written.startswith("\\") and written[1:].isdigit() else written
