"""OpenX and Hive JSON SerDe: one object a line, keys matched without regard to case, what is missing is NULL.

https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
Lines are read as text. A line that is plain (a valid object, no capital in a key) is taken apart by the engine; the
first other line stops the statement with ODD_LINE, and it is run again over files that `plain_lines` has rewritten. So
files as Firehose writes them cost no second look. The SerDe's habits that are kept: text behind the first object of
a line is dropped, a blank line is a row of NULLs, an array gives the columns in order, numbers are cut to whole ones
for integer columns. Where OpenX makes a row of NULLs from a line that is no JSON at all, this fails like any
malformed line.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from salespipe.local.athena.casts_text import to_digits
from salespipe.local.athena.catalog import Column, Storage
from salespipe.local.athena.errors import QueryFailure, cannot_read
from salespipe.local.athena.formats.source import LINE_BUFFER, POSITION, Source, bad_data, paths, position
from salespipe.local.athena.types import INTEGERS, TEXT, Type, duckdb_type, quoted, row_fields, text

ODD_LINE = "ODD_LINE"
_SMALL = 256 * 1024
_TOGETHER = 4 * 1024 * 1024
_MOST_PARTS = 100
_CAPITAL_KEY = r'[A-Z\p{Lu}][^"\\]*"\s*:'
_NUMBER = r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*"
_TIMESTAMP = r"\s*\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?Z?)?\s*"


def read(source: Source) -> str:
    """SQL that gives the columns and `$position`."""
    scalars = [entry for entry in source.columns if _is_scalar(entry[1].type)]
    shown = []
    for _, column in source.columns:
        if _is_scalar(column.type):
            position = 1 + [other for _, other in scalars].index(column)
            shown.append(f"{_scalar(f'v[{position}]', column, column.type)} AS {quoted(column.name)}")
        else:
            whole = f"json_extract(l, {text(_path(_key(column, source.storage)))})"
            shown.append(f"{_nested(whole, column, column.type)} AS {quoted(column.name)}")
    columns = ", ".join([*shown, POSITION])
    lines = _lines_of(source)
    keys = ", ".join(text(_path(_key(column, source.storage))) for _, column in scalars)
    values = f"json_extract_string(l, [{keys}])"
    if scalars and len(scalars) == len(source.columns):
        # Taking a line apart shows whether it is JSON; capitals matter only where a key was not found.
        found = " AND ".join(f"v[{position}] IS NOT NULL" for position in range(1, len(scalars) + 1))
        if source.rewritten:
            found = "true"
        plain = f"l IS NULL OR (starts_with(l, '{{') AND (({found}) OR NOT {_has_capital_key()}))"
        checked = f"CASE WHEN {plain} THEN v ELSE error('{ODD_LINE}') END AS v"
        taken = f"SELECT l, {POSITION}, {values} AS v FROM ({lines})"
        return f"SELECT {columns} FROM (SELECT {POSITION}, {checked} FROM ({taken}))"
    plain = "CASE WHEN l IS NULL THEN true WHEN json_valid(l) AND starts_with(l, '{')"
    if source.columns and not source.rewritten:
        plain += f" AND NOT {_has_capital_key()}"
    some = f", {values} AS v" if scalars else ""
    return (
        f"SELECT {columns} FROM (SELECT l, {POSITION}{some} FROM ({lines}) "
        f"WHERE {plain} THEN true ELSE error('{ODD_LINE}') END)"
    )


def _has_capital_key() -> str:
    return f"regexp_matches(l, {text(_CAPITAL_KEY)})"


def _lines_of(source: Source) -> str:
    """Every line with the position of its file. Small files are read whole: four times as fast for thousands of them.

    The engine takes up to 2,048 files in one step, with several copies of all their text: they are given to it a few
    megabytes at a time, which also lets its threads share the work.
    """
    files = list(enumerate(zip(source.files, source.sizes, strict=True), 1))
    small = [(at, path, size) for at, (path, size) in files if size < _SMALL and path.suffix != ".gz"]
    large = [(at, path, size) for at, (path, size) in files if not (size < _SMALL and path.suffix != ".gz")]
    parts = [
        "SELECT nullif(trim(unnest(string_split(regexp_replace(content, '\\r?\\n$', ''), chr(10))), "
        "' \t\r'), '') AS l, "
        f"{_position(part)} AS {POSITION} FROM read_text({_paths(part)})"
        for part in _parts(small)
    ]
    if large:
        parts.append(
            f"SELECT l, {_position(large)} AS {POSITION} FROM read_csv({_paths(large)}, columns = {{'l': 'VARCHAR'}}, "
            "header = false, auto_detect = false, delim = '\x01', quote = '', escape = '', hive_partitioning = false, "
            f"buffer_size = {LINE_BUFFER})"
        )
    return " UNION ALL ".join(parts)


_Files = Sequence[tuple[int, Path, int]]
"""Positions, paths and sizes."""


def _paths(files: _Files) -> str:
    return paths([path for _, path, _ in files])


def _position(files: _Files) -> str:
    """The position of each file among all, where the engine reads just these."""
    first = files[0][0]
    positions = [at for at, _, _ in files]
    if positions == list(range(first, first + len(files))):
        return position(first - 1)
    return f"CAST({text(str(positions))} AS BIGINT[])[{position()}]"


def _parts(files: _Files) -> Iterator[_Files]:
    """The files in parts of a few megabytes, or of a hundredth of them all if that is more."""
    limit = max(_TOGETHER, sum(size for _, _, size in files) // _MOST_PARTS)
    part: list[tuple[int, Path, int]] = []
    taken = 0
    for file in files:
        part.append(file)
        taken += file[2]
        if taken >= limit:
            yield part
            part, taken = [], 0
    if part:
        yield part


def _is_scalar(type_: Type) -> bool:
    return type_.name not in ("array", "map", "row")


def _key(column: Column, storage: Storage) -> str:
    mapped = storage.serde_parameters.get(f"mapping.{column.name}", column.name)
    return mapped if _exact(storage) else mapped.lower()


def _exact(storage: Storage) -> bool:
    return storage.serde_parameters.get("case.insensitive", "true").lower() == "false"


def _path(key: str) -> str:
    return '$."' + key.replace('"', '\\"') + '"'


def _scalar(value: str, column: Column, type_: Type) -> str:
    """The declared type from a JSON value's text; NULL stays NULL."""
    kind, bad = duckdb_type(type_), bad_data(column, type_, value)

    def when(pattern: str, then: str, otherwise: str) -> str:
        matches = f"regexp_full_match({value}, {text(pattern)})"
        return f"CASE WHEN {value} IS NULL THEN NULL WHEN {matches} THEN {then} ELSE {otherwise} END"

    if type_.name in TEXT:
        return f"substring({value}, 1, {type_.numbers[0]})" if type_.numbers else value
    if type_.name in INTEGERS:
        exact = f"coalesce(TRY_CAST({value} AS {kind}), {bad})"
        return when(
            r"[+-]?\d+",
            exact,
            when(_NUMBER, f"coalesce(TRY_CAST(trunc(CAST({value} AS DOUBLE)) AS {kind}), {bad})", bad),
        )
    if type_.name in ("double", "real"):
        return when(_NUMBER + "|[+-]?(NaN|Infinity)", f"CAST({value} AS {kind})", bad)
    if type_.name == "decimal":
        return f"TRY_CAST({value} AS {kind})"
    if type_.name == "boolean":
        return f"(lower({value}) = 'true')"
    if type_.name == "date":
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE coalesce(TRY_CAST({value} AS DATE), {bad}) END"
    if type_.name == "timestamp":
        plain = f"TRY_CAST(regexp_replace(trim({value}), 'Z$', '') AS TIMESTAMP)"
        return when(_TIMESTAMP, f"coalesce({to_digits(plain, type_)}, {bad})", bad)
    if type_.name == "varbinary":
        return f"from_base64({value})"
    raise QueryFailure("NOT_SUPPORTED", f"a JSON column of type {type_} is not supported by the local Athena")


def _nested(value: str, column: Column, type_: Type, depth: int = 0) -> str:
    """The declared type from a JSON value."""
    if _is_scalar(type_):
        return _scalar(f"json_extract_string({value}, '$')", column, type_)
    item = f"j{depth}"
    absent = f"{value} IS NULL OR json_type({value}) = 'NULL'"
    if type_.name == "array":
        inner = _nested(item, column, type_.args[0], depth + 1)
        body = f"list_transform(CAST({value} AS JSON[]), lambda {item}: {inner})"
    elif type_.name == "map":
        entries = f"CAST({value} AS MAP(VARCHAR, JSON))"
        key = _scalar(item, column, type_.args[0])
        inner = _nested(item, column, type_.args[1], depth + 1)
        body = (
            f"map(list_transform(map_keys({entries}), lambda {item}: {key}), "
            f"list_transform(map_values({entries}), lambda {item}: {inner}))"
        )
    else:
        parts = [
            f"{quoted(name)} := {_nested(f'json_extract({value}, {text(_path(name))})', column, arg, depth + 1)}"
            for name, arg in row_fields(type_)
        ]
        body = f"struct_pack({', '.join(parts)})"
    return f"CASE WHEN {absent} THEN NULL ELSE {body} END"


# the second look


def plain_lines(path: Path, address: str, target: Path, storage: Storage) -> None:
    """Rewrite the file of the object at `address` so that every line is a plain object under the declared keys.

    Raises HIVE_CURSOR_ERROR for a line that cannot be read, unless the table says ignore.malformed.json.
    """
    ignore = storage.serde_parameters.get("ignore.malformed.json", "false").lower() == "true"
    dotted = storage.serde_parameters.get("dots.in.keys", "false").lower() == "true"
    with _opened(path) as lines, target.open("w", encoding="utf-8", newline="\n") as out:
        for number, line in enumerate(_lines(lines), 1):
            try:
                row = _plain(line, storage, ignore, dotted)
            except ValueError as error:
                said = f"line {number}: Row is not a valid JSON Object - JSONException: {error}"
                raise cannot_read("HIVE_CURSOR_ERROR", address, said) from None
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    for line in file:
        yield line.decode("utf-8", "replace").strip()


def _plain(line: str, storage: Storage, ignore: bool, dotted: bool) -> dict[str, Any]:
    if not line:
        return {}
    try:
        if line[0] not in "{[":
            raise ValueError("A JSONObject text must begin with '{' at 1 [character 2 line 1]")
        value, _ = _DECODER.raw_decode(line)
    except ValueError:
        if ignore:
            return {}
        raise
    if isinstance(value, list):
        return {_key(column, storage): item for column, item in zip(storage.columns, value, strict=False)}
    return _declared(
        value, [(_key(column, storage), column.type) for column in storage.columns], _exact(storage), dotted
    )


def _declared(value: dict[str, Any], fields: Sequence[tuple[str, Type]], exact: bool, dotted: bool) -> dict[str, Any]:
    """Only the declared keys, spelt as declared; of keys that differ in case alone the last wins."""
    given = {}
    for key, item in value.items():
        name = key.replace(".", "_") if dotted else key
        given[name if exact else name.lower()] = item
    return {name: _declared_value(given[name], type_, exact, dotted) for name, type_ in fields if name in given}


def _declared_value(value: Any, type_: Type, exact: bool, dotted: bool) -> Any:
    if type_.name == "row" and isinstance(value, dict):
        return _declared(value, row_fields(type_), exact, dotted)
    if type_.name == "array" and isinstance(value, list):
        return [_declared_value(item, type_.args[0], exact, dotted) for item in value]
    if type_.name == "map" and isinstance(value, dict):
        return {key: _declared_value(item, type_.args[1], exact, dotted) for key, item in value.items()}
    return value


_DECODER = json.JSONDecoder(strict=False)
