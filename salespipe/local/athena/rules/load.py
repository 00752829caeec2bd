"""Importing this fills the table of functions."""

from __future__ import annotations

from salespipe.local.athena import casts, operators
from salespipe.local.athena.rules import aggregates, registry, strings, windows

MODULES = (aggregates, strings, windows)
MACROS = (*casts.MACROS, *operators.MACROS, *registry.MACROS)
