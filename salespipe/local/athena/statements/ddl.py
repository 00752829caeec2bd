"""Databases, external tables and partitions.

https://docs.aws.amazon.com/athena/latest/ug/create-table.html, /create-database.html, /alter-table-add-partition.html,
/msck-repair-table.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from salespipe.local.athena.catalog import Table, split_location
from salespipe.local.athena.errors import NotSupported, QueryFailure, SyntaxFailure
from salespipe.local.athena.statements.context import Action, Context, Result, Statement, listing
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import Type, parse_type
from salespipe.local.errors import AwsError

_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_PARQUET = (
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
)


def create_database(words: Words) -> Statement:
    """Parse what follows CREATE DATABASE."""
    there_ok = words.accept("IF", "NOT", "EXISTS")
    name = words.identifier()
    entry: dict[str, Any] = {"Name": name}
    if words.accept("COMMENT"):
        entry["Description"] = words.string()
    if words.accept("LOCATION"):
        entry["LocationUri"] = words.string()
    if words.accept("WITH"):
        words.expect("DBPROPERTIES")
        entry["Parameters"] = _properties(words)
    words.end()

    def action(context: Context) -> Result:
        if context.catalog.database(name) is not None:
            if there_ok:
                return Result()
            raise QueryFailure(
                "",
                f"FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Database "
                f"{name} already exists",
            )
        context.catalog.call("CreateDatabase", DatabaseInput=entry)
        return Result()

    return Statement("DDL", "CREATE_DATABASE", action)


def drop_database(words: Words) -> Statement:
    """Parse what follows DROP DATABASE."""
    missing_ok = words.accept("IF", "EXISTS")
    name = words.identifier()
    cascade = words.accept("CASCADE")
    words.accept("RESTRICT")
    words.end()

    def action(context: Context) -> Result:
        if context.catalog.database(name) is None:
            if missing_ok:
                return Result()
            raise QueryFailure("", f"FAILED: SemanticException [Error 10072]: Database does not exist: {name}")
        tables = context.catalog.tables(name)
        if tables and not cascade:
            raise QueryFailure(
                "",
                "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"InvalidOperationException(message:Database {name} is not empty. One or more tables exist.)",
            )
        for table in tables:
            context.catalog.call("DeleteTable", DatabaseName=name, Name=table.name)
        context.catalog.call("DeleteDatabase", Name=name)
        return Result()

    return Statement("DDL", "DROP_DATABASE", action)


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
    columns = _columns(words)
    clauses = _Clauses(words)
    words.end()
    if not clauses.location:
        raise SyntaxFailure("line 1:8: no viable alternative at input 'CREATE EXTERNAL TABLE'. LOCATION is missing")
    if not clauses.location.startswith("s3://"):
        raise SyntaxFailure(f"Location is not a valid S3 path: {clauses.location}")
    entry = clauses.entry(name[1], columns)

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
        self.serde = _LAZY
        self.serde_parameters: dict[str, str] = {}
        self.formats = (_TEXT_INPUT, _TEXT_OUTPUT)
        self.location = ""
        self.parameters: dict[str, str] = {}
        while words.peek() is not None:
            self._clause(words)

    def _clause(self, words: Words) -> None:
        if words.accept("COMMENT"):
            self.comment = words.string()
        elif words.accept("PARTITIONED", "BY"):
            self.partitions = _columns(words)
        elif words.accept("ROW", "FORMAT"):
            self._row_format(words)
        elif words.accept("WITH", "SERDEPROPERTIES"):
            self.serde_parameters.update(_properties(words))
        elif words.accept("STORED", "AS"):
            self._stored(words)
        elif words.accept("LOCATION"):
            self.location = words.string()
        elif words.accept("TBLPROPERTIES"):
            self.parameters = _properties(words)
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
            elif words.accept("COLLECTION", "ITEMS", "TERMINATED", "BY") or words.accept(
                "MAP", "KEYS", "TERMINATED", "BY"
            ):
                words.string()
            elif words.accept("NULL", "DEFINED", "AS"):
                self.serde_parameters["serialization.null.format"] = words.string()
            else:
                return

    def _stored(self, words: Words) -> None:
        if words.accept("TEXTFILE"):
            return
        if words.accept("PARQUET"):
            self.formats, self.serde = _PARQUET[:2], _PARQUET[2]
        elif words.accept("INPUTFORMAT"):
            first = words.string()
            words.expect("OUTPUTFORMAT")
            self.formats = (first, words.string())
        else:
            word = words.take()
            raise NotSupported(f"STORED AS {word.text.upper()}")

    def entry(self, name: str, columns: list[dict[str, str]]) -> dict[str, Any]:
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
                "Columns": columns,
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


def _columns(words: Words) -> list[dict[str, str]]:
    words.expect("(")
    columns = []
    while True:
        name = words.identifier()
        column = {"Name": name, "Type": _type(words)}
        if words.accept("COMMENT"):
            column["Comment"] = words.string()
        columns.append(column)
        if words.accept(")"):
            return columns
        words.expect(",")


def _type(words: Words) -> str:
    """A Hive type as it was written, without blanks. Raises SyntaxFailure for what is none."""
    depth, text = 0, ""
    while (word := words.peek()) is not None:
        if depth == 0 and text and (word.text in (",", ")") or word.text.upper() == "COMMENT"):
            break
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(word.text, 0)
        text += words.take().text
    try:
        parse_type(text)
    except ValueError:
        raise words.mismatch(f"a type instead of '{text}'") from None
    return text.lower()


def _properties(words: Words) -> dict[str, str]:
    words.expect("(")
    found = {}
    while True:
        word = words.take()
        key = word.text[1:-1]
        words.expect("=")
        found[key] = words.take().text[1:-1]
        if words.accept(")"):
            return found
        words.expect(",")


# partitions


def alter(words: Words) -> Statement:
    """Parse what follows ALTER: ADD and DROP PARTITION of a table."""
    words.expect("TABLE")
    name = words.table("")
    if words.accept("ADD"):
        there_ok = words.accept("IF", "NOT", "EXISTS")
        wanted = []
        while words.accept("PARTITION"):
            values = _partition_spec(words)
            wanted.append((values, words.string() if words.accept("LOCATION") else ""))
        words.end()
        return Statement("DDL", "ALTER_TABLE_ADD_PARTITION", _add(name, wanted, there_ok))
    if words.accept("DROP"):
        missing_ok = words.accept("IF", "EXISTS")
        dropped = []
        while words.accept("PARTITION"):
            dropped.append(_partition_spec(words))
            words.accept(",")
        words.end()
        return Statement("DDL", "ALTER_TABLE_DROP_PARTITION", _remove(name, dropped, missing_ok))
    word = words.peek()
    raise NotSupported(f"ALTER TABLE … {word.text.upper() if word else ''}")


def _partition_spec(words: Words) -> dict[str, str]:
    words.expect("(")
    values = {}
    while True:
        name = words.identifier()
        words.expect("=")
        word = words.take()
        values[name] = word.text[1:-1].replace("''", "'") if word.kind == "string" else word.text
        if words.accept(")"):
            return values
        words.expect(",")


def _table(context: Context, name: tuple[str, str]) -> Table:
    database = name[0] or context.database
    table = context.catalog.table(database, name[1])
    if table is None:
        raise QueryFailure("", f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name[1]}")
    return table


def _values(table: Table, spec: dict[str, str]) -> list[str]:
    keys = [column.name for column in table.partition_keys]
    if sorted(spec) != sorted(keys):
        raise QueryFailure(
            "", f"FAILED: SemanticException Partition spec {spec} does not match the partition keys {keys}"
        )
    return [spec[key] for key in keys]


def _add(name: tuple[str, str], wanted: list[tuple[dict[str, str], str]], there_ok: bool) -> Action:
    def action(context: Context) -> Result:
        table = _table(context, name)
        for spec, location in wanted:
            values = _values(table, spec)
            folder = "/".join(f"{key.name}={value}" for key, value in zip(table.partition_keys, values, strict=True))
            try:
                _create_partition(context, table, values, location or f"{table.storage.location.rstrip('/')}/{folder}")
            except AwsError as error:
                if error.code != "AlreadyExistsException":
                    raise
                if not there_ok:
                    raise QueryFailure(
                        "", f"FAILED: SemanticException [Error 10248]: Partition already exists: {folder}"
                    ) from error
        return Result()

    return action


def _remove(name: tuple[str, str], dropped: list[dict[str, str]], missing_ok: bool) -> Action:
    def action(context: Context) -> Result:
        table = _table(context, name)
        for spec in dropped:
            try:
                context.catalog.call(
                    "DeletePartition",
                    DatabaseName=table.database,
                    TableName=table.name,
                    PartitionValues=_values(table, spec),
                )
            except AwsError as error:
                if error.code != "EntityNotFoundException":
                    raise
                if not missing_ok:
                    raise QueryFailure(
                        "", f"FAILED: SemanticException [Error 10006]: Partition not found {spec}"
                    ) from error
        return Result()

    return action


def repair(words: Words) -> Statement:
    """Parse what follows MSCK: adds a partition for every `key=value` folder that has none."""
    words.expect("REPAIR", "TABLE")
    name = words.table("")
    words.end()

    def action(context: Context) -> Result:
        table = _table(context, name)
        keys = [column.name for column in table.partition_keys]
        bucket, prefix = split_location(table.storage.location)
        known = {partition.values for partition in context.catalog.partitions(table)}
        lines = []
        found = {_folder_values(stored.key[len(prefix) :], keys) for stored in context.objects.list(bucket, prefix)}
        for values in sorted(value for value in found if value is not None and value not in known):
            folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
            _create_partition(context, table, list(values), f"s3://{bucket}/{prefix}{folder}")
            lines.append([f"Repair: Added partition to metastore {table.database}.{table.name}:{folder}"])
        missing = [[f"Partitions not in metastore:\t{table.name}:{line[0].rpartition(':')[2]}"] for line in lines]
        return listing(["result"], missing + lines, Type("string"))

    return Statement("DDL", "MSCK_REPAIR_TABLE", action)


def _folder_values(path: str, keys: list[str]) -> tuple[str, ...] | None:
    folders = path.split("/")[: len(keys)]
    pairs = [folder.partition("=") for folder in folders]
    if len(pairs) < len(keys) or any(
        pair[0].lower() != key or not pair[1] for pair, key in zip(pairs, keys, strict=True)
    ):
        return None
    return tuple(unquote(pair[2]) for pair in pairs)


def _create_partition(context: Context, table: Table, values: list[str], location: str) -> None:
    descriptor = context.catalog.call("GetTable", DatabaseName=table.database, Name=table.name)["Table"][
        "StorageDescriptor"
    ]
    context.catalog.call(
        "CreatePartition", DatabaseName=table.database, TableName=table.name,
        PartitionInput={"Values": values, "StorageDescriptor": {**descriptor, "Location": location}},
    )  # fmt: skip
