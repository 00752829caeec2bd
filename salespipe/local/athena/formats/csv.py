"""LazySimpleSerDe and OpenCSVSerde: a row a line, fields by position, a row that is short gives NULLs.

https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html, https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
Lines are read as text and taken apart here, as the engine's own reader passes over blank lines, joins lines inside
quotes and mends odd ones. What LazySimpleSerDe makes of a field is in Trino's `hive.formats.encodings.text`. Of
OpenCSVSerde's lines those are read that every CSV reader agrees about; one with a quote in another place, or with the
escape character, is refused.
"""

from __future__ import annotations

import re

from salespipe.local.athena.casts_text import to_digits
from salespipe.local.athena.catalog import Column
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.formats.source import LINE_BUFFER, POSITION, Source, bad_data, position
from salespipe.local.athena.types import INTEGERS, TEXT, duckdb_type, quoted, text

OPEN_CSV = "OpenCSVSerde"
_NO_DELIMITER = "\x1f\x01\x1e\x02"
_DIGITS = r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DATE = r"\d{1,4}-\d{1,2}-\d{1,2}"
_TIME = r" \d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,9})?|T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"


def read(source: Source) -> str:
    """SQL that gives the columns and `$position`."""
    parameters = source.storage.serde_parameters
    quoting = source.storage.serde.endswith(OPEN_CSV)
    delimiter = parameters.get(
        "separatorChar" if quoting else "field.delim", parameters.get("field.delim", "," if quoting else "\x01")
    )
    if not quoting and parameters.get("escape.delim"):
        raise NotSupported("ESCAPED BY")
    header = int((source.storage.properties | parameters).get("skip.header.line.count", "0"))
    lines = (
        f"SELECT coalesce(l, '') AS l, {position()} AS {POSITION} FROM read_csv({source.list}, "
        f"columns = {{'l': 'VARCHAR'}}, header = false, skip = {header}, auto_detect = false, "
        f"delim = {text(_NO_DELIMITER)}, quote = '', escape = '', hive_partitioning = false, "
        f"buffer_size = {LINE_BUFFER})"
    )
    if quoting:
        fields = _quoted_fields(delimiter, parameters.get("quoteChar", '"'), parameters.get("escapeChar", "\\"))
    else:
        fields = f"string_split(l, {text(delimiter)})"
    null = text(parameters.get("serialization.null.format", "\\N"))
    value = _open_csv_value if quoting else _lazy_value
    shown = [f"{value(f'v{index}', column)} AS {quoted(column.name)}" for index, column in source.columns]
    taken = [
        f"{f'f[{index + 1}]' if quoting else f'nullif(f[{index + 1}], {null})'} AS v{index}"
        for index, _ in source.columns
    ]
    split = f"SELECT {fields} AS f, {POSITION} FROM ({lines})"
    return f"SELECT {', '.join([*shown, POSITION])} FROM (SELECT {', '.join([*taken, POSITION])} FROM ({split}))"


def _quoted_fields(separator: str, quote: str, escape: str) -> str:
    """The fields of a line, none of a blank one."""
    if any(len(sign) != 1 for sign in (separator, quote, escape)):
        raise NotSupported("a separator, quote or escape of OpenCSVSerde that is not one character")
    s, q = re.escape(separator), re.escape(quote)
    field = f"{s}({q}(?:[^{q}]|{q}{q})*{q}|[^{q}{s}]*)"
    found = f"regexp_extract_all({text(separator)} || l, {text(field)}, 1)"
    bare = f"CASE WHEN starts_with(p, {text(quote)}) THEN replace(p[2:-2], {text(2 * quote)}, {text(quote)}) ELSE p END"
    what = "such quotes or escapes in a file of OpenCSVSerde are not supported by the local Athena"
    refused = f"error('NOT_SUPPORTED: {what}')"
    return (
        f"CASE WHEN l = '' THEN [] WHEN contains(l, {text(escape)}) THEN {refused} "
        f"WHEN NOT contains(l, {text(quote)}) THEN string_split(l, {text(separator)}) "
        f"WHEN regexp_full_match({text(separator)} || l, {text(f'({field})+')}) "
        f"THEN list_transform({found}, lambda p: {bare}) ELSE {refused} END"
    )


def _when(field: str, pattern: str, then: str, otherwise: str = "NULL") -> str:
    return f"CASE WHEN regexp_full_match({field}, {text(pattern)}) THEN {then} ELSE {otherwise} END"


def _lazy_value(field: str, column: Column) -> str:
    """LazySimpleSerDe turns what it cannot read into NULL, cuts numbers to whole ones, and has a 30th of February."""
    type_, kind = column.type, duckdb_type(column.type)
    if type_.name in TEXT:
        return _text(field, column)
    if type_.name in INTEGERS:
        whole = f"TRY_CAST(regexp_replace(split_part({field}, '.', 1), '^([+-]?)$', '\\10') AS {kind})"
        plain = f"TRY_CAST({field} AS {kind})"
        return _when(field, r"[+-]?\d+", plain, _when(field, r"[+-]?(\d+\.\d*|\.\d*)", whole))
    if type_.name in ("double", "real"):
        odd = f"CAST(regexp_replace(trim({field}), '[fFdD]$', '') AS {kind})"
        other = _when(field, rf"\s*[+-]?(NaN|Infinity|{_DIGITS}[fFdD]?)\s*", odd)
        return _when(field, rf"[+-]?{_DIGITS}", f"CAST({field} AS {kind})", other)
    if type_.name == "decimal":
        return _when(field, rf"[+-]?{_DIGITS}", f"TRY_CAST({field} AS {kind})")
    if type_.name == "boolean":
        return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    parts = f"string_split(split_part(replace(trim({field}), 'T', ' '), ' ', 1), '-')"
    year, month, day = (f"CAST({parts}[{index}] AS INTEGER)" for index in (1, 2, 3))
    date = f"(make_date({year}, 1, 1) + to_months({month} - 1) + to_days({day} - 1))"
    if type_.name == "date":
        usual = f"length({field}) = 10 AND {field}[5] = '-' AND {field}[8] = '-'"
        other = _when(field, rf"\s*{_DATE}( .*)?\s*", f"CAST({date} AS DATE)")
        return f"coalesce(CASE WHEN {usual} THEN TRY_CAST({field} AS DATE) END, {other})"
    if type_.name == "timestamp":
        clock = f"regexp_replace(trim({field}), '^{_DATE}', '1970-01-01')"
        moment = f"({date} + (TRY_CAST({clock} AS TIMESTAMP) - TIMESTAMP '1970-01-01'))"
        usual = (
            f"length({field}) = 19 AND {field}[5] = '-' AND {field}[11] = ' ' AND {field}[17] = ':' "
            f"AND {field}[19] BETWEEN '0' AND '9'"
        )
        other = _when(field, rf"\s*{_DATE}({_TIME})?\s*", to_digits(moment, type_))
        return f"coalesce(CASE WHEN {usual} THEN TRY_CAST({field} AS TIMESTAMP) END, {other})"
    raise NotSupported(f"a CSV column of type {type_}")


def _text(field: str, column: Column) -> str:
    numbers = column.type.numbers
    if column.type.name == "char":
        return f"rpad({field}, {numbers[0]}, ' ')"
    return f"substring({field}, 1, {numbers[0]})" if numbers else field


def _open_csv_value(field: str, column: Column) -> str:
    """OpenCSVSerde has the bare number forms and fails otherwise."""
    type_ = column.type
    if type_.name in TEXT:
        return _text(field, column)
    if type_.name in (*INTEGERS, "double", "real", "decimal"):
        bad = bad_data(column, type_, field)
        form = r"[+-]?\d+" if type_.name in INTEGERS else rf"[+-]?{_DIGITS}"
        read_ = f"coalesce({_when(field, form, f'TRY_CAST({field} AS {duckdb_type(type_)})')}, {bad})"
        return f"CASE WHEN coalesce({field}, '') = '' THEN NULL ELSE {read_} END"
    if type_.name == "boolean":
        return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if type_.name == "date":
        return f"(DATE '1970-01-01' + CAST({field} AS INTEGER))"
    if type_.name == "timestamp":
        return f"epoch_ms(CAST({field} AS BIGINT))"
    raise NotSupported(f"a CSV column of type {type_}")
