"""Importing this fills the table of functions; MACROS are the engine's definitions they rest on, each with its twin."""

from __future__ import annotations

from salespipe.local.athena import casts, operators
from salespipe.local.athena.failing import without_errors
from salespipe.local.athena.rules import (
    aggregates,
    arrays,
    conditional,
    dates,
    formats,
    json,
    maps,
    numbers,
    regex,
    registry,
    strings,
    urls,
    windows,
)

MODULES = (aggregates, arrays, conditional, dates, formats, json, maps, numbers, regex, strings, urls, windows)
_OWN = (*casts.MACROS, *operators.MACROS, *registry.MACROS)
MACROS = (*_OWN, *(without_errors(macro) for macro in _OWN))
