"""A statement as words: what DDL needs of a parser. Hive's DDL quotes names with backticks, Trino's with double quotes.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from salespipe.local.athena.errors import SyntaxFailure

_WORD = re.compile(
    r"""\s+ | --[^\n]*(?:\n|$) | /\*.*?\*/
      | (?P<string>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*" | `(?:[^`]|``)*`)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<sign><=|>=|<>|!=|\|\||->|.)""",
    re.VERBOSE | re.DOTALL,
)


_OTHER = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Word:
    """A token with its place in the text; `kind` is string, name (quoted), word, number or sign."""

    text: str
    kind: str
    start: int
    end: int


class Words:
    """A cursor over the tokens of one statement."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._words = [
            Word(match.group(match.lastgroup), match.lastgroup, match.start(), match.end())
            for match in _WORD.finditer(sql)
            if match.lastgroup
        ]
        if self._words and self._words[-1].text == ";":
            self._words.pop()
        self._next = 0

    @property
    def all(self) -> list[Word]:
        """Every token."""
        return self._words

    def peek(self, ahead: int = 0) -> Word | None:
        """A token that is not taken yet, None behind the end."""
        index = self._next + ahead
        return self._words[index] if index < len(self._words) else None

    def accept(self, *keywords: str) -> bool:
        """Take these keywords if they come next."""
        for offset, keyword in enumerate(keywords):
            word = self.peek(offset)
            if word is None or word.kind not in ("word", "sign") or word.text.upper() != keyword:
                return False
        self._next += len(keywords)
        return True

    def expect(self, *keywords: str) -> None:
        """Take these keywords. Raises SyntaxFailure."""
        for keyword in keywords:
            if not self.accept(keyword):
                raise self.mismatch(f"'{keyword}'")

    def take(self) -> Word:
        """The next token. Raises SyntaxFailure at the end."""
        word = self.peek()
        if word is None:
            raise self.mismatch("<identifier>")
        self._next += 1
        return word

    def back(self) -> None:
        """Put the last token back."""
        self._next -= 1

    def inside_parentheses(self) -> str:
        """The text up to the parenthesis that closes one just taken, in its place in the statement; takes that too."""
        depth, ahead = 1, 0
        while (word := self.peek(ahead)) is not None:
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            if depth == 0:
                text = self.rest_in_place(word.start)
                self._next += ahead + 1
                return text
            ahead += 1
        self._next = len(self._words)
        raise self.mismatch("')'")

    def identifier(self) -> str:
        """A name, in lower case."""
        word = self.take()
        if word.kind == "word":
            return word.text.lower()
        if word.kind == "name":
            mark = word.text[0]
            return word.text[1:-1].replace(mark * 2, mark).lower()
        self._next -= 1
        raise self.mismatch("<identifier>")

    def table(self, database: str) -> tuple[str, str]:
        """`table`, `database.table` or `catalog.database.table` as (database, table)."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return (parts[-2], parts[-1]) if len(parts) > 1 else (database, parts[0])

    def string(self) -> str:
        """A quoted text."""
        word = self.take()
        if word.kind != "string":
            self._next -= 1
            raise self.mismatch("<string>")
        return word.text[1:-1].replace("''", "'")

    def rest(self) -> str:
        """The text from the next token to the end."""
        word = self.peek()
        return self.sql[word.start : self._words[-1].end] if word else ""

    def rest_in_place(self, end: int | None = None) -> str:
        """The same with blanks for all that stands before, so that places in it are places in the statement."""
        word = self.peek()
        start = word.start if word else len(self.sql)
        return _OTHER.sub(" ", self.sql[:start]) + self.sql[start : self._words[-1].end if end is None else end]

    def end(self) -> None:
        """Raises SyntaxFailure unless everything was taken."""
        if self.peek() is not None:
            raise self.mismatch("<EOF>")

    def mismatch(self, expected: str) -> SyntaxFailure:
        """The error for the next token."""
        word = self.peek()
        start = word.start if word else len(self.sql)
        before = self.sql[:start]
        column = len(before) - (before.rfind("\n") + 1) + 1
        shown = word.text if word else "<EOF>"
        return SyntaxFailure(
            f"line {before.count(chr(10)) + 1}:{column}: mismatched input '{shown}'. Expecting: {expected}"
        )
