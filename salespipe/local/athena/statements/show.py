"""SHOW: https://docs.aws.amazon.com/athena/latest/ug/show-tables.html and its neighbours."""

from __future__ import annotations

import re

from salespipe.local.athena.catalog import CATALOG, Catalog, Column, Storage, Table
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.statements.context import Action, Context, Result, Statement, listing
from salespipe.local.athena.statements.hive import found_table
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.types import Type

_STRING = Type("string")


def show(words: Words) -> Statement:
    """Parse what follows SHOW."""
    if words.accept("DATABASES") or words.accept("SCHEMAS"):
        return _utility("SHOW_DATABASES", _databases(_pattern(words)))
    if words.accept("TABLES"):
        database = words.identifier() if words.accept("IN") or words.accept("FROM") else ""
        return _utility("SHOW_TABLES", _tables(database, _pattern(words), views=False))
    if words.accept("VIEWS"):
        database = words.identifier() if words.accept("IN") or words.accept("FROM") else ""
        return _utility("SHOW_VIEWS", _tables(database, _pattern(words), views=True))
    if words.accept("COLUMNS"):
        if not (words.accept("IN") or words.accept("FROM")):
            raise words.mismatch("'FROM', 'IN'")
        name = words.table("")
        if words.accept("IN") or words.accept("FROM"):
            name = (words.identifier(), name[1])
        words.end()
        return _utility("SHOW_COLUMNS", lambda context: _columns(found_table(context, name)))
    if words.accept("PARTITIONS"):
        name = words.table("")
        words.end()
        return _utility("SHOW_PARTITIONS", lambda context: _partitions(context.catalog, found_table(context, name)))
    if words.accept("CREATE", "TABLE"):
        name = words.table("")
        words.end()
        return _utility("SHOW_CREATE_TABLE", lambda context: _create_table(found_table(context, name)))
    if words.accept("TBLPROPERTIES"):
        name, key = words.table(""), ""
        if words.accept("("):
            key = words.string()
            words.expect(")")
        words.end()
        return _utility("SHOW_TBLPROPERTIES", lambda context: _table_properties(found_table(context, name), key))
    if words.accept("CREATE", "VIEW"):
        name = words.table("")
        words.end()
        return _utility("SHOW_CREATE_VIEW", lambda context: _create_view(found_table(context, name)))
    word = words.peek()
    raise NotSupported(f"SHOW {word.text.upper() if word else ''}".strip())


def _utility(subtype: str, action: Action) -> Statement:
    return Statement("UTILITY", subtype, action)


def _pattern(words: Words) -> str:
    """A regular expression in which `*` stands for anything and `|` for a choice; or LIKE with a pattern of its own."""
    words.accept("LIKE")
    pattern = words.string() if words.peek() is not None else ""
    words.end()
    return pattern


def _matches(pattern: str, name: str) -> bool:
    if not pattern:
        return True
    return any(re.fullmatch(part.replace("*", ".*"), name, re.IGNORECASE) for part in pattern.split("|"))


def _databases(pattern: str) -> Action:
    def run(context: Context) -> Result:
        names = [str(entry["Name"]) for entry in context.catalog.databases()]
        return listing(["database_name"], [[name] for name in names if _matches(pattern, name)], _STRING)

    return run


def _tables(database: str, pattern: str, *, views: bool) -> Action:
    def run(context: Context) -> Result:
        wanted = database or context.database
        if context.catalog.database(wanted) is None:
            raise QueryFailure("", f"FAILED: SemanticException [Error 10072]: Database does not exist: {wanted}")
        names = [t.name for t in context.catalog.tables(wanted) if t.view is not None or not views]
        return listing(["views" if views else "tab_name"], [[n] for n in names if _matches(pattern, n)], _STRING)

    return run


def _columns(table: Table) -> Result:
    return listing(["field"], [[column.name.ljust(20)] for column in table.columns], _STRING)


def _partitions(catalog: Catalog, table: Table) -> Result:
    if not table.partition_keys:
        raise QueryFailure(
            "", f"FAILED: SemanticException [Error 10021]: Table {table.name} is not a partitioned table"
        )
    rows = [
        ["/".join(f"{key.name}={value}" for key, value in zip(table.partition_keys, partition.values, strict=True))]
        for partition in catalog.partitions(table)
    ]
    return listing(["partition"], sorted(rows), _STRING)


def _create_table(table: Table) -> Result:
    """The statement that would make the table again."""
    if table.view is not None:
        raise QueryFailure(
            "", f"FAILED: SemanticException {table.database}.{table.name} is a view; use SHOW CREATE VIEW"
        )
    storage = table.storage
    lines = [f"CREATE EXTERNAL TABLE `{table.name}`("]
    lines += _comma([_declaration(column) for column in storage.columns], ")")
    if "comment" in table.parameters:
        lines += [f"COMMENT {_quoted(table.parameters['comment'])}"]
    if table.partition_keys:
        lines += ["PARTITIONED BY ( ", *_comma([_declaration(column) for column in table.partition_keys], ")")]
    lines += _row_format(storage)
    lines += ["STORED AS INPUTFORMAT ", f"  {_quoted(storage.input_format)} "]
    lines += ["OUTPUTFORMAT ", f"  {_quoted(storage.output_format)}"]
    lines += ["LOCATION", f"  {_quoted(storage.location)}"]
    parameters = {key: value for key, value in table.parameters.items() if key not in ("comment", "EXTERNAL")}
    if parameters:
        lines += ["TBLPROPERTIES (", *_comma(_properties(parameters), ")")]
    return listing(["createtab_stmt"], [[line] for line in lines], _STRING)


def _row_format(storage: Storage) -> list[str]:
    parameters = dict(storage.serde_parameters)
    if parameters.get("serialization.format") == "1":
        parameters.pop("serialization.format")
    lines = ["ROW FORMAT SERDE ", f"  {_quoted(storage.serde)} "]
    return [*lines, "WITH SERDEPROPERTIES ( ", *_comma(_properties(parameters), ") ")] if parameters else lines


def _table_properties(table: Table, key: str) -> Result:
    if key:
        value = table.parameters.get(key, f"Table {table.database}.{table.name} does not have property: {key}")
        return listing(["prpt_name"], [[value]], _STRING)
    rows = [[f"{name}\t{value}"] for name, value in sorted(table.parameters.items())]
    return listing(["prpt_name", "prpt_value"], rows, _STRING)


def _declaration(column: Column) -> str:
    comment = f" COMMENT {_quoted(column.comment)}" if column.comment else ""
    return f"  `{column.name}` {column.hive}{comment}"


def _properties(parameters: dict[str, str]) -> list[str]:
    return [f"  {_quoted(key)}={_quoted(value)}" for key, value in sorted(parameters.items())]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _comma(lines: list[str], end: str) -> list[str]:
    return [line + (", " if index < len(lines) - 1 else end) for index, line in enumerate(lines)]


def _create_view(table: Table) -> Result:
    if table.view is None:
        raise QueryFailure(
            "NOT_SUPPORTED", f"Relation '{CATALOG}.{table.database}.{table.name}' is a table, not a view"
        )
    text = f"CREATE VIEW {table.database}.{table.name} AS\n{table.view.get('originalSql', '')}"
    return listing(["Create View"], [[line] for line in text.splitlines()])
