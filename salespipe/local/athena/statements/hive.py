"""Parts that Hive's statements share: columns with their types, properties, partitions, the table that is meant."""

from __future__ import annotations

from salespipe.local.athena.catalog import Table
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.statements.context import Context
from salespipe.local.athena.statements.words import Words
from salespipe.local.athena.type_names import parse_type


def columns(words: Words) -> list[dict[str, str]]:
    """`(name type [COMMENT 'text'], …)` as Glue's columns. Raises SyntaxFailure."""
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


def properties(words: Words) -> dict[str, str]:
    """`('name' = 'value', …)`. Raises SyntaxFailure."""
    words.expect("(")
    found = {}
    while True:
        key = _text(words)
        words.expect("=")
        found[key] = _text(words)
        if words.accept(")"):
            return found
        words.expect(",")


def _text(words: Words) -> str:
    """A text in either kind of quotes."""
    word = words.peek()
    if word is not None and word.text.startswith('"'):
        return words.take().text[1:-1]
    return words.string()


def partition_spec(words: Words) -> dict[str, str]:
    """`(name = value, …)`: the values by the names of their columns."""
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


def found_table(context: Context, name: tuple[str, str]) -> Table:
    """The table that is meant. Raises Hive's error for one that is not there."""
    database = name[0] or context.database
    table = context.catalog.table(database, name[1])
    if table is None:
        raise QueryFailure("", f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name[1]}")
    return table


def partition_values(table: Table, spec: dict[str, str]) -> list[str]:
    """The values in the order of the partition keys. Raises Hive's error unless each key has one."""
    keys = [column.name for column in table.partition_keys]
    if sorted(spec) != sorted(keys):
        raise QueryFailure(
            "", f"FAILED: SemanticException Partition spec {spec} does not match the partition keys {keys}"
        )
    return [spec[key] for key in keys]
