"""LazySimpleSerDe and OpenCSVSerde: fields by position, a row that is short gives NULLs.

https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html, https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
"""

from __future__ import annotations

from salespipe.local.athena.catalog import Column
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.formats.source import POSITION, Source, bad_data, position
from salespipe.local.athena.types import INTEGERS, TEXT, duckdb_type, quoted, text

OPEN_CSV = "OpenCSVSerde"


def read(source: Source) -> str:
    """SQL that gives the columns and `$position`."""
    parameters = source.storage.serde_parameters
    quoting = source.storage.serde.endswith(OPEN_CSV)
    delimiter = parameters.get(
        "separatorChar" if quoting else "field.delim", parameters.get("field.delim", "," if quoting else "\x01")
    )
    quote = parameters.get("quoteChar", '"') if quoting else ""
    # opencsv knows a doubled quote besides its escape character, the engine one of the two
    escape = quote if parameters.get("escapeChar", "\\") == "\\" else parameters["escapeChar"]
    if not quoting and parameters.get("escape.delim"):
        raise NotSupported("ESCAPED BY")
    header = int((source.storage.properties | parameters).get("skip.header.line.count", "0"))
    null = text("\\N" if quoting else parameters.get("serialization.null.format", "\\N"))
    fields = {f"f{index}": "VARCHAR" for index in range(len(source.storage.columns))}
    declared = ", ".join(f"'{name}': 'VARCHAR'" for name in fields)
    rows = (
        f"read_csv({source.list}, columns = {{{declared}}}, header = false, skip = {header}, auto_detect = false, "
        f"delim = {text(delimiter)}, quote = {text(quote)}, escape = {text(escape)}, null_padding = true, "
        f"strict_mode = false, allow_quoted_nulls = false, nullstr = {null})"
    )
    rows = f"(SELECT *, {position()} AS {POSITION} FROM {rows})"
    if quoting and escape == quote:
        whole = f"concat_ws('', {', '.join(fields)})"
        refused = "error('NOT_SUPPORTED: a backslash in a file of OpenCSVSerde is not supported by the local Athena')"
        rows = f"(SELECT * FROM {rows} WHERE CASE WHEN contains({whole}, '\\') THEN {refused} ELSE true END)"
    shown = [f"{_value(f'f{index}', column, quoting)} AS {quoted(column.name)}" for index, column in source.columns]
    return f"SELECT {', '.join([*shown, POSITION])} FROM {rows}"


def _value(field: str, column: Column, quoting: bool) -> str:
    """LazySimpleSerDe turns what it cannot read into NULL; OpenCSV has the bare number forms and fails otherwise."""
    type_ = column.type
    if type_.name in TEXT:
        return f"coalesce({field}, '')" if quoting else field
    if type_.name in (*INTEGERS, "double", "real", "decimal"):
        if not quoting:
            return f"TRY_CAST({field} AS {duckdb_type(type_)})"
        bad = bad_data(column, type_, field)
        read_ = f"coalesce(TRY_CAST({field} AS {duckdb_type(type_)}), {bad})"
        return f"CASE WHEN coalesce({field}, '') = '' THEN NULL ELSE {read_} END"
    if type_.name == "boolean":
        return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if type_.name in ("date", "timestamp") and not quoting:
        return f"TRY_CAST({field} AS {duckdb_type(type_)})"
    if type_.name == "date":
        return f"(DATE '1970-01-01' + CAST({field} AS INTEGER))"
    if type_.name == "timestamp":
        return f"epoch_ms(CAST({field} AS BIGINT))"
    raise NotSupported(f"a CSV column of type {type_}")
