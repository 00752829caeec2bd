"""JSON: https://trino.io/docs/current/functions/json.html

Paths have to be constants of the plain kind: `$.a.b[0]["c d"]`.
"""

from __future__ import annotations

import re

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.json_text import once, shown
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import BIGINT, BOOLEAN, DOUBLE, INTEGERS, JSON, TEXT, UNKNOWN, VARCHAR, text

PAGE = "functions/json.html"
_STEP = re.compile(
    r"""\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[([A-Za-z_]\w*)\]|\["((?:[^"\\]|\\.)*)"\]|\."((?:[^"\\]|\\.)*)\""""
)

macros(
    "trino_json_scalar(j, p) AS CASE json_type(j, p) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' "
    "THEN NULL WHEN 'DOUBLE' THEN trino_json_leaf(json_extract(trino_json_doubles(j), p)) "
    "ELSE json_extract_string(j, p) END",
    # 1.10, as no double is written: of a decimal that was cast to JSON, whose digits the engine does not keep.
    "trino_json_doubles(j) AS CASE WHEN trino_json_beyond(j) "
    "OR (regexp_matches(CAST(j AS VARCHAR), '[.][0-9]+0([^0-9]|$)') "
    "AND regexp_matches(trino_json_bare(CAST(j AS VARCHAR)), '[.][0-9]+0([^0-9]|$)')) "
    "THEN error('NOT_SUPPORTED: json_extract_scalar of a decimal that was cast to JSON is not supported by the local "
    "Athena') ELSE j END",
    # The engine writes 1.50 as 1.5, so it is looked for in the text: the number behind the name that has this value.
    "trino_json_spelled(l) AS CASE WHEN len(l) = 1 THEN l[1] ELSE error('NOT_SUPPORTED: json_extract_scalar of a "
    "number that the text writes in several ways is not supported by the local Athena') END",
    "trino_json_written(j, p, s, b) AS CASE json_type(j, p) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL "
    "WHEN 'NULL' THEN NULL WHEN 'DOUBLE' THEN trino_json_spelled(list_filter(list_distinct(regexp_extract_all(s, "
    "b || '(-?[0-9]+[.eE][.0-9eE+-]*)', 1)), "
    "lambda t: TRY_CAST(t AS DOUBLE) = CAST(json_extract_string(j, p) AS DOUBLE))) "
    "ELSE json_extract_string(j, p) END",
    "trino_json_value(s) AS CASE WHEN s IS NULL OR json_valid(s) THEN json(s) "
    "ELSE error('INVALID_FUNCTION_ARGUMENT: Invalid JSON value: ' || s) END",
    "trino_json_length(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN CAST(json_array_length(j) AS BIGINT) END",
    "trino_json_size(j, p) AS CASE json_type(j, p) WHEN 'ARRAY' THEN CAST(json_array_length(j, p) AS BIGINT) "
    "WHEN 'OBJECT' THEN CAST(len(json_keys(j, p)) AS BIGINT) ELSE CASE WHEN json_type(j, p) IS NULL THEN NULL "
    "ELSE 0 END END",
)

define(
    PAGE,
    "scalar",
    ("json_parse(varchar) -> json", "trino_json_parse({0})"),
    ("json_array_length(json) -> bigint", "trino_json_length({0})"),
    ("json_array_length(varchar) -> bigint", "trino_json_length(trino_json_or_null({0}))"),
    ("is_json_scalar(json) -> boolean", "(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))"),
    ("is_json_scalar(varchar) -> boolean", "(json_type(trino_json_value({0})) NOT IN ('OBJECT', 'ARRAY'))"),
)


@built(PAGE, "scalar", "json_format")
def json_format(call: Arguments) -> Typed:
    call.expect(1)
    value = call.value(0)
    if value.type not in (JSON, UNKNOWN):
        raise call.unfit()
    return Typed(f"CAST({shown(value).sql} AS VARCHAR)", VARCHAR)


def _document(call: Arguments) -> str:
    """A json, or a text that is one; a text that is none gives NULL, as Trino's json_extract does."""
    value = call.value(0)
    if value.type == JSON:
        return value.sql
    if value.type.name in (*TEXT, "unknown"):
        sql = converted(value, VARCHAR).sql
        return f"trino_json_or_null({sql})"
    raise call.unfit()


def _path(call: Arguments) -> str:
    return text(_steps(call))


def _steps(call: Arguments) -> str:
    """The path in the engine's spelling."""
    written = call.literal(1)
    steps, position = "$", 1
    if not written.startswith("$"):
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{written}'", call.at)
    while position < len(written):
        match = _STEP.match(written, position)
        if match is None:
            raise NotSupported(f"the JSON path {written!r}", call.at)
        key = next((group for group in (match[1], match[3], match[4], match[5]) if group is not None), None)
        steps += f"[{match[2]}]" if key is None else f'."{key}"'
        position = match.end()
    return steps


@built(PAGE, "scalar", "json_extract")
def json_extract(call: Arguments) -> Typed:
    call.expect(2)
    return Typed(f"json_extract({_document(call)}, {_path(call)})", JSON)


@built(PAGE, "scalar", "json_extract_scalar")
def json_extract_scalar(call: Arguments) -> Typed:
    """A text, number or boolean as text, a number of a text as it is written there; NULL for anything else."""
    call.expect(2)
    document, path = _document(call), _path(call)
    if call.value(0).type == JSON:
        return Typed(once(document, lambda j: f"trino_json_scalar({j}, {path})"), VARCHAR)
    member = re.search(r'[.]("(?:[^"\\]|\\.)*")$', _steps(call))
    before = text(re.escape(member[1]) + r"\s*:\s*" if member else "")
    written = converted(call.value(0), VARCHAR).sql
    both = f"struct_pack(d := {document}, s := {written})"
    return Typed(once(both, lambda j: f"trino_json_written({j}.d, {path}, {j}.s, {before})"), VARCHAR)


@built(PAGE, "scalar", "json_size")
def json_size(call: Arguments) -> Typed:
    """Members of an object or array; 0 for a scalar."""
    call.expect(2)
    path = _path(call)
    return Typed(once(_document(call), lambda j: f"trino_json_size({j}, {path})"), BIGINT)


@built(PAGE, "scalar", "json_array_get")
def json_array_get(call: Arguments) -> Typed:
    """An element counted from 0, or from the end with -1. Trino gives a text without its quotes, a JSON that is none:
    refused when it is met."""
    call.expect(2)
    index = converted(call.value(1), BIGINT).sql
    document = _document(call)
    item = f"json_extract({document}, '$[*]')[CASE WHEN {index} >= 0 THEN {index} + 1 ELSE {index} END]"
    refused = "error('NOT_SUPPORTED: json_array_get of a text is not supported by the local Athena')"
    return Typed(
        f"CASE WHEN json_type({document}) = 'ARRAY' THEN CASE WHEN json_type({item}) = 'VARCHAR' THEN {refused} "
        f"WHEN json_type({item}) = 'NULL' THEN NULL ELSE {item} END END", JSON,
    )  # fmt: skip


@built(PAGE, "scalar", "json_array_contains")
def json_array_contains(call: Arguments) -> Typed:
    """Whether an element equals a boolean, number or text."""
    call.expect(2)
    wanted = call.value(1)
    if wanted.type.name == "decimal":
        wanted = converted(wanted, DOUBLE)
    if wanted.type == UNKNOWN:
        return Typed("CAST(NULL AS BOOLEAN)", BOOLEAN)
    if wanted.type.name not in (*TEXT, *INTEGERS, "boolean", "double"):
        raise call.unfit()
    document = _document(call)
    kinds = (
        "('VARCHAR')"
        if wanted.type.name in TEXT
        else "('BOOLEAN')"
        if wanted.type == BOOLEAN
        else "('DOUBLE')"
        if wanted.type == DOUBLE
        else "('UBIGINT', 'BIGINT')"
    )
    value = "json_extract_string(e, '$')"
    same = f"{value} = {wanted.sql}" if wanted.type.name in TEXT else f"TRY_CAST({value} AS DOUBLE) = {wanted.sql}"
    if wanted.type == BOOLEAN:
        same = f"({value} = 'true') = {wanted.sql}"
    return Typed(
        f"CASE WHEN json_type({document}) = 'ARRAY' AND {wanted.sql} IS NOT NULL "
        f"THEN len(list_filter(CAST({document} AS JSON[]), lambda e: "
        f"json_type(e) IN {kinds} AND {same})) > 0 END", BOOLEAN,
    )  # fmt: skip
