"""Importing this fills the table of functions; MACROS are the engine's definitions they rest on, with their twins."""

from __future__ import annotations

from salespipe.local.athena import (
    arithmetic,
    as_text,
    casts,
    casts_json,
    equality,
    failing,
    json_text,
    lambdas,
    operators,
    times,
)
from salespipe.local.athena.rules import (
    aggregates,
    arrays,
    binary,
    bits,
    conditional,
    date_fields,
    dates,
    formats,
    formatting,
    json,
    maps,
    membership,
    numbers,
    patterns,
    regex,
    registry,
    sequences,
    strings,
    urls,
    windows,
)

MODULES = (
    aggregates,
    arrays,
    binary,
    bits,
    conditional,
    date_fields,
    dates,
    formats,
    formatting,
    json,
    maps,
    membership,
    numbers,
    regex,
    sequences,
    strings,
    urls,
    windows,
)
_OWN = (
    *as_text.MACROS,
    *casts.MACROS,
    *json_text.MACROS,
    *casts_json.MACROS,
    *arithmetic.MACROS,
    *equality.MACROS,
    *times.MACROS,
    *operators.MACROS,
    *patterns.MACROS,
    *registry.MACROS,
)
_SHOWN = tuple(map(lambdas.bracketed, _OWN))
MACROS = (*failing.MACROS, *_SHOWN, *map(failing.tried, _SHOWN), *map(failing.steady, _SHOWN))
