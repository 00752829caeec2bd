"""What may follow the beginning of a word: tables where one is named, else columns, functions and keywords.

The catalog is read when it is first needed, and anew after a statement that may have changed it. Words are completed
in the case in which they were begun; names of the catalog are lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from salespipe.errors import SalespipeError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.catalog import tables
from salespipe.services.query.words import FUNCTIONS, KEYWORDS

_BEGUN = re.compile(r"[\w.]*\Z")
_BEFORE_A_TABLE = re.compile(r"\b(from|join|into|table|view|describe|desc)\s+\Z", re.IGNORECASE)
_ALIAS = re.compile(r"\b(?:from|join)\s+(\w+)(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)


class Words(Completer):
    """Completion for one pipeline."""

    def __init__(self, p: Pipeline) -> None:
        self._p = p
        self._tables: dict[str, list[str]] | None = None

    def forget(self) -> None:
        """Read the catalog anew when it is needed next."""
        self._tables = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        for word, kind in self.of(document.text_before_cursor, document.text):
            begun = _begun(document.text_before_cursor).rpartition(".")[2]
            yield Completion(word, start_position=-len(begun), display_meta=kind)

    def of(self, before: str, whole: str) -> list[tuple[str, str]]:
        """The words that may stand at the end of `before`, and what each is; `whole` is all of the statement."""
        begun = _begun(before)
        catalog = self._catalog()
        owner, dot, begun = begun.rpartition(".")
        if dot:
            table = _named(whole).get(owner.lower(), owner.lower())
            return _matching(begun, [("column", catalog.get(table, []))])
        if _BEFORE_A_TABLE.search(before[: len(before) - len(begun)]):
            return _matching(begun, [("table", catalog)])
        used = {table for table in _named(whole).values() if table in catalog} or set(catalog)
        columns = [column for table in sorted(used) for column in catalog[table]]
        upper = begun.isupper() or not begun
        keywords = KEYWORDS if upper else [word.lower() for word in KEYWORDS]
        return _matching(
            begun, [("column", columns), ("keyword", keywords), ("function", FUNCTIONS), ("table", sorted(catalog))]
        )

    def _catalog(self) -> dict[str, list[str]]:
        if self._tables is None:
            try:
                self._tables = tables(self._p)
            except SalespipeError:  # to complete less is better than to stop the person who types
                return {}
        return self._tables


def _begun(before: str) -> str:
    match = _BEGUN.search(before)
    return match[0] if match else ""


def _named(sql: str) -> dict[str, str]:
    """The tables of a statement, by their names and aliases."""
    found: dict[str, str] = {}
    for table, alias in _ALIAS.findall(sql):
        found[table.lower()] = table.lower()
        if alias:
            found[alias.lower()] = table.lower()
    return found


def _matching(begun: str, sources: Iterable[tuple[str, Iterable[str]]]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for kind, words in sources:
        for word in words:
            if word.lower().startswith(begun.lower()):
                found.setdefault(word, kind)
    return list(found.items())
